"""The `hands` vocabulary: two hands in metre, 12 ticks to the beat, each note with its length as it begins.

In one tick the left hand comes first, then the right; inside a hand notes go from low to high. LENGTH_LEFT and
LENGTH_RIGHT say how long the notes of a hand are from here on; they are written only where the length changes, so that
a figure of equal notes costs one token a note. TIME_SHIFT goes on by 1 to 24 ticks.

The grammar keeps each hand playable: at most five keys within `HAND_SPAN` semitones, and no key for both hands at once.
Velocity, rubato and pedal are not part of the tokens: the expression layer adds them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple, Self

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
    into_range,
    ticks_before,
)
from improv.model.vocabulary.event_table import Range, Table
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note

TICKS_PER_BEAT = 12
LENGTHS = (1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48, 72, 96)
"""Ticks. A written length is the nearest of these by ratio."""
LONGEST_SHIFT = 24
LEFT, RIGHT = 0, 1
HANDS = (LEFT, RIGHT)
HAND_SPAN = 16
"""Semitones from thumb to little finger: a tenth."""
FINGERS = 5
PIANO_KEYS = HIGHEST_PIANO_PITCH - LOWEST_PIANO_PITCH + 1
FIRST_LENGTH = LENGTHS.index(6)
"""Of both hands before any LENGTH token: an eighth."""
NOTE_KINDS, LENGTH_KINDS = ("NOTE_LEFT", "NOTE_RIGHT"), ("LENGTH_LEFT", "LENGTH_RIGHT")

TABLE = Table(
    family="hands",
    ticks_per_beat=TICKS_PER_BEAT,
    ranges=(
        Range("START", 0, 0),
        Range("END", 0, 0),
        Range("TIME_SHIFT", 1, LONGEST_SHIFT),
        Range("NOTE_LEFT", LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH),
        Range("NOTE_RIGHT", LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH),
        Range("LENGTH_LEFT", 0, len(LENGTHS) - 1),
        Range("LENGTH_RIGHT", 0, len(LENGTHS) - 1),
    ),
    velocity_step=128,
    initial_velocity=72,
    centred=False,
)
_KIND_OF_ID = np.array([[r.kind for r in TABLE.ranges].index(kind) for kind, _ in TABLE.rows], dtype=np.int64)
_VALUE_OF_ID = np.array([value for _, value in TABLE.rows], dtype=np.int64)


class Context(NamedTuple):
    """What the stream has said before the next token, as far as the network is told of it.

    last: the last pitch of the left and of the right hand, 0 before there is one. lengths: of each, index in `LENGTHS`.
    """

    last: tuple[int, int] = (0, 0)
    lengths: tuple[int, int] = (FIRST_LENGTH, FIRST_LENGTH)


def length_index(ticks: int) -> int:
    """Index of the nearest length by ratio; halves go to the shorter."""
    at = bisect_left(LENGTHS, ticks)
    if at == len(LENGTHS):
        return at - 1
    if at == 0 or LENGTHS[at] == ticks:
        return at
    return at if ticks * ticks > LENGTHS[at - 1] * LENGTHS[at] else at - 1


class _Sounding(NamedTuple):
    """A key that is down: which, by which hand, and the tick at which it is let go."""

    pitch: int
    hand: int
    end: int


class _HandsStream:
    """State of one running stream: what is down until when, and what this tick has brought so far."""

    person_hand: int | None = None
    """The hand that somebody else plays: every key of theirs is told as its, and nothing else of it may begin."""

    def __init__(self) -> None:
        self._tick = 0
        self._down: tuple[_Sounding, ...] = ()
        self._clear_piece()

    def _clear_piece(self) -> None:
        self._foreign: frozenset[int] = frozenset()  # keys that somebody else holds, as far as they were told
        self._begun = False
        self._fresh = True
        self._context = Context()
        self._length_of: int | None = None  # the hand whose length was said last: its note has to follow
        self._clear_tick()

    def _clear_tick(self) -> None:
        self._started: tuple[_Sounding, ...] = ()

    @property
    def tick(self) -> int:
        return self._tick

    @property
    def context(self) -> Context:
        """What the network is told beside token and plan."""
        return self._context

    @property
    def sounding(self) -> tuple[int, ...]:
        return tuple(sorted((note.pitch for note in self._down if note.end > self._tick), reverse=True))

    @property
    def chord(self) -> tuple[int, ...] | None:
        return None

    def hand_of(self, pitch: int) -> int:
        """The hand that strikes or holds a pitch now; of what nobody holds the person's, or the nearer one by its last
        pitch.
        """
        for note in (*reversed(self._started), *self._down):
            if note.pitch == pitch:
                return note.hand
        if self.person_hand is not None:
            return self.person_hand
        left, right = self._context.last
        return RIGHT if not left or (right and abs(pitch - right) < abs(pitch - left)) else LEFT

    def copy(self) -> Self:
        twin = type(self)()
        twin.__dict__ |= self.__dict__  # all values are immutable
        return twin

    # ------------------------------------------------------------------------------------------------ feeding

    def feed(self, token_id: int) -> GridStep | None:
        kind, value = TABLE.row(token_id)
        self._length_of = None
        if kind == "START":
            self._begun = True
        elif kind == "END":
            return self._finish_piece()
        elif kind == "TIME_SHIFT":
            return self._finish_tick(value)
        elif kind in LENGTH_KINDS:
            hand = LENGTH_KINDS.index(kind)
            lengths = (value, self._context.lengths[1]) if hand == LEFT else (self._context.lengths[0], value)
            self._context, self._length_of = self._context._replace(lengths=lengths), hand
        else:
            self._start(value, NOTE_KINDS.index(kind))
        self._fresh = False
        return None

    def _start(self, pitch: int, hand: int) -> None:
        last = (pitch, self._context.last[1]) if hand == LEFT else (self._context.last[0], pitch)
        self._context = self._context._replace(last=last)
        if any(note.pitch == pitch for note in self._started):  # struck once in a tick
            return
        note = _Sounding(pitch, hand, self._tick + LENGTHS[self._context.lengths[hand]])
        self._started = (*self._started, note)

    def _finish_tick(self, ticks: int) -> GridStep:
        struck = {note.pitch for note in self._started}
        ended = tuple(note.pitch for note in self._down if note.pitch in struck and note.end > self._tick)
        started = sorted(self._started, key=lambda note: -note.pitch)
        done = GridStep(
            self._tick,
            ended,
            tuple(note.pitch for note in started),
            last=False,
            ticks=ticks,
            durations=tuple(note.end - self._tick for note in started),
            hands=tuple(note.hand for note in started),
        )
        held = (note for note in self._down if note.pitch not in struck)
        self._tick += ticks
        self._down = tuple(note for note in (*held, *self._started) if note.end > self._tick)
        self._fresh = True
        self._clear_tick()
        return done

    def _finish_piece(self) -> GridStep:
        """All that sounds ends; what would start in this very tick does not."""
        done = GridStep(self._tick, self.sounding, (), last=True)
        self._down = ()
        self._clear_piece()
        return done

    def forget(self, pitches: Iterable[int]) -> None:
        """Somebody ended these: the keys are free."""
        gone = frozenset(pitches)
        self._down = tuple(note for note in self._down if note.pitch not in gone)

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        if not self._begun or self._length_of is not None:
            return token_id
        down = {note.pitch for note in self._down}
        # What somebody holds is told once, also where it is held for longer than the note was told to be.
        self._foreign &= keys
        known = ((down | self._foreign) - gone) | {note.pitch for note in self._started}
        missing = sorted(keys - known)
        if not missing:
            return token_id
        lowest = missing[0]
        kind, value = TABLE.row(token_id)
        hand = self.hand_of(lowest)
        later = kind in ("TIME_SHIFT", "END") or (
            kind in NOTE_KINDS and (NOTE_KINDS.index(kind), value) > (hand, lowest)
        )
        if not later:
            return token_id
        self._foreign |= {lowest}
        return TABLE.id_of(NOTE_KINDS[hand], lowest)


class HandsDecoder(_HandsStream):
    """A running stream, and what may follow in it: the grammar."""

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return logits  # no two tokens say the same

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """Tokens that keep the order of hands and pitches and what two hands can reach, 21..108."""
        mask = np.zeros(TABLE.size, dtype=np.bool_)
        if not self._begun:
            mask[TABLE.id_of("START")] = True
            return mask
        self._allow(mask, constraints)
        if not mask.any():
            self._allow(mask, NO_CONSTRAINTS)
        if not mask.any():  # a length was said for a hand that has no key left
            mask[TABLE.slice_of("TIME_SHIFT")] = True
        return mask

    def _allow(self, mask: BoolArray, constraints: Constraints) -> None:
        shifts = TABLE.slice_of("TIME_SHIFT")
        if constraints.hold:
            mask[shifts] = True
            return
        if constraints.final_chord is not None and self._is_complete(constraints.final_chord):
            mask[shifts] = True
            return
        announced = self._length_of
        ours = HANDS if self.person_hand is None or constraints.final_chord is not None else (1 - self.person_hand,)
        for hand in ours if announced is None else (announced,):
            self._allow_notes(mask, hand, constraints)
        if announced is not None:
            return
        if constraints.final_chord is not None and self._started and not mask.any():
            mask[shifts] = True  # no key of the triad is left within reach: the chord is what it is
            return
        if not self._started:
            mask[TABLE.id_of("END")] = constraints.may_end and self._fresh and not constraints.must_start
        mask[shifts] = not (constraints.must_start and not self._started) and constraints.final_chord is None

    def _allow_notes(self, mask: BoolArray, hand: int, constraints: Constraints) -> None:
        """Keys that a hand can strike now, and the lengths that may be said before."""
        notes = TABLE.slice_of(NOTE_KINDS[hand])
        keys = self._reach(hand, constraints)
        mask[notes] = keys
        if keys.any() and self._length_of is None:
            lengths = TABLE.slice_of(LENGTH_KINDS[hand])
            mask[lengths] = True
            mask[lengths.start + self._context.lengths[hand]] = False

    def _reach(self, hand: int, constraints: Constraints) -> BoolArray:
        """Keys of the piano, from the lowest, shape (88,)."""
        keys = np.ones(PIANO_KEYS, dtype=np.bool_)
        started = [note for note in self._started if note.hand == hand]
        if hand == LEFT and any(note.hand == RIGHT for note in self._started):
            return ~keys
        # What sounds makes room for the last chord.
        sounding = [note for note in self._down if note.end > self._tick and constraints.final_chord is None]
        held = [note for note in sounding if note.hand == hand]
        down = [note.pitch for note in (*held, *started)]
        if len(down) >= FINGERS:
            return ~keys
        if down:
            keys[: max(0, max(down) - HAND_SPAN - LOWEST_PIANO_PITCH)] = False
            keys[min(down) + HAND_SPAN - LOWEST_PIANO_PITCH + 1 :] = False
        if started:
            keys[: max(note.pitch for note in started) - LOWEST_PIANO_PITCH + 1] = False
        for note in sounding:
            if note.hand != hand:
                keys[note.pitch - LOWEST_PIANO_PITCH] = False
        for note in self._started:
            keys[note.pitch - LOWEST_PIANO_PITCH] = False
        for pitch in constraints.foreign:
            if LOWEST_PIANO_PITCH <= pitch <= HIGHEST_PIANO_PITCH:
                keys[pitch - LOWEST_PIANO_PITCH] = False
        if constraints.final_chord is not None:
            self._only_chord(keys, constraints.final_chord, hand)
        return keys

    def _only_chord(self, keys: BoolArray, triad: tuple[int, int, int], hand: int) -> None:
        """The first note, which is the lowest, is the tonic by the left hand; each of the others lies above, with room
        for those that are still missing.
        """
        wanted = triad if self._started else triad[:1]
        pitches = np.arange(LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH + 1)
        keys &= np.isin(pitches % 12, wanted)
        if not self._started:
            keys &= (hand == LEFT) & (pitches <= HIGHEST_PIANO_PITCH - 2 * 12)
        else:
            # Notes of a triad are at most 5 semitones apart.
            room = 6 * max(FINAL_CHORD_NOTES - 1 - len(self._started), 0)
            keys &= (pitches > max(note.pitch for note in self._started)) & (pitches <= HIGHEST_PIANO_PITCH - room)

    def _is_complete(self, triad: tuple[int, int, int]) -> bool:
        classes = {note.pitch % 12 for note in self._started}
        enough = len(self._started) >= FINAL_CHORD_NOTES and classes >= set(triad)
        return enough or len(self._started) >= FINAL_CHORD_NOTES + 1


class HandsEncoding:
    """See the module's text for the scheme."""

    family = TABLE.family
    ticks_per_beat = TICKS_PER_BEAT
    step_ticks = TICKS_PER_BEAT // 4
    tempo_bpm: float | None = None
    performs = False
    planned = True
    size = TABLE.size

    def __init__(self) -> None:
        self.start_id, self.end_id = TABLE.id_of("START"), TABLE.id_of("END")
        self.starts = slice(TABLE.slice_of("NOTE_LEFT").start, TABLE.slice_of("NOTE_RIGHT").stop)
        keys = np.arange(LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH + 1)
        self.start_pitches: IntArray = np.concatenate([keys, keys])
        self.start_hands: IntArray = np.repeat(HANDS, len(keys))
        self.announcements = slice(TABLE.slice_of("LENGTH_LEFT").start, TABLE.slice_of("LENGTH_RIGHT").stop)
        self.shifts = TABLE.slice_of("TIME_SHIFT")

    def begins(self, pitch: int) -> int:
        return TABLE.id_of("NOTE_RIGHT" if pitch >= 60 else "NOTE_LEFT", pitch)

    def starts_note(self, token_id: int) -> bool:
        return bool(self.starts.start <= token_id < self.starts.stop)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.family, self.ticks_per_beat, [self.label(i) for i in range(self.size)])

    def label(self, token_id: int) -> str:
        kind, value = TABLE.row(token_id)
        return f"{kind} {LENGTHS[value]}" if kind in LENGTH_KINDS else TABLE.label(token_id)

    def decoder(self) -> HandsDecoder:
        return HandsDecoder()

    def ticks(self, token_ids: IntArray) -> IntArray:
        return ticks_before(token_ids, self.shifts)

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        moved = np.array(token_ids, copy=True)
        moved[(moved >= self.starts.start) & (moved < self.starts.stop)] += semitones
        return moved

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
        ids = np.asarray(token_ids, dtype=np.int64)
        named = self.start_pitches[ids[(ids >= self.starts.start) & (ids < self.starts.stop)] - self.starts.start]
        return (int(named.min()), int(named.max())) if named.size else (127, 0)

    # ------------------------------------------------------------------------------------------------ encoding

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        """Token ids. extras.hands: the hand of each note in the order of `notes`; without it they are split at each
        tick by the wider gap. Of two notes on one key the later ends the earlier.
        """
        given = list(notes)
        hands = extras.hands or split_hands(given)
        if len(hands) != len(given):
            raise ValueError(f"hands: {len(hands)} for {len(given)} notes")
        by_tick: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)
        for note, hand in zip(given, hands, strict=True):
            pitch = into_range(note.pitch, LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH)
            key = (int(hand), pitch)
            by_tick[note.onset][key] = max(note.duration, by_tick[note.onset].get(key, 0))
        end = max((note.end for note in given), default=0) if steps is None else steps
        return self._tokens(by_tick, end)

    def _tokens(self, by_tick: dict[int, dict[tuple[int, int], int]], end: int) -> list[int]:
        ids, tick, lengths = [self.start_id], 0, [FIRST_LENGTH, FIRST_LENGTH]
        for at in sorted(by_tick):
            if at >= end:
                break
            ids += self._shift(at - tick)
            tick = at
            struck: set[int] = set()
            for (hand, pitch), duration in sorted(by_tick[at].items()):
                if pitch in struck:
                    continue
                struck.add(pitch)
                length = length_index(duration)
                if length != lengths[hand]:
                    ids.append(TABLE.id_of(LENGTH_KINDS[hand], length))
                    lengths[hand] = length
                ids.append(TABLE.id_of(NOTE_KINDS[hand], pitch))
        return [*ids, *self._shift(end - tick), self.end_id]

    def _shift(self, ticks: int) -> list[int]:
        """Full shifts, then the rest."""
        whole, rest = divmod(max(ticks, 0), LONGEST_SHIFT)
        return [self.shifts.stop - 1] * whole + ([self.shifts.start + rest - 1] if rest else [])

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        decoder, notes = self.decoder(), list[Note]()
        open_at: dict[int, int] = {}  # pitch -> index into notes

        def cut(pitch: int, tick: int) -> None:
            note = notes[open_at[pitch]]
            if note.end > tick:
                notes[open_at[pitch]] = Note(note.onset, pitch, tick - note.onset, note.velocity)

        for token_id in token_ids:
            step = decoder.feed(token_id)
            if step is None:
                continue
            for pitch in step.ended:
                cut(pitch, step.tick)
            for pitch, duration in zip(step.started, step.durations, strict=True):
                if pitch in open_at:
                    cut(pitch, step.tick)
                open_at[pitch] = len(notes)
                notes.append(Note(step.tick, pitch, duration, TABLE.initial_velocity))
        return sorted(note for note in notes if note.duration > 0)


