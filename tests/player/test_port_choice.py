"""Other ports while the music plays: ended where it sounded, heard where it goes, and nothing of it lost."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import Any

import pytest

from improv.clock import ManualClock, SystemClock
from improv.errors import PortError
from improv.player.client import PlayerClient
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.null import NullDriver
from improv.player.process.output import Output
from improv.player.process.port_choice import PortChoice
from improv.player.process.ports import Ports
from improv.player.protocol import (
    OutputSettings,
    PlannedNote,
    PlayerSettings,
    PortsChanged,
    Rewire,
    Rewired,
    Schedule,
    ToEngine,
)
from tests.jack import JackServer, Keyboard, Listener
from tests.player.conftest import MakeLink
from tests.player.fakes import LATE_NOTE_LIMIT_S, RecordingDriver, balance, is_on, note, probe
from tools.waiting import PATIENCE_S, eventually

CLOCK = SystemClock()
GRAND, ORGAN = OutputSettings("Grand"), OutputSettings("Organ", channel=4, program=19)


class Rack:
    """Outputs whose ports a test opens: `there` can be, all else cannot."""

    def __init__(self, there: tuple[str, ...], *outputs: OutputSettings) -> None:
        self.clock, self.there = ManualClock(100.0), there
        self.opened: list[tuple[str, RecordingDriver]] = []
        settings = PlayerSettings(outputs=outputs)
        self.outputs = [
            Output(
                Ports(self.open(settings._replace(output_port=one.port))),
                self.clock,
                one,
                late_note_limit_s=LATE_NOTE_LIMIT_S,
                open_=self.open,
            )
            for one in outputs
        ]
        self.choice = PortChoice(self.outputs, settings)

    def open(self, settings: PlayerSettings) -> Driver:
        if settings.output_port not in self.there:
            raise PortError(f"No MIDI output is named like {settings.output_port!r}.")
        driver = RecordingDriver(self.clock)
        driver.outputs = lambda: list(self.there)  # type: ignore[method-assign]
        driver.open()
        self.opened.append((settings.output_port, driver))
        return driver

    def rewire(self, *outputs: OutputSettings, input_port: str = "") -> list[ToEngine]:
        """What the engine is told, as soon as all of it is."""
        told = self.choice.rewire(Rewire(outputs, input_port))
        eventually(lambda: told.extend(self.choice.look()) or not self.choice.under_way, every_s=0.001)
        return told

    def play(self, note_id: int, pitch: int) -> None:
        """A note that is not ended, on all outputs."""
        now_s = self.clock.now()
        for output in self.outputs:
            output.schedule((note(note_id, now_s, now_s + 60, pitch),))
            output.send_due(now_s)

    def sent(self, number: int) -> list[bytes]:
        return [message for _, message in self.opened[number][1].sent if message[0] < 0xB0 or message[0] >= 0xC0]


def test_what_sounds_is_ended_on_the_old_port_and_the_music_goes_on_at_the_new_one() -> None:
    rack = Rack(("Grand", "Organ"), GRAND)
    rack.play(1, 60)
    changed, answer = rack.rewire(ORGAN)
    assert isinstance(changed, PortsChanged)
    assert (changed.goes_on, changed.input_lost) == (True, False)
    assert answer == Rewired(("Organ",), "")
    assert not rack.opened[0][1].is_open
    rack.play(2, 62)
    assert rack.sent(0) == [bytes((0x90, 60, 80)), bytes((0x80, 60, 64))]
    assert rack.sent(1) == [bytes((0xC4, 19)), bytes((0x94, 62, 80))]


def test_a_port_that_is_not_there_is_refused_and_nothing_is_closed() -> None:
    rack = Rack(("Grand",), GRAND)
    changed, answer = rack.rewire(ORGAN)
    assert isinstance(changed, PortsChanged)
    assert answer == Rewired(("Grand",), "", "No MIDI output is named like 'Organ'.")
    assert len(rack.opened) == 1
    rack.play(1, 60)
    assert rack.opened[0][1].is_open
    assert rack.sent(0)[-1] == bytes((0x94, 60, 80))  # the channel was free to change


def test_a_port_that_goes_while_it_is_opened_brings_the_old_one_back() -> None:
    rack = Rack(("Grand", "Organ"), GRAND)
    refusing = rack.open

    def gone(settings: PlayerSettings) -> Driver:
        if settings.output_port == "Organ":
            raise MidiSystemError("It was unplugged.")
        return refusing(settings)

    rack.outputs[0]._open = gone
    _, answer = rack.rewire(ORGAN)
    assert answer == Rewired(("Grand",), "", "It was unplugged.")
    assert [name for name, _ in rack.opened] == ["Grand", "Grand"]
    assert rack.opened[1][1].is_open


def test_a_library_that_fails_leaves_an_output_that_looks_for_its_port_again() -> None:
    rack = Rack(("Grand", "Organ"), GRAND)

    def broken(settings: PlayerSettings) -> Driver:
        raise ValueError("what no library should say")

    rack.outputs[0]._open = broken
    _, answer = rack.rewire(ORGAN)
    assert isinstance(answer, Rewired)
    assert "what no library should say" in answer.fault
    assert isinstance(rack.outputs[0].ports.driver, NullDriver)


def test_the_other_outputs_play_on_and_a_port_is_chosen_for_one_alone() -> None:
    rack = Rack(("Grand", "Organ", "Harp"), GRAND, OutputSettings("Harp"))
    rack.play(1, 60)
    rack.rewire(ORGAN, OutputSettings("Harp"))
    assert [name for name, _ in rack.opened] == ["Grand", "Harp", "Organ"]
    assert rack.sent(1) == [bytes((0x90, 60, 80))]  # it sounds on


def test_a_transposition_alone_opens_nothing_and_ends_what_sounds() -> None:
    rack = Rack(("Grand",), GRAND)
    rack.play(1, 60)
    assert rack.rewire(GRAND._replace(transpose=12)) == [Rewired(("Grand",), "")]
    rack.play(2, 60)
    assert rack.sent(0) == [bytes((0x90, 60, 80)), bytes((0x80, 60, 64)), bytes((0x90, 72, 80))]
    assert len(rack.opened) == 1


def test_another_number_of_outputs_waits_for_the_next_start() -> None:
    rack = Rack(("Grand", "Organ"), GRAND)
    (answer,) = rack.rewire(GRAND, ORGAN)
    assert isinstance(answer, Rewired)
    assert answer.output_ports == ("Grand",)
    assert "1 outputs are open" in answer.fault


def test_of_choices_that_come_at_once_the_last_counts() -> None:
    rack = Rack(("Grand", "Organ", "Harp"), GRAND)
    told = rack.choice.rewire(Rewire((ORGAN,), ""))
    for port in ("Grand", "Harp"):
        told += rack.choice.rewire(Rewire((OutputSettings(port),), ""))
    eventually(lambda: told.extend(rack.choice.look()) or not rack.choice.under_way, every_s=0.001)
    assert [record.output_ports for record in told if isinstance(record, Rewired)] == [("Organ",), ("Harp",)]


# ------------------------------------------------------------------------------------------------------ on real ports


def rewired(link: PlayerClient, outputs: tuple[OutputSettings, ...], input_port: str = "") -> Rewired:
    """Choose ports; the player's answer."""
    link.send(Rewire(outputs, input_port))
    answers: list[Any] = []

    def answered() -> bool:
        link.beat()
        answers.extend(record for record in link.poll(0.02) if isinstance(record, Rewired))
        return bool(answers)

    eventually(answered, PATIENCE_S)
    return answers[-1]  # type: ignore[no-any-return]


