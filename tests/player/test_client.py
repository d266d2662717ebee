"""The link with a real player process: start, music, failures, end."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mido
import pytest

from improv.clock import SystemClock
from improv.errors import PlayerError, PortError
from improv.midi.messages import PEDAL_KEY
from improv.player import client as link_module
from improv.player.client import PlayerClient
from improv.player.ledger import LEDGER_NOTES
from improv.player.protocol import (
    Dropped,
    MoveOff,
    OutputSettings,
    PlannedNote,
    PlayerSettings,
    PortsChanged,
    Received,
    Schedule,
    Silence,
)
from tests.jack import JackServer, Keyboard, Listener
from tests.player.conftest import MakeLink
from tests.player.fakes import PROBE, balance, is_off, is_on, is_probe, note, probe
from tools.waiting import PATIENCE_S, eventually

CLOCK = SystemClock()


def soon(note_id: int, in_s: float = 0.05, length_s: float = 0.05, pitch: int = 60) -> PlannedNote:
    now_s = CLOCK.now()
    return note(note_id, now_s + in_s, now_s + in_s + length_s, pitch)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def beat_until(link: PlayerClient, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """Beat as the engine does until `condition()` is true; returns its value."""

    def look() -> Any:
        link.beat()
        return condition()

    return eventually(look, timeout_s)


def test_start_music_and_end(make_link: MakeLink, tmp_path: Path) -> None:
    link = make_link(log_notes_to=str(tmp_path / "notes.jsonl"))
    ready = link.wait_ready(PATIENCE_S)
    assert (ready.driver, ready.notice) == ("none", "")
    link.send(Schedule((soon(1), soon(2, 0.1, 600.0, 62))))
    link.send(MoveOff(((2, CLOCK.now() + 0.2),)))
    beat_until(link, lambda: link.statistics.notes_sent == 2 and not link.statistics.sounding)
    assert (link.statistics.notes_sent, link.statistics.sounding) == (2, 0)
    link.close()
    link.close()
    assert [line["note_id"] for line in lines(tmp_path / "notes.jsonl")] == [1, 2]
    assert link.beat() == ""


def test_revoke_names_what_was_sent(make_link: MakeLink) -> None:
    link = make_link()
    link.wait_ready(PATIENCE_S)
    link.send(Schedule((soon(1, 0.0), soon(2, 0.0, pitch=61), soon(3, 600.0), soon(4, 601.0))))
    beat_until(link, lambda: link.statistics.notes_sent == 2)
    assert link.revoke(2, timeout_s=PATIENCE_S) == (2,)


def test_revoke_without_an_answer_believes_that_what_was_due_was_sent(make_link: MakeLink) -> None:
    link = make_link()
    link.wait_ready(PATIENCE_S)
    assert link.pid is not None
    os.kill(link.pid, signal.SIGSTOP)
    link.send(Schedule((soon(1, -0.01), soon(2, 600.0))))
    assert link.revoke(1, timeout_s=0.05) == (1,)
    os.kill(link.pid, signal.SIGCONT)
    assert link.revoke(2, timeout_s=PATIENCE_S) == ()
    assert link.poll() == []


def test_a_killed_player_is_replaced_and_goes_on(make_link: MakeLink) -> None:
    link = make_link()
    link.wait_ready(PATIENCE_S)
    unheard: list[int] = []

    class Lost:
        def observe(self, record: object) -> None:
            if isinstance(record, Dropped):
                unheard.extend(record.note_ids)

    link.observers.add(Lost())
    for round_number in (1, 2):
        old = link.pid
        assert old is not None
        link.send(Schedule((soon(10 * round_number, 0.0, 600.0),)))
        beat_until(link, lambda: link.statistics.sounding == 1)
        link.send(Schedule((soon(10 * round_number + 2, 600.0),)))
        os.kill(old, signal.SIGKILL)
        notice = eventually(link.beat)
        assert notice == "The player process ended unexpectedly and was started anew."
        link.wait_ready(PATIENCE_S)
        assert link.pid != old
        (changed,) = link.poll()
        assert isinstance(changed, PortsChanged)
        link.send(Schedule((soon(10 * round_number + 1),)))
        beat_until(link, lambda: link.statistics.notes_sent == 1 and not link.statistics.sounding)
    assert link.restarts == 2
    assert unheard == [12, 22]


def test_a_player_that_cannot_be_started_anew_is_tried_again(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the file handles have run out: a sentence, and the engine goes on."""
    link = make_link()
    link.wait_ready(PATIENCE_S)
    link.send(Schedule((soon(1, 0.0, 600.0, 77),)))
    beat_until(link, lambda: link.statistics.sounding == 1)
    tries, start = [], link.start

    def starting(hung: tuple[tuple[int, int], ...] | None) -> None:
        tries.append(hung)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        start(hung)

    monkeypatch.setattr(link, "start", starting)
    monkeypatch.setattr("improv.processes.FIRST_RESTART_DELAY_S", 0.01)
    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    assert "cannot be started anew (Too many open files); tried again in" in eventually(link.beat)
    link.send(Silence())  # what the engine does then
    beat_until(link, lambda: len(tries) == 3)
    assert link.wait_ready(PATIENCE_S)
    assert tries == [((0, 77),)] * 3
    assert link.restarts == 1


