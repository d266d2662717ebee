"""One suite for every driver, and what only real ports can show."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from improv.clock import SystemClock
from improv.errors import PortError
from improv.player.drivers import probe, rtmidi
from improv.player.drivers.alsa import AlsaDriver
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.file import FileDriver
from improv.player.drivers.jack import JackDriver
from improv.player.drivers.null import NullDriver
from improv.player.drivers.rtmidi import ALSA, JACK, RtMidiDriver
from improv.player.drivers.rtmidi_port import find_port
from improv.player.protocol import PlayerSettings
from tests.jack import JackServer, Keyboard, Listener
from tests.player.fake_alsa import FakeSequencer
from tests.player.fakes import RecordingDriver
from tools.waiting import eventually

NOTE = bytes((0x90, 60, 80))
PROBE = bytes((0xB0, 119, 1))


def through(kind: str, settings: PlayerSettings) -> Driver:
    """A driver of a real JACK server: rtmidi's, or JACK-Client's."""
    return RtMidiDriver(JACK, settings) if kind == "rtmidi" else JackDriver(settings)


@pytest.fixture(params=["null", "recording", "rtmidi", "jack", "file", "alsa", "alsa of the kernel", "rtmidi on ALSA"])
def driver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    kind = request.param
    if kind in ("rtmidi", "jack"):
        request.getfixturevalue("jack_server")
    elif kind == "alsa":
        FakeSequencer().install(monkeypatch)
    elif kind in ("alsa of the kernel", "rtmidi on ALSA") and not os.path.exists(probe.ALSA_SEQUENCER):
        pytest.skip("this kernel has no ALSA sequencer")
    made: Driver = {
        "null": NullDriver,
        "recording": lambda: RecordingDriver(SystemClock()),
        "file": lambda: FileDriver(PlayerSettings(file=str(tmp_path / "played.mid"))),
        "rtmidi on ALSA": lambda: RtMidiDriver(ALSA, PlayerSettings()),
        "rtmidi": lambda: RtMidiDriver(JACK, PlayerSettings()),
        "jack": lambda: JackDriver(PlayerSettings()),
    }.get(kind, lambda: AlsaDriver(PlayerSettings()))()
    yield made
    made.close()


def test_sending_is_safe_at_any_time(driver: Driver) -> None:
    driver.send(NOTE)
    driver.open()
    driver.send(NOTE)
    driver.close()
    driver.send(NOTE)
    driver.close()


def messages(driver: Driver) -> list[bytes]:
    """What arrived since the last call."""
    return [message for _, message in driver.receive(0.0)]


def test_an_open_driver_answers(driver: Driver) -> None:
    driver.open()
    assert driver.name
    assert driver.receive(0.0) == []
    assert driver.check() == ""
    assert isinstance(driver.inputs(), list)
    assert isinstance(driver.outputs(), list)
    assert bool(driver.output_name) == (driver.name != "none")
    assert bool(driver.input_name) == (driver.name not in ("none", "file"))
    driver.close()
    assert not driver.output_name or driver.name == "recording"
    assert driver.arrivals == -1


def test_it_can_be_opened_again(driver: Driver) -> None:
    for _ in range(2):
        driver.open()
        driver.send(NOTE)
        assert driver.check() == ""
        driver.close()


def test_find_port() -> None:
    names = ["Midi Through:Midi Through Port-0 14:0", "Piano:Piano MIDI 1 24:0", "Piano:Piano MIDI 2 24:1"]
    assert find_port(names, "through", "output") == names[0]
    assert find_port(names, "midi 2", "output") == names[2]
    assert find_port([*names, "Piano:Piano MIDI 1b 25:0"], "piano:piano midi 1", "output") == names[1]
    with pytest.raises(
        PortError, match="More than one MIDI output is named like 'piano': Piano:Piano MIDI 1 24:0, Piano"
    ):
        find_port(names, "piano", "output")
    with pytest.raises(
        PortError, match=r"No MIDI input is named like 'organ'; there are: Midi Through.*, Piano.*, Piano"
    ):
        find_port(names, "organ", "input")
    with pytest.raises(PortError, match="there is none at all"):
        find_port([], "organ", "input")


both = pytest.mark.parametrize("kind", ["rtmidi", "jack"])


def open_jack(kind: str = "rtmidi", **settings: str) -> Driver:
    driver = through(kind, PlayerSettings(**settings))  # type: ignore[arg-type]
    driver.open()
    return driver


def wait_for_connection(driver: Driver, listener: Listener) -> None:
    """The first events after a connection may get lost: probe until one arrives."""

    def arrived() -> bool:
        driver.send(PROBE)
        return PROBE in listener.poll()

    eventually(arrived, every_s=0.05)


@both
def test_virtual_ports_carry_the_name(jack_server: JackServer, kind: str) -> None:
    with (
        closing(open_jack(kind)) as driver,
        closing(Listener().open(connect_to="BrainMusic:BrainMusic")) as listener,
        closing(Keyboard().open(connect_to="BrainMusic")) as keyboard,
    ):
        wait_for_connection(driver, listener)
        for pitch in range(100):
            driver.send(bytes((0x90, pitch, 80)))
        expected = [bytes((0x90, pitch, 80)) for pitch in range(100)]
        assert eventually(lambda: [m for m in listener.poll() if m[0] == 0x90] == expected)
        keyboard.send(NOTE)
        assert eventually(lambda: messages(driver)) == [NOTE]
        keyboard.send(bytes((0xF0, 1, 2, 0xF7)))
        keyboard.send(bytes((0xFE,)))
        keyboard.send(bytes((0xF8,)))
        assert eventually(lambda: messages(driver)) == [bytes((0xF8,))]


@both
def test_existing_ports_are_found_by_a_part_of_their_name(jack_server: JackServer, kind: str) -> None:
    with (
        closing(Listener("Grand").open()) as listener,
        closing(Keyboard("Stage").open()) as keyboard,
        closing(open_jack(kind, output_port="grand", input_port="STAGE")) as driver,
    ):
        assert (driver.output_name, driver.input_name) == ("Grand:in", "Stage:out")
        wait_for_connection(driver, listener)
        keyboard.send(NOTE)
        assert eventually(lambda: messages(driver)) == [NOTE]


@both
def test_an_unknown_port_names_those_that_are_there(jack_server: JackServer, kind: str) -> None:
    with closing(Listener("Grand").open()):
        for setting in ("output_port", "input_port"):
            with pytest.raises(PortError, match=r"like 'organ'; there (are|is)") as raised:
                open_jack(kind, **{setting: "organ"})
            assert not isinstance(raised.value, MidiSystemError)
            assert ("Grand:in" in str(raised.value)) == (setting == "output_port")
        with pytest.raises(PortError, match="Grand:in"):
            probe.open_driver(PlayerSettings(output_port="organ"))


def test_a_system_without_virtual_ports_says_what_to_choose(jack_server: JackServer) -> None:
    driver = RtMidiDriver(JACK, PlayerSettings())
    driver._virtual_ports = False  # as WinMM
    choice = r"no virtual MIDI ports: choose one of Grand:in, .* -o midi\.output='Grand:in'"
    with closing(Listener("Grand").open()), pytest.raises(PortError, match=choice):
        driver.open()


@both
def test_an_output_that_went_and_came_back_is_used_again(jack_server: JackServer, kind: str) -> None:
    with contextlib.ExitStack() as stack:
        with closing(Listener("Grand").open()) as listener:
            driver = stack.enter_context(closing(open_jack(kind, output_port="grand")))
            wait_for_connection(driver, listener)
        assert eventually(driver.check) == "The MIDI output 'Grand:in' is gone; it is used again as soon as it is back."
        assert driver.check() == ""
        driver.send(NOTE)
        listener = stack.enter_context(closing(Listener("Grand").open()))
        assert eventually(driver.check) == "The MIDI output 'Grand:in' is back."
        wait_for_connection(driver, listener)


def test_list_ports(jack_server: JackServer) -> None:
    with closing(Listener("Grand").open()), closing(Keyboard("Stage").open()):
        assert probe.list_ports("jack") == (["Stage:out"], ["Grand:in"])
    assert probe.list_ports("null") == ([], [])


def test_without_any_midi_system_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody-runs-this")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(MidiSystemError, match=r"no JACK server answers .*jackd -d dummy"):
        probe.open_driver(PlayerSettings(driver="jack"))
    with pytest.raises(MidiSystemError, match="no JACK server answers"):
        probe.list_ports("jack")
    monkeypatch.setattr(probe, "ALSA_SEQUENCER", "/nowhere/seq")
    monkeypatch.setattr("sys.platform", "linux")
    assert "sudo modprobe snd-seq" in probe.missing_sentence()
    monkeypatch.setattr(probe, "ALSA_SEQUENCER", os.devnull)
    assert "usermod -aG audio" in probe.missing_sentence()


def test_an_unknown_driver_is_refused() -> None:
    with pytest.raises(PortError, match="must be one of auto, rtmidi, jack, alsa, file, null, got 'oss'"):
        probe.open_driver(PlayerSettings(driver="oss"))


def test_rtmidi_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError("libasound.so.2: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(MidiSystemError, match="libasound2"):
        probe.open_driver(PlayerSettings())


def test_looking_for_ports_never_starts_a_jack_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JACK_NO_START_SERVER", raising=False)
    probe._usable("auto")
    assert os.environ["JACK_NO_START_SERVER"] == "1"
    monkeypatch.setenv("JACK_NO_START_SERVER", "0")
    probe._usable("auto")
    assert os.environ["JACK_NO_START_SERVER"] == "0"


def test_rtmidi_opens_no_client_for_what_another_one_of_its_own_can_tell(
    jack_server: JackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs time in which there is no music, after a player has failed."""

    def too_many() -> float:
        raise AssertionError("the period is known already")

    period_s = rtmidi.jack_period_s()
    monkeypatch.setattr(rtmidi, "jack_period_s", too_many)
    with closing(RtMidiDriver(JACK, PlayerSettings())) as driver:
        driver.open()
        assert period_s > 0
        assert driver._early_s == period_s / 2
