"""What makes a file unfit, the beat grid, the pedal, and the changes that augment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.piano import MAX_SOUNDING, fold_pedal
from training.corpus import augment, clean
from training.corpus.score import Rejected, Score, notes_of


def score(rows: list[tuple[float, float, int]], program: int = 0, **given: object) -> Score:
    """A score of (onset, duration, pitch) at 120 in 4/4."""
    notes = notes_of([(onset, duration, pitch, 80, program, 0) for onset, duration, pitch in rows])
    return Score(notes, **{"tempos": ((0.0, 120.0),), "meters": ((0.0, 4.0),), **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (score([]), "no notes"),
        (score([(0, 300, 60)]), "a note of more than 256 beats"),
        (score([(0, 200, 60)], tempos=((0.0, 10.0),)), "a note of more than 600 s"),
        (score([(0, 1, 60)], tempos=((0.0, float("inf")),)), "a tempo outside 1..1000 bpm"),
        (score([(0, 1, 60), (20_000, 1, 60)]), "longer than 20000 beats"),
        (score([(float("nan"), 1, 60)]), "a note at no time"),
        (score([(i / 1000, 1, 60) for i in range(3000)]), "more than 2000 notes within 8 beats"),
        (score([(0, 1, 60)] * 200_001), "200001 notes, more than 200000"),
    ],
)
def test_absurd_music_is_refused(bad: Score, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        clean.check(bad)


def test_a_recorded_performance_has_no_beat() -> None:
    rng = np.random.default_rng(1)
    played = score([(float(at), 0.4, 60) for at in np.sort(rng.uniform(0, 60, 300))])
    engraved = score([(step / 4, 0.25, 60) for step in range(100)] + [(30 + step / 6, 0.1, 64) for step in range(60)])
    assert clean.has_no_beat(played)
    assert clean.off_grid_share(played) == pytest.approx(0.7, abs=0.06)
    assert clean.off_grid_share(engraved) == 0


def test_the_pedal_holds_until_it_rises_or_the_key_is_struck_again() -> None:
    held = fold_pedal(score([(0, 1, 60), (1, 1, 64), (2, 1, 60), (5, 1, 67)], pedals=((0.5, 4.0),)))
    assert held.notes["duration"].tolist() == [2, 3, 2, 1]
    assert (held.pedals, held.done) == ((), ("sustain pedal folded into the lengths",))


def test_without_a_pedal_nothing_changes() -> None:
    dry = score([(0, 1, 60)])
    assert fold_pedal(dry) is dry


def test_other_instruments_go_to_the_piano_and_it_is_said() -> None:
    played = augment.to_piano(
        score([(0, 1, 60 + pitch) for pitch in range(14)] + [(2, 1, 115), (3, 1, 12)], program=40)
    )
    assert set(played.notes["program"]) == {0}
    assert len(played.notes[played.notes["onset"] == 0]) == MAX_SOUNDING
    assert {60, 73} <= set(played.notes["pitch"].tolist())
    assert played.notes["pitch"][-2:].tolist() == [103, 24]
    assert played.done == (
        "1 other instruments given to the piano: strings 16 notes",
        "2 notes moved into the piano's range",
        "4 notes of unplayable clusters left out",
    )


def test_a_piano_piece_stays_as_it_is() -> None:
    piano = score([(0, 1, 40 + pitch) for pitch in range(14)])
    assert augment.to_piano(piano) is piano


def test_single_instruments() -> None:
    rows = [(0.0, 1.0, 60, 80, 0, 0), (0.0, 1.0, 70, 80, 40, 1), (1.0, 1.0, 72, 80, 40, 1)]
    both = Score(notes_of(rows), ((0.0, 120.0),), ((0.0, 4.0),))
    assert augment.to_piano(both, "piano").notes["pitch"].tolist() == [60]
    assert augment.to_piano(both, "main").notes["pitch"].tolist() == [70, 72]
    with pytest.raises(Rejected, match="no piano track"):
        augment.to_piano(score([(0, 1, 60)], program=40), "piano")


@given(st.integers(0, 127), st.integers(0, 60))
def test_transpositions_stay_on_the_piano(low: int, span: int) -> None:
    high = min(low + span, 127)
    keys = augment.transpositions(low, high)
    assert 0 in keys
    if low >= 21 and high <= 108:
        assert all(low + step >= 21 and high + step <= 108 for step in keys)


def test_stretch_and_velocity() -> None:
    slow = augment.stretch(score([(0, 4, 60)]), 1.25)
    assert slow.seconds(slow.ends).tolist() == [2.5]
    assert augment.scale_velocity(np.array([1, 64, 127], dtype=np.int16), 1.5).tolist() == [2, 96, 127]
    assert augment.transpose(slow, 3).notes["pitch"].tolist() == [63]
    with pytest.raises(ValueError, match="lead out of"):
        augment.transpose(slow, 70)