def split_hands(notes: Iterable[Note]) -> list[int]:
    """A guess at the hands where nothing names them: at each onset the notes below the widest gap near the middle are
    the left hand's; a lone note goes to the hand whose last note is nearer. In the order of `notes`.
    """
    given = list(notes)
    at: dict[int, list[int]] = defaultdict(list)
    for index, note in enumerate(given):
        at[note.onset].append(index)
    hands, middle = [RIGHT] * len(given), [48.0, 69.0]
    for tick in sorted(at):
        chord = sorted(at[tick], key=lambda index: given[index].pitch)
        pitches = [given[index].pitch for index in chord]
        cut = _cut(pitches, middle)
        for place, index in enumerate(chord):
            hand = LEFT if place < cut else RIGHT
            hands[index] = hand
            middle[hand] = 0.8 * middle[hand] + 0.2 * pitches[place]
    return hands


def _cut(pitches: list[int], middle: list[float]) -> int:
    """How many of the ascending pitches the left hand takes: the least distance to both hands, within their span."""

    def cost(cut: int) -> float:
        left, right = pitches[:cut], pitches[cut:]
        far = sum(abs(p - middle[LEFT]) for p in left) + sum(abs(p - middle[RIGHT]) for p in right)
        wide = sum(max(0, part[-1] - part[0] - HAND_SPAN) for part in (left, right) if part)
        return far + 10 * wide + 10 * (max(0, len(left) - FINGERS) + max(0, len(right) - FINGERS))

    return min(range(len(pitches) + 1), key=cost)


def contexts(token_ids: IntArray) -> NDArray[np.int16]:
    """`Context` before each token as a row (last left, last right, length left, length right), shape (tokens, 4)."""
    ids = np.asarray(token_ids, dtype=np.int64)
    kinds = [r.kind for r in TABLE.ranges]
    kind, value = _KIND_OF_ID[ids], _VALUE_OF_ID[ids]
    rows = np.empty((len(ids), 4), dtype=np.int16)
    first = (0, 0, FIRST_LENGTH, FIRST_LENGTH)
    for column, name in enumerate((*NOTE_KINDS, *LENGTH_KINDS)):
        said = np.flatnonzero((kind == kinds.index(name)) | (kind == kinds.index("END")))
        values = np.where(kind[said] == kinds.index("END"), first[column], value[said])
        before = np.searchsorted(said, np.arange(len(ids)), side="left") - 1
        rows[:, column] = np.where(before >= 0, values[np.maximum(before, 0)] if len(said) else 0, first[column])
    return rows
