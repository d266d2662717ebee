"""A silence that has a reason is told from one that has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from improv.control.commands import End, Pause, SetAttribute, SetClockSource, SetLimit, SetLoop, SetMode
from improv.errors import CommandError
from improv.model.onnx_model import OnnxModel
from improv.player.protocol import ClockIn, Received
from tests.fakes import ENCODING, ScriptedModel, Stage
from tests.stage import CHORD, STEP_END, chords

LONG_S = 90.0


def silent(stage: Stage, seconds: float = LONG_S) -> int:
    """The longest that a note was overdue, in so many seconds in which none began."""
    begun, longest_s, end_s = notes(stage), 0, stage.clock.now() + seconds
    while stage.clock.now() < end_s:
        stage.engine.turn(0.05)
        longest_s = max(longest_s, stage.engine.status().overdue_s)
    assert notes(stage) == begun
    return longest_s


def notes(stage: Stage) -> int:
    now_s = stage.clock.now()
    return sum(note.on_s <= now_s for note in stage.link.scheduled.values())


def _mode(name: str) -> Callable[[Stage], None]:
    return lambda stage: stage.engine.act(SetMode(name), stage.clock.now())


def _pause(stage: Stage) -> None:
    stage.engine.act(Pause(), stage.clock.now())


def _end(stage: Stage) -> None:
    stage.engine.act(End(), stage.clock.now())
    stage.play(60.0)
    assert not stage.engine.controls.playing


def _standing_clock(stage: Stage) -> None:
    stage.engine.act(SetClockSource("midi"), stage.clock.now())
    ticking = ClockIn("start", True, 0.0, stage.clock.now(), 0.02)
    stage.link.arriving.append((stage.clock.now(), ticking))
    stage.play(1.0)
    assert stage.engine.controls.playing
    stage.link.arriving.append((stage.clock.now(), ticking._replace(event="stop", running=False)))
    stage.play(0.5)


def _clock_that_never_started(stage: Stage) -> None:
    stage.engine.act(SetClockSource("midi"), stage.clock.now())


@pytest.mark.parametrize(
    "reason",
    [
        pytest.param(_mode("answer"), id="a call is waited for"),
        pytest.param(_mode("imitate"), id="something to imitate is waited for"),
        pytest.param(_mode("accompany"), id="a melody is waited for"),
        pytest.param(_mode("play_for_me"), id="keys are waited for"),
        pytest.param(_pause, id="paused"),
        pytest.param(_end, id="the piece is over"),
        pytest.param(_standing_clock, id="another program's clock stands"),
        pytest.param(_clock_that_never_started, id="another program's clock has not begun"),
    ],
)
def test_a_silence_with_a_reason_is_never_overdue(tiny: OnnxModel, reason: Callable[[Stage], None]) -> None:
    stage = Stage(tiny, "happy")
    stage.play(3.0)
    reason(stage)
    stage.play(0.5)
    assert silent(stage) == 0


def test_who_goes_on_for_us_is_listened_to_as_long_as_they_play() -> None:
    stage = chords()
    stage.engine.act(SetMode("continue"), stage.clock.now())
    stage.play(1.0)
    now_s = stage.clock.now()
    for at in range(1, 200):
        stage.link.arriving += [
            (now_s + 0.5 * at, Received(bytes((0x90, 60, 80)), now_s + 0.5 * at)),
            (now_s + 0.5 * at + 0.3, Received(bytes((0x80, 60, 0)), now_s + 0.5 * at + 0.3)),
        ]
    stage.play(2.0)
    assert silent(stage) == 0


def test_a_rest_under_the_keys_of_a_person_is_theirs() -> None:
    stage = Stage(ScriptedModel([STEP_END]))
    stage.engine.act(SetMode("duet"), stage.clock.now())
    now_s = stage.clock.now()
    for at in range(0, 100, 5):  # a key that nobody lets go is let go after 20 s
        stage.link.arriving.append((now_s + at, Received(bytes((0x90, 60, 80)), now_s + at)))
    stage.play(1.0)
    assert silent(stage) == 0


def test_the_longest_rests_and_notes_of_the_settings_are_no_trouble() -> None:
    held = [ENCODING.continues(pitch) for pitch in (67, 64, 60)]
    script = [*CHORD, *2000 * [*held, STEP_END]]
    stage = Stage(
        ScriptedModel(script),
        settings=["music.longest_note_beats=128", "music.longest_rest_beats=64", "music.expression=0"],
    )
    stage.engine.act(SetAttribute("tempo", 40.0), stage.clock.now())
    stage.play(1.0)
    overdue_s = 0
    end_s = stage.clock.now() + 500.0
    while stage.clock.now() < end_s:
        stage.engine.turn(0.05)
        overdue_s = max(overdue_s, stage.engine.status().overdue_s)
    assert overdue_s == 0


def test_a_count_in_at_the_slowest_tempo_is_no_trouble(tiny: OnnxModel) -> None:
    stage = Stage(tiny, "sad", settings=["midi.metronome=10", "clock.count_in_bars=4", "limits.tempo=[20, 20]"])
    assert silent(stage, 23.0) == 0


def test_the_emptiest_density_is_no_trouble(tiny: OnnxModel) -> None:
    stage = Stage(tiny, "sad")
    stage.engine.act(SetLimit("onset_density", None, 0.0), stage.clock.now())
    overdue_s, end_s = 0, stage.clock.now() + LONG_S
    while stage.clock.now() < end_s:
        stage.engine.turn(0.05)
        overdue_s = max(overdue_s, stage.engine.status().overdue_s)
    assert overdue_s == 0


def test_a_machine_that_stood_still_for_minutes_is_no_trouble() -> None:
    stage = chords()
    stage.play(3.0)
    stage.link.stall(600.0)
    stage.engine.turn(0.05)
    assert stage.engine.status().overdue_s == 0


def test_a_loop_of_nothing_is_refused(tiny: OnnxModel) -> None:
    stage = Stage(tiny, "happy")
    stage.engine.act(SetMode("answer"), stage.clock.now())
    stage.play(30.0)
    with pytest.raises(CommandError, match="the last bars are silent"):
        stage.engine.act(SetLoop("1"), stage.clock.now())


@pytest.mark.parametrize("mode", ["solo", "duet", "lead", "continue"])
def test_music_that_is_owed_and_not_made_is_overdue(mode: str) -> None:
    """Nobody can plan a step any more: neither the models nor the rules."""
    stage = chords()
    stage.engine.act(SetMode(mode), stage.clock.now())
    stage.play(3.0)
    stage.engine._cast.plan_step = _refuses  # type: ignore[method-assign]
    stage.play(1.0)
    assert silent(stage) > 60


def _refuses(controls: object) -> object:
    raise RuntimeError("no step")


def test_a_note_ends_it() -> None:
    stage = chords()
    stage.play(3.0)
    plan_step = stage.engine._cast.plan_step
    stage.engine._cast.plan_step = _refuses  # type: ignore[method-assign]
    stage.play(60.0)
    assert stage.engine.status().overdue_s > 30
    stage.engine._cast.plan_step = plan_step  # type: ignore[method-assign]
    stage.play(2.0)
    assert stage.engine.status().overdue_s == 0
