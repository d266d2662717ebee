"""What an event vocabulary has said so far, and what may follow: the decoder of one running stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.base import (
    FINAL_CHORD_NOTES,
    NO_CONSTRAINTS,
    NO_VELOCITIES,
    BoolArray,
    Constraints,
    GridStep,
)
from improv.model.vocabulary.event_table import Table, tempo_ratio
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH

# Two hands: a generated note may start while fewer than so many keys are down.
MAX_KEYS_DOWN = 10


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
        """A note that ends in the very tick where it started never sounded; a key may have been struck twice in it."""
        if self._started.count(pitch) > self._down.count(pitch) + self._sustained.count(pitch):
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
