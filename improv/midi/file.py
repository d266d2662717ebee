"""Standard MIDI files: notes on a grid out of one, planned music into one."""

from __future__ import annotations

import bisect
import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido

from improv.errors import InputError
from improv.improviser.planned_step import PlannedStep
from improv.midi.reading import MidiMusic, read_music
from improv.model.vocabulary.base import Encoding, quantise
from improv.music.mood import nearest_name
from improv.music.note import Note

FILE_TICKS_PER_BEAT = 480
_OFF, _ON = 0, 1  # sorting order at one tick: ends before beginnings


def read_file(path: Path) -> MidiMusic:
    """The music in a file, drums left out, with what was mended on the way. InputError says why there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} is not there") from None
    except OSError as error:
        raise InputError(f"{path} is not a MIDI file that can be read ({error.strerror or error})") from None
    try:
        return read_music(content)
    except InputError as reason:
        raise InputError(f"{path} is not a MIDI file that can be read ({reason})") from None


def read_notes(path: Path, ticks_per_beat: int) -> list[Note]:
    """The notes of a file, drums left out, on a grid of `ticks_per_beat` from the file's beginning.

    The beat follows the file's tempo map, so tempo changes do not matter. InputError says why a file cannot be read.
    """
    return _on_beats(read_file(path), ticks_per_beat)


def _on_beats(music: MidiMusic, ticks_per_beat: int) -> list[Note]:
    rate = ticks_per_beat / music.ticks_per_beat
    return sorted(_note(n.onset * rate, n.end * rate, n.pitch, n.velocity) for n in music.notes)


class TimedNote(NamedTuple):
    """A note in seconds from the beginning of a file."""

    on_s: float
    off_s: float
    pitch: int
    velocity: int


def notes_for(path: Path, encoding: Encoding) -> list[Note]:
    """The notes of a file on a family's grid. InputError as in read_file."""
    return notes_of(read_file(path), encoding)


def notes_of(music: MidiMusic, encoding: Encoding) -> list[Note]:
    """Notes on a family's grid: of the beat, or of seconds where its ticks are a fixed time."""
    if encoding.tempo_bpm is None:
        return _on_beats(music, encoding.ticks_per_beat)
    rate = encoding.ticks_per_beat * encoding.tempo_bpm / 60
    return sorted(_note(n.on_s * rate, n.off_s * rate, n.pitch, n.velocity) for n in _in_seconds(music))


def _note(onset: float, end: float, pitch: int, velocity: int) -> Note:
    first = quantise(onset, 1)
    return Note(first, pitch, max(quantise(end, 1), first + 1) - first, velocity)


def timed_notes(path: Path) -> list[TimedNote]:
    """The notes of a file in seconds by its tempo map, drums left out, by onset. InputError as in read_notes."""
    return _in_seconds(read_file(path))


def _in_seconds(music: MidiMusic) -> list[TimedNote]:
    at_s = music.seconds_at
    return sorted(TimedNote(at_s(note.onset), at_s(note.end), note.pitch, note.velocity) for note in music.notes)


def music_file(steps: Sequence[PlannedStep], channel: int = 0, program: int | None = None) -> mido.MidiFile:
    """Planned music as a MIDI file: tempo map, bar lines, mood changes as markers, notes where they were planned.

    steps: one after the other. Notes that have not ended end with the last step. channel: 0..15.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    file.tracks += [_conductor(steps), _piano(steps, channel, program)]
    return file


def write_notes(path: Path, notes: Sequence[Note], ticks_per_beat: int, tempo_bpm: float = 120.0) -> None:
    """Notes on a grid as a MIDI file, whole or not at all."""
    scale = FILE_TICKS_PER_BEAT / ticks_per_beat
    events = [(round(n.onset * scale), _ON, mido.Message("note_on", note=n.pitch, velocity=n.velocity)) for n in notes]
    events += [(round(n.end * scale), _OFF, mido.Message("note_off", note=n.pitch)) for n in notes]
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    tempo = mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo_bpm))
    file.tracks += [mido.MidiTrack([tempo]), track(events)]
    save(file, path)


def save(file: mido.MidiFile, path: Path) -> None:
    """Write under a temporary name beside `path`, then rename: never half a file. InputError says what went wrong."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a file and cannot be replaced by one")
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
            temporary = out.name
            file.save(file=out)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, 0o644)  # a temporary file is private, a piece of music need not be
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror or error}; nothing was left behind") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


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


def track(events: Sequence[tuple[int, int, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    """Absolute ticks -> a track with delta times."""
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=0))
    return track
