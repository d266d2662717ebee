"""A composer's habits: what his pieces do is in the text, and a model made of them plays by it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from improv.improviser import pedalling
from improv.model.habits import PEDAL, check
from improv.plan.corpus_counts import corpus_counts
from tests.training.corpora import meter, tempo, write_midi
from training.analysis.pedalling import offset
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.learning.finetune import table
from training.learning.own_habits import habits_of, summary

PIECES, BARS = 4, 24


@pytest.fixture(scope="module")
def waltzes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pieces in 3/4: a bass and two chords in each bar, a tune above."""
    folder = tmp_path_factory.mktemp("waltzes")
    chords = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
    for index in range(PIECES):
        rng, notes = np.random.default_rng(index), []
        for bar in range(BARS):
            tones, at = chords[bar % 4], 3.0 * bar
            notes += [(at, 1.0, 36 + tones[0])]
            notes += [(at + beat, 0.5, 48 + tone) for beat in (1, 2) for tone in tones]
            notes += [(at + half / 2, 0.5, 72 + tones[int(rng.integers(3))]) for half in range(6)]
        meta = [(0.0, tempo(150)), (0.0, meter(3, 4))]
        write_midi(folder / f"Recording {index + 1:02d}.mid", notes, meta=meta, velocities=(60, 70, 80, 90, 100))
    return folder


def test_the_text_tells_what_the_pieces_do(waltzes: Path, tmp_path: Path) -> None:
    prepare([str(waltzes)], tmp_path / "data", Options(family="hands", processes=1, cache=tmp_path / "cache"))
    dataset = Dataset(tmp_path / "data")
    learnt = dataset.pieces[:3]
    text = habits_of(dataset, learnt, [str(waltzes)])
    check(text, "test")
    told = json.loads(text)
    assert told["pieces"] == 3
    assert sum(count for name, *_, count in told["metres"] if name == "3/4") == 3
    assert "pedal" not in told  # none of the files has one: nothing is known of his foot
    assert np.array(told["rhythm"]).sum() > BARS
    threes = [sum(n for name, *_, n in one.metres if name == "3/4") for one in (corpus_counts(), corpus_counts(text))]
    assert threes[1] > threes[0]
    assert habits_of(dataset, [], [str(waltzes)]) == ""


@pytest.mark.parametrize("much", [-2.0, 0.0, 2.0])
def test_what_somebody_does_more_than_everybody_is_found(much: float) -> None:
    rng = np.random.default_rng(3)
    logit = rng.normal(0, 1, 4000)
    done = rng.random(4000) < 1 / (1 + np.exp(-(logit + much)))
    assert offset(logit, done) == pytest.approx(much, abs=0.15)
    assert offset(logit[:0], done[:0]) == 0


def test_his_foot_lies_around_his_own() -> None:
    rngs = [np.random.default_rng(seed) for seed in (1, 1)]
    text = json.dumps({"format": 3, "pedal": dict(zip(PEDAL, (0.5, -1.0, 2.0), strict=True))})
    his, everybodys = (pedalling.draw_character(rng, own) for rng, own in zip(rngs, (text, ""), strict=True))
    assert np.subtract(his, everybodys) == pytest.approx((0.5, -1.0, 2.0))


def test_people_are_told_in_how_many_pieces_habits_were_counted() -> None:
    losses = {"before": {"new": 2.0, "old": 1.0}, "after": {"new": 1.5, "old": 1.0}}
    result = losses | {"held_out_pieces": ["a"], "old_music": "improvised", "learnt_pieces": 4}
    text = json.dumps({"format": 3, "pieces": 3, "bars": 90})
    assert "counted in 3 of 4 pieces" in table(result | {"habits": summary(text)})
    assert "counted in 0 of 4 pieces" in table(result | {"habits": summary("")})
    assert "habits" not in table(result)  # of a family without a plan
