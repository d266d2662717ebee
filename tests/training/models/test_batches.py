"""The stream of training batches: whole pieces in a row, the same again after a restart, commands hidden at random."""

from __future__ import annotations

import itertools

import numpy as np

from improv.model import conditioning
from improv.model.vocabulary.polyphony import STEP_END
from training.dataset.dataset import Dataset
from training.models.batches import LaneStream, conditioned, hide

COMMANDS = 2 * len(conditioning.COMMANDS)


def stream(dataset: Dataset, transpose: tuple[int, int] = (-2, 2), seed: int = 3) -> LaneStream:
    return LaneStream(dataset, dataset.split("train"), 3, 20, transpose, seed)


def test_state_and_restore_give_identical_batches(dataset: Dataset) -> None:
    first, second = stream(dataset), stream(dataset, seed=99)
    for _ in range(30):
        first.next()
    second.restore(first.state())
    for _ in range(60):  # over the border of several pieces
        for one, other in zip(first.next(), second.next(), strict=True):
            assert np.array_equal(one, other)


def test_the_state_is_a_copy(dataset: Dataset) -> None:
    lanes = stream(dataset)
    state = lanes.state()
    batches = [lanes.next().tokens for _ in range(40)]
    lanes.restore(state)
    assert all(np.array_equal(lanes.next().tokens, batch) for batch in batches)


def test_a_lane_goes_on_where_it_stopped(dataset: Dataset) -> None:
    lanes = stream(dataset)
    before = lanes.next()
    for _ in range(50):
        batch = lanes.next()
        assert np.array_equal(batch.tokens[:, 1:], batch.targets[:, :-1])
        assert np.array_equal(batch.tokens[:, 0], before.targets[:, -1])
        before = batch


def test_lanes_play_whole_training_pieces(dataset: Dataset) -> None:
    lanes = stream(dataset, transpose=(0, 0))
    train = {tuple(dataset.tokens[row.start : row.stop].tolist()) for row in dataset.split("train")}
    line = np.concatenate([lanes.next().tokens[0] for _ in range(100)])
    starts = np.flatnonzero(line == dataset.encoding.start_id)
    assert len(starts) > 3
    for begin, end in itertools.pairwise(starts):
        assert tuple(line[begin:end].tolist()) in train


def test_the_condition_is_that_of_the_token_to_be_predicted(dataset: Dataset) -> None:
    """The place in the bar, which is rarely hidden, moves on when the target is past a STEP_END."""
    batch = stream(dataset, transpose=(0, 0)).next()
    place = batch.condition[:, :, COMMANDS:]
    step_end = STEP_END
    for lane in range(3):
        if not place[lane].any():
            continue  # hidden
        moved = np.any(place[lane, 1:] != place[lane, :-1], axis=1)
        inside = batch.targets[lane, :-1] != dataset.encoding.end_id
        assert np.array_equal(moved[inside], (batch.targets[lane, :-1] == step_end)[inside])


def test_hide_takes_values_and_flags_together() -> None:
    rng = np.random.default_rng(0)
    condition = np.ones((400, 2, conditioning.SIZE), dtype=np.float32)
    hide(condition, rng)
    pairs = condition[:, :, :COMMANDS].reshape(400, 2, -1, 2)
    assert np.array_equal(pairs[..., 0], pairs[..., 1])
    assert np.array_equal(condition[:, 0], condition[:, 1])  # a lane hides the same for the whole segment
    nothing_told = ~condition[:, 0, :COMMANDS].any(-1)
    only_mood = condition[:, 0, :4].all(-1) & ~condition[:, 0, 4 : COMMANDS - 2].any(-1)
    place_hidden = ~condition[:, 0, COMMANDS:].any(-1)
    assert 0.10 < nothing_told.mean() < 0.20
    assert 0.10 < only_mood.mean() < 0.20
    assert 0.05 < place_hidden.mean() < 0.15
    assert 0.5 < (condition[:, 0, COMMANDS - 1] == 0).mean() < 0.8


def test_a_transposition_moves_the_register() -> None:
    row = conditioning.vector({"register": 60, "mode": 0.5}).astype(np.float16)[None]
    higher = conditioning.vector({"register": 63, "mode": 0.5})[None]
    assert np.allclose(conditioned(row, 3), higher, atol=1e-3)


def test_a_transposition_does_not_invent_a_register() -> None:
    row = conditioning.vector({"mode": 0.5}).astype(np.float16)[None]
    assert np.array_equal(conditioned(row, 3), row.astype(np.float32))


def test_weights_decide_how_often_a_piece_comes(dataset: Dataset) -> None:
    pieces = dataset.split("train")
    weights = [1.0] * len(pieces)
    weights[0] = 0.0
    stream = LaneStream(dataset, pieces, 2, 16, (0, 0), 1, weights)
    drawn = [index for _ in range(50) for index in stream._draw()]
    assert 0 not in drawn
    assert set(drawn) == set(range(1, len(pieces)))
    assert dataset.weights("train") != []
