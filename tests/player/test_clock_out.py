"""MIDI clock to another program: what it is sent, and when."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from improv.clock import ManualClock
from improv.player.process.clock_out import LATE_S, ClockOut
from improv.player.process.loop import Player
from improv.player.process.output import Output
from improv.player.process.ports import Ports
from improv.player.protocol import Bend, OutputSettings, Ping, PlayerSettings, Pulses, StopClock
from tests.player.fakes import LATE_NOTE_LIMIT_S, RecordingDriver, ScriptedPipe, balance

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
SIXTEENTH_S = 0.125


def sixteenth(number: int, due_s: float, seconds: float = SIXTEENTH_S, click: int = 0) -> Pulses:
    return Pulses(6 * number, 6, due_s, seconds / 6, click)


def sent(clock: ClockOut, until_s: float, step_s: float = 0.001) -> list[tuple[float, bytes]]:
    """What a loop that looks every millisecond sends."""
    messages, now_s = [], 0.0
    while now_s < until_s:
        messages += [(due_s, message) for due_s, message, _ in clock.pop_due(now_s) if message]
        now_s += step_s
    return messages


def test_a_song_from_its_start() -> None:
    clock = ClockOut()
    for number in range(4):
        clock.plan(sixteenth(number, 1 + number * SIXTEENTH_S))
    clock.stop_at(1.5)
    messages = sent(clock, 3)
    assert [message for _, message in messages] == [START, *24 * [TICK], STOP]
    times = [at_s for at_s, message in messages if message == TICK]
    assert times[0] == messages[0][0] == 1
    assert all(abs(b - a - SIXTEENTH_S / 6) < 1e-9 for a, b in pairwise(times))
    assert not clock.running


def test_it_goes_on_where_the_song_goes_on() -> None:
    clock = ClockOut()
    clock.plan(sixteenth(0, 0.0))
    clock.stop_at(0.05)  # in the middle of the sixteenth
    clock.plan(sixteenth(1, 1.0))
    messages = [message for _, message in sent(clock, 2)]
    assert messages == [START, TICK, TICK, TICK, STOP, b"\xf2\x01\x00", CONTINUE, *6 * [TICK]]


def test_a_plan_made_anew_takes_the_place_of_the_old_one() -> None:
    clock = ClockOut()
    for number in range(4):
        clock.plan(sixteenth(number, number * SIXTEENTH_S))
    clock.plan(sixteenth(2, 2 * SIXTEENTH_S, 2 * SIXTEENTH_S))  # half the tempo from here
    times = [at_s for at_s, message in sent(clock, 2) if message == TICK]
    distances = [round(b - a, 6) for a, b in pairwise(times)]
    assert distances == 12 * [round(SIXTEENTH_S / 6, 6)] + 5 * [round(SIXTEENTH_S / 3, 6)]


def test_a_jump_is_told_by_its_song_position() -> None:
    clock = ClockOut()
    clock.plan(sixteenth(0, 0.0))
    clock.plan(sixteenth(300, SIXTEENTH_S))
    assert [m for _, m in sent(clock, 1)] == [
        *[START, *6 * [TICK]],
        *[STOP, bytes((0xF2, 300 & 0x7F, 300 >> 7)), CONTINUE, *6 * [TICK]],
    ]


@given(st.floats(LATE_S + 0.001, 2.0))
def test_after_a_standstill_no_burst_follows(stall_s: float) -> None:
    clock = ClockOut()
    for number in range(40):
        clock.plan(sixteenth(number, number * SIXTEENTH_S))
    before = [m for _, m in sent(clock, 0.2)]
    after = [m for _, m, _ in clock.pop_due(0.2 + stall_s)]
    assert before.count(TICK) == 10
    assert after.count(TICK) <= LATE_S / (SIXTEENTH_S / 6) + 1
    rest = [m for _, m in sent(clock, 6)]
    position = 0
    for message in before + after + rest:
        if message == TICK:
            position += 1
        elif message[0] == 0xF2:
            position = 6 * (message[1] | message[2] << 7)
    assert position == 240  # the listener is where the song is


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("plan"), st.integers(0, 50), st.floats(0, 1)),
            st.tuples(st.just("stop"), st.just(0), st.floats(0, 1)),
            st.tuples(st.just("bend"), st.just(0), st.floats(-0.02, 0.02)),
        ),
        max_size=40,
    )
)
def test_the_listener_always_knows_where_it_is(script: list[tuple[str, int, float]]) -> None:
    """Every tick comes while the song runs, in order of time, and counts one further than the one before."""
    clock, now_s, running, messages = ClockOut(), 0.0, False, []
    for kind, number, later_s in script:
        if kind == "plan":
            clock.plan(sixteenth(number, now_s + later_s))
        elif kind == "stop":
            clock.stop_at(now_s + later_s)
        else:
            clock.bend(Bend(now_s, now_s + later_s, 1.01))
        now_s += 0.05
        messages += [message for _, message, _ in clock.pop_due(now_s) if message]
    for message in messages:
        if message in (START, CONTINUE):
            assert not running
            running = True
        elif message == STOP:
            assert running
            running = False
        elif message == TICK:
            assert running


def test_outputs_give_what_they_are_asked_for() -> None:
    clock = ManualClock(100.0)
    drivers, outputs = [], []
    for settings in (OutputSettings(), OutputSettings(clock=True), OutputSettings(metronome=9, channel=2)):
        drivers.append(RecordingDriver(clock))
        drivers[-1].open()
        outputs.append(Output(Ports(drivers[-1]), clock, settings, late_note_limit_s=LATE_NOTE_LIMIT_S))
    script: list[tuple[float, object]] = [
        (100.0, Pulses(0, 0, 100.5, 0.5, 2)),  # counted in
        (100.0, sixteenth(0, 101.0, click=2)),
        (100.0, sixteenth(1, 101.125)),
        (100.0, sixteenth(4, 101.25, click=1)),
        (100.05, Bend(100.05, 100.06, 1.0)),
        (101.3, StopClock(101.3)),
        (101.4, Ping()),
    ]
    pipe = ScriptedPipe(clock, script, 103.0)
    player = Player(pipe, outputs, clock, PlayerSettings(), spin_s=0.0)
    while player.run_once():
        pass
    player.close()
    plain, ticks, clicks = ([(round(at_s - 100, 3), message) for at_s, message in driver.sent] for driver in drivers)
    assert plain == []
    assert [message for _, message in ticks][:13] == [START, *12 * [TICK]]
    assert ticks[0][0] == 1.01
    assert ticks[-1] == (1.3, STOP)
    ons = [(at_s, message) for at_s, message in clicks if message[0] & 0xF0 == 0x90]
    assert ons == [(0.51, b"\x99\x4c\x78"), (1.01, b"\x99\x4c\x78"), (1.26, b"\x99\x4d\x5a")]
    assert not balance([message for _, message in clicks if message[0] & 0xF0 in (0x80, 0x90)])