def test_a_frozen_player_is_replaced(make_link: MakeLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FROZEN_AFTER_S", 1.2)
    link = make_link()
    link.wait_ready(PATIENCE_S)
    assert link.pid is not None
    os.kill(link.pid, signal.SIGSTOP)
    assert "did not answer" in eventually(link.beat)
    link.wait_ready(PATIENCE_S)


def test_an_engine_that_stood_still_does_not_blame_the_player(
    make_link: MakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "FROZEN_AFTER_S", 1.1)
    link = make_link()
    link.wait_ready(PATIENCE_S)
    link.beat()
    CLOCK.wait(CLOCK.now() + 1.3)
    assert link.beat() == ""
    assert link.restarts == 0


def test_polling_without_a_player_waits(make_link: MakeLink) -> None:
    link = make_link()
    link.wait_ready(PATIENCE_S)
    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    eventually(lambda: link.poll(0.01) == [] and not link._liveness.listens)
    began_s = CLOCK.now()
    assert link.poll(0.05) == []
    assert CLOCK.now() - began_s >= 0.05


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP"])
def test_signals_of_the_terminal_are_left_to_the_engine(make_link: MakeLink, name: str) -> None:
    link = make_link()
    link.wait_ready(PATIENCE_S)
    assert link.pid is not None
    os.kill(link.pid, getattr(signal, name))
    link.send(Schedule((soon(1),)))
    beat_until(link, lambda: link.statistics.notes_sent == 1 and not link.statistics.sounding)
    assert link.restarts == 0


def test_what_midi_cannot_express_is_refused() -> None:
    link = PlayerClient(PlayerSettings(driver="null"), CLOCK)
    with pytest.raises(ValueError, match=r"pitch must be in 0\.\.127, got 130"):
        link.send(Schedule((note(1, 0.0, 1.0, pitch=130),)))
    with pytest.raises(ValueError, match="must be finite"):
        link.send(Schedule((note(1, 0.0, float("nan")),)))


def test_the_ledger_stays_bounded() -> None:
    link = PlayerClient(PlayerSettings(driver="null"), CLOCK)
    for i in range(5000):
        link.send(Schedule((soon(i, 100.0),)))
    assert len(link._ledger) <= LEDGER_NOTES
    for i in range(5000, 6000):
        link.send(Schedule((soon(i, -10.0),)))
    assert not [planned for planned in link._ledger.notes if planned.off_s < 0]
    link.close()


def test_a_log_that_cannot_be_written(make_link: MakeLink, tmp_path: Path) -> None:
    link = make_link(log_notes_to=str(tmp_path / "absent" / "notes.jsonl"))
    with pytest.raises(PortError, match="cannot be written: No such file"):
        link.wait_ready(PATIENCE_S)


def test_a_player_that_dies_before_it_is_ready(make_link: MakeLink) -> None:
    link = make_link()
    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(PlayerError, match="ended before"):
        link.wait_ready(PATIENCE_S)


def test_a_player_that_takes_too_long(make_link: MakeLink) -> None:
    link = make_link()
    assert link.pid is not None
    os.kill(link.pid, signal.SIGSTOP)
    with pytest.raises(PlayerError, match="not ready within"):
        link.wait_ready(0.05)
    os.kill(link.pid, signal.SIGCONT)


def test_without_midi_the_player_plays_on_and_says_so(make_link: MakeLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody-runs-this")
    link = make_link(driver="jack", port_poll_s=0.05)
    ready = link.wait_ready(PATIENCE_S)
    assert ready.driver == "none"
    assert "no JACK server answers" in ready.notice
    assert "plays without MIDI ports" in ready.notice
    link.send(Schedule((soon(1),)))
    beat_until(link, lambda: link.statistics.notes_sent == 1 and not link.statistics.sounding)


def test_what_was_granted_is_said_in_words(make_link: MakeLink) -> None:
    assert make_link(realtime=False).wait_ready(PATIENCE_S).realtime == "not asked for"
    scheduling, memory, timers = make_link(realtime=True).wait_ready(PATIENCE_S).realtime.split(", ")
    assert "SCHED_FIFO" in scheduling
    assert memory.startswith("memory ")
    assert timers.startswith("timer slack ")


def test_the_player_imports_only_what_it_needs() -> None:
    """Each of these costs the player memory and a late start."""
    code = "import improv.player.process.main, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "onnxruntime", "pydantic", "rich", "yaml", "mido", "rtmidi", "asyncio"}
    assert not heavy & set(loaded)


ENGINE = """
import sys
from improv.clock import SystemClock
from improv.player.client import PlayerClient
from improv.player.protocol import PlayerSettings
print("imported as", __name__, flush=True)
if __name__ == "__main__":
    link = PlayerClient(PlayerSettings(driver="null"), SystemClock())
    link.start()
    link.wait_ready(60.0)
    print(link.pid, flush=True)
    sys.stdin.read()
"""


def test_an_engine_that_is_killed_takes_the_player_along(tmp_path: Path) -> None:
    """And the player does not import the engine's main module."""
    script = tmp_path / "engine.py"
    script.write_text(ENGINE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "imported as __main__\n"
        player = int(engine.stdout.readline())
        assert Path(f"/proc/{player}").exists()
        engine.kill()
        assert engine.stdout.read() == ""
    eventually(lambda: not alive(player))


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended before, or while it was read
        return False


class OnJack:
    """A link on a JACK server with a listener connected to its output."""

    def __init__(self, link: PlayerClient) -> None:
        self.link = link
        self.listener = Listener()
        assert link.wait_ready(PATIENCE_S).driver == "JACK"
        self.listener.open(connect_to="BrainMusic:BrainMusic")

    def wait_for_connection(self) -> None:
        def arrived() -> bool:
            self.link.beat()
            probe(self.link, CLOCK.now())
            return bool(self.listener.poll())

        eventually(arrived, every_s=0.05)

    def notes(self) -> list[bytes]:
        return [m for m in self.listener.poll() if (is_on(m) or is_off(m)) and not is_probe(m)]


@pytest.fixture
def on_jack(jack_server: JackServer, make_link: MakeLink) -> Iterator[OnJack]:
    on_jack = OnJack(make_link(driver="jack"))
    on_jack.wait_for_connection()
    yield on_jack
    on_jack.listener.close()


def test_music_on_real_ports(on_jack: OnJack) -> None:
    planned = [soon(i, 0.1 + i * 0.01, 0.05, 40 + i % 40) for i in range(100)]
    on_jack.link.send(Schedule(tuple(planned)))
    beat_until(on_jack.link, lambda: len(on_jack.notes()) >= 200)
    assert [m[1] for m in on_jack.notes() if is_on(m)] == [planned_note.pitch for planned_note in planned]
    assert not balance(on_jack.notes())


@pytest.mark.parametrize("how", ["close", "pipe closes", "SIGTERM", "silence"])
def test_no_note_is_left_sounding(on_jack: OnJack, how: str) -> None:
    link = on_jack.link
    link.send(Schedule(tuple(soon(i, 0.0, 600.0, 1 + i) for i in range(30))))
    beat_until(link, lambda: len(on_jack.notes()) == 30)
    child = link._liveness.child
    assert child is not None
    if how == "close":
        link.close()
    elif how == "pipe closes":
        child.hang_up()
    elif how == "SIGTERM":
        child.process.terminate()
    else:
        link.send(Silence())
    assert eventually(lambda: len(on_jack.notes()) == 60)
    assert not balance(on_jack.notes())
    assert bytes((0xB0, 123, 0)) in eventually(lambda: on_jack.listener.poll()[-2:])
    if how in ("pipe closes", "SIGTERM"):
        assert eventually(lambda: child.process.exitcode == 0)


def test_messages_from_a_keyboard_arrive_stamped(on_jack: OnJack) -> None:
    keyboard = Keyboard()
    keyboard.open(connect_to="BrainMusic")
    try:
        received = []

        def arrived() -> bool:
            keyboard.send(bytes((0xB0, 1, 99)))
            received.extend(on_jack.link.poll(0.05))
            return bool(received)

        began_s = CLOCK.now()
        eventually(arrived)
        assert isinstance(received[0], Received)
        assert received[0].message == bytes((0xB0, 1, 99))
        assert began_s <= received[0].received_s <= CLOCK.now()
    finally:
        keyboard.close()


def test_a_named_port_that_is_not_there(jack_server: JackServer, make_link: MakeLink) -> None:
    with closing(Listener("Grand").open()):
        link = make_link(driver="jack", output_port="organ")
        with pytest.raises(PortError, match="No MIDI output is named like 'organ'; there are: Grand:in"):
            link.wait_ready(PATIENCE_S)


def test_after_a_crash_hanging_notes_are_ended(jack_server: JackServer, make_link: MakeLink) -> None:
    with closing(Listener("Grand").open()) as listener:
        link = make_link(driver="jack", output_port="grand")
        link.wait_ready(PATIENCE_S)

        def arrived() -> bool:
            probe(link, CLOCK.now())
            return bool(listener.poll())

        eventually(arrived, every_s=0.05)
        link.send(Schedule((soon(1, 0.0, 600.0, 77),)))
        eventually(lambda: bytes((0x90, 77, 80)) in listener.poll())
        assert link.pid is not None
        os.kill(link.pid, signal.SIGKILL)
        eventually(link.beat)
        eventually(lambda: bytes((0x80, 77, 64)) in listener.poll())
        eventually(lambda: bytes((0xB0, 123, 0)) in listener.poll())


def test_a_jack_server_that_dies_is_found_again(jack_server: JackServer, make_link: MakeLink) -> None:
    link = make_link(driver="jack", port_poll_s=0.2)
    assert link.wait_ready(PATIENCE_S).driver == "JACK"
    changes: list[PortsChanged] = []

    def changed() -> PortsChanged | None:
        link.beat()
        changes.extend(record for record in link.poll() if isinstance(record, PortsChanged))
        return changes.pop(0) if changes else None

    jack_server.kill()
    lost = eventually(changed)
    assert (lost.driver, lost.output_name) == ("none", "")
    assert lost.notice.startswith("The JACK server is gone.")
    link.send(Schedule((soon(1),)))
    beat_until(link, lambda: link.statistics.notes_sent == 1 and not link.statistics.sounding)
    jack_server.start()
    found = eventually(changed)
    assert (found.driver, found.output_name) == ("JACK", "BrainMusic")
    eventually(lambda: "BrainMusic:BrainMusic" in jack_server.ports(), every_s=0.5)
    assert link.restarts == 0


@pytest.mark.parametrize("driver", ["jack", "rtmidi"])
def test_the_next_player_restores_what_the_virtual_port_was_connected_to(jack_server: JackServer, driver: str) -> None:
    pytest.importorskip("jack", exc_type=Exception)
    link = PlayerClient(PlayerSettings(driver=driver, realtime=False, port_poll_s=0.2), SystemClock())
    link.start()
    try:
        link.wait_ready(PATIENCE_S)
        with closing(Listener("synth").open()) as listener:
            eventually(lambda: "synth:in" in jack_server.ports(), every_s=0.5)
            subprocess.run(["jack_connect", "-s", jack_server.name, "BrainMusic:BrainMusic", "synth:in"], check=True)

            def told() -> bool:
                link.beat()
                link.poll(0.05)
                return link.settings.output_connections == (("synth:in",),)

            assert not link.connected
            eventually(told)
            assert link.connected
            assert link.pid is not None
            os.kill(link.pid, signal.SIGKILL)
            eventually(lambda: link.beat() or link.poll(0.05) or "")

            def arrived() -> bool:
                link.beat()
                link.poll(0.05)
                probe(link, CLOCK.now())
                return PROBE in listener.poll()

            eventually(arrived)
    finally:
        link.close()


def test_several_outputs_over_real_ports_one_of_which_is_unplugged(
    jack_server: JackServer, make_link: MakeLink
) -> None:
    """The named one goes and returns; the other hears every note."""
    outputs = (OutputSettings(), OutputSettings("grand", channel=3, transpose=12))
    grand = Listener("Grand").open()
    link = make_link(driver="auto", outputs=outputs, port_poll_s=0.3)
    assert link.wait_ready(PATIENCE_S).output_name == "BrainMusic, Grand:in"

    def turn() -> list[str]:
        link.beat()
        return [record.notice for record in link.poll(0.02) if isinstance(record, PortsChanged) and record.goes_on]

    def probed(listener: Listener, message: bytes) -> bool:
        turn()
        probe(link, CLOCK.now())
        return message in listener.poll()

    with closing(Listener("plain").open(connect_to="BrainMusic:BrainMusic")) as plain:
        eventually(lambda: probed(plain, PROBE), every_s=0.05)
        eventually(lambda: probed(grand, bytes((0x93, 12, 1))), every_s=0.05)
        link.send(Schedule(tuple(soon(i, 0.1 * i, 0.05, 40 + i) for i in range(1, 31))))
        eventually(lambda: turn() or any(is_on(m) and not is_probe(m, 12) for m in grand.poll()))
        assert next(m for m in grand.messages if is_on(m) and not is_probe(m, 12))[:2] == bytes((0x93, 53))
        grand.close()
        assert eventually(turn) == ["The MIDI output 'Grand:in' is gone; it is used again as soon as it is back."]
        with closing(Listener("Grand").open()) as back:
            assert eventually(turn) == ["The MIDI output 'Grand:in' is back."]
            eventually(lambda: probed(back, bytes((0x93, 12, 1))), every_s=0.05)
            eventually(lambda: not turn() and sum(is_off(m) and not is_probe(m) for m in plain.poll()) == 30)
        assert [m[1] for m in plain.messages if is_on(m) and not is_probe(m)] == list(range(41, 71))
        assert not balance([m for m in plain.messages if is_on(m) or is_off(m)])


def test_a_pedal_that_a_killed_player_left_down_rises(make_link: MakeLink, tmp_path: Path) -> None:
    link = make_link(driver="file", file=str(tmp_path / "sent.mid"))
    link.wait_ready(PATIENCE_S)
    link.send(Schedule((soon(1, 0.0, 600.0, PEDAL_KEY)._replace(channel=2), soon(2, 0.0, 600.0))))
    beat_until(link, lambda: link.statistics.sounding == 1)
    assert (2, PEDAL_KEY) in link.may_sound()
    assert link.pid is not None
    os.kill(link.pid, signal.SIGKILL)
    eventually(link.beat)
    link.wait_ready(PATIENCE_S)
    link.close()
    sent = [message for message in mido.MidiFile(tmp_path / "sent.mid") if message.type == "control_change"]
    assert (2, 64, 0) in {(message.channel, message.control, message.value) for message in sent}


def test_a_named_port_that_comes_later_is_waited_for(jack_server: JackServer, make_link: MakeLink) -> None:
    link = make_link(driver="jack", output_port="Grand", wait_for_ports=True, port_poll_s=0.2)
    ready = link.wait_ready(PATIENCE_S)
    assert ready.driver == "none"
    assert "No MIDI output is named like 'Grand'" in ready.notice
    with closing(Listener("Grand").open()) as listener:

        def heard() -> bool:
            link.beat()
            link.poll()
            probe(link, CLOCK.now())
            return bool(listener.poll())

        eventually(heard, every_s=0.05)
