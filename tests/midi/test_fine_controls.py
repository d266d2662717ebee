"""Controls of 14 bits: whatever comes in between, the two halves that were sent are the value that is heard."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config import Config, load
from improv.control.commands import Command, SetMood
from improv.control.midi_map import MidiMap
from improv.midi.fine_controls import (
    COARSE,
    LARGEST,
    MIDDLE,
    ControlKey,
    FineControls,
    control_key,
    control_words,
    seven_bits,
)

VALUE14 = st.integers(0, LARGEST)
SEVEN = st.integers(0, 127)
UPPER = st.integers(0, 31).filter(lambda control: control != 6)


def pair(control: int, value: int) -> list[tuple[int, int]]:
    return [(control, value // COARSE), (control + 32, value % COARSE)]


def parameter(number: int, value: int) -> list[tuple[int, int]]:
    return [(99, number // COARSE), (98, number % COARSE), *pair(6, value)]


def finest(fine: FineControls, channel: int, messages: list[tuple[int, int]]) -> list[tuple[ControlKey, float]]:
    """The last meaning of each message, where it is whole."""
    heard = [fine.hear(channel, control, value)[0] for control, value in messages]
    return [(one.control, one.value) for one in heard if one.last]


@given(UPPER, VALUE14)
def test_a_pair_is_heard_as_it_was_sent(control: int, value: int) -> None:
    heard = finest(FineControls(), 0, pair(control, value))
    assert heard[-1] == (f"{control}/{control + 32}", seven_bits(value))


@given(st.integers(0, LARGEST).filter(lambda number: number != LARGEST), VALUE14)
def test_a_parameter_is_heard_as_it_was_sent(number: int, value: int) -> None:
    assert finest(FineControls(), 3, parameter(number, value))[-1] == (f"nrpn {number}", seven_bits(value))


@given(st.lists(st.tuples(st.integers(0, 15), UPPER, VALUE14), max_size=20), UPPER, VALUE14)
def test_other_controls_and_channels_between_do_not_disturb_it(
    others: list[tuple[int, int, int]], control: int, value: int
) -> None:
    fine = FineControls()
    for channel, other, turned in others:
        finest(fine, channel, pair(other, turned))
    upper, lower = pair(control, value)
    fine.hear(0, *upper)
    for channel, other, turned in others:
        if (channel, other) != (0, control):
            finest(fine, channel, pair(other, turned))
    assert fine.hear(0, *lower)[0].value == seven_bits(value)


@given(VALUE14, VALUE14)
def test_fourteen_bits_ascend_with_the_middle_in_the_middle(one: int, other: int) -> None:
    assert (one < other) == (seven_bits(one) < seven_bits(other))
    assert (seven_bits(0), seven_bits(MIDDLE), seven_bits(LARGEST)) == (0.0, 64.0, 127.0)


@given(st.lists(st.tuples(st.integers(0, 15), SEVEN, SEVEN), max_size=60))
def test_whatever_comes_itself_is_its_last_meaning_and_all_are_in_range(messages: list[tuple[int, int, int]]) -> None:
    fine = FineControls()
    for channel, control, value in messages:
        meanings = fine.hear(channel, control, value)
        assert (meanings[-1].control, meanings[-1].value) == (control, value)
        assert all(0 <= one.value <= 127 and 0 <= one.coarse <= 127 for one in meanings)
        assert [control_key(one.control) for one in meanings] == [one.control for one in meanings]


def test_a_registered_parameter_and_none_give_no_value() -> None:
    fine = FineControls()
    finest(fine, 0, parameter(260, 1000))
    for chosen in ([(101, 0), (100, 0)], [(99, 127), (98, 127)]):
        assert [one.control for one in fine.hear(0, 6, 2)] == ["nrpn 260", "6/38", 6]
        finest(fine, 0, chosen)
        assert [one.control for one in fine.hear(0, 6, 2)] == ["6/38", 6]
        finest(fine, 0, parameter(260, 1000))


# -------------------------------------------------------------------------------------------------------- in the map


def commands(midi_map: MidiMap, messages: list[tuple[int, int]]) -> list[Command]:
    fine = FineControls()
    found = [
        midi_map.command(mido.Message("control_change", control=control, value=value), fine)
        for control, value in messages
    ]
    return [command for command in found if command is not None]


def mapped(*settings: str) -> MidiMap:
    return load(None, [f"controls.map.{one}" for one in settings], {}).controls.midi_map()


@given(VALUE14, VALUE14)
def test_a_pair_and_a_parameter_turn_the_mood_finer_than_seven_bits(first: int, second: int) -> None:
    midi_map = mapped("20/52=valence", "nrpn 260=arousal")
    *_, valence = commands(midi_map, pair(20, first))
    *_, arousal = commands(midi_map, parameter(260, second))
    for value, found in ((first, valence.valence), (second, arousal.arousal)):  # type: ignore[attr-defined]
        assert found == pytest.approx(max(-1.0, (seven_bits(value) - 64) / 63))


def test_once_the_finer_half_came_the_coarse_one_waits_for_it() -> None:
    """A knob that is turned down past a coarse step would else jump back and forth."""
    heard = commands(mapped("20/52=valence"), [*pair(20, MIDDLE), *pair(20, MIDDLE - 1)])
    assert [command.valence for command in heard] == pytest.approx([0.0, 0.0, -1 / COARSE / 63])  # type: ignore[attr-defined]


def test_a_controller_that_sends_the_coarse_half_alone_is_heard() -> None:
    assert commands(mapped("20/52=valence"), [(20, 127)]) == [SetMood(valence=pytest.approx(0.984, abs=1e-3))]


def test_a_button_of_14_bits_is_pressed_once() -> None:
    assert len(commands(mapped("20/52=undo"), [*pair(20, LARGEST), *pair(20, 0)])) == 1


def test_a_pair_takes_the_place_of_its_halves_in_the_default_map() -> None:
    bound = load(None, ["controls.map.20/52=tempo"], {}).controls.map
    assert 20 not in bound
    assert bound["20/52"] == "tempo"
    assert load(None, ["controls.map.20/52=none"], {}).controls.map[20] == Config().controls.map[20]


@pytest.mark.parametrize(
    ("told", "key", "words"),
    [("74", 74, "CC 74"), (7, 7, "CC 7"), (" 20 / 52 ", "20/52", "CC 20/52"), ("NRPN 260", "nrpn 260", "NRPN 260")],
)
def test_a_control_is_written_in_several_ways(told: object, key: ControlKey, words: str) -> None:
    assert control_key(told) == key
    assert control_words(key) == words


@given(st.text(max_size=20) | st.integers() | st.none() | st.booleans())
def test_what_is_no_control_is_a_sentence(told: object) -> None:
    said = []
    try:
        assert control_key(control_key(told)) == control_key(told)
    except ValueError as error:
        said = [str(error)]
    assert all(sentence.startswith(("a control", "the finer half")) for sentence in said)
