"""Plans are laid out as chords that are read back as they were planned, and measured beside people's pieces."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation import check_plan
from training.evaluation.composition.bigram import ChordBigram
from training.evaluation.composition.reading import Reading


@pytest.mark.parametrize("mood", ["happy", "sad"])
def test_the_chords_of_a_plan_are_found_in_its_layout(mood: str) -> None:
    plan, tempo = check_plan.planned(mood, 3, 60.0)
    bars = check_plan.bars_until(plan, 60.0, tempo)
    music = check_plan.laid_out(bars, tempo, "seed 3", mood)
    found = Reading(music).harmony
    told = [bar.chord_at(tick).chord for bar in bars for tick, _ in bar.metre.slots]
    if bars[0].metre.pulse_ticks == 12:  # the measures count quarters
        assert len(told) == len(found.root)
        assert np.mean([chord.root == root for chord, root in zip(told, found.root, strict=True)]) > 0.9
    assert music.bars == len(bars)
    assert music.notes["duration"].min() > 0


def test_every_row_says_something() -> None:
    plan, tempo = check_plan.planned("calm", 1, 60.0)
    bars = check_plan.bars_until(plan, 60.0, tempo)
    music = check_plan.laid_out(bars, tempo, "seed 1", "calm")
    rows = check_plan.measured(music, ChordBigram([Reading(music).harmony])) | check_plan.references_of_plan(bars)
    assert all(np.isfinite(list(rows.values())))
    assert rows["authentic cadences per 100 beats"] > 0
    assert set(check_plan.references_of_people(music)) == set(check_plan.REFERENCES)


def test_bars_are_described_by_what_they_refer_to() -> None:
    table = np.array([[1, 1, 2, 0], [90, 40, 100, 0], [90, 40, 10, 0], [0, 1, 0, 0]], dtype=float)
    rows = {name: float(np.mean(row(check_plan.Referring(*table)))) for name, row in check_plan.REFERENCES.items()}
    assert rows["far reference: the bar before"] == 0.5
    assert rows["literal, 90 and more"] == 0.5
    assert rows["goes on with the run"] == pytest.approx(1 / 3)
    assert rows["moved in pitch"] == 0.25
