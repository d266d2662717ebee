"""Folders as musicians have them: numbered recordings are no work, takes of one piece are, and a few can be learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.corpora import melody, tempo, write_midi
from training.corpus.fingerprint import same_tune, tune
from training.corpus.score import Score, notes_of
from training.corpus.sources import work_of
from training.dataset.dataset import Dataset
from training.dataset.prepare import prepare
from training.dataset.splits import Grouping, split_of, with_all_splits

NUMBERED = [
    "Recording {:02}",
    "track{}",
    "2024-05-{:02}",
    "{:02}",
    "Aufnahme {}",
    "untitled ({})",
    "MIDI_{:03}",
    "New Recording {}",
    "Take-{}",
    "rec{:04}",
    "2024-05-{:02} 20.15.00",
    "{:02} - piano",
]


@pytest.mark.parametrize("pattern", NUMBERED)
def test_names_that_a_program_gives_tell_of_no_work(pattern: str) -> None:
    names = {work_of(f"{pattern.format(number)}.mid") for number in range(1, 13)}
    assert len(names) == 12


@pytest.mark.parametrize(("name", "work"), [("sonata_1.mid", "sonata"), ("K331-2.mid", "K331")])
def test_names_of_works_join(name: str, work: str) -> None:
    assert work_of(name) == work


@pytest.mark.parametrize("pattern", [*NUMBERED, "Anna {:02}", "sonata {}", "meine_musik{}"])
def test_a_folder_of_twelve_numbered_pieces_has_something_of_each_split(tmp_path: Path, pattern: str) -> None:
    for number in range(1, 13):
        write_midi(tmp_path / "music" / f"{pattern.format(number)}.mid", melody(number), meta=[(0.0, tempo(90))])
    prepare([str(tmp_path / "music")], tmp_path / "data")
    splits = [piece.split for piece in Dataset(tmp_path / "data").pieces]
    assert len(splits) == 12
    assert set(splits) == {"train", "valid", "test"}
    assert splits.count("train") >= 8


def _grouping(works: list[str], sure: bool = False) -> Grouping:
    grouping = Grouping()
    for index, work in enumerate(works):
        grouping.add(work, "", f"piece {index}", sure=sure)
    return grouping


def test_a_name_that_most_pieces_have_is_the_collections() -> None:
    works = ["Anna"] * 7 + ["a", "b", "c"]
    assert len(set(_grouping(works).groups())) == 10
    assert len(set(_grouping(works, sure=True).groups())) == 4  # an index of works says so
    assert len(set(_grouping(["Anna"] * 4 + ["a", "b", "c", "d"]).groups())) == 5  # half is not more than half


def _played(seed: int, *, speed: float = 1.0, up: int = 0, careless: bool = False) -> Score:
    """A made-up piece, played by a hand: no two takes have the same times, and some notes go wrong."""
    rng = np.random.default_rng(seed)
    pitches = rng.integers(55, 80, 220) + up
    times = np.cumsum(rng.choice([0.25, 0.5, 1.0], 220)) / speed
    hand = np.random.default_rng(1000 + seed + round(100 * speed))
    times = times + hand.normal(0, 0.01, len(times))
    if careless:
        wrong = hand.random(len(pitches)) < 0.05
        pitches = pitches + wrong * hand.integers(-2, 3, len(pitches))
    rows = [(float(at), 0.4, int(pitch), 70, 0, 0) for at, pitch in zip(times, pitches, strict=True)]
    rows += [(float(at) + 0.01, 0.4, 36, 60, 0, 0) for at in times[::4]]  # a bass that is struck a little later
    return Score(notes_of(rows), ((0.0, 120.0),), ((0.0, 4.0),))


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from((0.8, 1.0, 1.3)), st.integers(-5, 6))
def test_two_takes_of_a_piece_are_one_work_and_other_pieces_are_not(
    one: int, other: int, speed: float, up: int
) -> None:
    take = tune(_played(one, speed=speed, up=up, careless=True))
    assert same_tune(tune(_played(one, careless=True)), take)
    assert same_tune(take, tune(_played(other))) == (one == other)


def test_takes_of_one_piece_lie_in_one_split() -> None:
    grouping = Grouping()
    for index in range(12):
        grouping.add(
            f"Recording {index}", "", f"Recording {index}", tune(_played(index // 2, careless=True)), sure=False
        )
    groups = grouping.groups()
    assert all(groups[index] == groups[index + 1] for index in range(0, 12, 2))
    assert len(set(groups)) == 6


@given(st.lists(st.integers(1, 20), min_size=1, max_size=40))
def test_whatever_the_groups_there_is_something_to_learn(sizes: list[int]) -> None:
    groups = [f"group {index}" for index, size in enumerate(sizes) for _ in range(size)]
    splits = with_all_splits(groups, [split_of(group) for group in groups])
    assert len({(group, split) for group, split in zip(groups, splits, strict=True)}) == len(sizes)
    wanted = {"train", "valid", "test"} if len(sizes) > 2 else {"train", "valid"} if len(sizes) == 2 else {"train"}
    assert set(splits) == wanted
    if max(sizes) <= len(groups) / 4 and len(sizes) > 5:
        assert 2 * splits.count("train") >= len(groups)


def test_a_large_collection_stays_as_it_is_for_ever() -> None:
    groups = [f"group {index // 2}" for index in range(400)]
    splits = [split_of(group) for group in groups]
    assert with_all_splits(groups, splits) == splits


def test_scales_and_few_notes_say_no_tune() -> None:
    scale = [(float(i), 1.0, 40 + i % 30, 70, 0, 0) for i in range(100)]
    assert not len(tune(Score(notes_of(scale), ((0.0, 120.0),), ((0.0, 4.0),))))
    assert not same_tune(tune(_played(1)), np.zeros(0, dtype=np.uint64))
