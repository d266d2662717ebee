"""The connections of virtual ports, seen and made again by another client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from improv.player.drivers.wiring import AlsaSystem, Wiring, wiring
from tests.player.fake_alsa import FakeClient, FakeSequencer

OURS, IN, OUT = "BrainMusic", FakeSequencer.WRITE_PORT, FakeSequencer.READ_PORT


@pytest.fixture
def sequencer(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSequencer]:
    made = FakeSequencer().install(monkeypatch)
    yield made
    for client in tuple(made.clients.values()):
        client.close()


def program(sequencer: FakeSequencer, name: str, port: str, caps: int) -> FakeClient:
    client = sequencer.SequencerClient(name)
    client.create_port(port, caps)
    return client


def wired(outputs: tuple[str, ...] = (), inputs: tuple[str, ...] = ()) -> Wiring:
    return Wiring(AlsaSystem("BrainMusic ports"), OURS, outputs, inputs)


def connect(source: FakeClient, sink: FakeClient) -> None:
    source.subscribe_port((source.client_id, 0), (sink.client_id, 0))


def test_what_people_connect_is_told_and_connected_to_the_next_one(sequencer: FakeSequencer) -> None:
    synth, keys = program(sequencer, "synth", "in", IN), program(sequencer, "keys", "out", OUT)
    first = wired()
    sender, receiver = program(sequencer, OURS, OURS, OUT), program(sequencer, f"{OURS} in", OURS, IN)
    first.opened()
    assert first.connections() == ((), ())
    connect(sender, synth)
    connect(keys, receiver)
    first.look()
    assert first.connections() == (("synth:in",), ("keys:out",))
    for one in (sender, receiver):  # the player dies
        one.close()
    sequencer.links.clear()
    second = wired(*first.connections())
    sender, receiver = program(sequencer, OURS, OURS, OUT), program(sequencer, f"{OURS} in", OURS, IN)
    second.opened()
    assert sequencer.links == {
        ((sender.client_id, 0), (synth.client_id, 0)),
        ((keys.client_id, 0), (receiver.client_id, 0)),
    }
    first.close()
    second.close()


def test_a_program_that_returns_is_connected_again_but_not_what_a_person_undid(sequencer: FakeSequencer) -> None:
    subject = wired(("synth:in",))
    sender = program(sequencer, OURS, OURS, OUT)
    subject.opened()
    assert not sequencer.links
    assert subject.connections() == (("synth:in",), ())
    synth = program(sequencer, "synth", "in", IN)
    subject.look()
    assert sequencer.links == {((sender.client_id, 0), (synth.client_id, 0))}
    sequencer.links.clear()
    subject.look()
    assert not sequencer.links
    assert subject.connections() == ((), ())
    subject.close()


def test_a_system_that_fails_leaves_them_untold(sequencer: FakeSequencer) -> None:
    subject = wired(("synth:in",))
    sequencer.broken = True
    subject.opened()
    subject.look()
    assert subject.connections() == (("synth:in",), ())
    assert wiring("ALSA", OURS, (), ()) is None
    assert wiring("CoreMIDI", OURS, (), ()) is None
    subject.close()


def test_another_of_our_name_that_was_there_before_is_not_ours(sequencer: FakeSequencer) -> None:
    synth, elder = program(sequencer, "synth", "in", IN), program(sequencer, OURS, OURS, OUT)
    connect(elder, synth)
    subject = wired()
    program(sequencer, OURS, OURS, OUT)
    subject.opened()
    assert subject.connections() == ((), ())
    subject.close()
