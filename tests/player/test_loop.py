"""The player's loop on a manual clock: what is sent when, to the microsecond."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from improv.clock import ManualClock
from improv.errors import PortError
from improv.player.drivers.null import NullDriver
from improv.player.process.loop import Player
from improv.player.process.note_log import NoteLog
from improv.player.process.output import BURST, BURST_S, Output
from improv.player.process.ports import Ports
from improv.player.protocol import (
    Dropped,
    MoveOff,
    Ping,
    PlayerSettings,
    Pong,
    PortsChanged,
    Quit,
    Received,
    Revoke,
    Revoked,
    Schedule,
    Silence,
)
from tests.player.fakes import RecordingDriver, ScriptedPipe, balance, is_on, note

START_S = 100.0
Script = list[tuple[float, object]]


class Stage:
    """A player with a recording driver; scripts give seconds from its start."""

    def __init__(
        self, script: Script, closes_s: float, *, log: str = "", settings: PlayerSettings | None = None
    ) -> None:
        settings = settings or PlayerSettings(port_poll_s=1.0)
        self.clock = ManualClock(START_S)
        self.driver = RecordingDriver(self.clock)
        self.driver.open()
        self.pipe = ScriptedPipe(self.clock, [(START_S + at_s, record) for at_s, record in script], START_S + closes_s)
        self.ports = Ports(self.driver)
        note_log = NoteLog(log) if log else None
        output = Output(self.ports, self.clock, late_note_limit_s=settings.late_note_limit_s)
        self.player = Player(
            self.pipe,
            [output],
            self.clock,
            settings,
            note_log=note_log,
            spin_s=0.0,
        )

    def play(self) -> list[tuple[float, tuple[int, ...]]]:
        """Run to the end; what was sent: (milliseconds, message)."""
        while self.player.run_once():
            pass
        self.player.close()
        assert self.player.outputs[0].queue.sounding == 0
        assert not balance([message for _, message in self.driver.sent])
        return [(self.ms(at_s), tuple(message)) for at_s, message in self.driver.sent]

    def answers(self, kind: type) -> list[tuple[float, object]]:
        return [(self.ms(at_s), record) for at_s, record in self.pipe.sent if isinstance(record, kind)]

    @staticmethod
    def ms(at_s: float) -> float:
        return round((at_s - START_S) * 1000, 3)


def at(note_id: int, on_s: float, off_s: float, pitch: int = 60) -> tuple[int, float, float, int]:
    return note_id, START_S + on_s, START_S + off_s, pitch


def pings(until_s: int) -> Script:
    return [(float(second), Ping()) for second in range(until_s)]


def test_a_minute_of_music() -> None:
    """A scale with 120 beats a minute, each note 400 ms, handed over a second at a time, 200 ms ahead."""
    pitches = [60, 62, 64, 65, 67, 69, 71, 72]
    script: Script = pings(60)
    for second in range(60):
        notes = [
            note(*at(2 * second + i, second + i / 2 + 0.2, second + i / 2 + 0.6, pitches[(2 * second + i) % 8]))
            for i in range(2)
        ]
        script.append((float(second), Schedule(tuple(notes))))
    sent = Stage(script, 61).play()
    expected = []
    for i in range(120):
        expected.append((i * 500.0 + 200, (0x90, pitches[i % 8], 80)))
        expected.append((i * 500.0 + 600, (0x80, pitches[i % 8], 64)))
    assert sent == [*sorted(expected), (61000.0, (0xB0, 123, 0)), (61000.0, (0xB0, 64, 0))]


def test_a_chord_and_its_moved_ends() -> None:
    script: Script = [
        (0.0, Schedule((note(*at(1, 0.1, 30.0, 60)), note(*at(2, 0.1, 30.0, 64))))),
        (0.3, MoveOff(((1, START_S + 0.5), (2, START_S + 0.7)))),
    ]
    assert Stage(script, 1).play()[:4] == [
        (100.0, (0x90, 60, 80)),
        (100.0, (0x90, 64, 80)),
        (500.0, (0x80, 60, 64)),
        (700.0, (0x80, 64, 64)),
    ]


def test_revoke_is_answered_at_once() -> None:
    stage = Stage(
        [
            (0.0, Schedule(tuple(note(*at(i, i / 10, i / 10 + 0.05, 60 + i)) for i in range(1, 9)))),
            (0.45, Revoke(7, 3)),
        ],
        2,
    )
    sent = stage.play()
    assert stage.answers(Revoked) == [(450.0, Revoked(7, 3, (3, 4)))]
    assert [message[1] for _, message in sent if message[0] == 0x90] == [61, 62, 63, 64]


def test_silence_and_quit_leave_nothing_sounding() -> None:
    script: Script = [
        (0.0, Schedule((note(*at(1, 0.1, 9.0)), note(*at(2, 5.0, 6.0))))),
        (0.2, Silence()),
        (0.3, Schedule((note(*at(3, 0.4, 9.0, 70)),))),
        (0.5, Quit()),
    ]
    stage = Stage(script, 99)
    assert [(at_ms, message) for at_ms, message in stage.play() if message[0] < 0xB0] == [
        (100.0, (0x90, 60, 80)),
        (200.0, (0x80, 60, 64)),
        (400.0, (0x90, 70, 80)),
        (500.0, (0x80, 70, 64)),
    ]
    assert not stage.driver.is_open


def test_a_pipe_that_closes_ends_all() -> None:
    sent = Stage([(0.0, Schedule((note(*at(1, 0.1, 9.0)),)))], 0.25).play()
    assert sent[-3:] == [(250.0, (0x80, 60, 64)), (250.0, (0xB0, 123, 0)), (250.0, (0xB0, 64, 0))]


def test_an_engine_that_hangs_leaves_no_note_sounding() -> None:
    script: Script = [(0.0, Schedule((note(*at(1, 0.1, 60.0)), note(*at(2, 7.0, 8.0, 72)))))]
    sent = Stage(script, 20).play()
    assert (7000.0, (0x90, 72, 80)) in sent
    assert (8000.0, (0x80, 72, 64)) in sent
    (ended_ms,) = [at_ms for at_ms, message in sent if message == (0x80, 60, 64)]
    assert 5000 <= ended_ms <= 5101


def test_pings_are_answered_with_statistics() -> None:
    stage = Stage([(0.0, Schedule((note(*at(1, 0.1, 0.5)),))), (0.2, Ping())], 1)
    stage.play()
    ((at_ms, pong),) = stage.answers(Pong)
    assert at_ms == 200.0
    assert isinstance(pong, Pong)
    assert (pong.statistics.notes_sent, pong.statistics.sounding, pong.statistics.lateness_max_s) == (1, 1, 0.0)


def test_notes_that_were_left_out_are_named() -> None:
    stage = Stage([(0.5, Schedule((note(*at(1, 0.1, 0.9)), note(*at(2, 0.6, 0.9, 62)))))], 1)
    assert [message for _, message in stage.play() if is_on(message)] == [(0x90, 62, 80)]
    assert stage.answers(Dropped) == [(500.0, Dropped((1,)))]


def test_input_is_polled_and_stamped() -> None:
    stage = Stage([], 1)
    stage.driver.incoming = [(START_S + 0.5, bytes((0xC0, 1))), (START_S + 0.61, bytes((0xB0, 1, 2)))]
    stage.play()
    received = [(at_ms, record) for at_ms, record in stage.answers(Received) if isinstance(record, Received)]
    assert [record.message for _, record in received] == [bytes((0xC0, 1)), bytes((0xB0, 1, 2))]
    assert [at_ms for at_ms, _ in received] == [
        pytest.approx(503, abs=3),
        pytest.approx(611.5, abs=1.6),
    ]  # first it rests


def test_a_sysex_of_a_megabyte_whole_or_in_pieces_does_not_concern_the_music() -> None:
    stage = Stage([*pings(1), (0.0, Schedule((note(*at(1, 0.5, 0.6)),)))], 1)
    whole, piece = b"\xf0" + 1_000_000 * b"\x01" + b"\xf7", 4000 * b"\x01"
    pieces = [b"\xf0" + piece, *250 * [piece], b"\x01\xf7"]
    stage.driver.incoming = [(START_S + 0.499, message) for message in (whole, *pieces, bytes((0xB0, 1, 2)))]
    assert [at_ms for at_ms, _ in stage.play()][:2] == [500.0, 600.0]
    assert [record.message for _, record in stage.answers(Received)] == [bytes((0xB0, 1, 2))]  # type: ignore[attr-defined]


def test_ports_that_come_back_are_told_and_nothing_hangs_on_them() -> None:
    stage = Stage([*pings(5), (0.0, Schedule((note(*at(1, 0.1, 4.0)),)))], 5)
    stage.driver.notices = [(START_S + 1.5, "It is back.")]
    sent = stage.play()
    assert stage.answers(PortsChanged) == [(2000.0, PortsChanged("recording", "recording", "keys", "It is back."))]
    assert (2000.0, (0x80, 60, 64)) in sent


def test_a_midi_system_that_dies_is_looked_for_until_it_is_back() -> None:
    stage = Stage([*pings(9), (0.0, Schedule((note(*at(1, 0.1, 8.0)), note(*at(2, 7.0, 8.0, 72)))))], 9)
    old, new = stage.driver, RecordingDriver(stage.clock)
    old.dies_s = START_S + 2
    tries: list[float] = []

    def find(_: object) -> RecordingDriver:
        tries.append(stage.clock.now() - START_S)
        if len(tries) < 3:
            raise PortError("not yet")
        new.open()
        return new

    stage.ports._find = find
    while stage.player.run_once():
        pass
    stage.player.close()
    assert tries == pytest.approx([3, 4, 5], abs=0.01)
    notices = [record.notice for _, record in stage.answers(PortsChanged) if isinstance(record, PortsChanged)]
    assert [notice.split(".")[0] for notice in notices] == [
        "The recording is gone",
        "MIDI ports are there now, through recording",
    ]
    assert not old.is_open
    assert [message for _, message in new.sent if is_on(message)] == [bytes((0x90, 72, 80))]
    assert not balance([message for _, message in new.sent])


def test_a_large_burst_is_paced() -> None:
    """A panic with 512 keys: JACK loses what is beyond about 256 events in a period."""
    keys = [(channel, pitch) for channel in range(4) for pitch in range(128)]
    notes = tuple(note(i, START_S + 0.1, START_S + 9, pitch, channel) for i, (channel, pitch) in enumerate(keys))
    stage = Stage([(0.0, Schedule(notes)), (0.5, Silence())], 2, settings=PlayerSettings(late_note_limit_s=1.0))
    stage.play()
    times_s = [at_s for at_s, _ in stage.driver.sent]
    for i in range(len(times_s) - BURST):
        assert times_s[i + BURST] - times_s[i] >= BURST_S - 1e-6 or times_s[i + BURST] > times_s[i]
    for moment in set(times_s):
        assert times_s.count(moment) <= BURST


def test_the_note_log(tmp_path: Path) -> None:
    log = tmp_path / "notes.jsonl"
    played = note(*at(1, 0.1, 0.2, 61))._replace(tag=7)
    Stage([(0.0, Schedule((played,)))], 1, log=str(log)).play()
    assert [json.loads(line) for line in log.read_text().splitlines()] == [
        {"note_id": 1, "tag": 7, "pitch": 61, "velocity": 80, "due_s": START_S + 0.1, "sent_s": START_S + 0.1}
    ]


def test_housekeeping_waits_for_a_gap_but_not_for_ever() -> None:
    """Notes every 4 ms leave no gap of 5 ms; the ports are still looked after within 0.3 s of their time."""
    notes = tuple(note(*at(i, 0.5 + i * 0.004, 0.502 + i * 0.004)) for i in range(600))
    stage = Stage([(0.0, Schedule(notes))], 4)
    stage.driver.notices = [(START_S + 0.9, "It is back.")]
    stage.play()
    ((at_ms, _),) = stage.answers(PortsChanged)
    assert 1200 <= at_ms <= 1300


def test_the_null_driver_is_not_polled_for_input() -> None:
    stage = Stage([], 10)
    stage.ports.driver = NullDriver()
    turns = 1
    while stage.player.run_once():
        turns += 1
    assert turns < 150
