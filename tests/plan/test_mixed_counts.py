"""A composer's counts among everybody's: what little there is counts little, and what a plan draws follows."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.habits import FORMAT, TABLES, check
from improv.music.mood import CORNERS
from improv.plan.corpus_counts import corpus_counts, counts_from
from improv.plan.mixed_counts import PRIOR, mixed, rows, table
from improv.plan.plan_request import PlanRequest
from improv.plan.planner import follow
from improv.plan.rhythm import counts

BARS = 60


@cache
def everybody() -> dict[str, Any]:
    return dict(json.loads(resources.files("improv.plan").joinpath("corpus_counts.json").read_text(encoding="utf-8")))


def own(**tables: Any) -> str:
    text = json.dumps({"format": FORMAT, "pieces": 10} | tables)
    check(text, "test")
    return text


COUNTS = st.lists(st.integers(0, 1000), min_size=6, max_size=6)


@given(COUNTS, COUNTS)
def test_a_row_keeps_its_total_and_lies_between_both(general: list[int], his: list[int]) -> None:
    out = table("last_cadence", general, his)
    if not sum(general):
        assert out.tolist() == his
        return
    shares = np.array(general) / sum(general)
    assert out.sum() == pytest.approx(sum(general))
    seen = np.array(his) / sum(his) if sum(his) else shares
    low, high = np.minimum(shares, seen), np.maximum(shares, seen)
    assert ((out / out.sum() >= low - 1e-9) & (out / out.sum() <= high + 1e-9)).all()


@given(st.integers(1, 10**5))
def test_the_more_is_counted_the_more_it_is_his(count: int) -> None:
    """As many counts as stand for everybody weigh half; the rest follows."""
    prior = PRIOR["forms"]
    out = dict(rows("forms", [["AB", 30], ["ABA", 10]], [["AAA", count]], lambda _: ()))
    assert sum(out.values()) == pytest.approx(40)
    assert out["AAA"] / 40 == pytest.approx(count / (count + prior))
    assert out["AB"] == pytest.approx(3 * out["ABA"])


def test_without_habits_everything_is_everybodys() -> None:
    whole = mixed(everybody(), {"format": FORMAT})
    assert whole == everybody()
    assert corpus_counts(own()).rates.tolist() == counts_from(everybody()).rates.tolist()
    assert counts(own()).tolist() == counts().tolist()


def test_every_table_can_be_his_own() -> None:
    """Counts of a composer who does all that everybody does give everybody's chances."""
    tables = {
        name: everybody()[name] for name in (*TABLES, "pairs", "single", "opening", "beginning") if name != "rhythm"
    }
    names = ("closes", "forms", "metres", "moves", "lengths", "texture")
    text = own(**tables, **{name: everybody()[name] for name in names}, phrases=500)
    his, general = corpus_counts(text), corpus_counts()
    for mode in (0, 1):
        assert np.allclose(his.follows[mode], general.follows[mode])
        assert np.allclose(his.whole[mode], general.whole[mode])
    for name in (*(set(TABLES) - {"rhythm"}), "lengths"):
        assert np.allclose(getattr(his, name), getattr(general, name), rtol=1e-6), name
    assert {form for form, _ in his.forms} == {form for form, _ in general.forms}
    for name, there in general.texture.items():
        assert np.allclose(his.texture[name], there, atol=1e-6), name


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_plan_follows_his_habits(seed: int) -> None:
    """A composer of 3/4 and of phrases of three bars alone is planned so."""
    phrases = np.zeros(TABLES["phrase_bars"], dtype=int)
    phrases[2, 2] = 10**6
    metres = [["3/4", mode, fast, 10**6] for mode in (0, 1) for fast in (0, 1)]
    request = PlanRequest(mood=CORNERS["happy"], habits=own(phrase_bars=phrases.tolist(), metres=metres))
    plan = follow(None, request, 0, seed)
    while len(plan.bars) < BARS:
        plan = follow(plan, request, plan.bars[-1].tick)
    assert {bar.metre.bar_ticks for bar in plan.bars} == {36}
    coda = {bar.phrase for bar in plan.bars if bar.section == "Coda"}
    lengths = [phrase.bars for phrase in plan.phrases if phrase.number not in coda]
    assert lengths.count(3) >= 0.9 * len(lengths)
