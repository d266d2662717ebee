"""A take as a standard MIDI file: tempo map, bar lines, moods as markers and controllers, the person on a track."""

from __future__ import annotations

import bisect
from itertools import zip_longest
from typing import NamedTuple

import mido

from improv.midi.file import FILE_TICKS_PER_BEAT, track
from improv.music.mood import nearest_name
from improv.takes.take import PlayedStep, Take

_OFF, _OTHER, _ON = 0, 1, 2  # sorting order at one tick
LONGEST_QUARTER_US = 0xFFFFFF  # what a tempo event can say: 16.8 s
# A step that comes later than that after the one before it was waited for: slower than any rubato, and then some.
LONGEST_RUBATO, PAUSE_S = 2.0, 0.05
VALENCE_CONTROL, AROUSAL_CONTROL = 20, 21  # as the default control map receives them


class _Segment(NamedTuple):
    """From at_s and file_tick on, so many seconds to a file tick."""

    at_s: float
    file_tick: float
    seconds_per_tick: float


class Timeline:
    """Seconds of the take <-> ticks of the file. Grid steps lie on the grid; a pause takes whole bars."""

    def __init__(self, take: Take) -> None:
        self.step_ticks: list[int] = []
        """File tick of each step of the take."""
        self._segments: list[_Segment] = []
        self.meters: list[tuple[int, float]] = []
        """(file tick, quarters in a bar) where that changes."""
        tick, last_meter = 0.0, 0.0
        if take.steps and take.steps[0].at_s > PAUSE_S:
            tick = self._rest(take.steps[0], 0.0, 0.0)
        for step, after in zip_longest(take.steps, take.steps[1:]):
            if step.beats_per_bar != last_meter:
                self.meters.append((round(tick), step.beats_per_bar))
                last_meter = step.beats_per_bar
            self.step_ticks.append(round(tick))
            ticks = max(after.tick - step.tick, 1) if after is not None else 1
            own_s = ticks * 60.0 / step.tempo_bpm / step.ticks_per_beat
            next_s = after.at_s if after is not None else step.at_s + own_s
            length = ticks * FILE_TICKS_PER_BEAT / step.ticks_per_beat
            waited = next_s - step.at_s > LONGEST_RUBATO * own_s + PAUSE_S
            sounding_s = own_s if waited else max(next_s - step.at_s, 1e-4)
            self._segments.append(_Segment(step.at_s, tick, sounding_s / length))
            tick += length
            if waited:
                tick = self._rest(step, step.at_s + own_s, tick, next_s - step.at_s - own_s)
        if not self._segments:
            self._segments.append(_Segment(0.0, 0.0, 0.5 / FILE_TICKS_PER_BEAT))

    def _rest(self, step: PlayedStep, from_s: float, tick: float, seconds: float | None = None) -> float:
        """Whole bars for the time that nothing was planned."""
        seconds = step.at_s if seconds is None else seconds
        bar_ticks = round(step.beats_per_bar * FILE_TICKS_PER_BEAT)
        bars = max(1, round(seconds * step.tempo_bpm / 60 / step.beats_per_bar))
        self._segments.append(_Segment(from_s, tick, seconds / (bars * bar_ticks)))
        return tick + bars * bar_ticks

    def tick_at(self, at_s: float) -> int:
        """The nearest file tick to a moment of the take."""
        index = max(bisect.bisect_right(self._segments, at_s, key=lambda segment: segment.at_s) - 1, 0)
        segment = self._segments[index]
        return max(0, round(segment.file_tick + (at_s - segment.at_s) / segment.seconds_per_tick))

    def tempos(self) -> list[tuple[int, int]]:
        """(file tick, microseconds to a quarter) where that changes."""
        found: list[tuple[int, int]] = []
        for segment in self._segments:
            quarter_us = min(round(1e6 * segment.seconds_per_tick * FILE_TICKS_PER_BEAT), LONGEST_QUARTER_US)
            if not found or found[-1][1] != quarter_us:
                found.append((round(segment.file_tick), max(quarter_us, 1)))
        return found


