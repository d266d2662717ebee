"""A piece as two players: nothing of the person's is learned, all of the other hand is, in its time."""

from __future__ import annotations

import numpy as np
import pytest

from improv.model import conditioning
from improv.model.plan_inputs import HERE, NEAR, NEXT, REFERENCE_SHAPE, SLICES
from improv.model.vocabulary.hands import LEFT, LENGTH_KINDS, NOTE_KINDS, RIGHT, TABLE
from improv.music.note import LOWEST_PIANO_PITCH
from tests.training.corpora import meter, tempo, write_midi
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.models.two_players import HEARD_FIRST, NOT_ASKED, Role, Stream, stream

ALL = 1_000_000


@pytest.fixture(scope="module")
def hands_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four pieces of 24 bars in 4/4: a bass and two chords under a tune in eighths."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "music").mkdir()
    for index in range(4):
        rng, notes = np.random.default_rng(index), []
        for bar in range(24):
            tones, at = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))[bar % 4], 4.0 * bar
            notes += [(at, 1.0, 36 + tones[0])]
            notes += [(at + beat, 0.5, 48 + tone) for beat in (1, 3) for tone in tones]
            notes += [(at + half / 2, 0.5, 72 + tones[int(rng.integers(3))]) for half in range(8)]
        meta = [(0.0, tempo(120)), (0.0, meter(4, 4))]
        write_midi(folder / "music" / f"Piece {index}.mid", notes, meta=meta)
    prepare([str(folder / "music")], folder / "data", Options(family="hands"))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def piece(hands_dataset: Dataset) -> PieceRow:
    return max(hands_dataset.pieces, key=lambda row: row.stop - row.start)


def _notes(tokens: np.ndarray, hand: int, late_ticks: int = 0) -> list[tuple[int, int]]:
    """Tick and pitch of each note of a hand in a stream."""
    tick, found = 0, []
    for token in tokens.tolist():
        kind, value = TABLE.row(token)
        if kind == "TIME_SHIFT":
            tick += value
        elif kind == NOTE_KINDS[hand]:
            found.append((tick + late_ticks, value))
    return found


@pytest.mark.parametrize("person", [LEFT, RIGHT])
@pytest.mark.parametrize("late", [0, 2])
def test_both_hands_sound_as_in_the_piece(hands_dataset: Dataset, piece: PieceRow, person: int, late: int) -> None:
    whole = hands_dataset.tokens[piece.start : piece.stop].astype(np.int64)
    one = stream(hands_dataset, piece, Role(person, late), ALL)
    assert _notes(one.tokens, 1 - person) == _notes(whole, 1 - person)
    theirs = [note for note in _notes(whole, person, late) if note[0] < hands_dataset.encoding.ticks(whole)[-1]]
    assert _notes(one.tokens, person) == theirs
    lengths = TABLE.slice_of(LENGTH_KINDS[person])
    assert not ((one.tokens >= lengths.start) & (one.tokens < lengths.stop)).any()


@pytest.mark.parametrize("person", [LEFT, RIGHT])
def test_what_is_asked_is_the_other_hand_and_when_it_comes(
    hands_dataset: Dataset, piece: PieceRow, person: int
) -> None:
    one = stream(hands_dataset, piece, Role(person), ALL)
    onsets, tick = sorted({at for at, _ in _notes(one.tokens, 1 - person)}), 0
    for said, target in zip(one.tokens[1:-1].tolist(), one.targets.tolist(), strict=False):
        kind, value = TABLE.row(target)
        assert kind in ("TIME_SHIFT", NOTE_KINDS[1 - person], LENGTH_KINDS[1 - person])
        if kind == "TIME_SHIFT" and any(at > tick for at in onsets):
            assert value == min(next(at for at in onsets if at > tick) - tick, 24)
        really, passed = TABLE.row(said)
        if really == "TIME_SHIFT":
            assert kind == "TIME_SHIFT"
            assert passed <= value
            tick += passed
        elif really != NOTE_KINDS[person]:
            assert said == target
    assert one.targets[-1] == NOT_ASKED


def _references(one: Stream) -> np.ndarray:
    plan = one.condition[:, conditioning.SIZE :]
    both = [plan[:, SLICES[name]][:, : int(np.prod(REFERENCE_SHAPE[1:]))] for name in ("near", "far")]
    return np.stack(both, axis=1).reshape(len(plan), *REFERENCE_SHAPE)


@pytest.mark.parametrize("person", [LEFT, RIGHT])
def test_nothing_is_told_of_what_the_person_will_play(hands_dataset: Dataset, piece: PieceRow, person: int) -> None:
    one = stream(hands_dataset, piece, Role(person), ALL)
    assert not _references(one)[..., person, :].any()
    texture = one.condition[:, conditioning.SIZE :][:, SLICES["texture"]]
    assert not texture[:, [2 * person, 2 * person + 1, 4 + 2 * person, 5 + 2 * person]].any()


def test_the_bar_before_is_that_of_the_own_hand(hands_dataset: Dataset, piece: PieceRow) -> None:
    one = stream(hands_dataset, piece, Role(RIGHT), ALL)
    near, tick, seen = _references(one)[:, NEAR], 0, 0
    notes = set(_notes(one.tokens, LEFT))
    for row, token in enumerate(one.tokens[:-1].tolist()):
        kind, value = TABLE.row(token)
        tick += value if kind == "TIME_SHIFT" else 0
        keys = {int(key) + LOWEST_PIANO_PITCH for key in np.flatnonzero(near[row, HERE, LEFT])}
        here = {pitch for at, pitch in notes if at == tick - 48}  # the corpus is in 4/4
        if tick >= 48 and keys:
            assert keys == here
            seen += 1
    assert seen > 10
    assert _references(one)[:, NEAR, NEXT, LEFT].any()


def test_a_stream_may_begin_within_a_piece(hands_dataset: Dataset, piece: PieceRow) -> None:
    whole = stream(hands_dataset, piece, Role(LEFT), ALL)
    part = stream(hands_dataset, piece, Role(LEFT), 80, begin=1.0)
    assert len(part.tokens) == 81
    assert np.array_equal(part.tokens, whole.tokens[-81:])
    assert np.array_equal(part.condition, whole.condition[-80:])
    assert set(part.targets[:HEARD_FIRST].tolist()) == {NOT_ASKED}
    assert np.array_equal(part.targets[HEARD_FIRST:], whole.targets[-80:][HEARD_FIRST:])
