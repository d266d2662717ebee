"""Calibration: what a simulated piano does is found again, and the file keeps everything else that it says."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from improv import config
from improv.app.calibration import THRU_MS, evaluate, measure
from improv.app.cli import main
from improv.clock import ManualClock
from improv.config.edit import write_output
from improv.errors import InputError
from improv.player.protocol import Instruction, Received, Schedule, Statistics, ToEngine
from tests.conftest import REPOSITORY
from tests.jack import JackServer, jack_server, missing

VALUES = {"latency_ms": 31.5, "velocity_delay_ms": {1: 150.0, 127: 0.0}}


def hammer_s(velocity: int) -> float:
    """A piano's: 30 ms for the loudest, 150 more for the softest."""
    return 0.03 + 0.15 * (127 - velocity) / 126


class FakePiano:
    """Player and piano in one, on a manual clock; velocities up to `deaf` do not move a hammer."""

    def __init__(self, clock: ManualClock, deaf: int = 0) -> None:
        self._clock, self._deaf = clock, deaf
        self._coming: deque[Received] = deque()

    statistics = Statistics()

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        return ()

    def send(self, record: Instruction) -> None:
        assert isinstance(record, Schedule)
        for note in record.notes:
            at_s = note.on_s + hammer_s(note.velocity)
            self._coming.append(Received(b"\x91\x3d\x40", at_s - 0.01))  # another key that resonates
            if note.velocity > self._deaf:
                self._coming.append(Received(bytes((0x91, note.pitch, note.velocity)), at_s))
            self._coming.append(Received(bytes((0x91, note.pitch, 0)), at_s + 0.3))

    def poll(self, timeout_s: float) -> list[ToEngine]:
        self._clock.wait(self._clock.now() + timeout_s)
        arrived: list[ToEngine] = []
        while self._coming and self._coming[0].received_s <= self._clock.now():
            arrived.append(self._coming.popleft())
        return arrived

    def beat(self) -> str:
        return ""


def test_a_piano_is_measured() -> None:
    clock, told = ManualClock(10.0), []
    found = measure(FakePiano(clock, deaf=4), clock, velocities=(1, 64, 127), repeats=2, tell=told.append)
    assert found.latency_ms == 30
    assert found.velocity_delay_ms == {64: 75.0, 127: 0.0}
    assert found.silent == (1,)
    assert not found.warning
    assert told == ["velocity   1: silent", "velocity  64:  105.0 ms", "velocity 127:   30.0 ms"]


def test_what_cannot_be_a_piano() -> None:
    with pytest.raises(InputError, match="no note came back"):
        evaluate({1: [], 127: []})
    with pytest.raises(InputError, match="more than 500 ms cannot be made up for"):
        evaluate({1: [900.0], 127: [30.0]})
    assert "MIDI thru" in evaluate({1: [0.4], 127: [THRU_MS / 2]}).warning


LAYOUTS = (
    """midi:
  # kept
  outputs:
  - port: Roland  # one
  - port: Disklavier
    channel: 2  # two
log: {}
""",
    """midi:
  outputs:
  - port: A
    velocity_delay_ms:
      1: 9
      99: 3
    # kept
    channel: 2
""",
    "midi:\n  outputs: [{port: A, latency_ms: 9}]  # kept\n",
    "midi:\n  name: X  # kept\n",
    "midi:\n  output: Disk  # kept\n  channel: 3\n  program: 4\n  outputs: []  # kept\n",
    """# above all
mood:
  start: 'sad'  # quoted

midi:
    outputs:
      - {port: "Roland", channel: 3}
      # between
      - port: on
log: {notes: x}   # last
""",
    (REPOSITORY / "config.yaml").read_text(),
)