def midi_file(take: Take) -> mido.MidiFile:
    """The take as a file of format 1: conductor, piano, and the person's track where there is something on it."""
    time = Timeline(take)
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    file.tracks += [_conductor(take, time), _piano(take, time)]
    if take.person:
        file.tracks.append(_person(take, time))
    return file


def _conductor(take: Take, time: Timeline) -> mido.MidiTrack:
    events = [(0, _OTHER, mido.MetaMessage("track_name", name=f"BrainMusic {take.take_id}"))]
    events += [(tick, _OTHER, mido.MetaMessage("set_tempo", tempo=quarter_us)) for tick, quarter_us in time.tempos()]
    for tick, beats in time.meters:
        sixteenths = round(beats * 4)
        numerator, denominator = (sixteenths // 4, 4) if sixteenths % 4 == 0 else (sixteenths, 16)
        events.append((tick, _OTHER, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)))
    last_name = ""
    for step, tick in zip(take.steps, time.step_ticks, strict=True):
        if (name := nearest_name(step.mood)) != last_name:
            events.append((tick, _OTHER, mido.MetaMessage("marker", text=name)))
            last_name = name
    return track(events)


def _piano(take: Take, time: Timeline) -> mido.MidiTrack:
    events: list[tuple[int, int, mido.Message | mido.MetaMessage]] = [
        (0, _OTHER, mido.MetaMessage("track_name", name="Piano"))
    ]
    for step, tick in zip(take.steps, time.step_ticks, strict=True):
        for control, value in ((VALENCE_CONTROL, step.mood.valence), (AROUSAL_CONTROL, step.mood.arousal)):
            events.append((tick, _OTHER, mido.Message("control_change", control=control, value=round(64 + 63 * value))))
    events = _without_repeats(events)
    for note in take.notes:
        on = time.tick_at(note.on_s)
        off = max(time.tick_at(note.off_s), on + 1)
        events.append((on, _ON, mido.Message("note_on", note=note.pitch, velocity=note.velocity)))
        events.append((off, _OFF, mido.Message("note_off", note=note.pitch)))
    return track(events)


def _without_repeats(
    events: list[tuple[int, int, mido.Message | mido.MetaMessage]],
) -> list[tuple[int, int, mido.Message | mido.MetaMessage]]:
    """Control changes only where the value changes."""
    last: dict[int, int] = {}
    kept = []
    for tick, order, message in events:
        if message.type == "control_change":
            if last.get(message.control) == message.value:
                continue
            last[message.control] = message.value
        kept.append((tick, order, message))
    return kept


def _person(take: Take, time: Timeline) -> mido.MidiTrack:
    """What the person sent; keys that were held when the take ended are let go there."""
    events: list[tuple[int, int, mido.Message | mido.MetaMessage]] = [
        (0, _OTHER, mido.MetaMessage("track_name", name="Person"))
    ]
    down: dict[tuple[int, int], int] = {}
    for at_s, raw in take.person:
        try:
            message = mido.Message.from_bytes(list(raw))
        except (ValueError, IndexError):
            continue
        tick = time.tick_at(at_s)
        if message.type in ("note_on", "note_off"):
            key = (message.channel, message.note)
            pressed = message.type == "note_on" and message.velocity > 0
            if key in down:  # let go, or struck again before that was told: the first strike ends here
                tick = max(tick, down.pop(key) + 1)
                end = mido.Message("note_off", channel=message.channel, note=message.note) if pressed else message
                events.append((tick, _OFF, end))
            if pressed:
                down[key] = tick
                events.append((tick, _ON, message))
        else:
            events.append((tick, _OTHER, message))
    for (channel, pitch), tick in down.items():
        off = max(time.tick_at(take.seconds), tick + 1)
        events.append((off, _OFF, mido.Message("note_off", channel=channel, note=pitch)))
    return track(events)
