"""What the person's playing asks of us."""

from __future__ import annotations

import pytest

from improv.control.commands import FOLLOWING
from improv.listening.follow import following
from improv.listening.hands import Hand
from improv.listening.influence import NO_INFLUENCE, Influence
from improv.listening.keyboard import PersonNote
from improv.listening.listener import PersonView
from improv.listening.turns import Turn, chord_for, shaped
from improv.music.attributes import Key
from improv.music.chord import chord_named

MEANT = {"loudness": 60.0, "onset_density": 3.0, "mode": 0.5, "register": 64.0, "tempo": 100.0}


def tune(*classes: int) -> tuple[float, ...]:
    return tuple(float(tone in classes) for tone in range(12))


def test_tones_outside_of_their_key_are_not_played_but_for_those_of_a_chord_that_leads() -> None:
    outside = frozenset({1, 3, 6, 8, 10})
    never = Influence(outside=outside, outside_share=0.8).forbidden
    assert {pitch % 12 for pitch in never} == outside
    assert Influence(outside=outside, outside_share=0.4).forbidden == frozenset()
    led = Influence(outside=outside, outside_share=0.8, chord=frozenset({4, 8, 11}), harmony=chord_named("E"))
    assert {pitch % 12 for pitch in led.forbidden} == outside - {8}


def test_before_the_key_is_sure_five_tones_are_left_and_with_strength_zero_all() -> None:
    unsure = PersonView(in_key=tuple(0.1 * (tone % 7) for tone in range(12)))
    assert len(following(unsure, FOLLOWING, MEANT).outside) == 7
    assert following(unsure, {**FOLLOWING, "key": 0.0}, MEANT).forbidden == frozenset()
    assert following(PersonView(), FOLLOWING, MEANT).outside == frozenset()


def test_a_semitone_from_a_held_key_is_not_played() -> None:
    assert Influence(clashing=frozenset({61, 59}), clash_share=0.8).forbidden == {59, 61}


@pytest.mark.parametrize(
    ("place", "lowest", "highest"),
    [("auto", 81, 108), ("below", 21, 43), ("above", 81, 108), ("around", 81, 108)],
)
def test_our_keys_are_a_fourth_away_from_the_hands(place: str, lowest: int, highest: int) -> None:
    view = PersonView(playing=True, left=Hand(48, 52.0, 57), right=Hand(64, 70.0, 76))
    asked = following(view, FOLLOWING, MEANT, place)
    assert (asked.lowest, asked.highest) == (lowest, highest)
    assert lowest <= asked.attributes["register"] <= highest


def test_between_hands_that_are_far_apart_is_room() -> None:
    view = PersonView(playing=True, left=Hand(31, 35.0, 40), right=Hand(84, 88.0, 96))
    asked = following(view, FOLLOWING, MEANT)
    assert (asked.lowest, asked.highest) == (45, 79)


@pytest.mark.parametrize(("playing", "rooms"), [(False, (21, 108)), (True, (75, 108))])
def test_who_goes_on_for_them_plays_where_their_hands_were(playing: bool, rooms: tuple[int, int]) -> None:
    call = tuple(PersonNote(pitch, 70, 1.0 + pitch / 10, 1.1 + pitch / 10) for pitch in range(62, 71))
    view = PersonView(playing=playing, ended_s=0.0, right=Hand(62, 66.0, 70), call=call)
    asked = shaped(following(view, FOLLOWING, MEANT, "above"), Turn(True), "continue", None, view, NO_INFLUENCE)
    assert (asked.lowest, asked.highest) == rooms
    assert (asked.attributes["register"] == 66.0) is not playing


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
