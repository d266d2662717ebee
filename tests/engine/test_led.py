"""The engine led by another program's MIDI clock, on a manual clock: its bars and beats are the master's."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.control.commands import Pause, Play, SetAttribute, SetClockSource, SetMood, Tap
from improv.model.onnx_model import OnnxModel
from improv.player.process.clock_in import ClockFollower
from improv.player.protocol import ClockIn, PlannedNote, Pulses, StopClock
from tests.fakes import FallibleLink, ScriptedModel, Stage
from tests.stage import CHORD, EVENLY, STEP_END, assert_sound, onsets

LED = "clock.source=midi"
TICK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
SIXTEENTH = 1 / 4


class Master:
    """Another program: what it sends goes through a follower into the engine's link, as in the player."""

    def __init__(self, link: FallibleLink, bpm: float, at_s: float, jitter_s: float = 0.0) -> None:
        self.link, self.bpm, self.at_s, self.jitter_s = link, bpm, at_s, jitter_s
        self.follower, self.chance = ClockFollower(), random.Random(1)
        self.beats_s: list[float] = []  # true time of each beat of the song that was played, in order
        self._tick = 0

    def say(self, message: bytes) -> None:
        self.follower.feed(message, self.at_s)
        self._tell()

    def locate(self, sixteenth: int) -> None:
        self.say(bytes((0xF2, sixteenth & 0x7F, sixteenth >> 7)))
        self._tick = 6 * sixteenth

    def roll(self, beats: float, silent: bool = False) -> None:
        """Go on for so many beats; silent: the cable is out."""
        for _ in range(round(24 * beats)):
            if self._tick % 24 == 0:
                self.beats_s.append(self.at_s)
            if not silent:
                self.follower.feed(TICK, self.at_s + self.chance.uniform(-self.jitter_s, self.jitter_s))
            self._tell()
            self._tick += 1
            self.at_s += 60 / self.bpm / 24

    def start(self) -> None:
        self._tick = 0
        self.say(START)

    def _tell(self) -> None:
        self.link.arriving += [(self.at_s + 0.003, news) for news in self.follower.news(self.at_s + 0.003)]


def led(*changes: str) -> Stage:
    """A chord on every sixteenth, each note legato."""
    return Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, LED, *changes])


def listen(stage: Stage, master: Master, extra_s: float = 0.0) -> None:
    stage.play(master.at_s + extra_s - stage.clock.now())


def sixteenths(beats_s: list[float]) -> Iterator[float]:
    """The master's grid between its beats."""
    for early, late in itertools.pairwise(beats_s):
        yield from (early + (late - early) * part / 4 for part in range(4))


def far_ms(times: list[float], grid: list[float]) -> float:
    """The farthest of the times from its nearest place on the grid."""
    return 1000 * max(min(abs(at_s - place) for place in grid) for at_s in times)


