"""Small corpora for the tests: MIDI files as anybody might have them, written with mido."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import mido
import numpy as np

from training.dataset.prepare import prepare

TICKS_PER_BEAT = 480
NoteBeats = tuple[float, float, int]
"""Onset and duration in quarter notes, and pitch."""


def write_midi(
    path: Path,
    notes: Iterable[NoteBeats],
    *,
    meta: Sequence[tuple[float, mido.MetaMessage]] = (),
    channel: int = 0,
    velocities: Sequence[int] = (80,),
) -> Path:
    """A one-track file; the velocities are taken in turn. meta: (beat, message)."""
    events: list[tuple[float, int, mido.Message | mido.MetaMessage]] = [(beat, 0, message) for beat, message in meta]
    for index, (onset, duration, pitch) in enumerate(notes):
        velocity = velocities[index % len(velocities)]
        on = mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)
        # A zero-length note is on before it is off; otherwise a note that ends makes room for the next.
        events.append((onset, 2, on))
        off = mido.Message("note_off", note=pitch, channel=channel)
        events.append((onset + duration, 3 if duration == 0 else 1, off))
    track, at = mido.MidiTrack(), 0
    for beat, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(beat * TICKS_PER_BEAT)
        track.append(message.copy(time=tick - at))
        at = tick
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(track)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)
    return path


def tempo(bpm: float) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))


def meter(numerator: int, denominator: int) -> mido.MetaMessage:
    return mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def melody(seed: int, beats: int = 16) -> list[NoteBeats]:
    """Another tune over a held bass for every seed."""
    rng = np.random.default_rng(seed)
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    tune = [(beat / 2, 0.5, int(rng.choice(scale))) for beat in range(2 * beats)]
    return tune + [(float(bar), 4.0, 48 + int(rng.choice([0, 5, 7]))) for bar in range(0, beats, 4)]


def tiny_corpus(folder: Path, pieces: int = 24) -> Path:
    """Enough different works that train, valid and test all get some."""
    for index in range(pieces):
        # Letters, because a number at the end of a name would make movements of one work of them.
        name = f"tune {chr(ord('a') + index)}.mid"
        meta = [(0.0, tempo(90 + index)), (0.0, meter(4, 4))]
        write_midi(folder / name, melody(index), meta=meta, velocities=(60, 64, 70, 75, 80, 90))
    return folder


def tiny_dataset(folder: Path) -> Path:
    """A prepared dataset of the tiny corpus."""
    prepare([str(tiny_corpus(folder / "music"))], folder / "data")
    return folder / "data"
