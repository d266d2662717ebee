"""A composer's habits, which a model may carry: how often his pieces do each thing that the plan draws. One definition
for training and daemon, checked as the foreign text that it is.

The text is JSON of one object. Its tables are those of `improv.plan.corpus_counts`, counted in his pieces alone, and:

- `rhythm`: [hand][last bar of a phrase][bin of the bar before][bin], as `improv.plan.rhythm` has it.
- `pieces`, `phrases`: how many were counted; the latter stand behind `texture`.
- `pedal`: `lift`, `again`, `press`: what he does more than everybody, in logits of `improv.improviser.pedalling`.

A table that is not there is everybody's. `improv.plan.mixed_counts` makes one of his and everybody's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from improv.errors import ModelError
from improv.model.plan_inputs import CADENCES
from improv.music.chord import QUALITIES

FORMAT = 3
INVERSIONS = 4
RATES = (1.0, 2.0, 3.0)
"""Limits between the classes of harmonic rhythm, changes of chord in four quarters."""
LAG_LIMITS = (1, 2, 4, 8, 16)
"""Bars; the classes of lags are 1, 2, 3-4, 5-8, 9-16, more."""
LIKENESS_BINS = 11
"""Tenths of 0..99, and 100 alone."""
LONGEST_PHRASE, MOST_LAG, LAG_PLACES = 16, 48, 8
MOST_SECTION_PHRASES = 4
START = len(CADENCES)
"""What stands for the cadence before the first phrase."""

LONGEST_TEXT = 1 << 20
"""Characters: twenty of the composers that were tried."""
MOST = 10**7
"""Of one count."""
MOST_LOGITS = 4.0
_MOST_ROWS, _LONGEST_FORM, _MOST_BARS, _FARTHEST_MOVE, _MOST_TEXTURE = 20_000, 16, 10_000, 96, 1000.0
_CLASSES, _KINDS, _STRENGTHS = len(LAG_LIMITS) + 1, len(CADENCES), 4
_CHORD = (12, len(QUALITIES), INVERSIONS)

TABLES: dict[str, tuple[int, ...]] = {
    "changes": (2, len(RATES) + 1, _STRENGTHS, 2),
    "rates": (2, 2, len(RATES) + 1),
    "keys": (2, 12, 2),
    "phrase_bars": (LONGEST_PHRASE, LONGEST_PHRASE),
    "cadences": (2, _KINDS + 1, _KINDS),
    "last_cadence": (_KINDS,),
    "section_phrases": (MOST_SECTION_PHRASES + 1,),
    "lags": (LAG_PLACES, MOST_LAG + 1),
    "stays": (_CLASSES, LIKENESS_BINS, 2),
    "likeness": (_CLASSES, 2, LIKENESS_BINS, LIKENESS_BINS),
    "returns": (LIKENESS_BINS + 1, LIKENESS_BINS),
    "near": (LIKENESS_BINS, LIKENESS_BINS),
    "near_alone": (LIKENESS_BINS,),
    "rhythm": (2, 2, LIKENESS_BINS + 1, LIKENESS_BINS),
}
"""Counts, by the shape of their table."""
CHORDS: dict[str, tuple[int, tuple[int, ...]]] = {
    "pairs": (2, _CHORD * 2),
    "single": (4, _CHORD),
    "opening": (2, _CHORD),
    "beginning": (2, _CHORD),
}
"""Rows of chords with their counts: how many lists of them, and how many values each number of a row may have."""
CLOSE = (*_CHORD, *_CHORD, _STRENGTHS)
TEXTURE: dict[str, tuple[int, int]] = {
    "weights": (4, 4),
    "piece_covariance": (4, 4),
    "phrase_covariance": (4, 4),
    "bar_covariance": (4, 4),
    "closing": (_KINDS, 4),
    "speed_and_height_in_piece": (2, 2),
    "speed_and_height_of_pieces": (2, 2),
}
COVARIANCES = tuple(name for name in TEXTURE if name not in ("weights", "closing"))
PEDAL = ("lift", "again", "press")
LENGTHS = 21
"""Bars of pieces: each twentieth quantile."""


def check(text: str, source: str) -> None:
    """ModelError says what is wrong with a model's habits. Empty text is right: the model has none."""
    if not text:
        return
    try:
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"{len(text)} characters; at most {LONGEST_TEXT} are allowed")
        _check(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise ModelError(f"{source}: its habits cannot be used: {str(error)[:160]}") from None


@lru_cache(maxsize=4)
def told(text: str) -> Mapping[str, Any]:
    """The tables of a text that was checked; nothing of an empty one."""
    return dict(json.loads(text)) if text else {}


def _check(own: Any) -> None:
    if not isinstance(own, dict) or own.get("format") != FORMAT:
        raise ValueError(f"they are not of format {FORMAT}")
    _counts("pieces, phrases", [own.get(name, 0) for name in ("pieces", "phrases")], (2,))
    for name, shape in TABLES.items():
        if name in own:
            _counts(name, own[name], shape)
    for name, (lists, limits) in CHORDS.items():
        if name in own:
            _rows(name, _lists(name, own[name], lists), limits)
    if "closes" in own:
        for kinds in _lists("closes", own["closes"], 2):
            _rows("closes", _lists("closes", kinds, _KINDS), CLOSE)
    _check_names(own)
    if "lengths" in own:
        _counts("lengths", own["lengths"], (LENGTHS,), _MOST_BARS)
    if "texture" in own:
        _check_texture(own["texture"])
    if "pedal" in own:
        values = [float(own["pedal"][name]) for name in PEDAL]
        if not all(abs(value) <= MOST_LOGITS for value in values):
            raise ValueError(f"pedal: {values}, allowed are -{MOST_LOGITS:g}..{MOST_LOGITS:g}")


def _check_names(own: Mapping[str, Any]) -> None:
    """Forms, metres and moves: rows with more than small numbers."""
    for name, row_length in (("forms", 2), ("metres", 4)):
        for row in _list(name, own.get(name, [])):
            if len(_list(name, row)) != row_length or not isinstance(row[0], str) or not row[0]:
                raise ValueError(f"{name}: {row!r}")
            _whole(name, row[-1:], [MOST])
    for letters, _ in own.get("forms", []):
        if len(letters) > _LONGEST_FORM or not (letters.isascii() and letters.isalpha() and letters.isupper()):
            raise ValueError(f"forms: {letters[:20]!r}")
    for row in own.get("metres", []):
        _whole("metres", row[1:3], [2, 2])
    if "moves" in own:
        if not isinstance(own["moves"], dict) or set(own["moves"]) != {str(i) for i in range(12)}:
            raise ValueError("moves: not by the twelve semitones")
        for row in (row for rows in own["moves"].values() for row in _list("moves", rows)):
            if len(_list("moves", row)) != 3:
                raise ValueError(f"moves: {row!r}")
            _whole("moves", [abs(row[0]), abs(row[1]), row[2]], [_FARTHEST_MOVE, _FARTHEST_MOVE, MOST])


def _check_texture(texture: Any) -> None:
    for name, shape in TEXTURE.items():
        table = np.array(texture[name], dtype=np.float64)
        if table.shape != shape or not (np.abs(table) <= _MOST_TEXTURE).all():
            raise ValueError(f"texture, {name}: not {shape} numbers up to {_MOST_TEXTURE:g}")
        if name in COVARIANCES and (
            np.abs(table - table.T).max() > 1e-6 or float(np.linalg.eigvalsh(table).min()) < -1e-2
        ):
            raise ValueError(f"texture, {name}: no covariance")


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST_ROWS:
        raise ValueError(f"{name}: not a list of at most {_MOST_ROWS}")
    return list(value)


def _lists(name: str, value: Any, count: int) -> list[Any]:
    lists = _list(name, value)
    if len(lists) != count:
        raise ValueError(f"{name}: {len(lists)} lists, expected {count}")
    return lists


def _counts(name: str, value: Any, shape: tuple[int, ...], most: int = MOST) -> None:
    table = np.array(value)
    if table.shape != shape or table.dtype.kind != "i" or table.min() < 0 or table.max() > most:
        raise ValueError(f"{name}: not a table {shape} of whole numbers 0..{most}")


def _rows(name: str, lists: Iterable[Any], limits: tuple[int, ...]) -> None:
    for row in (row for rows in lists for row in _list(name, rows)):
        if len(_list(name, row)) != len(limits) + 1:
            raise ValueError(f"{name}: {row!r}")
        _whole(name, row, [*limits, MOST])


def _whole(name: str, values: Iterable[Any], limits: Iterable[int]) -> None:
    """Numbers 0 .. limit - 1."""
    for value, limit in zip(values, limits, strict=True):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
            raise ValueError(f"{name}: {value!r}, allowed are 0..{limit - 1}")