def test_it_waits_for_the_start_and_begins_on_bar_one() -> None:
    stage = led()
    stage.play(1.0)
    assert not stage.link.scheduled
    stage.engine.act(Play(), stage.clock.now())
    stage.play(1.0)
    assert not stage.link.scheduled
    master = Master(stage.link, 97.0, stage.clock.now() + 0.5)
    master.start()
    master.roll(32)
    listen(stage, master, -1.0)
    heard = onsets(stage)
    assert heard[0] == pytest.approx(master.beats_s[0], abs=0.02)  # planned when the first tick came
    grid = list(sixteenths(master.beats_s))
    settled = [at_s for at_s in heard if at_s > master.beats_s[8]]
    assert far_ms(settled, grid) < 0.5
    assert len(settled) == pytest.approx(4 * (stage.clock.now() - master.beats_s[8]) * 97 / 60, abs=3)
    for step in stage.record.steps:
        due_s = stage.engine.timeline.due_s(step.position, step.position.music_s)
        if master.beats_s[8] < due_s < master.beats_s[24]:
            beat = round((due_s - master.beats_s[0]) * 97 / 60, 2)
            assert (step.position.bar, step.position.beat_in_bar) == (int(beat // 4) + 1, beat % 4)
    status = stage.engine.status()
    assert (status.clock_source, status.clock) == ("midi", "running")
    assert status.tempo_bpm == pytest.approx(97, abs=0.1)
    assert_sound(stage)


@pytest.mark.parametrize("jitter_s", [0.0, 0.003])
def test_a_tempo_that_turns_is_followed_without_a_gap_or_a_burst(jitter_s: float) -> None:
    stage = led()
    master = Master(stage.link, 120.0, stage.clock.now() + 0.5, jitter_s)
    master.start()
    for bpm in (120, 121, 122, 118, 112, 106, 103):
        master.bpm = bpm
        master.roll(8)
    listen(stage, master, -1.5)
    heard = [at_s for at_s in onsets(stage) if at_s < stage.clock.now()]
    assert far_ms([at_s for at_s in heard if at_s > master.beats_s[8]], list(sixteenths(master.beats_s))) < 50
    distances = [late - early for early, late in itertools.pairwise(heard)]
    assert min(distances) > 0.09
    assert max(distances) < 0.20
    assert_sound(stage)


def test_stop_continue_and_a_jump() -> None:
    stage = led()
    master = Master(stage.link, 120.0, stage.clock.now() + 0.5)
    master.start()
    master.roll(8.5)
    master.say(STOP)
    stopped_s = master.at_s
    master.at_s += 3.0
    listen(stage, master, -1.0)
    assert not stage.engine.status().playing
    assert max(note.off_s for note in stage.link.scheduled.values()) <= stopped_s + 0.1
    master.beats_s.clear()
    master.say(CONTINUE)
    master.roll(7.5)
    listen(stage, master, -0.6)
    went_on = stage.engine.status()
    assert (went_on.bar, went_on.beat) == (4, 3) or (went_on.bar, went_on.beat) == (4, 4)
    master.say(STOP)
    master.locate(16 * 20 + 4)  # bar 21, beat 2
    master.say(CONTINUE)
    master.beats_s.clear()
    master.roll(6.2)
    listen(stage, master, -0.01)
    assert (stage.engine.status().bar, stage.engine.status().beat) == (22, 4)
    late = [at_s for at_s in onsets(stage) if master.beats_s[1] < at_s < master.beats_s[6]]
    assert far_ms(late, [*list(sixteenths(master.beats_s)), master.beats_s[6]]) < 1
    assert_sound(stage)


def test_a_gap_is_bridged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stage = led()
    master = Master(stage.link, 120.0, stage.clock.now() + 0.5)
    master.start()
    master.roll(12)
    master.roll(8, silent=True)
    master.roll(8)
    listen(stage, master, -0.3)
    heard = [at_s for at_s in onsets(stage) if master.beats_s[8] < at_s < master.beats_s[27]]
    assert far_ms(heard, list(sixteenths(master.beats_s))) < 2
    assert len(heard) == 19 * 4 - 1 or len(heard) == 19 * 4
    assert sum("no tick came" in line for line in caplog.messages) == 1
    assert sum("it is back" in line for line in caplog.messages) == 1


def test_the_source_changes_while_the_music_plays() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY])
    master = Master(stage.link, 90.0, stage.clock.now() + 0.03)
    master.start()
    master.roll(40)
    stage.play(4.0)
    assert stage.engine.status().tempo_bpm == pytest.approx(76)  # the mood's: nobody asked for the master's
    assert stage.engine.status().clock_bpm == pytest.approx(90, abs=0.01)
    stage.engine.act(SetClockSource("midi"), stage.clock.now())
    changed_s = stage.clock.now()
    stage.play(8.0)
    heard = [at_s for at_s in onsets(stage) if changed_s + 0.3 < at_s < stage.clock.now()]
    assert far_ms(heard, list(sixteenths(master.beats_s))) < 1
    stage.engine.act(SetAttribute("tempo", 60.0), stage.clock.now())
    stage.engine.act(SetClockSource("internal"), stage.clock.now())
    stage.play(6.0)
    assert stage.engine.status().tempo_bpm == pytest.approx(60, abs=0.5)
    distances = [b - a for a, b in zip(onsets(stage), onsets(stage)[1:], strict=False)]
    assert min(distances) > 0.02
    stage.engine.act(Pause(), stage.clock.now())
    stage.engine.act(SetClockSource("midi"), stage.clock.now())
    stage.play(1.0)
    assert not stage.engine.controls.playing
    assert_sound(stage)


def test_pausing_while_the_master_rolls_joins_it_again() -> None:
    stage = led()
    master = Master(stage.link, 120.0, stage.clock.now() + 0.5)
    master.start()
    master.roll(40)
    stage.play(5.0)
    stage.engine.act(Pause(), stage.clock.now())
    stage.play(3.3)
    stage.engine.act(Play(), stage.clock.now())
    again_s = stage.clock.now()
    stage.play(5.0)
    heard = [at_s for at_s in onsets(stage) if at_s > again_s]
    assert heard[0] < again_s + 0.2
    assert far_ms(heard, list(sixteenths(master.beats_s))) < 1
    assert_sound(stage)


