"""A recogniser of the four moods that has learned from human music: which of four kinds of title a window sounds like.

Multinomial logistic regression on some thirty measures of a window of 12 s that go beyond mode and tempo: intervals of
the melody, kinds of simultaneous intervals, chromaticism, rhythm, texture, contour. Loudness is not among them, since
most scores carry only printed dynamics. Pieces of `without` (what the model was trained on) are left out. Each piece
weighs the same within its mood, and each mood the same.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.errors import InputError
from improv.music.attributes import articulation, chord_onsets, dissonance, key_correlation_difference, melody
from improv.music.mood import CORNERS
from training.corpus.midi import read_midi
from training.corpus.score import Rejected
from training.corpus.title_words import mood_in

FloatArray = NDArray[np.float64]

WINDOW_S = 12.0
LEAST_NOTES = 12
MOST_WINDOWS = 12  # of one piece
MOODS = tuple(CORNERS)
FOLDS = 5
RIDGE = 0.02


class Piece(NamedTuple):
    """notes: rows of (onset s, end s, pitch, velocity)."""

    name: str
    group: str
    mood: str
    notes: FloatArray


def read_corpus(folder: Path, without: Sequence[str] = ("piano-midi-de",)) -> list[Piece]:
    """Every piece whose title names one mood. folder: index.csv and open/DATASET.zip. without: datasets left out."""
    index = folder / "index.csv"
    if not index.is_file():
        raise InputError(f"{index} is not there: --corpus must name the folder with index.csv and open/*.zip")
    pieces, archives, seen = [], {}, set()
    with index.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].endswith(".mid") and row["dataset"] not in without]
    for row in rows:
        mood = mood_in(row["title"])
        if mood is None or row["group"] in seen:  # of several editions of a work the first
            continue
        path = folder / "open" / f"{row['dataset']}.zip"
        if row["dataset"] not in archives:
            archives[row["dataset"]] = zipfile.ZipFile(path)
        try:
            score = read_midi(archives[row["dataset"]].read(f"{row['dataset']}/{row['file']}"))
        except (Rejected, KeyError):
            continue
        notes = score.notes
        rows_s = [score.seconds(notes["onset"].astype(np.float64)), score.seconds(score.ends)]
        pieces.append(
            Piece(row["file"], row["group"], mood, np.stack([*rows_s, notes["pitch"], notes["velocity"]], axis=1))
        )
        seen.add(row["group"])
    for archive in archives.values():
        archive.close()
    return pieces


def is_kept_out(group: str) -> bool:
    """Whether a work belongs to that half of the titled pieces, by a hash, with which no default is chosen."""
    return bool(hashlib.sha256(b"half" + group.encode()).digest()[0] & 1)


def windows(notes: FloatArray) -> list[FloatArray]:
    """Features of windows of 12 s that follow each other, spread over the piece."""
    found = []
    last_s = float(notes[:, 0].max()) if len(notes) else 0.0
    starts = np.arange(0, max(last_s - WINDOW_S, 0) + 1e-9, WINDOW_S)
    if len(starts) > MOST_WINDOWS:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_WINDOWS).round().astype(int)]
    for start_s in starts:
        inside = notes[(notes[:, 0] >= start_s) & (notes[:, 0] < start_s + WINDOW_S)]
        if len(inside) >= LEAST_NOTES:
            found.append(features(inside))
    return found


def features(notes: FloatArray) -> FloatArray:
    """About thirty numbers of one window; notes: rows of (onset s, end s, pitch, velocity), at least LEAST_NOTES."""
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    on_s = chord_onsets(notes[:, 0])
    length_s, pitch = np.maximum(notes[:, 1] - notes[:, 0], 0.03), notes[:, 2]
    line = melody(on_s, on_s + length_s, pitch)
    steps = np.diff(pitch[line]) if line.size > 1 else np.zeros(1)
    moments, counts = np.unique(on_s, return_counts=True)
    gaps = np.diff(moments) if moments.size > 1 else np.ones(1)
    histogram = np.bincount(pitch.astype(int) % 12, weights=length_s, minlength=12)
    shares = histogram / histogram.sum()
    bass = np.minimum.reduceat(pitch, np.searchsorted(on_s, moments))
    return np.array(
        [
            key_correlation_difference(pitch, length_s),
            np.sort(shares)[:5].sum(),  # what lies outside of the seven most used classes
            -(shares[shares > 0] * np.log(shares[shares > 0])).sum(),
            np.log2(max(moments.size, 1) / WINDOW_S),
            np.log2(max(line.size, 1) / WINDOW_S),
            np.log2(len(notes) / WINDOW_S),
            np.log2(np.median(length_s)),
            np.log2(np.mean(length_s)),
            gaps.std() / gaps.mean(),
            np.mean(gaps < 0.16),
            np.mean(gaps > 0.6),
            counts.mean(),
            np.mean(counts == 1),
            np.mean(counts >= 3),
            pitch.mean() / 12,
            pitch.std() / 12,
            pitch[line].mean() / 12 if line.size else 5.0,
            bass.mean() / 12,
            np.ptp(pitch[line]) / 12 if line.size else 0.0,
            np.mean(np.abs(steps)) / 12,
            np.mean(np.abs(steps) == 0),
            np.mean((np.abs(steps) >= 1) & (np.abs(steps) <= 2)),
            np.mean(np.abs(steps) == 1),
            np.mean(np.abs(steps) >= 7),
            np.mean(steps > 0),
            np.mean(np.abs(np.diff(np.sign(steps)))) if steps.size > 1 else 0.0,
            articulation(on_s, length_s, pitch),
            dissonance(on_s, on_s + length_s, pitch),
            *_intervals(on_s, length_s, pitch),
            np.mean(np.diff(bass) == 0) if bass.size > 1 else 0.0,
        ]
    )


def _intervals(on_s: FloatArray, length_s: FloatArray, pitch: FloatArray) -> FloatArray:
    """Shares of the interval classes 1..6 among notes that sound together."""
    counts = np.zeros(7)
    for moment in np.unique(on_s):
        sounding = np.unique(pitch[(on_s <= moment) & (on_s + length_s > moment + 0.01)])
        classes = np.abs(sounding[:, None] - sounding[None, :])[np.triu_indices(len(sounding), 1)].astype(int) % 12
        counts += np.bincount(np.minimum(classes, 12 - classes), minlength=7)[:7]
    return np.asarray(counts[1:] / max(counts[1:].sum(), 1))


@dataclass
class Recogniser:
    """mean, scale: of the features. weights: (features + 1, moods)."""

    mean: FloatArray
    scale: FloatArray
    weights: FloatArray

    def probabilities(self, rows: Sequence[FloatArray]) -> FloatArray:
        """Of each mood for a piece: the mean over its windows, shape (moods,)."""
        shaped = np.clip((np.stack(list(rows)) - self.mean) / self.scale, -4, 4)
        logits = np.concatenate([shaped, np.ones((len(shaped), 1))], axis=1) @ self.weights
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray((odds / odds.sum(axis=1, keepdims=True)).mean(axis=0))

    def mood(self, rows: Sequence[FloatArray]) -> str:
        """The likeliest mood of a piece."""
        return MOODS[int(self.probabilities(rows).argmax())]


# How far a piece goes in itself is told of these: place among the features, and how many of the unit one is.
VARYING: dict[str, tuple[int, float]] = {
    "onsets, octaves": (3, 1.0),
    "pitch, semitones": (14, 12.0),
    "dissonance, share": (27, 1.0),
    "spread, semitones": (15, 12.0),
}
LEAST_WINDOWS = 4


def variation(pieces: Sequence[list[FloatArray]]) -> dict[str, float]:
    """Median over the pieces of the standard deviation from window to window; {} where none has enough windows."""
    long_enough = [np.stack(rows) for rows in pieces if len(rows) >= LEAST_WINDOWS]
    if not long_enough:
        return {}
    return {
        name: round(float(np.median([unit * rows[:, at].std(ddof=1) for rows in long_enough])), 3)
        for name, (at, unit) in VARYING.items()
    }


def fit(pieces: Sequence[tuple[str, list[FloatArray]]]) -> Recogniser:
    """pieces: (mood, windows). Deterministic."""
    import torch

    rows = np.concatenate([np.stack(found) for _, found in pieces])
    labels = np.concatenate([np.full(len(found), MOODS.index(mood)) for mood, found in pieces])
    of_mood = {mood: sum(other == mood for other, _ in pieces) for mood in MOODS}
    weight = np.concatenate([np.full(len(found), 1 / len(found) / of_mood[mood]) for mood, found in pieces])
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    shaped = torch.tensor(np.clip((rows - mean) / scale, -4, 4))
    inputs = torch.cat([shaped, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)
    target, importance = torch.tensor(labels), torch.tensor(weight / weight.sum())
    weights = torch.zeros(inputs.shape[1], len(MOODS), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        nats = torch.nn.functional.cross_entropy(inputs @ weights, target, reduction="none")
        loss = (nats * importance).sum() + RIDGE * (weights[:-1] ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return Recogniser(mean, scale, weights.detach().numpy())


def cross_validated(pieces: Sequence[tuple[str, str, list[FloatArray]]]) -> list[tuple[str, str]]:
    """(named, recognised) of every piece, by one that saw none of its group. pieces: (group, mood, windows)."""
    fold_of = [int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") % FOLDS for group, _, _ in pieces]
    verdicts = []
    for fold in range(FOLDS):
        judge = fit([(mood, rows) for (_, mood, rows), at in zip(pieces, fold_of, strict=True) if at != fold])
        verdicts += [
            (mood, judge.mood(rows)) for (_, mood, rows), at in zip(pieces, fold_of, strict=True) if at == fold
        ]
    return verdicts
