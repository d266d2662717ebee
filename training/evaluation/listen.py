"""Listen with numbers: render every mood through the daemon's own engine, measure it, draw piano rolls.

python -m training listen polyphony --out runs/listen [--times 10] [--seconds 60]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from improv.config import Config
from improv.config.adapters import render
from improv.files import atomic_write
from improv.improviser.planned_step import PlannedStep
from improv.midi import grid_file as midi_file
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.attributes import Window, chord_onsets, key_correlation_difference, measure
from improv.music.mood import CORNERS
from improv.takes.export.planned_midi import music_file

MEASURED = ("mode", "onset_density", "register", "loudness", "articulation", "dissonance", "pitch_spread", "tempo")


@dataclass(frozen=True)
class Sounded:
    """Notes in seconds: arrays of shape (notes,), sorted by onset."""

    on_s: np.ndarray
    off_s: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray

    @classmethod
    def of(cls, steps: Sequence[PlannedStep]) -> Sounded:
        """The notes of planned steps; what has not ended ends with the last step."""
        end_s = steps[-1].position.music_s + steps[-1].position.step_s
        offs = {ended.note_id: ended.off_s for step in steps for ended in step.ended}
        rows = sorted((n.on_s, offs.get(n.note_id, end_s), n.pitch, n.velocity) for step in steps for n in step.started)
        return cls(*np.array(rows, dtype=np.float64).reshape(-1, 4).T)

    @classmethod
    def heard(cls, steps: Sequence[PlannedStep]) -> Sounded:
        """As it sounds: what ends with the sustain pedal down rings until it rises or the key is struck again."""
        keys = cls.of(steps)
        end_s = steps[-1].position.music_s + steps[-1].position.step_s
        up_s = {step.pedal_up.note_id: step.pedal_up.off_s for step in steps if step.pedal_up is not None}
        downs = [step.pedal_down for step in steps if step.pedal_down is not None]
        if not downs:
            return keys
        down = np.array([pressed.on_s for pressed in downs])
        up = np.array([up_s.get(pressed.note_id, end_s) for pressed in downs])
        span = np.searchsorted(down, keys.off_s, side="right") - 1
        off_s = np.where(span >= 0, np.maximum(keys.off_s, up[np.maximum(span, 0)]), keys.off_s)
        for pitch in np.unique(keys.pitch):
            same = np.flatnonzero(keys.pitch == pitch)
            again = np.append(keys.on_s[same][1:], np.inf)
            off_s[same] = np.maximum(np.minimum(off_s[same], again), keys.off_s[same])
        return cls(keys.on_s, off_s, keys.pitch, keys.velocity)

    @property
    def rows(self) -> np.ndarray:
        """(notes, 4): onset s, end s, pitch, velocity."""
        return np.stack([self.on_s, self.off_s, self.pitch, self.velocity], axis=1)

    @property
    def onset_s(self) -> np.ndarray:
        """Onsets as a listener counts them: the notes of a chord begin together."""
        return chord_onsets(self.on_s)


def statistics(steps: Sequence[PlannedStep], seconds: float) -> dict[str, float]:
    """The attributes of a rendering, measured as training measures its windows, and the bare key difference."""
    notes = Sounded.of(steps)
    tempo = float(np.mean([step.position.tempo_bpm for step in steps]))
    window = Window(seconds, notes.onset_s, notes.off_s - notes.on_s, notes.pitch, notes.velocity, tempo)
    values = measure(window)
    values["key_difference"] = key_correlation_difference(notes.pitch, notes.off_s - notes.on_s)
    values["notes_per_s"] = len(notes.pitch) / seconds
    return values


def draw(rolls: Sequence[tuple[str, Sequence[PlannedStep]]], path: Path) -> None:
    """Piano rolls below each other, velocity as shade."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(rolls), 1, figsize=(16, 2.6 * len(rolls)), sharex=True, squeeze=False)
    for axis, (title, steps) in zip(axes[:, 0], rolls, strict=True):
        notes = Sounded.of(steps)
        axis.hlines(notes.pitch, notes.on_s, notes.off_s, colors=pyplot.cm.viridis(notes.velocity / 110), linewidth=3)
        axis.set(title=title, ylabel="pitch", ylim=(21, 108))
        for step in steps:
            if step.position.tick == step.position.bar_tick:
                axis.axvline(step.position.music_s, color="0.85", linewidth=0.6, zorder=0)
    axes[-1, 0].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def table(rows: dict[str, list[dict[str, float]]]) -> str:
    """Mean ± standard deviation per mood, as Markdown."""
    names = ("key_difference", *MEASURED, "notes_per_s")
    lines = ["| mood | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for mood, results in rows.items():
        cells = (np.array([result[name] for result in results]) for name in names)
        lines.append(f"| {mood} | " + " | ".join(f"{cell.mean():.2f} ± {cell.std():.2f}" for cell in cells) + " |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a path, or the name of a shipped model")
    parser.add_argument("--out", type=Path, required=True, help="folder for the MIDI files, the rolls and moods.md")
    parser.add_argument("--times", type=int, default=10, help="pieces of each mood (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each piece (default: %(default)s)")
    parser.add_argument("--intensity", type=float, help="of the moods, 0..1 (default: the configuration's)")


def command(options: argparse.Namespace) -> None:
    model, config = OnnxModel(resolve(options.model), "cpu"), Config()
    if options.intensity is not None:
        config = config.model_copy(update={"mood": config.mood.model_copy(update={"intensity": options.intensity})})
    options.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[dict[str, float]]] = {}
    for name, mood in CORNERS.items():
        rolls = []
        for seed in range(options.times):
            steps = render(model, config, options.seconds, seed, mood)
            midi_file.save(music_file(steps), options.out / f"{name}-{seed}.mid")
            results.setdefault(name, []).append(statistics(steps, options.seconds))
            rolls.append((f"{name}, seed {seed}", steps))
        draw(rolls[:3], options.out / f"{name}.png")
    text = table(results)
    with atomic_write(options.out / "moods.md") as file:
        file.write(text + "\n")
    print(text)
