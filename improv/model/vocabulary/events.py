"""What the event vocabularies share: a table of ranges, and notes as on, off, shift of time and velocity.

A family is a `Table` and how it uses it (improv.model.vocabulary.performance, improv.model.vocabulary.pianist).
Where the table has no such range, the family has no such event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from improv.model.vocabulary.base import (
    NO_EXTRAS,
    Extras,
    IntArray,
    fingerprint_of,
    into_range,
    ticks_before,
)
from improv.model.vocabulary.event_decoder import EventDecoder
from improv.model.vocabulary.event_table import Table
from improv.music.note import Note


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
        return ticks_before(token_ids, self.shifts)

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
