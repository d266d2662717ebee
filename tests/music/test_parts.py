"""Which part of the piano's music a note belongs to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from improv.music.parts import SPLITS, parted

STRUCK = st.lists(st.tuples(st.integers(21, 108), st.sampled_from((-1, 0, 1))), max_size=8)


def test_hands_that_are_known_count_and_middle_c_parts_them_where_they_are_not() -> None:
    assert [hand for hand, _ in parted([(40, 1), (80, 0), (59, -1), (60, -1)])] == ["right", "left", "left", "right"]


def test_the_highest_of_the_right_hand_leads_unless_something_sounds_above() -> None:
    assert [voice for _, voice in parted([(50, 0), (64, 1), (72, 1), (90, 0)])] == ["rest", "rest", "melody", "rest"]
    assert [voice for _, voice in parted([(64, 1)], [(76, 1)])] == ["rest"]
    assert [voice for _, voice in parted([(64, 1)], [(76, 0), (60, 1)])] == ["melody"]
    assert [voice for _, voice in parted([(48, -1)], [(72, -1)])] == ["rest"]


@given(STRUCK, STRUCK)
def test_each_note_is_in_one_part_of_either_split(started: list[tuple[int, int]], held: list[tuple[int, int]]) -> None:
    found = parted(started, held)
    assert len(found) == len(started)
    for parts in found:
        for split in SPLITS.values():
            assert len(set(parts) & set(split)) == 1
