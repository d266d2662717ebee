"""A composer's counts among everybody's: what few pieces tell, as far as they tell it.

Each row of a table becomes his counts and, as if so many of his had been seen, everybody's shares (a Dirichlet prior;
Gelman et al., Bayesian Data Analysis, has it). The row keeps everybody's total, so that what is smoothed later is
smoothed as before. How many such counts stand for everybody is `PRIOR`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from improv.model.habits import COVARIANCES
from improv.model.habits import TABLES as SHAPES

PRIOR: dict[str, float] = {
    "pairs": 8,
    "single": 40,
    "opening": 4,
    "beginning": 12,
    "changes": 20,
    "rates": 6,
    "keys": 10,
    "phrase_bars": 20,
    "cadences": 8,
    "last_cadence": 4,
    "closes": 8,
    "forms": 6,
    "section_phrases": 12,
    "lags": 15,
    "stays": 10,
    "likeness": 10,
    "returns": 10,
    "near": 10,
    "near_alone": 15,
    "moves": 10,
    "metres": 3,
    "rhythm": 10,
}
"""Counts: of chords, beats, phrases, bars or pieces, whatever the table counts."""
PRIOR_PIECES, PRIOR_PHRASES = 5.0, 60.0
"""Of the lengths of pieces and the hands."""
_WHOLE = ("phrase_bars",)
"""Tables that are one row: how long his phrases usually are must be able to change."""
Tables = Mapping[str, Any]


def mixed(everybody: Tables, own: Tables) -> dict[str, Any]:
    """Tables in the form of `improv.plan.corpus_counts`, counts of any number type. own: checked (`habits.check`)."""
    out = dict(everybody)
    for name in SHAPES:
        if name in own and name in everybody:
            out[name] = table(name, everybody[name], own[name]).tolist()
    for name in ("pairs", "single", "opening", "beginning"):
        if name in own:
            by = _first_chord if name == "pairs" else _together
            out[name] = [rows(name, *both, by) for both in zip(everybody[name], own[name], strict=True)]
    if "closes" in own:
        out["closes"] = [
            [rows("closes", *kind, _together) for kind in zip(*mode, strict=True)]
            for mode in zip(everybody["closes"], own["closes"], strict=True)
        ]
    if "forms" in own:
        out["forms"] = rows("forms", everybody["forms"], own["forms"], _together)
    if "metres" in own:
        out["metres"] = rows("metres", everybody["metres"], own["metres"], lambda row: row[1:3])
    if "moves" in own:
        out["moves"] = {
            key: rows("moves", there, own["moves"][key], _together) for key, there in everybody["moves"].items()
        }
    pieces = float(own.get("pieces", 0))
    if "lengths" in own:
        both = np.array([everybody["lengths"], own["lengths"]], dtype=np.float64)
        out["lengths"] = np.average(both, axis=0, weights=[PRIOR_PIECES, pieces]).round().astype(int).tolist()
    if "texture" in own:
        out["texture"] = _texture(everybody["texture"], own["texture"], pieces, float(own.get("phrases", 0)))
    return out


def table(name: str, everybody: Any, own: Any) -> np.ndarray:
    """A table of counts, mixed row by row along its last axis, or as a whole."""
    general, his = (np.array(value, dtype=np.float64) for value in (everybody, own))
    axis = None if name in _WHOLE else -1
    total, seen = (counts.sum(axis=axis, keepdims=True) for counts in (general, his))
    prior = PRIOR[name] * general / np.maximum(total, 1)
    return np.asarray(np.where(total > 0, total * (his + prior) / (seen + PRIOR[name]), his))


def rows(name: str, everybody: Sequence[Any], own: Sequence[Any], by: Callable[[Any], Any]) -> list[list[Any]]:
    """Rows with their count last, mixed within those that belong together. by: what tells that of a row."""
    general, his = ({tuple(row[:-1]): float(row[-1]) for row in those} for those in (everybody, own))
    totals: list[dict[Any, float]] = [{}, {}]
    for sums, counts in zip(totals, (general, his), strict=True):
        for row, count in counts.items():
            sums[tuple(by(row))] = sums.get(tuple(by(row)), 0.0) + count
    out = []
    for row in {**general, **his}:
        total, seen = (sums.get(tuple(by(row)), 0.0) for sums in totals)
        share = PRIOR[name] * general.get(row, 0.0) / total if total else 0.0
        mixture = (his.get(row, 0.0) + share) / (seen + PRIOR[name])
        out.append([*row, (total or seen) * mixture])
    return out


def _first_chord(row: Any) -> Any:
    return row[:3]


def _together(row: Any) -> Any:
    return ()


def _texture(everybody: Tables, own: Tables, pieces: float, phrases: float) -> dict[str, Any]:
    """The hands: means of both, weighed by the pieces or phrases that tell of them. A mean of covariances is one."""
    out = {}
    for name, general in everybody.items():
        of_pieces = name in ("piece_covariance", "speed_and_height_of_pieces")
        weights = [PRIOR_PIECES, pieces] if of_pieces else [PRIOR_PHRASES, phrases]
        both = np.array([general, own[name]], dtype=np.float64)
        if name in COVARIANCES:  # rounded as it was written it may be a little out
            both[1] = _covariance(both[1])
        out[name] = np.average(both, axis=0, weights=weights).tolist()
    return out


def _covariance(matrix: np.ndarray) -> np.ndarray:
    """The nearest one without a negative variance in any direction."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