@pytest.mark.parametrize("before", LAYOUTS)
def test_the_file_keeps_everything_else(tmp_path: Path, before: str) -> None:
    number = 1 if "- port: Roland" in before else 0
    path = tmp_path / "config.yaml"
    path.write_text(before)
    old = config.load(path, (), {})
    write_output(path, number, VALUES, {"port": "Disk", "channel": 3, "program": 4})
    new = config.load(path, (), {}).midi.outputs
    assert (new[number].latency_ms, new[number].velocity_delay_ms) == (31.5, {1: 150, 127: 0})
    if old.midi.outputs:
        changed = {"latency_ms", "velocity_delay_ms"}
        rest = [[one.model_dump(exclude=changed) for one in outputs] for outputs in (old.midi.outputs, new)]
        assert rest[0] == rest[1]
    else:
        assert (new[0].port, new[0].channel, new[0].program) == ("Disk", 3, 4)
    comments = [line.split("#", 1)[1] for line in before.splitlines() if "#" in line]
    assert all(comment in path.read_text() for comment in comments)
    assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


def test_nothing_else_of_the_text_changes(tmp_path: Path) -> None:
    before = "# top\r\nmood:\r\n    start: 'sad'   # why\r\n\r\nmidi:\r\n    outputs:\r\n      - port: \"A\" # one\r\n"
    path = tmp_path / "config.yaml"
    path.write_bytes(before.encode())
    write_output(path, 0, {"latency_ms": 20.0}, {})
    assert path.read_bytes().decode() == before.replace("- port", "- latency_ms: 20.0\r\n        port")


def test_a_file_that_cannot_be_changed_stays_as_it_is(tmp_path: Path) -> None:
    for text in ("midi: {}\n", "log: {}\n", "midi:\n  outputs:\n  - {}\n", "midi: {a: 1, a: 2}", "- midi\n"):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        with pytest.raises(InputError, match="by hand"):
            write_output(path, 0, VALUES, {})
        assert path.read_text() == text
        assert [one.name for one in tmp_path.iterdir()] == ["config.yaml"]


class JackPiano:
    """Another program: strikes late by velocity and tells of it, in JACK's own frames."""

    def __init__(self) -> None:
        jack: Any = pytest.importorskip("jack", exc_type=Exception)
        self._client = jack.Client("Disklavier", no_start_server=True)
        self._in = self._client.midi_inports.register("in")
        self._out = self._client.midi_outports.register("out")
        self._coming: deque[tuple[int, bytes]] = deque()
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        self._out.clear_buffer()
        now = self._client.last_frame_time
        for offset, data in self._in.incoming_midi_events():
            message = bytes(data)
            if message[0] & 0xF0 == 0x90:
                self._coming.append((now + offset + round(48000 * hammer_s(message[2])), message))
        while self._coming and self._coming[0][0] < now + frames:
            at, message = self._coming.popleft()
            self._out.write_midi_event(max(at - now, 0), message)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def server() -> Iterator[JackServer]:
    if reason := missing():
        pytest.skip(reason)
    with jack_server() as running:
        yield running


def test_the_command_finds_what_a_simulated_piano_needs(
    server: JackServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("improv.app.calibration.VELOCITIES", (1, 64, 127))
    monkeypatch.setattr("improv.app.calibration.LISTEN_S", 2.0)  # an echo that comes later is taken for the next note's
    path = tmp_path / "config.yaml"
    path.write_text("midi:\n  driver: jack\n  outputs:\n  - port: disklavier  # by the window\n")
    with closing(JackPiano()):
        assert main(["calibrate", "-c", str(path), "--repeats", "1", "--write"]) == 0
    assert "latency_ms" in capsys.readouterr().out
    output = config.load(path, (), {}).midi.outputs[0]
    assert output.velocity_delay_ms.keys() <= {1, 64, 127}  # a busy machine may lose an echo
    assert min(output.velocity_delay_ms.values()) == 0
    assert output.latency_ms > 0
    assert "# by the window" in path.read_text()


def test_arguments_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, sentence in (
        (["--output", "3"], "--output must be 1..1"),
        (["--repeats", "0"], "--repeats must be 1..20"),
        (["--pitch", "128"], "--pitch must be 0..127"),
        ([], "output 1 is a virtual port"),
    ):
        assert main(["calibrate", "-c", str(REPOSITORY / "config.yaml"), *arguments]) == 2
        assert sentence in capsys.readouterr().err
