"""Engine and player as two processes that the machine gives time in any order: no note is ever left sounding."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.clock import ManualClock
from improv.config import adapters, load
from improv.control.commands import Command, SetAttribute, SetMode, SetMood, Stop
from improv.engine.engine import Engine
from improv.improviser.improviser import Improviser
from improv.midi.messages import NOTE_ON
from improv.model.onnx_model import Model
from improv.music.mood import CORNERS
from improv.player.child import Child
from improv.player.client import PlayerClient
from improv.player.process.loop import Player
from improv.player.process.output import Output
from improv.player.process.ports import Ports
from improv.player.protocol import PlayerSettings, Ready, Revoke, Statistics
from tests.fakes import ENCODING, Failing, ScriptedModel, Stage
from tests.player.fakes import RecordingDriver, balance
from tests.stage import EVENLY, STEP_END

USUAL_TURN_S = 0.01
# A key comes again only after seconds: else the next strike would end what was forgotten.
# They last longer than what is planned ahead: as they begin nobody knows their ends.
HELD_STEPS = 5
SCRIPT = [
    token
    for pitch in range(36, 96)
    for token in (ENCODING.begins(pitch), STEP_END, *HELD_STEPS * (ENCODING.continues(pitch), STEP_END))
]
LATE_S = 1.0  # in this test nothing is dropped for being late


class Mailbox:
    """One direction of the pipe: what was sent is there at once, in order."""

    def __init__(self) -> None:
        self.records: deque[Any] = deque()


class PlayersEnd:
    """Implements `PipeEnd`; waits for nothing, because the machine gives the player its turns."""

    def __init__(self, inbox: Mailbox, outbox: Mailbox) -> None:
        self._inbox, self._outbox = inbox, outbox

    def poll(self, timeout_s: float, also: int | None = None) -> bool:
        return bool(self._inbox.records)

    def receive(self) -> Any:
        return self._inbox.records.popleft()

    def send(self, record: object, *, urgent: bool = False) -> None:
        self._outbox.records.append(record)


class Machine:
    """Gives both sides their time. gaps_s: between the next turns of the player, then it has as many as it likes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.gaps_s = clock, deque[float]()
        self.to_player, self.to_engine = Mailbox(), Mailbox()
        self.engine_waits_s = deque[float]()  # so long the engine has no time as it asks for a revocation
        self.driver = RecordingDriver(clock)
        self.driver.open()
        output = Output(Ports(self.driver), clock, late_note_limit_s=LATE_S)
        end = PlayersEnd(self.to_player, self.to_engine)
        self._player = Player(end, [output], clock, PlayerSettings(port_poll_s=1000.0), spin_s=0.0)
        self._turn_s = clock.now()

    def wait(self, until_s: float) -> None:
        """The player has its turns until then."""
        while self._turn_s <= until_s:
            self.clock.wait(self._turn_s)
            self._player.run_once()
            self._turn_s = max(self._turn_s, self.clock.now()) + (
                self.gaps_s.popleft() if self.gaps_s else USUAL_TURN_S
            )
        self.clock.wait(until_s)


class Alive:
    """In the place of a process."""

    def is_alive(self) -> bool:
        return True


