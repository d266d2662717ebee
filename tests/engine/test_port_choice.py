"""Ports that are commanded while the music plays: told to the player, taken back, refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from improv.control.commands import Reset, SetInput, SetOutput, SetParts, Undo
from improv.control.parse import parse
from improv.errors import CommandError
from improv.player.protocol import PortsChanged, Received, Rewire, Rewired
from improv.takes.schema import controls_of, controls_record
from tests.fakes import Stage
from tests.stage import assert_sound, chords

TWO = "midi.outputs=[{port: Grand}, {port: Organ, channel: 4}]"


def ports(rewire: Rewire) -> tuple[str, ...]:
    return tuple(output.port for output in rewire.outputs)


def answer(stage: Stage, *outputs: str, input_port: str = "", fault: str = "") -> None:
    """The player says what came of it."""
    now_s = stage.clock.now()
    change = PortsChanged("JACK", ", ".join(outputs), input_port, fault or "MIDI ports now", True, not fault)
    stage.link.arriving += [(now_s, change), (now_s, Rewired(outputs, input_port, fault))]
    stage.play(0.2)


def test_a_port_is_chosen_and_taken_back_and_the_plan_stands() -> None:
    stage = chords("midi.output=Grand")
    stage.play(3.0)
    calls = len(stage.link.calls)
    stage.engine.act(parse({"command": "output", "port": "Organ"}), stage.clock.now())
    assert ports(stage.link.rewired[-1]) == ("Organ",)
    answer(stage, "Organ")
    assert stage.engine.status().output_ports == ("Organ",)
    assert "silence" not in stage.link.calls[calls:]
    assert stage.engine.status().undo == "output"
    stage.engine.act(Undo(), stage.clock.now())
    assert ports(stage.link.rewired[-1]) == ("Grand",)
    assert_sound(stage)


def test_one_output_of_several_and_the_input_are_chosen_apart() -> None:
    stage = chords(TWO)
    stage.engine.act(SetOutput("Harp", 2), stage.clock.now())
    stage.engine.act(SetInput("Roland"), stage.clock.now())
    assert [ports(one) for one in stage.link.rewired] == [("Grand", "Harp"), ("Grand", "Harp")]
    assert stage.link.rewired[-1].input_port == "Roland"
    assert stage.link.rewired[-1].outputs[1].channel == 3
    with pytest.raises(CommandError, match=r"number must be 1\.\.2, as many as there are outputs \(got 3\)"):
        stage.engine.act(SetOutput("Harp", 3), stage.clock.now())


def test_a_port_that_was_refused_is_not_commanded_any_more() -> None:
    stage = chords("midi.output=Grand")
    stage.engine.act(SetOutput("Harp"), stage.clock.now())
    answer(stage, "Grand", fault="No MIDI output is named like 'Harp'.")
    assert stage.engine.controls.output_ports == {}
    status = stage.engine.status()
    assert (status.output_ports, status.port_fault) == (("Grand",), "No MIDI output is named like 'Harp'.")
    stage.engine.act(SetOutput("Harp"), stage.clock.now())  # it may be there now
    assert ports(stage.link.rewired[-1]) == ("Harp",)


def test_an_input_that_changed_leaves_no_key_of_the_person_down() -> None:
    stage = chords("midi.output=Grand", "music.mode=duet")
    now_s = stage.clock.now()
    stage.link.arriving.append((now_s, Received(bytes((0x90, 60, 80)), now_s)))
    stage.play(0.2)
    assert stage.engine.status().person_keys == (60,)
    stage.engine.act(SetInput("Roland"), stage.clock.now())
    answer(stage, "Grand", input_port="Roland")
    assert stage.engine.status().person_keys == ()


def test_ports_survive_a_reset_and_another_engine() -> None:
    stage = chords("midi.output=Grand")
    stage.engine.act(SetOutput("Organ"), stage.clock.now())
    stage.engine.act(SetInput("Roland"), stage.clock.now())
    stage.engine.act(Reset(), stage.clock.now())
    controls = stage.engine.controls
    assert (dict(controls.output_ports), controls.input_port) == ({1: "Organ"}, "Roland")
    again = controls_of(controls_record(controls))
    assert (dict(again.output_ports), again.input_port) == ({1: "Organ"}, "Roland")


def ways(stage: Stage) -> tuple[tuple[str, str, int], ...]:
    """What the player was told last: of each output its part, its second part and the channel of that, from 0."""
    return tuple((one.part, one.second_part, one.second_channel) for one in stage.link.rewired[-1].outputs)


def test_hands_go_ways_of_their_own_while_it_plays_and_can_be_taken_back() -> None:
    stage = chords("midi.output=Grand")
    stage.play(1.0)
    planned = set(stage.link.scheduled)
    assert {note.parts for note in stage.link.scheduled.values()} == {()}
    assert stage.engine.status().output_parts == (("all", "off", 1, 2),)
    stage.engine.act(parse({"command": "parts", "split": "hands", "channel": 5}), stage.clock.now())
    assert ways(stage) == (("", "left", 4),)
    assert stage.engine.status().output_parts == (("all", "hands", 1, 5),)
    stage.play(2.0)
    assert {note.parts[0] for number, note in stage.link.scheduled.items() if number not in planned} == {"right"}
    assert stage.engine.status().undo == "parts"
    stage.engine.act(Undo(), stage.clock.now())
    assert ways(stage) == (("", "", 1),)
    assert_sound(stage)


def test_each_of_several_outputs_plays_the_part_that_is_commanded() -> None:
    stage = chords(TWO)
    for number, part in ((1, "right"), (2, "left")):
        stage.engine.act(parse({"command": "parts", "split": "off", "part": part, "number": number}), 0.0)
    assert ways(stage) == (("right", "", 1), ("left", "", 4))
    stage.engine.act(SetOutput("Harp", 2), stage.clock.now())
    assert ways(stage) == (("right", "", 1), ("left", "", 4))
    with pytest.raises(CommandError, match=r"parts: number must be 1\.\.2, as many as there are outputs \(got 3\)"):
        stage.engine.act(SetParts("hands", number=3), stage.clock.now())
    again = controls_of(controls_record(stage.engine.controls))
    assert again.output_parts == stage.engine.controls.output_parts
    stage.engine.act(Reset(), stage.clock.now())
    assert ways(stage) == (("right", "", 1), ("left", "", 4))


def test_parts_that_the_configuration_changes_are_commanded_no_more() -> None:
    stage = chords(TWO)
    stage.engine.act(SetParts("hands"), stage.clock.now())
    stage.engine.act(SetParts("melody", number=2), stage.clock.now())
    first, second = stage.engine.settings.outputs
    settings = replace(stage.engine.settings, outputs=(first, second._replace(part="left")))
    stage.engine.controls = stage.engine._ports.configure(settings, stage.engine.controls)
    assert ways(stage) == (("", "left", 1), ("left", "", 4))


@pytest.mark.parametrize("port", [None, "", "own", "  OWN "])
def test_a_port_of_our_own_has_several_names(port: str | None) -> None:
    assert parse({"command": "output", "port": port}) == SetOutput("", 1)
    assert parse({"command": "input", "port": port}) == SetInput("")
