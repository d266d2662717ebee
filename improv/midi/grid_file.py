"""Standard MIDI files: notes on a grid out of one and into one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import mido

from improv.errors import InputError
from improv.files import atomic_write, saving
from improv.midi.reading import MidiMusic, read_music
from improv.music.note import Note, quantise

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
    music = read_file(path)
    rate = ticks_per_beat / music.ticks_per_beat
    found = []
    for note in music.notes:
        onset = quantise(note.onset, rate)
        found.append(Note(onset, note.pitch, max(quantise(note.end, rate), onset + 1) - onset, note.velocity))
    return sorted(found)


class TimedNote(NamedTuple):
    """A note in seconds from the beginning of a file."""

    on_s: float
    off_s: float
    pitch: int
    velocity: int


def timed_notes(path: Path) -> list[TimedNote]:
    """The notes of a file in seconds by its tempo map, drums left out, by onset. InputError as in read_notes."""
    music = read_file(path)
    at_s = music.seconds_at
    return sorted(TimedNote(at_s(note.onset), at_s(note.end), note.pitch, note.velocity) for note in music.notes)


def write_notes(path: Path, notes: Sequence[Note], ticks_per_beat: int, tempo_bpm: float = 120.0) -> None:
    """Notes on a grid as a MIDI file, whole or not at all."""
    scale = FILE_TICKS_PER_BEAT / ticks_per_beat
    events = [(round(n.onset * scale), _ON, mido.Message("note_on", note=n.pitch, velocity=n.velocity)) for n in notes]
    events += [(round(n.end * scale), _OFF, mido.Message("note_off", note=n.pitch)) for n in notes]
    file = mido.MidiFile(type=1, ticks_per_beat=FILE_TICKS_PER_BEAT)
    tempo = mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo_bpm))
    file.tracks += [mido.MidiTrack([tempo]), track(events)]
    save(file, path)


def save(file: mido.MidiFile, path: Path, *, permissions: int | None = None) -> None:
    """Write a MIDI file whole or not at all, with these rights. InputError says what went wrong."""
    with saving(path), atomic_write(path, "wb", permissions=permissions, durable=True) as out:
        file.save(file=out)


def track(events: Sequence[tuple[int, int, mido.Message | mido.MetaMessage]]) -> mido.MidiTrack:
    """Absolute ticks -> a track with delta times."""
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=0))
    return track
