"""Planned steps as a standard MIDI file, as nobody played them yet: `improv render`."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import mido

from improv.improviser.planned_step import PlannedStep
from improv.midi.file import FILE_TICKS_PER_BEAT, track
from improv.music.mood import nearest_name

_OFF, _ON = 0, 1  # sorting order at one tick: ends before beginnings


def music_file(steps: Sequence[PlannedStep], channel: int = 0, program: int | None = None) -> mido.MidiFile:
    """Planned music as a MIDI file: tempo map, bar lines, mood changes as markers, notes where they were planned.

    steps: one after the other. Notes that have not ended end with the last step. channel: 0..15.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    file.tracks += [_conductor(steps), _piano(steps, channel, program)]
    return file


def _conductor(steps: Sequence[PlannedStep]) -> mido.MidiTrack:
    events: list[tuple[int, int, mido.MetaMessage]] = []
    last_tempo, last_name, last_meter = 0, "", 0.0
    ticks = _file_ticks(steps)
    for index, step in enumerate(steps):
        position = step.position
        tick, beats = round(ticks[index]), (ticks[index + 1] - ticks[index]) / FILE_TICKS_PER_BEAT
        tempo = round(1e6 * _seconds_of(steps, index) / beats)
        if tempo != last_tempo:
            events.append((tick, 0, mido.MetaMessage("set_tempo", tempo=min(tempo, 0xFFFFFF))))
            last_tempo = tempo
        if position.beats_per_bar != last_meter:
            sixteenths = round(position.beats_per_bar * 4)
            whole = sixteenths % 4 == 0
            numerator, denominator = (sixteenths // 4, 4) if whole else (sixteenths, 16)
            meter = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
            events.append((tick, 0, meter))
            last_meter = position.beats_per_bar
        if (name := nearest_name(step.mood)) != last_name:
            events.append((tick, 0, mido.MetaMessage("marker", text=name)))
            last_name = name
    return track(events)


def _piano(steps: Sequence[PlannedStep], channel: int, program: int | None) -> mido.MidiTrack:
    starts_s = [step.position.music_s for step in steps]
    ticks = _file_ticks(steps)

    def tick_of(time_s: float) -> int:
        index = min(max(bisect.bisect_right(starts_s, time_s) - 1, 0), len(steps) - 1)
        position = steps[index].position
        within = (time_s - position.music_s) / _seconds_of(steps, index)
        return max(0, round(ticks[index] + within * (ticks[index + 1] - ticks[index])))

    events: list[tuple[int, int, mido.Message]] = []
    if program is not None:
        events.append((0, -1, mido.Message("program_change", channel=channel, program=program)))
    sounding: dict[int, tuple[int, int]] = {}  # note_id -> pitch, tick of the onset
    for step in steps:
        for ended in step.ended:
            if ended.note_id in sounding:
                pitch, on_tick = sounding.pop(ended.note_id)
                off = max(tick_of(ended.off_s), on_tick + 1)
                events.append((off, _OFF, mido.Message("note_off", channel=channel, note=pitch)))
        for note in step.started:
            on_tick = tick_of(note.on_s)
            message = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
            events.append((on_tick, _ON, message))
            sounding[note.note_id] = (note.pitch, on_tick)
    if steps:
        end_tick = tick_of(steps[-1].position.music_s + _seconds_of(steps, len(steps) - 1))
        for pitch, on_tick in sounding.values():
            off = max(end_tick, on_tick + 1)
            events.append((off, _OFF, mido.Message("note_off", channel=channel, note=pitch)))
    return track(events)


def _seconds_of(steps: Sequence[PlannedStep], index: int) -> float:
    """How long a step lasted: until the next one began."""
    here = steps[index].position
    if index + 1 < len(steps):
        return max(steps[index + 1].position.music_s - here.music_s, 1e-4)
    return here.step_s


def _file_ticks(steps: Sequence[PlannedStep]) -> list[float]:
    """Where each step begins, in ticks of the file, and one tick of the model after the last. Models count unlike."""
    found = [0.0]
    for index, step in enumerate(steps):
        here = step.position
        ticks = steps[index + 1].position.tick - here.tick if index + 1 < len(steps) else 1
        found.append(found[-1] + ticks * FILE_TICKS_PER_BEAT / here.ticks_per_beat)
    return found
