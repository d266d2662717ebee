"""What the event vocabularies share: a table of ranges, and notes as on, off, shift of time and velocity.

A family is a `Table` and how it uses it (improv.model.vocabulary.performance, improv.model.vocabulary.pianist).
Where the table has no such range, the family has no such event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
)
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note

# Two hands: a generated note may start while fewer than so many keys are down.
MAX_KEYS_DOWN = 10


class Range(NamedTuple):
    """Consecutive token ids of one kind, for the values low..high."""

    kind: str
    low: int
    high: int


@dataclass(frozen=True)
class Table:
    """The whole vocabulary, in the order of its ids. Everything else is looked up in it.

    velocity_step: how many velocities share a token. initial_velocity: of notes before the first VELOCITY.
    centred: whether a velocity token is decoded to the middle of its bin, or to its lowest.
    """

    family: str
    ticks_per_beat: int
    ranges: tuple[Range, ...]
    velocity_step: int
    initial_velocity: int
    centred: bool
    first: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        first, at = {}, 0
        for kind, low, high in self.ranges:
            first[kind] = at
            at += high - low + 1
        object.__setattr__(self, "first", first)

    @cached_property
    def rows(self) -> tuple[tuple[str, int], ...]:
        """(kind, value) of each id."""
        return tuple((kind, value) for kind, low, high in self.ranges for value in range(low, high + 1))

    @property
    def size(self) -> int:
        return len(self.rows)

    def range_of(self, kind: str) -> Range:
        return next(r for r in self.ranges if r.kind == kind)

    def slice_of(self, kind: str) -> slice:
        """The ids of a kind; empty where the family has none."""
        if kind not in self.first:
            return slice(0, 0)
        low, high = self.range_of(kind)[1:]
        return slice(self.first[kind], self.first[kind] + high - low + 1)

    def id_of(self, kind: str, value: int = 0) -> int:
        """ValueError when the kind has no such value."""
        _, low, high = self.range_of(kind)
        if not low <= value <= high:
            raise ValueError(f"{self.family}: {kind} must be in {low}..{high}, got {value}")
        return self.first[kind] + value - low

    def row(self, token_id: int) -> tuple[str, int]:
        """(kind, value) of a token; ValueError for one out of range."""
        if not 0 <= token_id < self.size:
            raise ValueError(f"{self.family} token must be in 0..{self.size - 1}, got {token_id}")
        return self.rows[token_id]

    def label(self, token_id: int) -> str:
        kind, value = self.row(token_id)
        _, low, high = self.range_of(kind)
        return kind if low == high else f"{kind} {value}"

    def velocity_bin(self, velocity: int) -> int:
        """1..127 -> bin from 1."""
        return (velocity - 1) // self.velocity_step + 1

    def velocity_of(self, bin_number: int) -> int:
        """A bin from 1 -> 1..127."""
        return 1 + self.velocity_step * (bin_number - 1) + (self.velocity_step // 2 if self.centred else 0)


def tempo_ratio(step: int, steps_per_doubling: int) -> float:
    """The ratio behind a TEMPO value: 0 is 1, each step the same share faster."""
    return float(2.0 ** (step / steps_per_doubling))


class _EventStream:
    """State of one running stream: which keys are down, what the pedal holds, what this tick has brought so far."""

    def __init__(self, table: Table, steps_per_doubling: int = 1) -> None:
        self._table, self._per_doubling = table, steps_per_doubling
        self._tick = 0
        self._clear_piece()

    def _clear_piece(self) -> None:
        self._begun = self._tells_velocity = False
        self._down: list[int] = []  # keys, in the order in which they were struck; one may stand twice
        self._sustained: list[int] = []  # keys that were let go under the pedal
        self._pedal = False
        self._velocity = self._table.initial_velocity
        self._tempo = 1.0
        self._clear_tick()

    def _clear_tick(self) -> None:
        self._ended: list[int] = []
        self._started: list[int] = []
        self._velocities: list[int] = []
        self._last_kind = ""
        self._was_off = self._was_tempo = self._was_pedal_down = False

    @property
    def tick(self) -> int:
        return self._tick

    @property
    def sounding(self) -> tuple[int, ...]:
        now = [*self._down, *self._sustained, *self._ended]
        for pitch in self._started:
            now.remove(pitch)
        return tuple(sorted(now, reverse=True))

    @property
    def chord(self) -> tuple[int, ...] | None:
        return None

    def copy(self) -> Self:
        twin = type(self)(self._table, self._per_doubling)
        twin.__dict__ |= {k: list(v) if isinstance(v, list) else v for k, v in self.__dict__.items()}
        return twin

    # ------------------------------------------------------------------------------------------------ feeding

    def feed(self, token_id: int) -> GridStep | None:
        kind, value = self._table.row(token_id)
        self._last_kind = kind
        if kind == "START":
            self._begun = True
        elif kind == "END":
            return self._finish_piece()
        elif kind == "TIME_SHIFT":
            return self._finish_tick(value)
        elif kind == "NOTE_ON":
            self._start(value)
        elif kind == "NOTE_OFF":
            self._was_off = True
            self._let_go(value)
        elif kind == "VELOCITY":
            self._velocity = self._table.velocity_of(value)
        elif kind == "TEMPO":
            self._tempo, self._was_tempo = tempo_ratio(value, self._per_doubling), True
        elif kind == "PEDAL_UP":
            self._pedal = False
            held, self._sustained = self._sustained, []
            for pitch in held:
                self._end(pitch)
        elif kind == "PEDAL_DOWN":
            self._pedal = self._was_pedal_down = True
        return None

    def _start(self, pitch: int) -> None:
        if pitch in self._sustained:  # the hammer strikes a string that still sounds
            self._sustained.remove(pitch)
            self._end(pitch)
        self._down.append(pitch)
        self._started.append(pitch)
        self._velocities.append(self._velocity)

    def _let_go(self, pitch: int) -> None:
        if pitch not in self._down:  # a key that is not down cannot be let go: ignored
            return
        self._down.remove(pitch)
        if self._pedal:
            self._sustained.append(pitch)
        else:
            self._end(pitch)

    def _end(self, pitch: int) -> None:
        """A note that ends in the very tick where it started never sounded."""
        if pitch in self._started and pitch not in [*self._down, *self._sustained]:
            index = self._started.index(pitch)
            del self._started[index], self._velocities[index]
        else:
            self._ended.append(pitch)

    def _finish_tick(self, ticks: int) -> GridStep:
        order = sorted(range(len(self._started)), key=lambda i: -self._started[i])
        done = GridStep(
            self._tick,
            tuple(self._ended),
            tuple(self._started[i] for i in order),
            last=False,
            velocities=tuple(self._velocities[i] for i in order),
            ticks=ticks,
            tempo=self._tempo,
        )
        self._tick += ticks
        self._clear_tick()
        self._last_kind = "TIME_SHIFT"
        return done

    def _finish_piece(self) -> GridStep:
        """All that sounds ends; what would start in this very tick does not."""
        done = GridStep(self._tick, (*self.sounding,), (), last=True, tempo=self._tempo)
        self._clear_piece()
        return done

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        table = self._table
        if not self._begun:
            return token_id
        lowest = min(keys - set(self._down), default=None)
        told, self._tells_velocity = self._tells_velocity, False
        if self._last_kind == "VELOCITY":
            # What was said just now may be how loud the person's next key was struck.
            return table.id_of("NOTE_ON", lowest) if told and lowest is not None else token_id
        if let_go := gone & set(self._down) - set(self._started):
            return table.id_of("NOTE_OFF", min(let_go))
        kind, value = table.row(token_id)
        later = kind in ("TIME_SHIFT", "END") or (kind == "NOTE_ON" and lowest is not None and value > lowest)
        if lowest is None or not later:
            return token_id
        due = self._velocity_due(lowest, velocities)
        self._tells_velocity = due is not None
        return table.id_of("NOTE_ON", lowest) if due is None else due

    def _velocity_due(self, key: int, velocities: Mapping[int, int]) -> int | None:
        """The token that says how loud the person struck a key, or None where that is said or cannot be."""
        table = self._table
        if key not in velocities or "VELOCITY" not in table.first:
            return None
        bin_number = table.velocity_bin(velocities[key])
        return None if table.velocity_of(bin_number) == self._velocity else table.id_of("VELOCITY", bin_number)


class EventDecoder(_EventStream):
    """A running stream, and what may follow in it: the grammar."""

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        return logits  # no two tokens say the same

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """Tokens that keep the grammar and the piano, in the order pedal, tempo, ends, beginnings from low to high,
        shift of time: a key is struck once in a tick and let go only when it is down, ten keys at most, 21..108.
        """
        table, mask = self._table, np.zeros(self._table.size, dtype=np.bool_)
        if not self._begun:
            mask[table.id_of("START")] = True
            return mask
        if self._last_kind == "VELOCITY":
            self._allow_starts(mask)
            if constraints.final_chord is not None:
                self._only_chord(mask, constraints.final_chord)
            if mask.any():
                return mask
        granted = mask.copy()
        self._allow(granted, constraints)
        for pitch in constraints.foreign:
            granted[[table.id_of("NOTE_ON", pitch), table.id_of("NOTE_OFF", pitch)]] = False
        if granted.any():
            return granted
        self._allow(mask, NO_CONSTRAINTS)
        return mask

    def _allow(self, mask: BoolArray, constraints: Constraints) -> None:
        table = self._table
        shifts = table.slice_of("TIME_SHIFT")
        if constraints.hold:
            mask[shifts] = True
            return
        if self._force_ends(mask, constraints):
            return
        complete = constraints.final_chord is not None and self._is_complete(constraints.final_chord)
        if complete:
            mask[shifts] = True
            return
        started = bool(self._started)
        mask[shifts] = not (constraints.must_start and not started) and constraints.final_chord is None
        mask[table.id_of("END")] = constraints.may_end and self._is_fresh and not constraints.must_start
        if not started:
            for pitch in self._down:
                mask[table.id_of("NOTE_OFF", pitch)] = True
            self._allow_pedal(mask)
            if not self._was_tempo and not self._was_off:
                mask[table.slice_of("TEMPO")] = True
        self._allow_starts(mask)
        if constraints.final_chord is not None:
            self._only_chord(mask, constraints.final_chord)
        if self._last_kind != "VELOCITY" and mask[table.slice_of("NOTE_ON")].any():
            mask[table.slice_of("VELOCITY")] = True

    @property
    def _is_fresh(self) -> bool:
        """Nothing was said of this tick yet."""
        return self._last_kind in ("TIME_SHIFT", "START")

    def _force_ends(self, mask: BoolArray, constraints: Constraints) -> bool:
        """What has to stop sounding first; True when there is something."""
        if self._started:
            return False
        final = constraints.final_chord is not None
        too_long = set(self._down if final else constraints.too_long)
        for pitch in too_long & set(self._down):
            mask[self._table.id_of("NOTE_OFF", pitch)] = True
        held = self._sustained if final else [p for p in constraints.too_long if p in self._sustained]
        if (held or (final and self._pedal)) and self._pedal:
            mask[self._table.id_of("PEDAL_UP")] = True
        return bool(mask.any())

    def _allow_pedal(self, mask: BoolArray) -> None:
        if "PEDAL_UP" not in self._table.first or self._was_tempo or self._was_off:
            return
        mask[self._table.id_of("PEDAL_UP")] = self._pedal and not self._was_pedal_down
        mask[self._table.id_of("PEDAL_DOWN")] = not self._pedal

    def _allow_starts(self, mask: BoolArray) -> None:
        if len(self._down) >= MAX_KEYS_DOWN:
            return
        low = max([LOWEST_PIANO_PITCH, *(pitch + 1 for pitch in self._started)])
        for pitch in range(low, HIGHEST_PIANO_PITCH + 1):
            mask[self._table.id_of("NOTE_ON", pitch)] = True
        for pitch in self._down:
            mask[self._table.id_of("NOTE_ON", pitch)] = False

    def _only_chord(self, mask: BoolArray, triad: tuple[int, int, int]) -> None:
        """The first note, which is the lowest, is the tonic; each leaves room for those that are still missing."""
        ons = self._table.slice_of("NOTE_ON")
        wanted = triad if self._started else triad[:1]
        low = self._table.range_of("NOTE_ON").low
        room = 6 * max(FINAL_CHORD_NOTES - 1 - len(self._started), 0)  # notes of a triad are at most 5 semitones apart
        for pitch in range(low, low + ons.stop - ons.start):
            if pitch % 12 not in wanted or pitch > HIGHEST_PIANO_PITCH - room:
                mask[ons.start + pitch - low] = False

    def _is_complete(self, triad: tuple[int, int, int]) -> bool:
        if not self._started:
            return False
        top = max(self._started)
        no_more = not any(p % 12 in triad for p in range(top + 1, HIGHEST_PIANO_PITCH + 1))
        return len(self._started) >= FINAL_CHORD_NOTES or no_more


class EventEncoding:
    """Everything that follows from a table."""

    step_ticks: int
    tempo_bpm: float | None = None
    performs = True
    planned = False
    longest_note_ticks: int | None = None  # decoding cuts longer ones

    def __init__(self, table: Table, steps_per_doubling: int = 1) -> None:
        self._table, self._per_doubling = table, steps_per_doubling
        self.family, self.ticks_per_beat, self.size = table.family, table.ticks_per_beat, table.size
        self.start_id, self.end_id = table.id_of("START"), table.id_of("END")
        self.starts, self.shifts = table.slice_of("NOTE_ON"), table.slice_of("TIME_SHIFT")
        self.announcements = table.slice_of("VELOCITY")
        _, self._lowest, self._highest = table.range_of("NOTE_ON")
        self.start_pitches: IntArray = np.arange(self._lowest, self._highest + 1)

    def begins(self, pitch: int) -> int:
        return self._table.id_of("NOTE_ON", pitch)

    def starts_note(self, token_id: int) -> bool:
        return bool(self.starts.start <= token_id < self.starts.stop)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint_of(self.family, self.ticks_per_beat, [self.label(i) for i in range(self.size)])

    def label(self, token_id: int) -> str:
        return self._table.label(token_id)

    def decoder(self) -> EventDecoder:
        return EventDecoder(self._table, self._per_doubling)

    def ticks(self, token_ids: IntArray) -> IntArray:
        ids = np.asarray(token_ids, dtype=np.int64)
        is_shift = (ids >= self.shifts.start) & (ids < self.shifts.stop)
        moved = np.where(is_shift, ids - self.shifts.start + 1, 0)
        return np.concatenate([[0], np.cumsum(moved)[:-1]]) if len(ids) else ids

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        moved = np.array(token_ids, copy=True)
        for kind in ("NOTE_ON", "NOTE_OFF"):
            ids = self._table.slice_of(kind)
            moved[(token_ids >= ids.start) & (token_ids < ids.stop)] += semitones
        return moved

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
        ids = np.asarray(token_ids, dtype=np.int64)
        named = ids[(ids >= self.starts.start) & (ids < self.starts.stop)] - self.starts.start + self._lowest
        return (int(named.min()), int(named.max())) if named.size else (127, 0)

    # ------------------------------------------------------------------------------------------------ encoding

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        by_tick = self._events(self._distinct(notes), extras)
        end = max(by_tick, default=0) if steps is None else steps
        ids, tick, velocity = [self.start_id], 0, 0
        for at in sorted(by_tick):
            if at > end:
                break
            ids += self._shift(at - tick)
            tick = at
            for token_id, bin_number in by_tick[at]:
                if bin_number not in (0, velocity):
                    ids.append(self._table.id_of("VELOCITY", bin_number))
                    velocity = bin_number
                ids.append(token_id)
        return [*ids, *self._shift(end - tick), self.end_id]

    def _distinct(self, notes: Iterable[Note]) -> list[Note]:
        """Sorted, inside the keys of the vocabulary, and no two on one key at a time: the new stroke ends the old."""
        last: dict[int, int] = {}
        kept: list[Note] = []
        for note in sorted(notes):
            pitch = into_range(note.pitch, self._lowest, self._highest)
            before = last.get(pitch)
            if before is not None and kept[before].end > note.onset:
                older = kept[before]
                if older.onset == note.onset:
                    if note.end > older.end:
                        kept[before] = Note(note.onset, pitch, note.duration, note.velocity)
                    continue
                kept[before] = Note(older.onset, pitch, note.onset - older.onset, older.velocity)
            last[pitch] = len(kept)
            kept.append(Note(note.onset, pitch, note.duration, note.velocity))
        return sorted(kept)

    def _events(self, notes: Sequence[Note], extras: Extras) -> dict[int, list[tuple[int, int]]]:
        """Tick -> (token id, velocity bin or 0), in order: pedal, tempo, ends by age, beginnings by pitch."""
        table, by_tick = self._table, defaultdict[int, list[tuple[int, int]]](list)
        if "PEDAL_UP" in table.first:
            up, down = table.id_of("PEDAL_UP"), table.id_of("PEDAL_DOWN")
            for first, last in extras.pedals:
                by_tick[first].append((down, 0))
                by_tick[last].append((up, 0))
        if "TEMPO" in table.first:
            self._add_tempi(by_tick, extras)
        for note in notes:
            by_tick[note.end].append((table.id_of("NOTE_OFF", note.pitch), 0))
        for note in notes:
            by_tick[note.onset].append((table.id_of("NOTE_ON", note.pitch), table.velocity_bin(note.velocity)))
        return by_tick

    def _add_tempi(self, by_tick: dict[int, list[tuple[int, int]]], extras: Extras) -> None:
        _, low, high = self._table.range_of("TEMPO")
        now = 0
        for tick, ratio in extras.tempi:
            step = min(max(round(self._per_doubling * float(np.log2(ratio))), low), high)
            if step != now:
                by_tick[tick].append((self._table.id_of("TEMPO", step), 0))
                now = step

    def _shift(self, ticks: int) -> list[int]:
        """Full shifts, then the rest."""
        longest = self.shifts.stop - self.shifts.start
        whole, rest = divmod(max(ticks, 0), longest)
        return [self.shifts.stop - 1] * whole + ([self.shifts.start + rest - 1] if rest else [])

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        decoder = self.decoder()
        open_notes: dict[int, list[tuple[int, int]]] = defaultdict(list)  # pitch -> (onset, velocity), oldest first
        notes: list[Note] = []

        def close(pitch: int, tick: int) -> None:
            onset, velocity = open_notes[pitch].pop(0)
            duration = tick - onset
            if self.longest_note_ticks is not None:
                duration = min(duration, self.longest_note_ticks)
            notes.append(Note(onset, pitch, duration, velocity))

        for token_id in token_ids:
            step = decoder.feed(token_id)
            if step is None:
                continue
            for pitch in step.ended:
                close(pitch, step.tick)
            for pitch, velocity in zip(step.started, step.velocities, strict=True):
                open_notes[pitch].append((step.tick, velocity))
        for pitch in decoder.sounding:
            close(pitch, decoder.tick)
        return sorted(notes)
