"""Several devices of one name: each can be chosen, and what is unplugged comes back as itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import PortError
from improv.player.drivers.alsa import AlsaDriver
from improv.player.drivers.port_labels import Address, PortLabels
from improv.player.drivers.rtmidi_port import RtMidiPort, find_port
from improv.player.protocol import PlayerSettings
from tests.player.fake_alsa import FakeSequencer

NANO = "nano:nano MIDI 1"


class Rtmidi:
    """An output client as python-rtmidi has it. there: full names of the ports."""

    def __init__(self, *there: str) -> None:
        self.there = list(there)
        self.opened: list[str] = []

    def get_ports(self) -> list[str]:
        return self.there

    def open_port(self, index: int, name: str) -> None:
        self.opened.append(self.there[index])

    def close_port(self) -> None:
        pass


def chosen(client: Rtmidi, wanted: str) -> RtMidiPort:
    port = RtMidiPort(client, "output", "BrainMusic")
    port.resolve(wanted)
    port.open()
    return port


@pytest.mark.parametrize("twin", [f"{NANO} 24:0", f"{NANO} 40:0"])
def test_a_twin_does_not_stand_for_what_was_unplugged(twin: str) -> None:
    client = Rtmidi(twin, f"{NANO} 28:0")
    port = chosen(client, f"{NANO} 28:0")
    assert port.check() == ""
    client.there = [twin]
    assert "is gone" in port.check()
    assert (port.check(), port.connected) == ("", False)
    client.there = [twin, f"{NANO} 32:0"]
    assert "is back" in port.check()
    assert client.opened == [f"{NANO} 28:0", f"{NANO} 32:0"]
    assert port.check() == ""


def test_what_comes_back_between_two_looks_is_used_again() -> None:
    client = Rtmidi(f"{NANO} 24:0", f"{NANO} 28:0")
    port = chosen(client, f"{NANO} 28:0")
    client.there = [f"{NANO} 24:0", f"{NANO} 36:0"]
    assert "is gone" in port.check()
    assert "is back" in port.check()
    assert client.opened[-1] == f"{NANO} 36:0"


def test_a_twin_that_came_later_is_no_twin_of_ours_either() -> None:
    client = Rtmidi(f"{NANO} 28:0")
    port = chosen(client, NANO)
    client.there = [f"{NANO} 28:0", f"{NANO} 32:0"]
    assert port.check() == ""
    client.there = [f"{NANO} 32:0"]
    assert "is gone" in port.check()
    assert port.check() == ""


def test_one_device_alone_comes_back_under_any_number() -> None:
    client = Rtmidi(f"{NANO} 28:0")
    port = chosen(client, "nano")
    client.there = []
    assert "is gone" in port.check()
    client.there = [f"{NANO} 20:0"]
    assert "is back" in port.check()


@pytest.mark.parametrize("wanted", ["nano", NANO, "MIDI 1"])
def test_a_name_of_two_is_refused_with_both(wanted: str) -> None:
    with pytest.raises(PortError, match=r"More than one MIDI output.*24:0, nano:nano MIDI 1 28:0"):
        find_port([f"{NANO} 24:0", f"{NANO} 28:0"], wanted, "output")


def driver_for(wanted: str) -> AlsaDriver:
    driver = AlsaDriver(PlayerSettings(driver="alsa", output_port=wanted, with_input=False))
    driver.open()
    return driver


@pytest.fixture
def sequencer(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSequencer]:
    """With two devices of one name, 128:0 and 129:0."""
    made = FakeSequencer().install(monkeypatch)
    for _ in range(2):
        made.SequencerClient("nano").create_port("nano MIDI 1", made.WRITE_PORT)
    yield made
    for client in list(made.clients.values()):
        client.close()


@pytest.mark.parametrize("number", [128, 129])
def test_both_can_be_chosen_and_come_back_as_themselves(sequencer: FakeSequencer, number: int) -> None:
    driver = driver_for(f"{NANO} {number}:0")
    assert driver.outputs() == [f"{NANO} 128:0", f"{NANO} 129:0"]

    def linked() -> list[Address]:
        return [there for ours, there in sequencer.links if ours[0] == 130]

    assert linked() == [(number, 0)]
    sequencer.clients[number].close()
    assert "is gone" in driver.check()
    assert linked() == []
    assert driver.check() == ""
    back = sequencer.SequencerClient("nano")
    back.create_port("nano MIDI 1", sequencer.WRITE_PORT)
    assert "is back" in driver.check()
    assert linked() == [(back.client_id, 0)]
    driver.close()


def test_an_ambiguous_name_is_refused_by_alsa(sequencer: FakeSequencer) -> None:
    with pytest.raises(PortError, match=r"More than one MIDI output.*128:0.*129:0"):
        driver_for("nano")
    assert len(sequencer.clients) == 2


PORTS = st.dictionaries(st.tuples(st.integers(16, 40), st.integers(0, 2)), st.sampled_from(["nano", "grand", "synth"]))


@given(st.lists(PORTS, max_size=12))
def test_every_port_has_a_label_of_its_own_and_keeps_it(looks: list[dict[Address, str]]) -> None:
    labels = PortLabels[Address]()
    before: dict[Address, tuple[str, str]] = {}
    for there in looks:
        found = labels.look(there)
        assert sorted(found.values()) == sorted(there)
        now = {address: (label, there[address]) for label, address in found.items()}
        for address, (label, name) in now.items():
            assert label.startswith(name)
            if address in before and before[address][1] == name:
                assert label == before[address][0]
        for name in set(there.values()):  # alone of its name it has nothing to be told from
            assert labels.full_name(next(a for a, n in there.items() if n == name)).startswith(f"{name} ")
        before = now
