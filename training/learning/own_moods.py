"""Where a composer's moods lie: the mood table of the configuration, moved to what his music is like.

A model that has learnt a style still plays what it is told: how fast, how high, how loud. Told as before it would go on
playing in everybody's way. So the table is moved by as much as his music differs from everybody's at the same mood:
a window that is fast is of an excited mood already, so only what is faster than others of that mood is his own; and a
model that plays a little denser than it is told does so for both. First the table moves as a whole, by the mean of the
differences; then each corner by what is left over near it, the more the more windows lie there (ridge regression; Hoerl
and Kennard 1970).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, AttributeTable

FloatArray = NDArray[np.float64]
KEPT = ("mode",)
"""Attributes that stay as they are: without major and minor no mood would be left. EVERYBODY tells of all others."""
ENOUGH_WINDOWS = 24
"""So many windows at a corner weigh as much as the table moved as a whole."""
EVERYBODY: AttributeTable = {
    "onset_density": {"happy": 6.5, "nervous": 6.8, "sad": 1.3, "calm": 1.3},
    "register": {"happy": 66.2, "nervous": 62.8, "sad": 57.3, "calm": 61.8},
    "loudness": {"happy": 73, "nervous": 75, "sad": 54, "calm": 51},
    "articulation": {"happy": 0.98, "nervous": 0.97, "sad": 0.98, "calm": 0.97},
    "dissonance": {"happy": 0.16, "nervous": 0.25, "sad": 0.21, "calm": 0.11},
    "pitch_spread": {"happy": 10.9, "nervous": 11.0, "sad": 9.4, "calm": 9.8},
    "tempo": {"happy": 125, "nervous": 128, "sad": 81, "calm": 87},
}
"""What people's windows do at each corner: the plane through 47,355 windows of the 2,694 training pieces of `hands`."""
LEAST_WINDOWS = 8
"""Of all moods together; an attribute that fewer windows tell of stays as it is."""


def windows_of(dataset: Path, pieces: set[int]) -> list[dict[str, str]]:
    """The rows of windows.csv of these pieces, by their numbers."""
    with (dataset / "windows.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["piece"]) in pieces]


def own_table(windows: Sequence[Mapping[str, str]], table: AttributeTable) -> dict[str, dict[str, float]]:
    """The rows of the table that change. windows: rows of windows.csv; what a piece does not tell is empty there."""
    found = {}
    known = [row for row in windows if row.get("valence") and row.get("arousal")]
    for name, corners in table.items():
        told = [row for row in known if row.get(name)]
        if name not in EVERYBODY or len(told) < LEAST_WINDOWS:
            continue
        moods = np.array([(float(row["valence"]), float(row["arousal"])) for row in told])
        found[name] = _moved(name, moods, np.array([float(row[name]) for row in told]), corners)
    return found


def _moved(name: str, moods: FloatArray, values: FloatArray, corners: Mapping[str, float]) -> dict[str, float]:
    """moods: (windows, 2). values: (windows,), in the attribute's unit."""
    attribute, near = ATTRIBUTES[name], _nearness(moods)
    places, usual = (np.array([attribute.normalise(row[one]) for one in CORNERS]) for row in (corners, EVERYBODY[name]))
    left = attribute.normalise_all(values) - near @ usual
    shift = left.mean()
    weighed = near.T @ near + ENOUGH_WINDOWS * np.eye(len(CORNERS))
    places = places + shift + np.linalg.solve(weighed, near.T @ (left - shift))
    digits = 0 if attribute.high > 100 else 2 if attribute.high <= 1 else 1
    return {corner: round(attribute.denormalise(float(p)), digits) for corner, p in zip(CORNERS, places, strict=True)}


def _nearness(moods: FloatArray) -> FloatArray:
    """How much of each corner is in each mood, (windows, 4), as `improv.music.mood.attributes_at` has it."""
    signs = np.array(list(CORNERS.values()))
    return np.asarray(((1 + signs[None] * moods[:, None]) / 2).prod(axis=2))


def settings_text(model: Path, source: str, table: Mapping[str, Mapping[str, float]]) -> str:
    """A configuration file that plays a model with its own moods."""
    rows = "".join(
        f"    {name}: {{{', '.join(f'{corner}: {value:g}' for corner, value in corners.items())}}}\n"
        for name, corners in table.items()
    )
    moods = f"mood:\n  table:\n{rows}" if rows else ""
    path = str(model).replace("'", "''")
    return f"# What `python -m training finetune` made of {source}.\nmodel:\n  path: '{path}'\n{moods}"
