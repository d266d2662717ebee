"""The table of commands and the published state: what every frontend is built from."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.control import command_table, published_state
from improv.control.command_row import Argument
from improv.control.command_table import COMMANDS, table_as_json
from improv.control.commands import Panic, Play, SetAttribute, SetMood, Stop
from improv.control.midi_map import CONTROL_ACTIONS
from improv.control.parse import Names, parse
from improv.control.published_state import FIELDS, State
from improv.control.state import apply
from improv.errors import CommandError
from improv.music.mood import Mood
from tests.conftest import REPOSITORY
from tests.fakes import controls
from tools import protocol


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ({"command": "mood", "name": "sad"}, SetMood(-1.0, -1.0)),
        ({"command": "mood", "name": "sad", "glide_s": 8}, SetMood(-1.0, -1.0, 8.0)),
        ({"command": "point", "valence": -0.4, "arousal": 1, "glide_s": None}, SetMood(-0.4, 1.0)),
        ({"command": "valence", "value": 0.5}, SetMood(valence=0.5)),
        ({"command": "attribute", "name": "tempo", "value": 96}, SetAttribute("tempo", 96.0)),
        ({"command": "attribute", "name": "tempo", "value": None}, SetAttribute("tempo", None)),
        ({"command": "play", "id": 3, "from": "page", "kind": "command"}, Play()),
        ({"command": "stop"}, Stop()),
        ({"command": "panic"}, Panic()),
    ],
)
def test_messages_become_commands(message: dict[str, object], command: object) -> None:
    found = parse(message)
    assert type(found) is type(command)
    assert found == command


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({}, "unknown command None; allowed: mood, point"),
        ({"command": ["mood"]}, r"unknown command \['mood'\]"),
        ({"command": "mood"}, "mood: name is missing; one of happy, nervous, sad, calm"),
        ({"command": "mood", "name": "angry"}, r"mood: name must be one of happy, .* \(got 'angry'\)"),
        ({"command": "mood", "name": "sad", "glide_s": 601}, r"glide_s must be a number 0..600 s \(got 601\)"),
        ({"command": "point", "valence": 2, "arousal": 0}, r"valence must be a number -1..1 \(got 2\)"),
        ({"command": "point", "valence": "0", "arousal": 0}, r"\(got '0'\)"),
        ({"command": "point", "valence": True, "arousal": 0}, r"\(got True\)"),
        ({"command": "point", "valence": float("nan"), "arousal": 0}, r"\(got nan\)"),
        ({"command": "point", "valence": 10**400, "arousal": 0}, r"\(got 1000"),
        ({"command": "attribute", "name": "tempo", "value": 10}, r"a number 40..200 or null \(got 10\)"),
        ({"command": "play", "now": 1}, "play takes no arguments, not 'now'"),
        ({"command": "mood", "name": "x" * 500}, r"x\.\.\.\)$"),
    ],
)
def test_what_is_wrong_is_said(message: dict[str, object], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        parse(message)


def test_moods_of_the_users_own() -> None:
    names = Names(moods={"dreamy": Mood(0.3, -0.6)})
    assert parse({"command": "mood", "name": "dreamy"}, names) == SetMood(0.3, -0.6)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(list(COMMANDS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(sorted({a.name for row in COMMANDS.values() for a in row.arguments}))


@given(st.sampled_from(list(COMMANDS)), st.dictionaries(KEYS, JSON, max_size=4))
def test_any_message_is_a_command_or_a_sentence(word: str, arguments: dict[str, object]) -> None:
    with contextlib.suppress(CommandError):
        apply(controls(), parse({"command": word, **arguments}), 0.0)


def test_the_tables_are_plain_json() -> None:
    assert [row["name"] for row in json.loads(json.dumps(table_as_json()))] == list(COMMANDS)
    assert [one["name"] for one in json.loads(json.dumps(published_state.fields_as_json()))] == list(FIELDS)


def test_every_row_and_field_says_what_it_is() -> None:
    for row in COMMANDS.values():
        assert row.text.endswith(".")
        assert all(argument.text for argument in row.arguments)
    assert all(one.text for one in FIELDS.values())


NUMBERS = [one for one in FIELDS.values() if one.kind in ("number", "whole")]


@pytest.mark.parametrize("one", NUMBERS, ids=lambda one: one.name)
def test_what_is_published_at_first_lies_in_its_published_range(one: published_state.StateField) -> None:
    low, high = (-math.inf if one.low is None else one.low), (math.inf if one.high is None else one.high)
    assert low < high
    assert low <= one.default <= high


PUBLISHED = {"valence": "target_valence", "arousal": "target_arousal", "glide": "glide_s"}
"""Commands whose number is published under another name than theirs."""
ALIKE = {
    row.name: FIELDS[PUBLISHED.get(row.name, row.name)]
    for row in COMMANDS.values()
    if PUBLISHED.get(row.name, row.name) in {one.name for one in NUMBERS} and len(row.arguments) == 1
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_a_command_takes_is_what_is_published_of_it(name: str) -> None:
    assert len(ALIKE) >= 7
    (argument,) = COMMANDS[name].arguments
    assert (argument.low, argument.high, argument.unit) == (ALIKE[name].low, ALIKE[name].high, ALIKE[name].unit)


@pytest.mark.parametrize(
    "argument", [a for row in COMMANDS.values() for a in row.arguments if a.low is not None or a.ranges]
)
def test_every_range_of_a_command_is_one(argument: Argument) -> None:
    for low, high in argument.ranges.values() or [(argument.low, argument.high)]:
        assert low is not None
        assert high is not None
        assert low < high
    assert len(CONTROL_ACTIONS) == len(set(CONTROL_ACTIONS))


def test_the_state_is_plain_json() -> None:
    told = json.loads(json.dumps(State(overrides={"tempo": 99.123456}).as_json()))
    assert list(told) == list(FIELDS)
    assert told["overrides"] == {"tempo": 99.1235}


def test_no_two_commands_share_a_midi_action() -> None:
    actions = [action for row in command_table.COMMANDS.values() for action in row.midi]
    assert len(actions) == len(set(actions))


def test_the_document_is_up_to_date() -> None:
    text = (REPOSITORY / "docs" / "protocol.md").read_text()
    assert protocol.updated(text) == text, "run `make docs`"
    with pytest.raises(ValueError, match="the marks of the table commands are missing"):
        protocol.updated("")
