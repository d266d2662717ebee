"""MIDI clock of another program: how far the line is from the true ticks, whatever happens to them on their way."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from improv.clock import ManualClock
from improv.player.drivers.arrival_clock import ArrivalClock
from improv.player.process.clock_in import FIRST_TICKS, FLOOD_TICKS, ClockFollower
from improv.player.process.loop import Player
from improv.player.process.output import Output
from improv.player.process.ports import Ports
from improv.player.protocol import ClockIn, PlayerSettings, Received
from tests.player.fakes import LATE_NOTE_LIMIT_S, RecordingDriver, ScriptedPipe

TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
TWO_BARS, BAR = 192, 96
PERIOD_S = 512 / 48000
Delivery = Callable[[float], float]


def position(sixteenth: int) -> bytes:
    return bytes((0xF2, sixteenth & 0x7F, sixteenth >> 7))


def ticks(count: int, bpm: float, first_s: float = 100.0, drift_a_bar: float = 0.0) -> list[float]:
    """When the master's ticks are; its period shrinks by so much of the first one in every bar."""
    period_s, at_s, times = 60 / bpm / 24, first_s, []
    for number in range(count):
        times.append(at_s)
        at_s += period_s * (1 - drift_a_bar * number / BAR)
    return times


def started(times: Sequence[float]) -> ClockFollower:
    follower = ClockFollower()
    follower.feed(START, times[0])
    return follower


def error_s(follower: ClockFollower, tick: int, true_s: float) -> float:
    assert follower.line is not None
    return abs(follower.line.when_s(tick) - true_s)


def p99_ms(times: Sequence[float], deliver: Delivery) -> float:
    """Of the errors of the next tick's predicted time, after two bars."""
    follower, errors = started(times), []
    for tick, true_s in enumerate(times):
        if tick >= TWO_BARS:
            errors.append(error_s(follower, tick, true_s))
        follower.feed(TICK, deliver(true_s))
    return 1000 * sorted(errors)[len(errors) * 99 // 100]


@settings(max_examples=25)
@given(st.floats(40, 240), st.integers(0, 1000))
def test_after_two_bars_the_phase_is_locked(bpm: float, seed: int) -> None:
    chance = random.Random(seed)
    assert p99_ms(ticks(600, bpm), lambda at_s: at_s) <= 0.1
    assert p99_ms(ticks(600, bpm), lambda at_s: at_s + chance.uniform(-0.003, 0.003)) <= 3
    assert p99_ms(ticks(600, bpm * 1.01), lambda at_s: at_s) <= 0.1


@settings(max_examples=25)
@given(st.floats(60, 200), st.integers(0, 1000))
def test_a_tempo_that_drifts_is_followed(bpm: float, seed: int) -> None:
    chance = random.Random(seed)
    assert p99_ms(ticks(600, bpm, drift_a_bar=0.01), lambda at_s: at_s + chance.uniform(-0.001, 0.001)) <= 5


@pytest.mark.parametrize("bpm", [60, 97.3, 120, 133, 180, 200])
def test_lumps_of_a_period_do_not_shake_it(bpm: float) -> None:
    assert p99_ms(ticks(1000, bpm), lambda at_s: (at_s // PERIOD_S + 0.5) * PERIOD_S) <= 2


@settings(max_examples=25)
@given(st.sampled_from([60.0, 120.0, 180.0]), st.integers(1, 150), st.integers(0, 1000))
def test_a_gap_is_bridged_without_losing_count(bpm: float, lost: int, seed: int) -> None:
    chance = random.Random(seed)
    times = ticks(500 + lost, bpm)
    follower, events = started(times), []
    for tick, true_s in enumerate(times):
        if not 300 <= tick < 300 + lost:
            events += [news.event for news in follower.news(true_s - 0.003)]
            follower.feed(TICK, true_s + (chance.uniform(-0.001, 0.001) if tick != 299 else 0))
        events += [news.event for news in follower.news(true_s)]
        if tick > 300 and (tick < 300 + lost or tick > 300 + lost + 24):
            assert error_s(follower, tick, true_s) < 0.012
    gap_s = (lost + 1) * 60 / bpm / 24
    assert gap_s < 0.27 or events.count("lost") == events.count("back") == 1
    assert gap_s > 0.23 or "lost" not in events


@given(st.floats(50.0, 200.0), st.integers(FIRST_TICKS, 60), st.integers(1, 5))
def test_ticks_that_get_lost_soon_after_the_start_are_counted_whatever_the_tempo(
    bpm: float, at: int, lost: int
) -> None:
    times = ticks(at + lost + 100, bpm)
    follower = started(times)
    for tick, true_s in enumerate(times):
        if not at <= tick < at + lost:
            follower.feed(TICK, true_s)
    assert error_s(follower, len(times) - 1, times[-1]) < 0.001


@pytest.mark.parametrize("bpm", [50.0, 120.0, 200.0])
def test_from_the_third_tick_on_the_tempo_is_nearly_known(bpm: float) -> None:
    times = ticks(FIRST_TICKS, bpm)
    follower, errors = started(times), []
    for tick, true_s in enumerate(times):
        errors.append(error_s(follower, tick, true_s) if tick else 0.0)
        follower.feed(TICK, true_s)
    assert errors[3] < 0.005
    assert errors[-1] < 0.001


@pytest.mark.parametrize("bpm", [60.0, 180.0])
def test_a_clock_that_is_lost_at_once_is_followed_anew_when_it_is_back(bpm: float) -> None:
    times = [at_s + 2.0 * (tick >= 4) for tick, at_s in enumerate(ticks(4 + 2 * FIRST_TICKS, bpm))]
    follower = started(times)
    for tick, true_s in enumerate(times):
        if tick > 4 + 3:
            assert error_s(follower, tick, true_s) < 0.005
        follower.feed(TICK, true_s)


@settings(max_examples=25)
@given(st.sampled_from([60.0, 120.0, 180.0]), st.floats(0.02, 0.2), st.integers(0, 1000))
def test_a_master_that_stood_still_keeps_its_count(bpm: float, stall_s: float, seed: int) -> None:
    chance = random.Random(seed)
    assume(0.15 < (stall_s * bpm / 60 * 24) % 1 < 0.85)
    times = [at_s + (stall_s if tick >= 300 else 0) for tick, at_s in enumerate(ticks(600, bpm))]
    follower = started(times)
    for tick, true_s in enumerate(times):
        follower.feed(TICK, true_s + chance.uniform(-0.001, 0.001))
        if tick > 300 + BAR:
            assert error_s(follower, tick, true_s) < 0.005


@settings(max_examples=25)
@given(st.sampled_from([60.0, 120.0, 180.0]), st.floats(0.4, 2.2))
def test_a_jump_of_the_tempo_keeps_the_count(bpm: float, factor: float) -> None:
    times = ticks(300, bpm)
    times += ticks(200, bpm * factor, first_s=times[-1] + 60 / bpm / factor / 24)
    follower = started(times)
    for tick, true_s in enumerate(times):
        if tick > 300 + BAR:
            assert error_s(follower, tick, true_s) < 0.003
        follower.feed(TICK, true_s)


def test_stop_continue_and_song_position() -> None:
    follower, heard = ClockFollower(), []
    times = ticks(500, 120)

    def say(message: bytes, at_s: float) -> None:
        follower.feed(message, at_s)
        heard.extend((news.event, news.tick) for news in follower.news(at_s) if news.event)

    say(START, 100.0)
    for at_s in times[:100]:
        say(TICK, at_s)
    say(STOP, times[99])
    for at_s in times[100:150]:  # many masters go on ticking while their song stands
        say(TICK, at_s)
    assert not follower.running
    say(CONTINUE, times[149])
    for at_s in times[150:200]:
        say(TICK, at_s)
    say(STOP, times[199])
    say(position(32), times[199])
    say(CONTINUE, times[199])
    for at_s in times[200:300]:
        say(TICK, at_s + 7.003)
    say(position(0), times[299] + 7.003)
    assert heard == [
        ("start", 0),
        ("stop", 99),
        ("continue", 100),
        ("stop", 149),
        ("continue", 192),
        ("position", -1),
    ]
    assert error_s(follower, 0, times[299] + 7.003 + 60 / 120 / 24) < 0.001


@settings(max_examples=25)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.floats(0, 3)), max_size=200))
def test_whatever_arrives_the_line_stays_a_clock(messages: list[tuple[bytes, float]]) -> None:
    follower, at_s = ClockFollower(), 100.0
    for message, later_s in messages:
        at_s += later_s
        follower.feed(bytes((0xF8 | message[0] & 0x07,)) + message[1:] if message[0] < 0xF0 else message, at_s)
        for news in follower.news(at_s):
            assert 20 - 1e-6 <= news.tempo_bpm <= 400 + 1e-6
            assert news.tick >= -1


