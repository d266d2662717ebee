"""What the person's playing asks of us."""

from __future__ import annotations

import pytest

from improv.listening.influence import Influence
from improv.listening.listener import PersonView
from improv.listening.turns import chord_for
from improv.music.attributes import Key


def tune(*classes: int) -> tuple[float, ...]:
    return tuple(float(tone in classes) for tone in range(12))


def test_tones_outside_of_a_sure_key_are_not_played() -> None:
    sure = Influence(key=Key(9, False), key_share=0.8).forbidden
    assert {pitch % 12 for pitch in range(128) if pitch not in sure} == {9, 11, 0, 2, 4, 5, 7, 8}
    assert Influence(key=Key(9, False), key_share=0.4).forbidden == frozenset()


def test_a_semitone_from_a_held_key_is_not_played() -> None:
    assert Influence(clashing=frozenset({61, 59}), clash_share=0.8).forbidden == {59, 61}


@pytest.mark.parametrize(("share", "key"), [(0.8, 21), (0.2, None)])
def test_the_plan_goes_by_a_key_that_is_followed(share: float, key: int | None) -> None:
    assert Influence(key=Key(9, False), key_share=share).planned_key == key


@pytest.mark.parametrize(
    ("key", "tones", "name"),
    [(Key(0, True), (0, 4), "C"), (Key(0, True), (2, 7), "G"), (Key(9, False), (9, 0), "Am"), (None, (7, 11), "G")],
)
def test_the_chord_that_goes_with_a_melody(key: Key | None, tones: tuple[int, ...], name: str) -> None:
    found = chord_for(PersonView(key=key, tune=tune(*tones)))
    assert found is not None
    assert found.name == name


def test_a_chord_stays_while_it_fits_about_as_well() -> None:
    both = PersonView(key=Key(0, True), tune=tune(4, 7))  # C or Em
    first = chord_for(PersonView(key=Key(0, True), tune=tune(4, 11)))
    assert first is not None
    assert first.name == "Em"
    assert chord_for(both) != first
    assert chord_for(PersonView()) is None
