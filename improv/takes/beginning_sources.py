"""Where the bars come from that music is to begin from: MIDI files and takes."""

from __future__ import annotations

import os
import stat
from itertools import pairwise
from pathlib import Path

import numpy as np

from improv.control.commands import TAKE, BeginFrom
from improv.errors import CommandError, InputError
from improv.listening.primer_analysis import BeatNote, of_midi, primer_of
from improv.midi.packed import MIDI_SUFFIXES
from improv.midi.reading import read_music
from improv.music.primer import MOST_BARS, Primer
from improv.takes import library, take

LARGEST_BYTES = 1 << 20
"""Of a MIDI file: ten hours of piano music."""
LARGEST_TAKE_BYTES = 64 << 20


class FilesAndTakes:
    """Implements `engine.beginnings.Sources`. files: folder of MIDI files that are named without a path. takes: folder
    of the takes. beside: False where nobody waits for the music.
    """

    def __init__(self, files: Path, takes: Path, *, beside: bool = True) -> None:
        self._files, self._takes = files, takes
        self.beside = beside

    def check(self, command: BeginFrom) -> None:
        """CommandError where there is no such file or take."""
        try:
            if command.source == TAKE:
                library.find(self._takes, command.name)
            elif not self._path(command.name).is_file():
                raise CommandError(f"there is no MIDI file {command.name!r}{self._known()}")
        except (InputError, OSError) as error:
            raise CommandError(str(error)) from None

    def _path(self, name: str) -> Path:
        path = Path(name).expanduser()
        return path if path.is_absolute() else self._files / path

    def _known(self) -> str:
        there = sorted(path.name for path in self._files.glob("*") if path.suffix.lower() in MIDI_SUFFIXES)
        return f"; there are: {', '.join(there[:5])}{' ...' if len(there) > 5 else ''}" if there else ""

    def read(self, command: BeginFrom) -> Primer:
        """The bars. InputError says why there are none."""
        bars = command.bars or MOST_BARS
        if command.source == TAKE:
            return of_take(library.find(self._takes, command.name), bars, command.from_bar)
        return of_file(self._path(command.name), bars, command.from_bar or 1)


def of_file(path: Path, bars: int = MOST_BARS, from_bar: int = 1) -> Primer:
    """Bars of a MIDI file. InputError says why there are none."""
    try:
        music = read_music(_content(path))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    return of_midi(path.name, music, bars, from_bar)


def _content(path: Path) -> bytes:
    """The bytes of a plain file that is no larger than music is; a pipe or a device is not waited for."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(number, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise InputError("it is no plain file")
            if about.st_size > LARGEST_BYTES:
                raise InputError(f"it has {about.st_size} bytes; at most {LARGEST_BYTES} are read")
            return file.read(LARGEST_BYTES)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror or error}") from None


def of_take(path: Path, bars: int = MOST_BARS, from_bar: int | None = None) -> Primer:
    """Bars of what BrainMusic played in a take: the last ones, or those from bar `from_bar` on, counted from 1."""
    name = f"take {path.stem}"
    if path.stat().st_size > LARGEST_TAKE_BYTES:
        raise InputError(f"{name} has more than {LARGEST_TAKE_BYTES >> 20} MiB; export it and give the MIDI file")
    played = take.read(path)
    steps = played.steps
    if not steps or not played.notes:
        raise InputError(f"{name}: nothing was played in it")
    beats, begun = [0.0], 0.0
    for before, step in pairwise(steps):
        ticks = max(step.tick - before.tick, 0)
        begun += ticks / before.ticks_per_beat
        beats.append(begun)
    at_s = [step.at_s for step in steps]
    lines = [beat for beat, step in zip(beats, steps, strict=True) if step.tick == step.bar_tick]
    if not lines:
        raise InputError(f"{name}: no bar begins in it")
    lines.append(lines[-1] + steps[-1].beats_per_bar)
    if from_bar is not None:
        if from_bar > len(lines) - 1:
            raise InputError(f"{name} has {len(lines) - 1} bars, there is no bar {from_bar}")
        lines = lines[from_bar - 1 :]
    notes = [
        BeatNote(on := _beat(note.on_s, at_s, beats), max(_beat(note.off_s, at_s, beats) - on, 0.0), *_rest(note))
        for note in played.notes
    ]
    some = lines[-bars - 1 :] if from_bar is None else lines[: bars + 1]
    seconds = float(np.interp(some[-1], beats, at_s) - np.interp(some[0], beats, at_s))
    tempo_bpm = 60 * min(some[-1], beats[-1]) - 60 * some[0]
    tempo_bpm = tempo_bpm / seconds if seconds > 0 else steps[-1].tempo_bpm
    return primer_of(name, sorted(notes), lines, tempo_bpm, last=from_bar is None, bars=bars)


def _rest(note: take.PlayedNote) -> tuple[int, int, int]:
    return note.pitch, note.velocity, note.hand


def _beat(moment_s: float, at_s: list[float], beats: list[float]) -> float:
    """Where a moment of a take lies, in quarters."""
    return float(np.interp(moment_s, at_s, beats))
