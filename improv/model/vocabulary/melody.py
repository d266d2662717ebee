"""The `melody` vocabulary: one voice on a grid of sixteenths, one token a step.

The scheme is Melody RNN's `basic` (Magenta 2016), its 38 classes with their ids: NO_EVENT 0 (the note, or the silence,
goes on), NOTE_OFF 1, NOTE_ON p = 2 + (p - 48) for the three octaves 48..83. Behind them stand START 38 and END 39, so
that a melody can begin and end. What lies outside of the three octaves is moved inside by octaves; of several voices
the highest note of each onset is taken.

The `lookback` and `attention` schemes have vocabularies of their own (`improv.model.vocabulary.melody_repeats`),
made of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.base import (
    NO_CONSTRAINTS,
    NO_EXTRAS,
    NO_VELOCITIES,
    BoolArray,
    Constraints,
    Extras,
    GridStep,
    IntArray,
    fingerprint_of,
    into_range,
)
from improv.music.note import Note

NO_EVENT, NOTE_OFF, FIRST_ON = 0, 1, 2
LOWEST, HIGHEST = 48, 83
PUBLISHED_CLASSES = FIRST_ON + HIGHEST - LOWEST + 1
START, END = PUBLISHED_CLASSES, PUBLISHED_CLASSES + 1
SIZE = PUBLISHED_CLASSES + 2
DECODED_VELOCITY = 100

_LABELS = ("NO_EVENT", "NOTE_OFF", *(f"NOTE_ON {p}" for p in range(LOWEST, HIGHEST + 1)), "START", "END")


class MelodyDecoder:
    """State of one running melody: what sounds."""

    def __init__(self) -> None:
        self._tick = 0
        self._begun = False
        self._pitch: int | None = None

    @property
    def tick(self) -> int:
        return self._tick

    @property
    def sounding(self) -> tuple[int, ...]:
        return () if self._pitch is None else (self._pitch,)

    @property
    def chord(self) -> tuple[int, ...] | None:
        return None

    def copy(self) -> MelodyDecoder:
        twin = MelodyDecoder()
        twin._tick, twin._begun, twin._pitch = self._tick, self._begun, self._pitch
        return twin

    def feed(self, token_id: int) -> GridStep | None:
        if not 0 <= token_id < SIZE:
            raise ValueError(f"melody token must be in 0..{SIZE - 1}, got {token_id}")
        if token_id == START:
            self._begun = True
            return None
        ended = () if token_id == NO_EVENT else self.sounding
        if token_id == END:
            self._pitch, self._begun = None, False
            return GridStep(self._tick, ended, (), last=True)
        started: tuple[int, ...] = ()
        if token_id >= FIRST_ON:
            self._pitch = LOWEST + token_id - FIRST_ON
            started = (self._pitch,)
        elif token_id == NOTE_OFF:
            self._pitch = None
        self._tick += 1
        return GridStep(self._tick - 1, ended, started, last=False)

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        return token_id  # one voice has no room for somebody else's

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return logits  # no two tokens say the same

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """START first; NOTE_OFF only where a note sounds."""
        mask = np.zeros(SIZE, dtype=np.bool_)
        if not self._begun:
            mask[START] = True
            return mask
        if constraints.hold:
            mask[NO_EVENT] = True
            return mask
        mask[FIRST_ON:START] = True
        if constraints.final_chord is not None:
            pitches = np.arange(LOWEST, HIGHEST + 1)
            mask[FIRST_ON:START] = pitches % 12 == constraints.final_chord[0]
            return mask
        if not constraints.must_start:
            mask[NO_EVENT] = self._pitch not in constraints.too_long
            mask[NOTE_OFF] = self._pitch is not None
            mask[END] = constraints.may_end
        return mask


class MelodyEncoding:
    """See the module's text for the scheme."""

    family = "melody"
    ticks_per_beat = 4
    step_ticks = 1
    tempo_bpm: float | None = None
    performs = False
    planned = False
    size = SIZE
    start_id, end_id = START, END
    starts = slice(FIRST_ON, START)
    start_pitches: IntArray = np.arange(LOWEST, HIGHEST + 1)
    announcements = shifts = slice(0, 0)

    def begins(self, pitch: int) -> int:
        """The token that starts a note of this pitch; ValueError outside of the three octaves."""
        if not LOWEST <= pitch <= HIGHEST:
            raise ValueError(f"melody: NOTE_ON must be in {LOWEST}..{HIGHEST}, got {pitch}")
        return FIRST_ON + pitch - LOWEST

    def starts_note(self, token_id: int) -> bool:
        return self.starts.start <= token_id < self.starts.stop

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.family, self.ticks_per_beat, _LABELS)

    def label(self, token_id: int) -> str:
        if not 0 <= token_id < SIZE:
            raise ValueError(f"melody token must be in 0..{SIZE - 1}, got {token_id}")
        return _LABELS[token_id]

    def decoder(self) -> MelodyDecoder:
        return MelodyDecoder()

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        line = top_line(notes)
        length = max((note.end for note in line), default=0) if steps is None else steps
        events = [NO_EVENT] * length
        for note in line:  # in order of time: the next onset overwrites the end before it
            if note.onset < length:
                events[note.onset] = self.begins(into_range(note.pitch, LOWEST, HIGHEST))
            if note.end < length:
                events[note.end] = NOTE_OFF
        return [START, *events, END]

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        decoder, notes, onset = self.decoder(), [], 0
        for token_id in token_ids:
            step = decoder.feed(token_id)
            if step is None:
                continue
            notes += [Note(onset, pitch, step.tick - onset, DECODED_VELOCITY) for pitch in step.ended]
            onset = step.tick if step.started else onset
        notes += [Note(onset, pitch, decoder.tick - onset, DECODED_VELOCITY) for pitch in decoder.sounding]
        return notes

    def ticks(self, token_ids: IntArray) -> IntArray:
        ids = np.asarray(token_ids, dtype=np.int64)
        return np.concatenate([[0], np.cumsum(ids[:-1] < START)]) if len(ids) else ids

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        """The same melody higher; a note that leaves the three octaves comes back by an octave."""
        ids = np.asarray(token_ids)
        moved = ids.astype(np.int64) - FIRST_ON + semitones
        width = HIGHEST - LOWEST + 1
        moved = np.where(moved < 0, moved + 12, np.where(moved >= width, moved - 12, moved)) + FIRST_ON
        return np.where((ids >= FIRST_ON) & (ids < START), moved, ids).astype(ids.dtype)

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
        ids = np.asarray(token_ids, dtype=np.int64)
        named = ids[(ids >= FIRST_ON) & (ids < START)] - FIRST_ON + LOWEST
        return (int(named.min()), int(named.max())) if named.size else (127, 0)


def top_line(notes: Iterable[Note]) -> list[Note]:
    """The highest note of each onset, ended by the next; what begins under a longer, higher note is an inner voice."""
    line: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.onset, -n.pitch)):
        before = line[-1] if line else None
        if before is not None and before.onset == note.onset:
            continue
        if before is not None and before.end > note.onset:
            if before.pitch > note.pitch and before.end >= note.end:
                continue
            line[-1] = Note(before.onset, before.pitch, note.onset - before.onset, before.velocity)
        line.append(note)
    return line
