"""Recorded music a little slower or faster, louder or softer: on tokens as on the notes themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model import conditioning
from improv.model.vocabulary import Encoding, encoding_for
from improv.music.note import Note
from tests.training.corpora import melody, write_midi
from training.corpus import augment, reading
from training.corpus.augment import STRETCHES, TOUCHES, stretch_tokens, touch_tokens, vary, velocity_ids
from training.corpus.score import Score, notes_of
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.models.batches import LaneStream, conditioned

PERFORMANCE, PIANIST, POLYPHONY = (encoding_for(name) for name in ("performance", "pianist", "polyphony"))
NOTES = st.lists(
    st.builds(Note, st.integers(0, 900), st.integers(40, 60), st.integers(2, 300), st.integers(1, 127)), max_size=25
)


@given(NOTES, st.sampled_from(STRETCHES))
def test_stretched_tokens_are_the_tokens_of_stretched_notes(notes: list[Note], factor: float) -> None:
    """Each onset and end lies where the stretch puts it, within what keeps events apart."""
    tokens = np.array(PERFORMANCE.encode(notes))
    varied = stretch_tokens(PERFORMANCE, tokens, factor)
    before, after = PERFORMANCE.decode(tokens.tolist()), PERFORMANCE.decode(varied.tokens.tolist())
    assert [(n.pitch, n.velocity) for n in before] == [(n.pitch, n.velocity) for n in after] or factor < 1
    assert len(before) == len(after)
    ticks = PERFORMANCE.ticks(varied.tokens)
    assert ticks[-1] == pytest.approx(factor * PERFORMANCE.ticks(tokens)[-1], abs=1 + 0.5 * len(tokens))
    kept = [token for token in tokens if not PERFORMANCE.shifts.start <= token < PERFORMANCE.shifts.stop]
    assert [t for t in varied.tokens if not PERFORMANCE.shifts.start <= t < PERFORMANCE.shifts.stop] == kept
    assert np.all(np.diff(varied.source) >= 0)


def test_on_a_score_and_on_its_tokens_it_is_the_same() -> None:
    rng = np.random.default_rng(3)
    rows = [(float(at), 1.0, int(rng.integers(40, 80)), int(rng.integers(20, 110)), 0, 0) for at in range(60)]
    score = Score(notes_of(rows), ((0.0, 90.0),), ((0.0, 4.0),))
    for factor in STRETCHES:
        played = reading.on_clock(augment.stretch(score, factor), "a", "x", 100)
        straight = reading.on_clock(score, "a", "x", 100)
        tokens = np.array(PERFORMANCE.encode(straight.notes, straight.steps))
        varied = PERFORMANCE.decode(stretch_tokens(PERFORMANCE, tokens, factor).tokens.tolist())
        for one, other in zip(varied, PERFORMANCE.decode(PERFORMANCE.encode(played.notes, played.steps)), strict=True):
            assert (one.pitch, one.velocity) == (other.pitch, other.velocity)
            assert abs(one.onset - other.onset) <= 1
            assert abs(one.end - other.end) <= 1


@pytest.mark.parametrize("encoding", [PERFORMANCE, PIANIST], ids=["performance", "pianist"])
@given(notes=NOTES, factor=st.sampled_from(TOUCHES))
def test_another_touch_changes_velocities_only(encoding: Encoding, notes: list[Note], factor: float) -> None:
    tokens = np.array(encoding.encode(notes))
    varied = touch_tokens(encoding, tokens, factor)
    before, after = encoding.decode(tokens.tolist()), encoding.decode(varied.tokens.tolist())
    assert [(n.onset, n.pitch, n.duration) for n in before] == [(n.onset, n.pitch, n.duration) for n in after]
    for one, other in zip(before, after, strict=True):
        assert other.velocity == pytest.approx(np.clip(one.velocity * factor, 1, 127), abs=8)
    told = varied.tokens[np.isin(varied.tokens, velocity_ids(encoding))]
    assert np.all(np.diff(told) != 0), "a velocity is told only where it changes"


def test_families_without_velocity_and_seconds_stay_as_they_are() -> None:
    tokens = np.array(POLYPHONY.encode([Note(0, 60, 4)]))
    varied = vary(POLYPHONY, tokens, 1.05, 1.15)
    assert np.array_equal(varied.tokens, tokens)
    with pytest.raises(ValueError, match="polyphony counts beats"):
        stretch_tokens(POLYPHONY, tokens, 1.05)


def test_what_is_told_goes_along() -> None:
    row = conditioning.vector({"onset_density": 4.0, "loudness": 60.0, "register": 60.0})[None]
    expected = conditioning.vector({"onset_density": 3.2, "loudness": 66.0, "register": 62.0})[None]
    assert conditioned(row, 2, slower=1.25, louder=1.1) == pytest.approx(expected, abs=1e-6)
    unknown = conditioning.vector({"mode": 0.5})[None]
    assert np.array_equal(conditioned(unknown, 0, slower=1.25, louder=1.1), unknown)


@pytest.fixture(scope="module")
def performances(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("performances")
    for index in range(16):
        name = f"tune {chr(ord('a') + index)}.mid"
        write_midi(folder / "music" / name, melody(index, 32), velocities=(50, 60, 70, 80, 90, 100))
    prepare([str(folder / "music")], folder / "data", Options(family="performance"))
    return Dataset(folder / "data")


def test_lanes_vary_performances_and_go_on_after_a_restart(performances: Dataset, tmp_path: Path) -> None:
    def stream(seed: int) -> LaneStream:
        return LaneStream(performances, performances.split("train"), 3, 50, (-2, 2), seed)

    first, second = stream(1), stream(9)
    ways = set()
    for _ in range(20):
        first.next()
        ways |= {(lane.slower, lane.louder) for lane in first._lanes}
    assert len(ways) > 5
    second.restore(first.state())
    for _ in range(40):
        for one, other in zip(first.next(), second.next(), strict=True):
            assert np.array_equal(one, other)
