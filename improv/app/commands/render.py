"""`improv render`: music into a file, MIDI, score or sound, without waiting for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from improv.app.options import add_stems, configured
from improv.config import journeys
from improv.config.adapters import render
from improv.errors import InputError
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import parse_mood
from improv.music.primer import Primer
from improv.takes.export import formats
from improv.takes.export.music import of_steps
from improv.takes.export.stems import path_of, stems


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="the file to write: .mid, .musicxml, .wav, .flac or .ogg")
    parser.add_argument("--mood", help="a mood's name, or valence,arousal (-1..1): --mood=-0.5,1")
    parser.add_argument("--journey", type=Path, metavar="FILE", help="start this journey (YAML)")
    parser.add_argument(
        "--begin-from", type=Path, metavar="FILE", help="continue from the first bars of this MIDI file"
    )
    parser.add_argument("--seconds", type=float, help="length in seconds (default 60, or as long as the journey)")
    parser.add_argument(
        "--seed", type=int, help="the same seed gives the same music: 0..2147483647 (default: music.seed, or 0)"
    )
    add_stems(parser)


def command(options: argparse.Namespace) -> None:
    effective, _ = configured(options)
    seed = options.seed if options.seed is not None else max(effective.music.seed, 0)
    if not 0 <= seed < 2**31:
        raise InputError(f"--seed must be in 0..2147483647, got {seed}")
    formats.checked(options.out, formats.OF_MUSIC)
    if options.mood and options.journey:
        raise InputError("--mood and --journey exclude each other: a journey brings its moods")
    mood = parse_mood(options.mood, effective.mood.moods) if options.mood else None
    journey = journeys.read(options.journey, effective.mood.moods) if options.journey else None
    length_s = options.seconds if options.seconds is not None else journey.length_s if journey else 60.0
    if not 0 < length_s <= 24 * 3600:
        raise InputError(f"--seconds must be more than 0, at most 86400, got {length_s:g}")
    primer = _begun_from(options.begin_from) if options.begin_from else None
    model = OnnxModel(resolve(effective.model.path), effective.model.provider)
    steps = render(model, effective, length_s, seed, mood, journey=journey, primer=primer)
    program = effective.midi.program if effective.midi.program >= 0 else None
    whole = of_steps(steps, f"BrainMusic, seed {seed}")
    parts = stems(whole, options.stems) if options.stems else {"": whole}
    files = {part: path_of(options.out, part) if part else options.out for part in parts}
    for part, music in parts.items():
        formats.write_music(music, files[part], channel=effective.midi.channel - 1, program=program)
    notes = sum(len(step.started) for step in steps)
    print(
        f"{', '.join(map(str, files.values()))}: {length_s:g} s, {notes} notes, "
        f"{f'journey {journey.name}' if journey else f'mood {options.mood or effective.mood.start}'}, seed {seed}"
    )


def _begun_from(path: Path) -> Primer:
    from improv.takes.beginning_sources import of_file  # few ask for it, and it brings what a take needs

    return of_file(path)
