"""The conditioning vector: what the model is told beside the token. One definition for training and daemon.

For each of valence, arousal and the attributes, and for `ending`, two numbers: the value scaled to -1..1 (0 when
unknown) and 1 when known. Then four numbers for the place in the bar and in the beat, on two circles.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from improv.model import plan_inputs
from improv.model.vocabulary.base import Encoding
from improv.music.attributes import ATTRIBUTES

COMMANDS: tuple[str, ...] = ("valence", "arousal", *ATTRIBUTES, "ending")
PLACE: tuple[str, ...] = ("bar_sin", "bar_cos", "beat_sin", "beat_cos")
SIZE = 2 * len(COMMANDS) + len(PLACE)
ENDING_REACH_BARS = 8.0
"""`ending` is 1 in the last bar of a piece and falls to 0 this many bars before the end."""


def specification() -> str:
    """JSON text of names, ranges and scales, written into every exported model and compared when one is loaded."""
    rows: list[dict[str, object]] = []
    for name in COMMANDS:
        if attribute := ATTRIBUTES.get(name):
            rows.append({"name": name, "low": attribute.low, "high": attribute.high, "scale": attribute.scale})
        else:
            rows.append({"name": name, "low": 0 if name == "ending" else -1, "high": 1, "scale": "linear"})
    return json.dumps({"commands": rows, "place": PLACE}, separators=(",", ":"))


def width(encoding: Encoding) -> int:
    """Numbers in the conditioning vector of a family's network: SIZE, and those of its plan where it has one."""
    return SIZE + (plan_inputs.SIZE if encoding.planned else 0)


def specification_for(encoding: Encoding) -> str:
    """The `specification` that a family's models carry; with that of the plan where it has one."""
    if not encoding.planned:
        return specification()
    return json.dumps(
        {**json.loads(specification()), "plan": json.loads(plan_inputs.specification())}, separators=(",", ":")
    )


def scale(name: str, value: float) -> float:
    """A command's value in its own unit -> -1..1 (ending: 0..1)."""
    if attribute := ATTRIBUTES.get(name):
        return attribute.normalise(value)
    return min(max(value, 0.0 if name == "ending" else -1.0), 1.0)


def ending_value(bars_left: float) -> float:
    """How near the end is, 0..1, for a number of bars that are left."""
    return min(max(1.0 - bars_left / ENDING_REACH_BARS, 0.0), 1.0)


def vector(
    values: Mapping[str, float], beat_in_bar: float | None = None, beats_per_bar: float = 4.0
) -> NDArray[np.float32]:
    """The conditioning of one step, shape (SIZE,), float32.

    values: commands by name in their own units; what is missing is unknown. KeyError for a name not in COMMANDS.
    beat_in_bar: place in quarter notes from the bar line, or None when there is no metre.
    """
    row = np.zeros(SIZE, dtype=np.float32)
    for name, value in values.items():
        at = 2 * COMMANDS.index(name) if name in COMMANDS else _unknown(name)
        row[at], row[at + 1] = scale(name, value), 1.0
    if beat_in_bar is not None:
        row[-4:] = place(beat_in_bar, beats_per_bar)
    return row


def place(beat_in_bar: float, beats_per_bar: float) -> tuple[float, float, float, float]:
    """Sine and cosine of the place in the bar and of the place in the beat."""
    bar, beat = 2 * math.pi * beat_in_bar / beats_per_bar, 2 * math.pi * beat_in_bar
    return math.sin(bar), math.cos(bar), math.sin(beat), math.cos(beat)


def vectors(values: Mapping[str, NDArray[np.float64]], count: int) -> NDArray[np.float32]:
    """`vector` of many steps, (count, SIZE), without their places. values: (count,) each, NaN where unknown."""
    rows = np.zeros((count, SIZE), dtype=np.float32)
    for name, given in values.items():
        at = 2 * COMMANDS.index(name) if name in COMMANDS else _unknown(name)
        known = ~np.isnan(given)
        if attribute := ATTRIBUTES.get(name):
            scaled = attribute.normalise_all(given)
        else:
            scaled = np.clip(given, 0 if name == "ending" else -1, 1)
        rows[:, at], rows[:, at + 1] = np.where(known, scaled, 0), known
    return rows


def places(beat_in_bar: NDArray[np.float64], beats_per_bar: NDArray[np.float64]) -> NDArray[np.float64]:
    """`place` of many steps, (steps, 4)."""
    bar, beat = 2 * math.pi * beat_in_bar / beats_per_bar, 2 * math.pi * beat_in_bar
    return np.stack([np.sin(bar), np.cos(bar), np.sin(beat), np.cos(beat)], axis=1)


def unconditioned(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same place in the bar with every command unknown."""
    bare = row.copy()
    bare[: 2 * len(COMMANDS)] = 0.0
    return bare


def _unknown(name: str) -> int:
    raise KeyError(f"unknown command {name!r}; there are: {', '.join(COMMANDS)}")
