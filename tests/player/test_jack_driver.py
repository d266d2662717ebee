"""What the driver of JACK-Client can that no other can: exact frames, the server's end at once, connections again."""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from improv.player.drivers import probe
from improv.player.drivers.base import MidiSystemError
from improv.player.drivers.jack import JackDriver
from improv.player.drivers.jack_frames import COUNTER, FrameClock, unwrap
from improv.player.drivers.port_peer import Connections
from improv.player.drivers.rtmidi import RtMidiDriver
from improv.player.protocol import PlayerSettings
from tests.jack import JackServer, Keyboard, Listener
from tools.waiting import CLOCK, eventually

jack: Any = pytest.importorskip("jack", exc_type=Exception)


class FrameListener:
    """Another program that stamps what arrives with the server's frame."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self._client = jack.Client("frames", no_start_server=True)
        self._port = self._client.midi_inports.register("in")
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        for offset, data in self._port.incoming_midi_events():
            self.heard.append((self._client.last_frame_time + offset, bytes(data)))

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def driver(jack_server: JackServer) -> Iterator[JackDriver]:
    made = JackDriver(PlayerSettings(output_port="frames"))
    with closing(FrameListener()) as listener:
        made.listener = listener  # type: ignore[attr-defined]
        made.open()
        yield made
        made.close()


def test_unwrap_past_the_counters_limit() -> None:
    assert unwrap(5, COUNTER - 3) == COUNTER + 5
    assert unwrap(COUNTER - 3, COUNTER + 5) == COUNTER - 3
    assert unwrap(7, 9) == 7
    assert unwrap(100, 5 * COUNTER + 90) == 5 * COUNTER + 100


def cycles(clock: FrameClock, first_s: float, last_s: float, offset: float, noise: Sequence[float] = (0.0,)) -> None:
    """Look at every cycle of 64 frames; noise: frames that the looks err, in turn."""
    first, last = (round(at_s * 48000 / 64) for at_s in (first_s, last_s))
    for number in range(first, last):
        clock.look(number * 64 / 48000, number * 64 + offset + noise[number % len(noise)])  # type: ignore[arg-type]


def test_the_frame_clock_holds_still_while_it_is_right() -> None:
    clock = FrameClock(48000)
    for second in range(5):  # each cycle is seen late, the best by some frames, the worst by a stalled machine's
        cycles(clock, second, second + 1, 0, [-9 + second, -400, -14, -2000, -5])
        assert clock.frame_at(second + 2.0) - clock.frame_at(second + 1.0) == 48_000
        assert abs(clock.frame_at(second + 1.0) - 48_000 * (second + 1)) <= 10


def test_the_frame_clock_follows_drift_in_steps() -> None:
    clock, worst = FrameClock(48000), 0.0
    for second in range(600):  # 100 ppm: a bad sound card
        for cycle in range(50):
            at_s = second + cycle / 50
            clock.look(at_s, round(at_s * 48004.8))
            worst = max(worst, abs(clock.frame_at(at_s) - at_s * 48004.8))
    assert worst < 0.001 * 48000


def test_the_frame_clock_believes_an_xrun_at_once_and_finds_by_itself_what_nobody_told() -> None:
    clock = FrameClock(48000)
    cycles(clock, 0, 1, 0)
    clock.lost()
    cycles(clock, 1, 1.01, -150)
    assert clock.frame_at(1.0) == 48_000 - 150
    cycles(clock, 1.01, 2, -150)
    cycles(clock, 2, 2.35, -1000)
    assert clock.frame_at(2.0) == 96_000 - 1000


def test_connections_come_back_but_not_those_that_a_person_undid() -> None:
    wishes = Connections(["synth:in"])
    assert wishes.look([], ["other:in"]) == []
    assert wishes.look([], ["other:in", "synth:in"]) == ["synth:in"]
    assert wishes.look(["synth:in", "other:in"], ["other:in", "synth:in"]) == []
    assert wishes.wanted == ("other:in", "synth:in")
    assert wishes.look(["synth:in"], ["other:in", "synth:in"]) == []
    assert wishes.wanted == ("synth:in",)
    assert wishes.look([], ["synth:in"], appeared=["synth:in"]) == ["synth:in"]  # it went and came between two looks
    assert wishes.look([], ["synth:in"]) == []
    assert wishes.wanted == ()


def test_spacing_is_exact_in_frames(driver: JackDriver) -> None:
    """Forty chords of four, 10 ms apart, handed over as the loop does."""
    listener: FrameListener = driver.listener  # type: ignore[attr-defined]
    probe_message = bytes((0xB0, 119, 1))

    def probed() -> bool:
        driver.send(probe_message)
        return bool(listener.heard)

    eventually(probed, every_s=0.05)
    for _ in range(10):
        listener.heard.clear()
        first_s, mapped, in_time = CLOCK.now() + 0.2, driver._frames._offset, True
        for chord in range(40):
            due_s = first_s + chord * 0.01
            CLOCK.wait(due_s - driver.lead_s - 0.05)
            for pitch in range(60, 64):
                driver.send(bytes((0x90, pitch, 80)), due_s)
            in_time &= CLOCK.now() < due_s - driver.lead_s  # else the machine stood still, or this process did
        notes = eventually(lambda: len(found := [f for f, m in listener.heard if m[0] == 0x90]) == 160 and found)
        if driver._frames._offset == mapped and in_time:
            assert [frame - notes[0] for frame in notes] == [480 * chord for chord in range(40) for _ in range(4)]
            return
    pytest.skip("the machine stood still, or the server lost count of time, in every one of ten attempts")


def test_nothing_overtakes(driver: JackDriver) -> None:
    """A panic: the end of a note that waits for its frame follows its beginning."""
    listener: FrameListener = driver.listener  # type: ignore[attr-defined]
    on, off = bytes((0x90, 60, 80)), bytes((0x80, 60, 64))

    def heard() -> list[bytes]:
        driver.send(on, CLOCK.now() + 0.1)
        driver.send(off)
        return [message for _, message in listener.heard]

    messages = eventually(heard, every_s=0.2)
    assert messages == [on, off] * (len(messages) // 2)


def test_what_arrives_wakes_whoever_waits_and_nothing_else_does(jack_server: JackServer) -> None:
    with closing(JackDriver(PlayerSettings())) as driver, closing(Keyboard()) as keyboard:
        driver.open()
        keyboard.open(connect_to="BrainMusic")

        def rings() -> bool:
            return bool(select.select([driver.arrivals], [], [], 0)[0])

        def arrived() -> list[bytes]:
            keyboard.send(b"\xf8")
            eventually(rings)
            return [message for _, message in driver.receive(CLOCK.now())]

        for _ in range(3):
            assert set(eventually(arrived)) == {b"\xf8"}
        eventually(lambda: not driver.receive(CLOCK.now()) and not rings())
    assert driver.arrivals == -1


def test_a_long_sysex_comes_in_pieces_and_none_of_them_is_handed_on(jack_server: JackServer) -> None:
    with closing(JackDriver(PlayerSettings())) as driver, closing(Keyboard()) as keyboard:
        driver.open()
        keyboard.open(connect_to="BrainMusic")
        tick = b"\xf8"

        def arrived() -> list[bytes]:
            for message in (b"\xf0" + 500 * b"\x01", 500 * b"\x01", b"\x01\xf7", tick):
                keyboard.send(message)
            eventually(lambda: select.select([driver.arrivals], [], [], 0)[0])
            return [message for _, message in driver.receive(CLOCK.now())]

        for _ in range(3):
            assert set(eventually(arrived)) == {tick}


def test_the_servers_end_is_told_at_once_and_connections_are_restored(jack_server: JackServer) -> None:
    driver = JackDriver(PlayerSettings())
    driver.open()
    with closing(Listener("synth").open()):
        driver._client.connect("BrainMusic:BrainMusic", "synth:in")
        assert driver.check() == ""
        assert driver.connections() == (("synth:in",), ())
        jack_server.kill()
        eventually(lambda: driver.gone)
    driver.send(b"\x90\x3c\x50")
    with pytest.raises(MidiSystemError, match="The JACK server is gone"):
        driver.check()
    before = driver.connections()
    driver.close()
    jack_server.start()
    with closing(Listener("synth").open()) as listener:
        following = JackDriver(PlayerSettings(connections=before[0], input_connections=before[1]))
        with closing(following):
            following.open()

            def arrived() -> bool:
                following.send(b"\xb0\x77\x01")
                return bool(listener.poll())

            assert eventually(arrived, every_s=0.05)
            assert following.connections() == (("synth:in",), ())


def test_the_driver_is_chosen_where_the_package_is(jack_server: JackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "ALSA", -1)  # on a machine with ALSA that comes first
    for name, kind in (("jack", JackDriver), ("auto", JackDriver), ("rtmidi", RtMidiDriver)):
        with closing(probe.open_driver(PlayerSettings(driver=name))) as driver:
            assert isinstance(driver, kind)

    def absent() -> None:
        raise MidiSystemError("no such package")

    monkeypatch.setattr(probe, "load_jack", absent)
    for name in ("jack", "auto"):
        with closing(probe.open_driver(PlayerSettings(driver=name))) as driver:
            assert isinstance(driver, RtMidiDriver)
