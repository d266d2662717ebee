"""The kernel's sequencer queue: what is scheduled when, who is connected, what goes and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from improv.clock import ManualClock
from improv.errors import PortError
from improv.player.drivers import probe
from improv.player.drivers.alsa import AlsaDriver
from improv.player.drivers.base import MidiSystemError
from improv.player.drivers.rtmidi import RtMidiDriver
from improv.player.protocol import PlayerSettings
from tests.player.fake_alsa import FakeClient, FakeSequencer

START_S = 1000.0
ON, OFF = b"\x90\x3c\x50", b"\x80\x3c\x40"


@pytest.fixture
def sequencer(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSequencer]:
    made = FakeSequencer(ManualClock(START_S)).install(monkeypatch)
    yield made
    made.broken = False
    for client in list(made.clients.values()):
        client.close()


def opened(sequencer: FakeSequencer, **settings: object) -> AlsaDriver:
    driver = AlsaDriver(PlayerSettings(**settings), sequencer.clock)  # type: ignore[arg-type]
    driver.open()
    return driver


def other(sequencer: FakeSequencer, name: str) -> FakeClient:
    client = sequencer.SequencerClient(name)
    client.create_port("in", FakeSequencer.WRITE_PORT)
    client.create_port("out", FakeSequencer.READ_PORT)
    return client


def test_messages_are_due_at_the_queues_own_time_and_none_overtakes(sequencer: FakeSequencer) -> None:
    driver = opened(sequencer)
    driver.send(ON, START_S + 0.25)
    driver.send(OFF)  # a panic: it follows its beginning
    sequencer.clock.wait(START_S + 0.5)
    driver.send(b"\xb0\x7b\x00")
    assert sequencer.sent == [(250_000_000, ON), (250_000_000, OFF), (500_000_000, b"\xb0\x7b\x00")]
    driver.close()


def test_input_is_stamped_by_the_kernel(sequencer: FakeSequencer) -> None:
    driver = opened(sequencer)
    ours = sequencer.clients[128]
    sequencer.clock.wait(START_S + 2)
    ours.hear(sequencer.now(), ON)
    ours.hear(None, b"\xf0\x01\xf7")
    ours.hear(None, OFF)
    assert driver.receive(1234.0) == [(pytest.approx(START_S + 2), ON), (1234.0, OFF)]
    driver.close()
    assert driver.receive(0.0) == []


def test_a_named_port_goes_and_returns(sequencer: FakeSequencer) -> None:
    piano = other(sequencer, "Grand")
    driver = opened(sequencer, output_port="grand", input_port="GRAND")
    assert (driver.output_name, driver.input_name) == ("Grand:in", "Grand:out")
    assert len(sequencer.links) == 2
    piano.close()
    gone = "The MIDI {0} 'Grand:{1}' is gone; it is used again as soon as it is back."
    assert driver.check() == " ".join((gone.format("output", "in"), gone.format("input", "out")))
    assert driver.check() == ""
    other(sequencer, "Grand")
    assert driver.check() == "The MIDI output 'Grand:in' is back. The MIDI input 'Grand:out' is back."
    assert len(sequencer.links) == 2
    driver.close()


def test_what_a_person_connected_is_restored_when_the_program_comes_back(sequencer: FakeSequencer) -> None:
    synth = other(sequencer, "synth")
    driver = opened(sequencer)
    synth.subscribe_port((129, 0), (128, 0))
    assert driver.check() == ""
    assert driver.connections() == (("synth:in",), ())
    synth.close()
    other(sequencer, "synth")  # between two looks
    driver.check()
    assert ((129, 0), (130, 0)) in sequencer.links
    sequencer.links.clear()
    driver.check()
    assert not sequencer.links  # undone by a person
    driver.close()
    with_memory = opened(sequencer, connections=("synth:in",))
    assert len(sequencer.links) == 1
    with_memory.close()


def test_ports_that_are_missing_or_ambiguous_and_a_sequencer_that_goes(sequencer: FakeSequencer) -> None:
    for _ in range(2):
        other(sequencer, "Grand")
    with pytest.raises(PortError, match="No MIDI output is named like 'organ'; there are: Grand:in 128:0"):
        opened(sequencer, output_port="organ")
    driver = opened(sequencer)
    sequencer.broken = True
    driver.send(ON)
    assert driver.gone
    with pytest.raises(MidiSystemError, match="No such device"):
        driver.check()
    driver.close()
    with pytest.raises(MidiSystemError, match="ALSA cannot be used: No such file"):
        opened(sequencer)


def test_it_is_chosen_where_the_package_is(sequencer: FakeSequencer, monkeypatch: pytest.MonkeyPatch) -> None:
    (driver,) = probe._drivers(PlayerSettings(driver="alsa"))
    assert isinstance(driver, AlsaDriver)

    def absent() -> None:
        raise MidiSystemError("no such package")

    monkeypatch.setattr(probe, "load_alsa", absent)
    (driver,) = probe._drivers(PlayerSettings(driver="alsa"))
    assert isinstance(driver, RtMidiDriver)
