"""Where a composer's moods lie: the mood table of the configuration, moved to what his music is like.

A model that has learnt a style still plays what it is told: how fast, how high, how loud. Told as before it would go on
playing in everybody's way. So each corner of the table lies between two points: the table moved as a whole, so that its
middle is the middle of the music; and the mean of the music's own windows of that mood, which counts the more the
more of them there are.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, AttributeTable

KEPT = ("mode",)
"""Attributes that stay as they are: without major and minor no mood would be left."""
ENOUGH_WINDOWS = 24
"""So many windows of a mood weigh as much as the table moved as a whole."""
LEAST_WINDOWS = 8
"""Of all moods together; an attribute that fewer windows tell of stays as it is."""


def windows_of(dataset: Path, pieces: set[int]) -> list[dict[str, str]]:
    """The rows of windows.csv of these pieces, by their numbers."""
    with (dataset / "windows.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["piece"]) in pieces]


def own_table(windows: list[dict[str, str]], table: AttributeTable) -> dict[str, dict[str, float]]:
    """The rows of the table that change. windows: rows of windows.csv; what a piece does not tell is empty there."""
    found = {}
    for name, corners in table.items():
        told = [(row["attributes"], float(row[name])) for row in windows if row.get(name)]
        if name in KEPT or len(told) < LEAST_WINDOWS:
            continue
        found[name] = _moved(name, told, corners)
    return found


def _moved(name: str, told: list[tuple[str, float]], corners: Mapping[str, float]) -> dict[str, float]:
    attribute = ATTRIBUTES[name]
    places = {corner: attribute.normalise(value) for corner, value in corners.items()}
    shift = float(np.mean([attribute.normalise(value) for _, value in told])) - float(np.mean(list(places.values())))
    moved = {}
    for corner in CORNERS:
        own = [attribute.normalise(value) for mood, value in told if mood == corner]
        place = (ENOUGH_WINDOWS * (places[corner] + shift) + sum(own)) / (ENOUGH_WINDOWS + len(own))
        value = attribute.denormalise(place)
        moved[corner] = round(value, 0 if attribute.high > 100 else 2 if attribute.high <= 1 else 1)
    return moved


def settings_text(model: Path, source: str, table: Mapping[str, Mapping[str, float]]) -> str:
    """A configuration file that plays a model with its own moods."""
    rows = "".join(
        f"    {name}: {{{', '.join(f'{corner}: {value:g}' for corner, value in corners.items())}}}\n"
        for name, corners in table.items()
    )
    moods = f"mood:\n  table:\n{rows}" if rows else ""
    path = str(model).replace("'", "''")
    return f"# What `python -m training finetune` made of {source}.\nmodel:\n  path: '{path}'\n{moods}"
