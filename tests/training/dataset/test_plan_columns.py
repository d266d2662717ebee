"""What a family with a plan is told of a piece: read back from the piece itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from improv.model import conditioning, plan_inputs
from improv.model.plan_inputs import COLUMN, FAR, HERE, NEAR, NEXT
from improv.model.vocabulary import HandsEncoding
from improv.model.vocabulary.hands import LEFT, RIGHT, contexts
from improv.music.chord import Chord
from improv.music.note import LOWEST_PIANO_PITCH
from tests.training.corpora import tiny_corpus
from training.analysis import analyse
from training.analysis.music import Music, music
from training.dataset import plan_columns
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.models.batches import LaneStream

ENCODING = HandsEncoding()


def alberti() -> Music:
    """Four bars in C: an Alberti figure under half notes, C and G7 in turn, bars 3 and 4 as bars 1 and 2."""
    rows: list[tuple[float, float, int, int]] = []
    for bar in range(4):
        figure = (48, 55, 52, 55) if bar % 2 == 0 else (47, 55, 53, 55)
        melody = (76, 72) if bar % 2 == 0 else (74, 71)
        rows += [(4 * bar + index / 2, 0.5, figure[index % 4], 1) for index in range(8)]
        rows += [(4 * bar + 2 * index, 2.0, pitch, 0) for index, pitch in enumerate(melody)]
    onset, duration, pitch, track = (np.array(column) for column in zip(*rows, strict=True))
    return music(onset, duration, pitch, track=track, track_names=("right", "left"))


@pytest.fixture(scope="module")
def told() -> tuple[np.ndarray, plan_columns.PlanRows]:
    """The ticks with onsets of the piece, and what is told there."""
    piece = alberti()
    ticks = np.unique(piece.onset_ticks)
    return ticks, plan_columns.plan_rows(piece, analyse(piece), ticks)


def test_chords_are_told_with_what_follows(told: tuple[np.ndarray, plan_columns.PlanRows]) -> None:
    ticks, rows = told
    now = {int(tick): Chord(*rows.columns[index, :3].tolist()) for index, tick in enumerate(ticks)}
    assert now[0].name == "C"
    assert now[48].name == "G7/B"
    following = rows.columns[0, [COLUMN["next_root"], COLUMN["next_quality"], COLUMN["next_bass"]]]
    assert Chord(*following.tolist()).name == "G7/B"
    assert rows.columns[0, COLUMN["next_in"]] == 48
    assert set(rows.columns[:, COLUMN["key"]].tolist()) == {0}


def test_references_are_what_was_played_there(told: tuple[np.ndarray, plan_columns.PlanRows]) -> None:
    ticks, rows = told
    at = int(np.flatnonzero(ticks == 96)[0])  # bar 3, which is bar 1
    sets = plan_columns.reference_sets(rows.onsets, rows.sets[[at]].astype(np.int64), rows.moves[[at]], 0)[0]
    keys = [np.flatnonzero(sets[FAR, HERE, hand]) + LOWEST_PIANO_PITCH for hand in (LEFT, RIGHT)]
    assert [key.tolist() for key in keys] == [[48], [76]]
    assert (np.flatnonzero(sets[FAR, NEXT, LEFT]) + LOWEST_PIANO_PITCH).tolist() == [55]
    assert (np.flatnonzero(sets[NEAR, HERE, LEFT]) + LOWEST_PIANO_PITCH).tolist() == [47]
    assert rows.columns[at, COLUMN["far_likeness"]] == 100
    assert rows.columns[at, COLUMN["far_in"]] == 6


def test_texture_is_of_each_hand(told: tuple[np.ndarray, plan_columns.PlanRows]) -> None:
    _, rows = told
    assert rows.columns[0, COLUMN["left_density"]] == 32  # eight onsets in four beats, in quarters of one
    assert rows.columns[0, COLUMN["right_density"]] == 8
    assert rows.columns[0, COLUMN["right_register"]] == 73


def test_a_transposed_plan_is_that_of_the_transposed_piece(told: tuple[np.ndarray, plan_columns.PlanRows]) -> None:
    ticks, rows = told
    piece = alberti()
    moved = music(
        piece.onset_beats, piece.duration_beats, piece.pitch + 3, track=piece.track, track_names=piece.track_names
    )
    there = plan_columns.plan_rows(moved, analyse(moved), ticks)
    none = np.zeros((len(ticks), 4), dtype=np.int16)
    steps = np.arange(len(ticks))
    ours = plan_columns.told(rows, steps, none, 3, plan_columns.NOTHING)
    assert np.array_equal(ours, plan_columns.told(there, steps, none, 0, plan_columns.NOTHING))


def test_what_is_hidden_is_not_told(told: tuple[np.ndarray, plan_columns.PlanRows]) -> None:
    ticks, rows = told
    none = np.zeros((len(ticks), 4), dtype=np.int16)
    bare = plan_columns.told(rows, np.arange(len(ticks)), none, 0, plan_columns.EVERYTHING)
    for name in ("chord", "next", "key", "phrase", "texture", "near", "far"):
        assert not bare[:, plan_inputs.SLICES[name]].any()
    assert bare[:, plan_inputs.SLICES["bar"]].any()


def test_batches_carry_the_plan_of_the_token_to_come(tmp_path: Path) -> None:
    prepare([str(tiny_corpus(tmp_path / "music"))], tmp_path / "data", Options(family="hands"))
    dataset = Dataset(tmp_path / "data")
    stream = LaneStream(dataset, dataset.split("train"), 2, 40, (0, 0), seed=3)
    batch = stream.next()
    assert batch.condition.shape == (2, 40, conditioning.width(dataset.encoding))
    context = batch.condition[:, :, conditioning.SIZE :][:, :, plan_inputs.SLICES["context"]]
    for lane in range(2):
        ids = np.append(batch.tokens[lane], batch.targets[lane, -1])
        if dataset.encoding.start_id not in ids[:1]:
            continue
        own = contexts(ids)
        known = own[1:, :2] > 0
        assert np.array_equal(context[lane][:, [1, 3]] > 0, known)
