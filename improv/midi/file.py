"""Standard MIDI files: notes on a grid out of one, planned music into one."""

from __future__ import annotations

import bisect
import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido

from improv.errors import InputError
from improv.improviser.improviser import PlannedStep
from improv.model.vocabulary.base import Encoding, quantise
from improv.music.mood import nearest_name
from improv.music.note import Note

FILE_TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
MAX_BEATS = 100_000  # twelve hours at 140 bpm; a damaged delta time says 67 million
_OFF, _ON = 0, 1  # sorting order at one tick: ends before beginnings


def read_notes(path: Path, ticks_per_beat: int) -> list[Note]:
    """The notes of a file, drums left out, on a grid of `ticks_per_beat` from the file's beginning.

    The beat follows the file's tempo map, so tempo changes do not matter. InputError says why a file cannot be read.
    """
    try:
        file = mido.MidiFile(path)
    except FileNotFoundError:
        raise InputError(f"{path} is not there") from None
    except Exception as error:  # mido raises OSError, EOFError, ValueError, KeyError, IndexError for damaged files
        raise InputError(f"{path} is not a MIDI file that can be read ({str(error) or type(error).__name__})") from None
    if file.ticks_per_beat <= 0:
        raise InputError(f"{path} counts time in SMPTE frames, without a beat; use a file with ticks per quarter note")
    notes = [note for track in file.tracks for note in _track_notes(track, file.ticks_per_beat, ticks_per_beat)]
    longest = MAX_BEATS * ticks_per_beat
    if any(note.end > longest for note in notes):
        raise InputError(f"{path} is longer than {MAX_BEATS} quarter notes, which is no music but a damaged file")
    if not notes:
        raise InputError(f"{path} has no notes (drums are left out)")
    return sorted(notes)


def _track_notes(track: mido.MidiTrack, file_rate: int, rate: int) -> list[Note]:
    begun: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    notes = []
    tick = 0
    for message in track:
        tick += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUM_CHANNEL:
            continue
        key = (message.channel, message.note)
        if message.type == "note_on" and message.velocity > 0:
            begun[key].append((tick, message.velocity))
        elif begun[key]:
            start, velocity = begun[key].pop(0)
            onset = quantise(start / file_rate, rate)
            end = max(quantise(tick / file_rate, rate), onset + 1)
            notes.append(Note(onset, message.note, end - onset, velocity))
    return notes


class TimedNote(NamedTuple):
    """A note in seconds from the beginning of a file."""

    on_s: float
    off_s: float
    pitch: int
    velocity: int


def notes_for(path: Path, encoding: Encoding) -> list[Note]:
    """The notes of a file on a family's grid: of the beat, or of seconds where its ticks are a fixed time."""
    if encoding.tempo_bpm is None:
        return read_notes(path, encoding.ticks_per_beat)
    rate = encoding.ticks_per_beat * encoding.tempo_bpm / 60
    return sorted(_on_grid(note, rate) for note in timed_notes(path))


def _on_grid(note: TimedNote, rate: float) -> Note:
    onset = quantise(note.on_s, rate)
    return Note(onset, note.pitch, max(quantise(note.off_s, rate), onset + 1) - onset, note.velocity)


def timed_notes(path: Path) -> list[TimedNote]:
    """The notes of a file in seconds by its tempo map, drums left out, by onset. InputError as in read_notes."""
    read_notes(path, 4)  # says what is wrong
    sounding: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    notes, now_s = [], 0.0
    for message in mido.MidiFile(path):
        now_s += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUM_CHANNEL:
            continue
        begun = sounding[message.channel, message.note]
        if message.type == "note_on" and message.velocity:
            begun.append((now_s, message.velocity))
        elif begun:
            on_s, velocity = begun.pop(0)
            notes.append(TimedNote(on_s, now_s, message.note, velocity))
    return sorted(notes)


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