@pytest.mark.parametrize("seed", range(3))
def test_a_real_model_led_and_turned_leaves_nothing_behind(tiny: OnnxModel, seed: int) -> None:
    chance = random.Random(seed)
    stage = Stage(tiny, settings=[LED], seed=seed)
    master = Master(stage.link, 100.0, stage.clock.now() + 0.3, 0.002)
    master.start()
    for _ in range(8):
        master.bpm = chance.uniform(60, 180)
        master.roll(chance.choice([3, 4, 6.25]))
        if chance.random() < 0.5:
            master.say(STOP)
            master.at_s += chance.uniform(0.1, 1)
            master.locate(chance.randrange(200))
            master.say(CONTINUE)
        elif chance.random() < 0.3:
            master.start()
    while stage.clock.now() < master.at_s:
        stage.play(chance.uniform(0.2, 1.5))
        stage.engine.act(SetMood(chance.uniform(-1, 1), chance.uniform(-1, 1)), stage.clock.now())
    stage.engine.act(Pause(), stage.clock.now())
    stage.play(0.1)
    now_s = stage.clock.now()
    assert all(note.off_s <= now_s for note in stage.link.scheduled.values())
    assert len(stage.link.scheduled) > 50


def test_a_flood_of_words_of_the_master_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stage = led()
    stage.link.arriving = [(100.1 + i / 1000, ClockIn("flood", False, 0, 100.0, 0.02)) for i in range(500)]
    stage.play(1.0)
    assert sum("more ticks" in line for line in caplog.messages) == 1


def test_taps_command_the_tempo() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY])
    stage.play(1.0)
    for number in range(5):
        stage.engine.act(Tap(), 200 + 0.6 * number + (0.02 if number == 2 else 0))
    assert stage.engine.controls.overrides["tempo"] == pytest.approx(100)
    stage.engine.act(Tap(), 210.0)
    stage.engine.act(Tap(), 210.4)
    assert stage.engine.controls.overrides["tempo"] == pytest.approx(100)
    stage.engine.act(Tap(), 210.8)
    assert stage.engine.controls.overrides["tempo"] == pytest.approx(150)


@settings(max_examples=8)
@given(st.floats(40, 200), st.floats(40, 200))
def test_a_new_tempo_lands_on_the_bar(before: float, after: float) -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, "clock.tempo_change=bar"])
    stage.engine.act(SetAttribute("tempo", before), stage.clock.now())
    stage.play(60 / 76 * 4 + 2.3 * 60 / before)
    stage.engine.act(SetAttribute("tempo", after), stage.clock.now())
    stage.play(10)
    tempi = {step.position.bar: set[float]() for step in stage.record.steps}
    for step in stage.record.steps:
        tempi[step.position.bar].add(round(step.position.tempo_bpm, 6))
    assert all(len(found) == 1 for found in tempi.values())
    assert round(after, 6) in set.union(*tempi.values())


def test_the_clock_given_out_is_true_to_the_tempo() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, "midi.clock=true"])
    ticks: dict[int, float] = {}
    stops: list[float] = []

    class Keeper:
        def observe(self, record: object) -> None:
            if isinstance(record, Pulses):
                for number in range(record.ticks):
                    ticks[record.tick + number] = record.due_s + number * record.period_s
            elif isinstance(record, StopClock):
                stops.append(record.due_s)

    stage.link.observers.add(Keeper())
    for bpm in (60.0, 140.0, 95.0):
        stage.engine.act(SetAttribute("tempo", bpm), stage.clock.now())
        stage.play(7.0)
    notes: list[PlannedNote] = list(stage.link.scheduled.values())
    for note in notes:
        assert min(abs(note.on_s - ticks[tick]) for tick in range(0, max(ticks), 6)) < 1e-6
    assert sorted(ticks) == list(range(len(ticks)))
    times = [ticks[tick] for tick in sorted(ticks)]
    assert all(late > early for early, late in itertools.pairwise(times))
    assert (times[-1] - times[-25]) * 95 / 60 == pytest.approx(1, abs=0.002)
    stage.engine.act(Pause(), stage.clock.now())
    assert stops == [stage.clock.now()]


def test_counted_in() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, "midi.metronome=10", "clock.count_in_bars=1"])
    stage.play(5.0)
    assert onsets(stage)[0] == pytest.approx(100.05 + 4 * 60 / 76)