def hears(link: PlayerClient, listener: Listener) -> bool:
    probe(link, CLOCK.now())
    link.beat()
    return bool(listener.poll())


@pytest.mark.parametrize("driver", ["jack", "rtmidi"])
def test_from_port_to_port_on_jack(jack_server: JackServer, make_link: MakeLink, driver: str) -> None:
    with closing(Listener("Grand").open()) as grand, closing(Listener("Organ").open()) as organ:
        link = make_link(driver=driver, outputs=(GRAND,))
        link.wait_ready(PATIENCE_S)
        eventually(lambda: hears(link, grand), every_s=0.05)
        link.send(Schedule(tuple(long_note(i, 30 + i) for i in range(10))))
        eventually(lambda: sum(map(is_on, grand.poll())) >= 10)
        assert rewired(link, (ORGAN,)) == Rewired(("Organ",), "")
        eventually(lambda: not balance(grand.poll()))
        before = len(grand.poll())
        eventually(lambda: hears(link, organ), every_s=0.05)
        link.send(Schedule((long_note(100, 99),)))
        eventually(lambda: bytes((0x94, 99, 80)) in organ.poll())
        assert len(grand.poll()) == before
        refused = rewired(link, (OutputSettings("Harmonium"),))
        assert refused.output_ports == ("Organ",)
        assert "Harmonium" in refused.fault
        assert link.settings.outputs[0].port == "Organ"
        assert link.pid is not None
        os.kill(link.pid, signal.SIGKILL)  # the next one opens what was chosen
        eventually(link.beat)
        heard = len(organ.poll())
        eventually(lambda: hears(link, organ) and len(organ.poll()) > heard, every_s=0.05)


def long_note(note_id: int, pitch: int) -> PlannedNote:
    now_s = CLOCK.now()
    return note(note_id, now_s, now_s + 60, pitch)


def test_another_keyboard_is_listened_to_and_our_own_port_keeps_its_name(
    jack_server: JackServer, make_link: MakeLink
) -> None:
    with closing(Listener("Grand").open()), closing(Keyboard("Roland").open()) as keyboard:
        link = make_link(driver="jack", outputs=(GRAND,))
        link.wait_ready(PATIENCE_S)
        answer = rewired(link, (OutputSettings(),), "Roland")
        assert answer == Rewired(("",), "Roland")
        heard: list[ToEngine] = []

        def arrived() -> bool:
            keyboard.send(bytes((0xB0, 1, 99)))
            link.beat()
            heard.extend(link.poll(0.05))
            return any(getattr(record, "message", b"") == bytes((0xB0, 1, 99)) for record in heard)

        eventually(arrived)
        assert "BrainMusic:BrainMusic" in jack_server.ports()


def test_without_a_midi_system_there_is_nothing_to_choose(make_link: MakeLink) -> None:
    link = make_link(outputs=(OutputSettings(),))
    link.wait_ready(PATIENCE_S)
    answer = rewired(link, (GRAND,))
    assert answer == Rewired(("",), "", "There is no MIDI port 'Grand' to choose: midi.driver is null.")
