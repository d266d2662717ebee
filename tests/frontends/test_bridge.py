"""From the frontends to the engine and back, without a process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from improv.clock import ManualClock
from improv.control.command_table import COMMANDS
from improv.control.commands import AllNotesOff, BeginFrom, Command, SetLock, SetMood
from improv.control.parse import Names
from improv.control.published_state import State
from improv.control.state import ControlState
from improv.errors import CommandError
from improv.frontends.bridge import START_AFTER_S, STATE_EVERY_S, TURN_TAKES, TURN_TAKES_S, Bridge
from improv.frontends.observer import FrontendsObserver
from improv.player.protocol import Received
from tests.fakes import ScriptedModel, Stage
from tests.planned import Untaught
from tests.stage import CHORD, STEP_END

STATE = State()


class Frontends:
    """A link to frontends that keeps what it is told and says what a test puts in."""

    def __init__(self) -> None:
        self.connected = False
        self.told: list[Mapping[str, Any]] = []
        self.states: list[Mapping[str, Any]] = []
        self.saying: list[dict[str, Any]] = []
        self.notice = ""

    def start(self) -> None:
        self.connected = True

    def post(self, message: Mapping[str, Any]) -> None:
        if self.connected:
            self.told.append(message)

    def post_state(self, state: Mapping[str, Any]) -> None:
        self.states.append(state)

    def receive(self) -> list[dict[str, Any]]:
        said, self.saying = self.saying, []
        return said

    def beat(self) -> str:
        notice, self.notice = self.notice, ""
        return notice

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        return [message for message in self.told if message["kind"] == kind]


class Scene:
    """A bridge that was started."""

    def __init__(self) -> None:
        self.frontends, self.clock, self.acted = Frontends(), ManualClock(50.0), list[Command]()
        self.refusal = ""
        self.controls = ControlState(glide_s=4.0, intensity=0.5, temperature=1.0)
        self.bridge = Bridge(self.frontends, self.clock, self.act, Names, lambda: self.controls)

    def act(self, command: Command, received_s: float) -> None:
        if self.refusal:
            raise CommandError(self.refusal)
        self.acted.append(command)
        if isinstance(command, SetLock):
            self.controls = replace(self.controls, lock=command.what)

    def turn(self, state: State = STATE, after_s: float = 0.0) -> None:
        self.clock.wait(self.clock.now() + after_s)
        self.bridge.turn(state)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.turn(after_s=START_AFTER_S)
    return scene


def test_the_music_begins_first() -> None:
    scene = Scene()
    scene.turn(after_s=START_AFTER_S - 0.01)
    assert not scene.frontends.connected
    scene.turn(after_s=0.02)
    assert scene.frontends.connected


def test_the_greeting_has_all_tables(scene: Scene) -> None:
    (hello,) = scene.frontends.of_kind("hello")
    assert [row["name"] for row in hello["commands"]] == list(COMMANDS)
    assert hello["moods"]["sad"] == [-1.0, -1.0]
    assert hello["attributes"]["tempo"]["high"] == 200
    assert hello["state"] == STATE.as_json()
    scene.frontends.notice = "It was started again."
    scene.turn()
    assert len(scene.frontends.of_kind("hello")) == 2


def test_a_command_is_carried_out_and_answered(scene: Scene) -> None:
    scene.frontends.saying = [{"id": 7, "command": "mood", "name": "sad", "from": "page"}]
    scene.turn()
    assert scene.acted == [SetMood(-1.0, -1.0)]
    assert scene.frontends.of_kind("answer") == [{"kind": "answer", "id": 7, "ok": True}]


def test_a_flood_takes_a_bounded_share_of_a_turn_and_keeps_its_order(scene: Scene) -> None:
    flood = [{"id": n, "command": "intensity", "value": n / 250} for n in range(250)]
    scene.frontends.saying = list(flood)
    scene.turn()
    assert len(scene.acted) == TURN_TAKES
    scene.frontends.saying = [{"id": 250, "command": "panic"}]
    scene.turn()
    assert scene.frontends.saying, "nothing is read while something waits"
    for _ in range(3):
        scene.turn()
    assert [answer["id"] for answer in scene.frontends.of_kind("answer")] == list(range(251))


def test_commands_that_are_slow_leave_the_turn_to_the_music(scene: Scene) -> None:
    act = scene.act

    def slowly(command: Command, received_s: float) -> None:
        act(command, received_s)
        scene.clock.wait(scene.clock.now() + TURN_TAKES_S / 2)

    scene.bridge = Bridge(scene.frontends, scene.clock, slowly, Names, lambda: scene.controls)
    scene.turn(after_s=START_AFTER_S)
    scene.frontends.saying = [{"id": n, "command": "panic"} for n in range(5)]
    for done in (2, 4, 5):
        scene.turn()
        assert len(scene.acted) == done


def test_what_waits_of_frontends_that_are_gone_is_carried_out_unanswered(scene: Scene) -> None:
    scene.frontends.saying = [{"id": n, "command": "panic"} for n in range(TURN_TAKES + 1)]
    scene.turn()
    scene.frontends.notice = "It was started again."
    scene.turn()
    assert len(scene.acted) == TURN_TAKES + 1
    assert scene.frontends.of_kind("answer")[-1]["id"] is None


def test_a_wrong_command_is_answered_with_a_sentence(scene: Scene) -> None:
    scene.frontends.saying = [{"id": 8, "command": "mood", "name": "angry"}]
    scene.turn()
    scene.refusal = "there is no such file"
    scene.frontends.saying = [{"id": 9, "command": "play"}]
    scene.turn()
    first, second = scene.frontends.of_kind("answer")
    assert (first["id"], first["ok"]) == (8, False)
    assert "name must be one of happy" in first["error"]
    assert second == {"kind": "answer", "id": 9, "ok": False, "error": "there is no such file"}
    assert scene.acted == []


def test_a_fault_of_ours_does_not_end_the_music(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def broken(command: Command, received_s: float) -> None:
        raise ZeroDivisionError

    scene.bridge._act = broken
    scene.frontends.saying = [{"id": 1, "command": "play"}, {"id": 2, "command": "play"}]
    scene.turn()
    assert [answer["ok"] for answer in scene.frontends.of_kind("answer")] == [False, False]
    assert "unexpected error with the command" in caplog.text


def test_what_the_frontends_log_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.frontends.saying = [{"kind": "log", "level": "warning", "text": "port 8765 is taken"}]
    scene.turn()
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [(logging.WARNING, "port 8765 is taken")]


def test_the_state_is_published_when_it_changed_and_not_too_often(scene: Scene) -> None:
    scene.turn(after_s=1.0)
    scene.turn(after_s=1.0)
    assert len(scene.frontends.states) == 1
    for bar in range(2, 12):
        scene.turn(replace(STATE, bar=bar), after_s=STATE_EVERY_S / 2)
    assert [state["bar"] for state in scene.frontends.states] == [1, 2, 4, 6, 8, 10]


def test_the_observer_shows_every_note_that_the_player_gets() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=["music.expression=0"])
    frontends = Frontends()
    frontends.start()
    stage.link.observers.add(FrontendsObserver(frontends))
    stage.play(2.0)
    stage.engine.act(SetMood(-1.0, -1.0), stage.clock.now())
    stage.link.arriving.append((stage.clock.now(), Received(bytes((0x91, 60, 80)), 101.5)))
    stage.link.arriving.append((stage.clock.now(), Received(bytes((0x81, 60, 64)), 101.6)))
    for at_s, value in ((101.7, 3), (101.72, 4), (101.8, 5)):  # a knob that is turned is shown now and then
        stage.link.arriving.append((stage.clock.now(), Received(bytes((0xB4, 16, value)), at_s)))
    stage.play(2.0)
    shown: dict[int, tuple[int, float]] = {}
    ends: dict[int, float] = {}
    for message in frontends.told:
        if message["kind"] == "notes":
            shown |= {note["id"]: (note["pitch"], note["on_s"]) for note in message["notes"]}
        elif message["kind"] == "revoked":
            assert message["from"] > 1
            kept = set(message["kept"])
            shown = {i: note for i, note in shown.items() if i < message["from"] or i in kept}
        elif message["kind"] == "ends":
            ends |= dict(message["ends"])
    scheduled = stage.link.scheduled
    assert {i: pitch for i, (pitch, _) in shown.items()} == {i: note.pitch for i, note in scheduled.items()}
    assert all(on_s == pytest.approx(scheduled[i].on_s, abs=1e-4) for i, (_, on_s) in shown.items())
    assert all(ends[i] == pytest.approx(scheduled[i].off_s, abs=1e-4) for i in shown if i in ends)
    assert len(ends) > 10
    persons = frontends.of_kind("person")
    assert [(m["pitch"], m["velocity"], m["at_s"]) for m in persons] == [(60, 80, 101.5), (60, 0, 101.6)]
    knobs = [(m["channel"], m["control"], m["value"]) for m in frontends.of_kind("control")]
    assert knobs == [(5, 16, 3), (5, 16, 5)]
    stage.engine.act(AllNotesOff(), stage.clock.now())
    assert frontends.told[-1] == {"kind": "silence"}


def test_the_observer_shows_the_pedal_beside_the_notes() -> None:
    stage = Stage(Untaught(), settings=["music.pedal=2"])
    frontends = Frontends()
    frontends.start()
    stage.link.observers.add(FrontendsObserver(frontends))
    stage.play(12.0)
    pedals = {pedal["id"] for message in frontends.of_kind("pedals") for pedal in message["pedals"]}
    assert pedals == {i for i, note in stage.link.scheduled.items() if note.is_pedal}
    assert pedals
    assert all(note["pitch"] < 128 for message in frontends.of_kind("notes") for note in message["notes"])


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.mid", "C:x.mid", "~/x.mid", "a\\b.mid"])
def test_files_elsewhere_are_named_by_programs_of_the_same_user_alone(scene: Scene, name: str) -> None:
    asked = {"id": 1, "command": "begin_from_file", "file": name}
    scene.frontends.saying = [{**asked, "from": "page"}, {**asked, "from": "osc"}, {**asked, "from": "ctl"}]
    scene.turn()
    assert scene.acted == [BeginFrom("file", name)]
    refused = [answer for answer in scene.frontends.of_kind("answer") if not answer["ok"]]
    assert len(refused) == 2
    assert "name a file inside of the folder music.beginnings" in refused[0]["error"]


def test_files_in_the_folder_are_named_by_everybody(scene: Scene) -> None:
    scene.frontends.saying = [
        {"id": 1, "command": "begin_from_file", "file": "from pages/a b.mid", "bars": 4, "from": "osc"}
    ]
    scene.turn()
    assert scene.acted == [BeginFrom("file", "from pages/a b.mid", 4)]
