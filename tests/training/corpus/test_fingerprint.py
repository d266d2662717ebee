"""The same music is found whatever its key, its scale of time and its file; other music is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.corpus.test_clean import score
from training.corpus import augment
from training.corpus.fingerprint import Known, share, sketch
from training.corpus.score import Score


def tune(seed: int, length: int = 200) -> Score:
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.25, 0.5, 0.5, 1.0], length))
    chords = [(float(at), 0.5, int(pitch)) for at, pitch in zip(onset, rng.integers(60, 80, length), strict=True)]
    return score(chords + [(at, 0.5, pitch - 16) for at, _, pitch in chords[::3]])


@pytest.mark.parametrize(
    "change",
    [
        lambda s: augment.transpose(s, 5),
        lambda s: augment.stretch(s, 2.0),
        lambda s: replace(s, notes=_scaled(s.notes, 2.0)),
        lambda s: replace(s, notes=_scaled(s.notes, 1 / 3)),
        lambda s: replace(s, notes=_rounded(s.notes)),
        lambda s: replace(s, notes=s.notes[:-8]),
    ],
)
def test_the_same_music_is_found(change: object) -> None:
    known = Known()
    known.add("first", sketch(tune(1)))
    known.add("second", sketch(tune(2)))
    assert known.same_as(sketch(change(tune(2)))) == "second"  # type: ignore[operator]


def _scaled(notes: np.ndarray, factor: float) -> np.ndarray:
    scaled = notes.copy()
    scaled["onset"] *= factor
    scaled["duration"] *= factor
    return scaled


def _rounded(notes: np.ndarray) -> np.ndarray:
    """As another program would save it, at 96 ticks a quarter note and with other lengths."""
    saved = notes.copy()
    saved["onset"] = np.round(saved["onset"] * 96) / 96
    saved["duration"] *= 0.9
    return saved


def test_other_music_and_another_harmony_are_not() -> None:
    melody = tune(1)
    lower = replace(melody, notes=melody.notes.copy())
    struck = lower.notes["pitch"] < 60
    lower.notes["pitch"][struck] -= np.arange(struck.sum()) % 5
    known = Known()
    known.add("first", sketch(melody))
    assert known.same_as(sketch(tune(3))) is None
    assert known.same_as(sketch(lower)) is None
    assert share(sketch(melody), sketch(melody)) == 1


def test_a_short_piece_is_like_no_other() -> None:
    assert len(sketch(tune(1, 12))) == 0
    assert Known().same_as(sketch(tune(1, 12))) is None
