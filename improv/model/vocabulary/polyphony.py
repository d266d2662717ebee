"""The `polyphony` vocabulary: every sixteenth lists the sounding notes from high to low, each new or continued.

The scheme is Polyphony RNN's (Magenta, 2016), itself after BachBot (Liang 2016): START; for each step its notes in
descending pitch, NEW_NOTE at the onset and CONTINUED_NOTE on every later step; STEP_END after each step, also a silent
one; END after the last. A note that is not continued has ended. Class ids: START 0, END 1, STEP_END 2,
NEW_NOTE p = 3 + p, CONTINUED_NOTE p = 131 + p: 259 classes.

Where two notes of the *same* pitch overlap, the tokens do not say which of them ends first; decoding then ends the
younger one first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.base import (
    FINAL_CHORD_NOTES,
    NO_CONSTRAINTS,
    NO_EXTRAS,
    NO_VELOCITIES,
    BoolArray,
    Constraints,
    Extras,
    GridStep,
    IntArray,
    fingerprint_of,
)
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note

START, END, STEP_END = 0, 1, 2
_FIRST_NEW, _FIRST_CONTINUED = 3, 131
SIZE = 259
DECODED_VELOCITY = 100  # the vocabulary has no dynamics; Magenta's decoder writes 100

# A generated step must be playable by two hands: ten fingers, on the keys of a piano.
MAX_NOTES_PER_STEP = 10


def new_note(pitch: int) -> int:
    """Token id of NEW_NOTE `pitch` (0..127)."""
    return _FIRST_NEW + pitch


def continued_note(pitch: int) -> int:
    """Token id of CONTINUED_NOTE `pitch` (0..127)."""
    return _FIRST_CONTINUED + pitch


def _label(token_id: int) -> str:
    if token_id >= _FIRST_CONTINUED:
        return f"CONTINUED_NOTE {token_id - _FIRST_CONTINUED}"
    if token_id >= _FIRST_NEW:
        return f"NEW_NOTE {token_id - _FIRST_NEW}"
    return ("START", "END", "STEP_END")[token_id]


class PolyphonyDecoder:
    """State of one running stream: what sounds, what the current step has named so far."""

    def __init__(self) -> None:
        self._tick = 0
        self._begun = False
        self._sounding: list[int] = []  # pitches of the step before, high to low; a pitch may stand twice
        self._continued: list[int] = []
        self._started: list[int] = []
        self._lowest = 128  # last pitch named in this step; tokens go downward from here

    @property
    def tick(self) -> int:
        return self._tick

    @property
    def sounding(self) -> tuple[int, ...]:
        return tuple(self._sounding)

    @property
    def chord(self) -> tuple[int, ...] | None:
        return tuple(sorted(self._continued + self._started, reverse=True))

    def copy(self) -> PolyphonyDecoder:
        twin = PolyphonyDecoder()
        twin._tick, twin._begun, twin._lowest = self._tick, self._begun, self._lowest
        twin._sounding = list(self._sounding)
        twin._continued, twin._started = list(self._continued), list(self._started)
        return twin

    def feed(self, token_id: int) -> GridStep | None:
        if not 0 <= token_id < SIZE:
            raise ValueError(f"polyphony token must be in 0..{SIZE - 1}, got {token_id}")
        if token_id == START:
            self._begun = True
            return None
        if token_id == STEP_END:
            return self._finish_step()
        if token_id == END:
            return self._finish_piece()
        if token_id >= _FIRST_CONTINUED:
            pitch = token_id - _FIRST_CONTINUED
            if self._continued.count(pitch) < self._sounding.count(pitch):
                self._continued.append(pitch)  # one that does not sound cannot go on: ignored
        else:
            pitch = token_id - _FIRST_NEW
            self._started.append(pitch)
        self._lowest = min(self._lowest, pitch)
        return None

    def _finish_step(self) -> GridStep:
        ended = list(self._sounding)
        for pitch in self._continued:
            ended.remove(pitch)
        done = GridStep(self._tick, tuple(ended), tuple(self._started), last=False)
        self._sounding = sorted(self._continued + self._started, reverse=True)
        self._tick += 1
        self._clear_step()
        return done

    def _finish_piece(self) -> GridStep:
        done = GridStep(self._tick, tuple(self._sounding), (), last=True)
        self._sounding = []
        self._begun = False
        self._clear_step()
        return done

    def _clear_step(self) -> None:
        self._continued, self._started, self._lowest = [], [], 128

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """Tokens that keep the grammar and the piano: START first, pitches strictly downward within a step, only
        sounding notes continued, END only at the start of a step, keys 21..108, at most ten notes.
        """
        mask = self._grammar()
        if self._begun and constraints != NO_CONSTRAINTS:
            self._grant(mask, constraints)
        return mask

    def _grant(self, mask: BoolArray, constraints: Constraints) -> None:
        """Take from the grammar what the moment forbids, in place; something always stays."""
        for pitch in constraints.too_long:
            mask[_FIRST_CONTINUED + pitch] = False
        for pitch in constraints.foreign:
            mask[[_FIRST_NEW + pitch, _FIRST_CONTINUED + pitch]] = False
        if not constraints.may_end:
            mask[END] = False
        if constraints.hold:
            self._hold(mask)
        if constraints.final_chord is not None:
            if len(self._started) >= FINAL_CHORD_NOTES and self._started[-1] % 12 == constraints.final_chord[0]:
                mask[:] = False  # nothing below the tonic
                mask[STEP_END] = True
                return
            foreign = np.ones(128, dtype=np.bool_)
            foreign[self._chord_keys(constraints.final_chord)] = False
            mask[_FIRST_NEW:][np.tile(foreign, 2)] = False
        if (constraints.must_start and not self._started) or constraints.final_chord is not None:
            self._must_start(mask)

    def _chord_keys(self, triad: tuple[int, int, int]) -> IntArray:
        """Keys that may come next in a last chord: not below the lowest tonic, and with room for what is missing."""
        lowest_tonic = LOWEST_PIANO_PITCH + (triad[0] - LOWEST_PIANO_PITCH) % 12
        keys = np.arange(lowest_tonic, HIGHEST_PIANO_PITCH + 1)
        missing = max(FINAL_CHORD_NOTES - 1 - len(self._started), 0)  # below the note that comes next
        return keys[np.isin(keys % 12, triad)][missing:]

    @staticmethod
    def _must_start(mask: BoolArray) -> None:
        without = mask.copy()
        without[[STEP_END, END]] = False
        starts = without[_FIRST_NEW:_FIRST_CONTINUED]
        if starts.any():
            # Notes go downward: what is held below the lowest key that may start would leave no room for a start.
            without[_FIRST_CONTINUED : _FIRST_CONTINUED + int(starts.argmax()) + 1] = False
            mask[:] = without

    @staticmethod
    def _hold(mask: BoolArray) -> None:
        """What sounds is held, all of it, from the highest down; nothing starts."""
        mask[_FIRST_NEW:_FIRST_CONTINUED] = False
        sounding = mask[_FIRST_CONTINUED:].copy()
        if sounding.any():
            mask[:] = False
            mask[_FIRST_CONTINUED + int(np.flatnonzero(sounding)[-1])] = True

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        named = {*self._continued, *self._started}
        highest = max((key for key in keys if key not in named and key < self._lowest), default=-1)
        chosen = (token_id - _FIRST_NEW) % 128 if token_id >= _FIRST_NEW else -1
        if not self._begun or highest < 0 or chosen > highest:
            return token_id
        goes_on = highest in self._sounding and highest not in gone
        return (_FIRST_CONTINUED if goes_on else _FIRST_NEW) + highest

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return logits  # no two tokens say the same

    def _grammar(self) -> BoolArray:
        mask = np.zeros(SIZE, dtype=np.bool_)
        if not self._begun:
            mask[START] = True
            return mask
        mask[STEP_END] = True
        named = len(self._continued) + len(self._started)
        mask[END] = named == 0
        if named < MAX_NOTES_PER_STEP:
            for pitch in self._sounding:
                mask[_FIRST_CONTINUED + pitch] = pitch < self._lowest
            top = min(self._lowest - 1, HIGHEST_PIANO_PITCH)
            mask[_FIRST_NEW + LOWEST_PIANO_PITCH : _FIRST_NEW + top + 1] = True
        return mask


class PolyphonyEncoding:
    """See the module's text for the scheme."""

    family = "polyphony"
    ticks_per_beat = 4
    step_ticks = 1
    tempo_bpm: float | None = None
    performs = False
    planned = False
    size = SIZE
    start_id, end_id = START, END
    starts = slice(_FIRST_NEW, _FIRST_CONTINUED)
    start_pitches: IntArray = np.arange(128)
    announcements = shifts = slice(0, 0)

    def begins(self, pitch: int) -> int:
        """The token that starts a note of this pitch."""
        return new_note(pitch)

    def continues(self, pitch: int) -> int:
        """The token that holds a note of this pitch."""
        return continued_note(pitch)

    def starts_note(self, token_id: int) -> bool:
        """Whether the token starts a note."""
        return self.starts.start <= token_id < self.starts.stop

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.family, self.ticks_per_beat, [_label(i) for i in range(SIZE)])

    def label(self, token_id: int) -> str:
        if not 0 <= token_id < SIZE:
            raise ValueError(f"polyphony token must be in 0..{SIZE - 1}, got {token_id}")
        return _label(token_id)

    def decoder(self) -> PolyphonyDecoder:
        return PolyphonyDecoder()

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        table = np.array([(n.onset, n.duration, n.pitch) for n in notes], dtype=np.int64).reshape(-1, 3)
        onset, duration, pitch = table.T
        end = int((onset + duration).max(initial=0)) if steps is None else steps
        # One row for every step of every note.
        pitch, start = np.repeat(pitch, duration), np.repeat(onset, duration)
        tick = start + np.arange(len(start)) - np.repeat(np.cumsum(duration) - duration, duration)
        begins = tick == start
        order = np.lexsort((begins, -pitch, tick))
        order = order[: np.searchsorted(tick[order], end)]
        # A step's tokens stand behind START and one STEP_END for each step before it.
        ids = np.full(len(order) + end + 2, STEP_END)
        ids[1 + np.arange(len(order)) + tick[order]] = (np.where(begins, _FIRST_NEW, _FIRST_CONTINUED) + pitch)[order]
        ids[[0, -1]] = START, END
        encoded: list[int] = ids.tolist()
        return encoded

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        decoder = PolyphonyDecoder()
        onsets: dict[int, list[int]] = defaultdict(list)
        notes: list[Note] = []

        def close(pitch: int, tick: int) -> None:
            onset = onsets[pitch].pop()
            if tick > onset:
                notes.append(Note(onset, pitch, tick - onset, DECODED_VELOCITY))

        for token_id in token_ids:
            step = decoder.feed(token_id)
            if step is None:
                continue
            for pitch in step.ended:
                close(pitch, step.tick)
            for pitch in step.started:
                onsets[pitch].append(step.tick)
        for pitch in decoder.sounding:
            close(pitch, decoder.tick)
        return sorted(notes)

    def ticks(self, token_ids: IntArray) -> IntArray:
        ids = np.asarray(token_ids, dtype=np.int64)
        return np.concatenate([[0], np.cumsum(ids[:-1] == STEP_END)]) if len(ids) else ids

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        """The same music higher; the caller makes sure that no pitch leaves 0..127."""
        return np.where(token_ids >= _FIRST_NEW, token_ids + semitones, token_ids).astype(token_ids.dtype)

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
        """Lowest and highest pitch named, or (127, 0) when none is."""
        named = token_ids[token_ids >= _FIRST_NEW].astype(np.int64) - _FIRST_NEW
        if named.size == 0:
            return 127, 0
        return int((named % 128).min()), int((named % 128).max())
