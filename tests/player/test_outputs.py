"""Several outputs at once: each with its own transform and ledger, sounding together, none disturbed by another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from improv.clock import ManualClock
from improv.midi.messages import PEDAL_KEY
from improv.player.process.loop import Player
from improv.player.process.note_log import NoteLog
from improv.player.process.output import Output
from improv.player.process.output_transform import OutputTransform, between, slowest_s
from improv.player.process.ports import Ports
from improv.player.process.rewiring import each_output
from improv.player.protocol import (
    Dropped,
    OutputSettings,
    Ping,
    PlannedNote,
    PlayerSettings,
    Pong,
    PortsChanged,
    Revoke,
    Revoked,
    Rewire,
    Schedule,
    Silence,
)
from tests.player.fakes import LATE_NOTE_LIMIT_S, RecordingDriver, ScriptedPipe, balance, is_on

START_S = 100.0
PIANO = OutputSettings(
    port="piano",
    channel=2,
    transpose=12,
    latency_s=0.03,
    velocity_delay_s=((1, 0.15), (80, 0.05), (127, 0.0)),
    program=5,
)


class Stage:
    """A player with an output for each of the settings, on a manual clock."""

    def __init__(
        self,
        script: list[tuple[float, object]],
        closes_s: float,
        *settings: OutputSettings,
        note_log: NoteLog | None = None,
    ) -> None:
        self.clock = ManualClock(START_S)
        pings = [(float(second), Ping()) for second in range(int(closes_s))]
        self.pipe = ScriptedPipe(self.clock, [(START_S + at, r) for at, r in [*pings, *script]], START_S + closes_s)
        self.drivers = [RecordingDriver(self.clock) for _ in settings]
        outputs = []
        for driver, one in zip(self.drivers, settings, strict=True):
            driver.open()
            output = Output(
                Ports(driver), self.clock, one, late_note_limit_s=LATE_NOTE_LIMIT_S, sounds_s=slowest_s(settings)
            )
            outputs.append(output)
        self.player = Player(self.pipe, outputs, self.clock, PlayerSettings(), note_log=note_log, spin_s=0.0)

    def play(self) -> list[list[tuple[float, tuple[int, ...]]]]:
        """What each output sent: (milliseconds, message), without the silence at the end."""
        self.player.start()
        while self.player.run_once():
            pass
        self.player.close()
        for driver in self.drivers:
            if driver.dies_s == float("inf"):
                assert not balance([message for _, message in driver.sent])
        return [
            [(round((at - START_S) * 1000, 3), tuple(m)) for at, m in driver.sent if m[:1] < b"\xb0" or m[0] >= 0xC0]
            for driver in self.drivers
        ]


def planned(note_id: int, on_s: float, off_s: float, pitch: int = 60, velocity: int = 80) -> PlannedNote:
    return PlannedNote(note_id, 0, pitch, velocity, START_S + on_s, START_S + off_s)


def test_between() -> None:
    table = ((10, 0.0), (20, 10.0))
    assert [between(table, key) for key in (1, 10, 15, 20, 99)] == [0, 0, 5, 10, 10]
    assert between(((64, 3.0),), 5) == 3


def test_the_transform_of_an_output() -> None:
    transform = OutputTransform(OutputSettings(channel=3, transpose=24, velocity_curve=((1, 20), (127, 110))))
    note = transform.note(planned(1, 0, 1, 110, 127))
    assert (note.channel, note.pitch, note.velocity) == (3, 122, 110)
    assert transform.pitch(60) == 84
    assert OutputTransform(OutputSettings(transpose=-36)).pitch(30) == 6


def test_outputs_sound_together_whatever_each_needs() -> None:
    """The piano needs 30 ms, 50 more at velocity 80 and 150 more at 1; so the other waits 180 ms for it."""
    notes = (planned(1, 0.5, 1.0, 60, 80), planned(2, 0.5, 1.0, 64, 1))
    plain, piano = Stage([(0.0, Schedule(notes))], 2, OutputSettings(), PIANO).play()
    assert plain == [
        (680.0, (0x90, 60, 80)),
        (680.0, (0x90, 64, 1)),
        (1180.0, (0x80, 60, 64)),
        (1180.0, (0x80, 64, 64)),
    ]
    assert piano == [
        (0.0, (0xC2, 5)),
        (500.0, (0x92, 76, 1)),
        (600.0, (0x92, 72, 80)),
        (1150.0, (0x82, 76, 64)),
        (1150.0, (0x82, 72, 64)),
    ]


def test_what_one_output_sent_is_not_revoked_on_another() -> None:
    stage = Stage(
        [(0.0, Schedule((planned(1, 0.5, 1.0), planned(2, 0.9, 1.0, 62)))), (0.63, Revoke(1, 1))],
        2,
        OutputSettings(),
        PIANO,
    )
    plain, piano = stage.play()
    assert [record for _, record in stage.pipe.sent if isinstance(record, Revoked)] == [Revoked(1, 1, (1,))]
    assert [m[1] for _, m in plain if m[0] == 0x90] == [60]
    assert [m[1] for _, m in piano if m[0] == 0x92] == [72]


def test_an_output_that_goes_and_returns_leaves_no_gap_on_the_other() -> None:
    notes = tuple(planned(i, 0.1 * i, 0.1 * i + 0.09, 60 + i % 12) for i in range(1, 60))
    stage = Stage([(0.0, Schedule(notes))], 8, OutputSettings(), OutputSettings(program=9))
    alone = Stage([(0.0, Schedule(notes))], 8, OutputSettings())
    stage.drivers[1].notices = [(START_S + 2, "It is gone."), (START_S + 4, "It is back.")]
    plain, other = stage.play()
    assert [plain] == alone.play()
    assert [message for _, message in other].count((0xC0, 9)) == 3
    changes = [record for _, record in stage.pipe.sent if isinstance(record, PortsChanged)]
    assert [(change.notice, change.goes_on) for change in changes] == [("It is gone.", True), ("It is back.", True)]
    assert changes[0].output_name == "recording, recording"


def test_a_midi_system_that_dies_on_one_output_alone() -> None:
    notes = tuple(planned(i, 0.1 * i, 0.1 * i + 0.09) for i in range(1, 40))
    stage = Stage([(0.0, Schedule(notes))], 5, OutputSettings(), OutputSettings())
    stage.drivers[1].dies_s = START_S + 2
    plain, _ = stage.play()
    assert len([m for _, m in plain if m[0] == 0x90]) == 39


def test_each_output_has_a_driver_of_its_own_and_the_first_the_input() -> None:
    settings = PlayerSettings(
        outputs=(OutputSettings(), PIANO, OutputSettings()), output_connections=(("a",), (), ("b",))
    )
    each = [one for one, _ in each_output(settings)]
    assert [one.virtual_port_name for one in each] == ["BrainMusic", "BrainMusic 2", "BrainMusic 3"]
    assert [one.output_port for one in each] == ["", "piano", ""]
    assert [one.with_input for one in each] == [True, False, False]
    assert [one.connections for one in each] == [("a",), (), ("b",)]


def test_a_driver_that_sends_by_deadline_gets_its_messages_early() -> None:
    stage = Stage([(0.0, Schedule((planned(1, 0.5, 1.0),)))], 2, OutputSettings())
    stage.drivers[0].lead_s = 0.02
    ((on, off),) = stage.play()
    assert (on[0], off[0]) == pytest.approx((477, 977))
    assert is_on(bytes(on[1]))
    assert stage.player.outputs[0].queue.statistics().lateness_max_s == 0


RIGHT, LEFT = ("right", "melody"), ("left", "rest")


def of_hands() -> tuple[PlannedNote, ...]:
    """A note of the right hand, one of the left, and the pedal below both."""
    return (
        planned(1, 0.1, 0.5, 72)._replace(parts=RIGHT),
        planned(2, 0.1, 0.5, 48)._replace(parts=LEFT),
        planned(3, 0.2, 0.6, PEDAL_KEY, 127),
    )


def sent(driver: RecordingDriver) -> list[tuple[int, ...]]:
    """What went out before the silence at the end of the stage."""
    return [tuple(message) for at, message in driver.sent if at < START_S + 0.9]


def test_outputs_play_a_part_each_and_the_pedal_goes_to_all() -> None:
    stage = Stage([(0.0, Schedule(of_hands()))], 1.0, OutputSettings(part="right"), OutputSettings(part="left"))
    stage.play()
    right, left = map(sent, stage.drivers)
    assert right == [(0x90, 72, 80), (0xB0, 64, 127), (0x80, 72, 64), (0xB0, 64, 0)]
    assert left == [(0x90, 48, 80), (0xB0, 64, 127), (0x80, 48, 64), (0xB0, 64, 0)]


def test_what_belongs_to_no_part_is_played_by_all() -> None:
    stage = Stage([(0.0, Schedule((planned(1, 0.1, 0.2),)))], 1.0, OutputSettings(part="right"))
    stage.play()
    assert sent(stage.drivers[0]) == [(0x90, 60, 80), (0x80, 60, 64)]


def test_a_part_has_a_channel_of_its_own_with_program_and_pedal() -> None:
    split = OutputSettings(channel=0, second_part="left", second_channel=4, program=7)
    stage = Stage([(0.0, Schedule(of_hands()))], 1.0, split)
    stage.play()
    assert sent(stage.drivers[0]) == [
        (0xC0, 7),
        (0xC4, 7),
        (0x90, 72, 80),
        (0x94, 48, 80),
        (0xB0, 64, 127),
        (0xB4, 64, 127),
        (0x80, 72, 64),
        (0x84, 48, 64),
        (0xB0, 64, 0),
        (0xB4, 64, 0),
    ]


@pytest.mark.parametrize("end", [Silence(), Rewire((OutputSettings(channel=0),), "")], ids=["panic", "another split"])
def test_notes_end_where_they_began_also_through_panic_and_a_change(end: object) -> None:
    split = OutputSettings(channel=0, second_part="left", second_channel=4)
    stage = Stage([(0.0, Schedule(of_hands())), (0.3, end)], 1.0, split)
    stage.play()
    messages = sent(stage.drivers[0])
    over = messages[messages.index((0xB4, 64, 127)) + 1 :]
    assert {(0x80, 72, 64), (0x84, 48, 64), (0xB0, 64, 0), (0xB4, 64, 0)} <= set(over)
    assert over.count((0x84, 48, 64)) == over.count((0x80, 72, 64)) == 1


def test_a_player_that_follows_a_dead_one_ends_what_it_left_on_both_channels() -> None:
    split = OutputSettings(channel=0, second_part="left", second_channel=4)
    stage = Stage([], 0.5, split)
    stage.player.start([(0, 48)])
    first = [tuple(message) for _, message in stage.drivers[0].sent]
    assert {(0x80, 48, 64), (0x84, 48, 64)} <= set(first)


def test_what_another_output_leaves_out_late_is_told_where_each_plays_a_part() -> None:
    late = planned(2, -1.0, 0.5, 48)._replace(parts=LEFT)
    stage = Stage([(0.1, Schedule((late,)))], 0.5, OutputSettings(part="right"), OutputSettings(part="left"))
    stage.play()
    assert Dropped((2,)) in [record for _, record in stage.pipe.sent]


ALL, OF_RIGHT, OF_LEFT = OutputSettings(), OutputSettings(part="right"), OutputSettings(part="left")


@pytest.mark.parametrize(
    "outputs",
    [(ALL,), (ALL, ALL), (OF_RIGHT, OF_LEFT), (ALL, OF_LEFT), (OF_LEFT, ALL), (OF_RIGHT, OF_LEFT, OF_LEFT, ALL)],
    ids=["one", "two", "parts", "all and a part", "a part and all", "four"],
)
def test_every_note_is_logged_once_and_left_out_once(outputs: tuple[OutputSettings, ...], tmp_path: Path) -> None:
    late = tuple(note._replace(note_id=note.note_id + 3, on_s=START_S - 1) for note in of_hands())
    log = NoteLog(str(tmp_path / "notes"))
    stage = Stage([(0.0, Schedule(of_hands() + late)), (0.8, Ping())], 1.0, *outputs, note_log=log)
    stage.play()
    logged = [json.loads(line)["note_id"] for line in (tmp_path / "notes").read_text().splitlines()]
    told = [record for _, record in stage.pipe.sent if isinstance(record, Dropped)]
    assert sorted(logged) == [1, 2]
    assert sorted(note_id for record in told for note_id in record.note_ids) == [4, 5, 6]  # 6: the pedal
    pongs = [record for _, record in stage.pipe.sent if isinstance(record, Pong)]
    assert pongs[-1].statistics.notes_dropped == 2
