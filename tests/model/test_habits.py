"""Habits that a model carries are foreign text: right ones are read, wrong ones told in a sentence, before music."""

from __future__ import annotations

import copy
import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.errors import ModelError
from improv.model.habits import CHORDS, FORMAT, LONGEST_TEXT, MOST, PEDAL, TABLES, TEXTURE, check, told
from improv.plan.corpus_counts import corpus_counts
from improv.plan.planner import make_ready
from tests.fakes import ENCODING, contract

PIECE = "the model x.onnx"


@cache
def right() -> dict[str, Any]:
    """All tables, small."""
    texture: dict[str, Any] = {name: np.zeros(shape).tolist() for name, shape in TEXTURE.items()}
    return {
        "format": FORMAT,
        "pieces": 3,
        "phrases": 40,
        **{name: np.ones(shape, dtype=int).tolist() for name, shape in TABLES.items()},
        **{name: [[[0] * len(limits) + [1]]] * lists for name, (lists, limits) in CHORDS.items()},
        "closes": [[[[0, 0, 0, 7, 4, 0, 3, 5]]] * 4] * 2,
        "forms": [["ABA", 2]],
        "metres": [["3/4", 0, 1, 2]],
        "moves": {str(number): [[-12, 12, 3]] for number in range(12)},
        "lengths": list(range(20, 41)),
        "texture": texture,
        "pedal": dict.fromkeys(PEDAL, -0.5),
    }


def test_what_is_right_is_read_and_can_be_planned_from() -> None:
    text = json.dumps(right())
    check(text, PIECE)
    assert told(text)["pieces"] == 3
    make_ready(text)
    check("", PIECE)
    assert told("") == {}


def test_each_table_may_be_missing() -> None:
    for name in right():
        if name not in ("format", "phrases"):
            check(json.dumps({key: value for key, value in right().items() if key != name}), PIECE)


WRONG: list[tuple[str, Any, str]] = [
    ("format", 2, "not of format 3"),
    ("rates", [[[1, 2], [3, 4]]], "rates: not a table"),
    ("rates", np.full((2, 2, 4), -1).tolist(), "rates"),
    ("cadences", np.full((2, 5, 4), MOST + 1).tolist(), "cadences"),
    ("lags", np.full((8, 49), 0.5).tolist(), "lags"),
    ("lags", "no", "lags"),
    ("pairs", [[[0, 0, 0, 12, 0, 0, 1]], []], "pairs: 12, allowed are 0..11"),
    ("pairs", [[[0, 0, 0, 1]], []], "pairs"),
    ("pairs", [[]], "pairs: 1 lists, expected 2"),
    ("single", [[[0, 0, True, 1]], [], [], []], "single: True"),
    ("closes", [[[], [], [], []]], "closes"),
    ("forms", [["AB A", 1]], "forms: 'AB A'"),
    ("forms", [["A" * 17, 1]], "forms"),
    ("forms", [[7, 1]], "forms"),
    ("metres", [["3/4", 2, 0, 1]], "metres"),
    ("moves", {"0": []}, "moves"),
    ("moves", {str(n): [[0, 500, 1]] for n in range(12)}, "moves"),
    ("lengths", [1, 2], "lengths"),
    ("texture", {}, "weights"),
    ("phrases", -1, "phrases"),
    ("pedal", {"lift": 0, "again": 0}, "press"),
    ("pedal", {"lift": 0, "again": 0, "press": 99}, "pedal"),
    ("pedal", {"lift": 0, "again": 0, "press": float("nan")}, "pedal"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_what_is_wrong_is_told_with_the_model(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ModelError, match=f"^{PIECE}: its habits cannot be used: .*{sentence}"):
        check(json.dumps(right() | {name: value}), PIECE)


@pytest.mark.parametrize("cell", [float("inf"), 1e4])
def test_what_hands_do_is_within_what_they_can(cell: float) -> None:
    for name in TEXTURE:
        wrong = copy.deepcopy(right())
        wrong["texture"][name][0][0] = cell
        with pytest.raises(ModelError, match="texture"):
            check(json.dumps(wrong), PIECE)
    wrong = copy.deepcopy(right())
    wrong["texture"]["bar_covariance"][0][0] = -5.0
    with pytest.raises(ModelError, match="no covariance"):
        check(json.dumps(wrong), PIECE)


@pytest.mark.parametrize("text", ["{", "[]", "7", "null", '"x"', "[" * 5000, " " * (LONGEST_TEXT + 1)])
def test_text_that_is_no_table_is_told(text: str) -> None:
    with pytest.raises(ModelError, match="its habits cannot be used"):
        check(text, PIECE)


def test_a_contract_is_checked_with_its_habits() -> None:
    assert contract(habits=json.dumps(right())).check("m").fingerprint == ENCODING.fingerprint
    with pytest.raises(ModelError, match="m: its habits"):
        contract(habits="{}").check("m")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(right())), JSON)
def test_whatever_stands_in_a_table_is_refused_in_words_or_can_be_planned_from(name: str, value: Any) -> None:
    text = json.dumps(right() | {name: value})
    try:
        check(text, PIECE)
    except ModelError:
        return
    corpus_counts(text)


def test_the_counts_of_everybody_have_the_same_form() -> None:
    everybody = json.loads(resources.files("improv.plan").joinpath("corpus_counts.json").read_text(encoding="utf-8"))
    check(json.dumps(everybody | {"phrases": 1}), "corpus_counts.json")