def test_a_flood_is_told_once_and_the_line_goes_on() -> None:
    times = ticks(2000, 120)
    follower, events = started(times), []
    for at_s in times[:300]:
        follower.feed(TICK, at_s)
        events += [news.event for news in follower.news(at_s) if news.event]
    for number in range(10_000):
        at_s = times[300] + number / 5000
        follower.feed(TICK, at_s)
        events += [news.event for news in follower.news(at_s) if news.event]
        if number > FLOOD_TICKS:
            assert error_s(follower, 400, times[400]) < 0.01
    for tick in range(450, 700):
        follower.feed(TICK, times[tick])
    assert events == ["start", "flood"]
    assert error_s(follower, 700, times[700]) < 0.003


def test_the_player_keeps_the_ticks_and_tells_the_line() -> None:
    clock = ManualClock(100.0)
    driver = RecordingDriver(clock)
    driver.open()
    pipe = ScriptedPipe(clock, [], 110.0)
    times = ticks(400, 120, first_s=100.5)
    driver.incoming = [(100.4, START), *((at_s, TICK) for at_s in times), (103.0, b"\xb0\x14\x40"), (103.1, b"\xf6")]
    driver.incoming.sort()
    player = Player(
        pipe, [Output(Ports(driver), clock, late_note_limit_s=LATE_NOTE_LIMIT_S)], clock, PlayerSettings(), spin_s=0.0
    )
    while player.run_once():
        pass
    lines = [record for _, record in pipe.sent if isinstance(record, ClockIn)]
    assert [record.message for _, record in pipe.sent if isinstance(record, Received)] == [b"\xb0\x14\x40"]
    assert lines[0].event == "start"
    assert len(lines) < 12 + 20 * 9.5
    assert lines[-2].tempo_bpm == pytest.approx(120, abs=0.01)
    assert [line.event for line in lines if line.event] == ["start", "lost"]


def test_distances_tell_when_a_message_came_that_was_taken_late() -> None:
    chance, stamps, came_s, worst_s = random.Random(1), ArrivalClock(), 50.0, 0.0
    for number in range(500):
        distance_s = 0.0208 if number else 0.0
        came_s += distance_s
        stamp_s = stamps.arrived_s(came_s + chance.uniform(0, 0.003), distance_s)
        if number > 64:
            worst_s = max(worst_s, abs(stamp_s - came_s))
    assert worst_s < 0.0005
    assert stamps.arrived_s(came_s + 1.0, 0.0) == pytest.approx(came_s + 1.0)  # distances were lost: begun anew