class InMachine(Child):
    """A player's process that is none."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._listens = machine, True
        self.process = Alive()  # type: ignore[assignment]

    def begin(self, settings: PlayerSettings, hung: tuple[tuple[int, int], ...] | None) -> None:
        self._machine.to_engine.records.append(Ready("test", "out", "in", "", ""))

    @property
    def pid(self) -> int | None:
        return 1

    @property
    def listens(self) -> bool:
        return self._listens

    def send(self, record: Any) -> None:
        machine = self._machine
        if isinstance(record, Revoke) and machine.engine_waits_s:
            machine.wait(machine.clock.now() + machine.engine_waits_s.popleft())
        machine.to_player.records.append(record)

    def receive(self, timeout_s: float, also: object = None) -> Iterator[Any]:
        machine, until_s = self._machine, self._machine.clock.now() + timeout_s
        while not machine.to_engine.records and machine.clock.now() < until_s:
            machine.wait(min(until_s, machine.clock.now() + 0.002))
        while machine.to_engine.records:
            yield machine.to_engine.records.popleft()

    def end(self, timeout_s: float = 0.0) -> None:
        self._listens = False


def engine_in(machine: Machine, model: Model, *several: str) -> Engine:
    config = load(None, [EVENLY, "mood.glide_s=0", *several], {})
    link = PlayerClient(adapters.player_settings(config), machine.clock, InMachine(machine))
    link.start()
    link.wait_ready()
    first = adapters.initial_controls(config, CORNERS["happy"])
    improviser = Improviser(model, adapters.improviser_settings(config), first, 1)
    midi_map = config.controls.midi_map(config.mood.moods)
    return Engine(improviser, link, machine.clock, first, midi_map, adapters.engine_settings(config))


def play(engine: Engine, machine: Machine, seconds: float) -> None:
    end_s = machine.clock.now() + seconds
    while machine.clock.now() < end_s:
        engine.turn(0.02)


def sounding(machine: Machine) -> dict[tuple[int, int], int]:
    return balance([message for _, message in machine.driver.sent])


def assert_all_ends(engine: Engine, machine: Machine) -> None:
    """Once the music has ended nothing sounds; a note that was forgotten would for ten seconds."""
    engine.act(Stop(), machine.clock.now())
    end_s = machine.clock.now() + 6.0
    while machine.clock.now() < end_s and (engine.controls.playing or sounding(machine)):
        engine.turn(0.02)
    assert not engine.controls.playing
    assert not sounding(machine)
    assert any(message[0] & 0xF0 == NOTE_ON for _, message in machine.driver.sent)


gaps = st.lists(st.sampled_from([0.001, 0.02, 0.05, 0.11, 0.2, 0.3]), max_size=6)
waits = st.lists(st.sampled_from([0.0, 0.04, 0.06, 0.09, 0.12, 0.25]), max_size=4)
turned: st.SearchStrategy[Command] = st.one_of(
    st.builds(SetMood, st.floats(-1, 1), st.floats(-1, 1), st.none()),
    st.builds(SetAttribute, st.just("onset_density"), st.sampled_from([None, 2.0, 9.0])),
    st.builds(SetMode, st.sampled_from(["solo", "answer", "duet", "play_for_me"])),
)
moment = st.tuples(st.sampled_from([0.0, 0.03, 0.1, 0.4]), turned, gaps, waits)


@given(st.lists(moment, min_size=1, max_size=6), st.sampled_from(["", "raise", "nan"]), st.integers(1, 60))
@settings(max_examples=8, deadline=None)
def test_no_note_is_left_sounding_whoever_gets_time_when(
    moments: Sequence[tuple[float, Command, list[float], list[float]]], how: str, when: int
) -> None:
    machine = Machine(ManualClock(100.0))
    model = Failing(SCRIPT, how, lambda step: step >= 100 and step % 61 == when) if how else ScriptedModel(SCRIPT)
    engine = engine_in(machine, model)
    play(engine, machine, 0.5)
    for after_s, command, gaps_s, waits_s in moments:
        play(engine, machine, after_s)
        machine.gaps_s.extend(gaps_s)
        machine.engine_waits_s.extend(waits_s)
        engine.act(command, machine.clock.now())
        play(engine, machine, 0.05)
    machine.gaps_s.clear()
    engine.act(SetMode("solo"), machine.clock.now())
    assert_all_ends(engine, machine)


@pytest.mark.parametrize("wait_s", [0.12, 0.2, 0.24])
def test_a_revocation_that_is_answered_too_late_leaves_no_note(wait_s: float) -> None:
    """The engine gets no time as it asks: notes that it gives up for revoked were begun meanwhile."""
    machine = Machine(ManualClock(100.0))
    engine = engine_in(machine, ScriptedModel(SCRIPT))
    for _ in range(20):
        play(engine, machine, 0.13)
        machine.engine_waits_s.append(wait_s)
        engine.act(SetMood(engine.controls.glide.target.valence * -0.9, 0.9), machine.clock.now())
    play(engine, machine, 0.2)
    assert_all_ends(engine, machine)


def test_what_the_player_is_about_to_begin_ends_as_well_where_we_give_way() -> None:
    stage = Stage(ScriptedModel(SCRIPT), settings=[EVENLY])
    stage.link.statistics = Statistics(lead_s=0.2)  # of a driver that wants its messages early
    stage.play(2.0)
    for _ in range(10):
        stage.play(0.07)
        stage.engine._ahead.release([])
        now_s = stage.clock.now()
        assert all(note.off_s <= max(note.on_s, now_s) for note in stage.link.scheduled.values())
