"""The foot: what it decides, and that its pedal follows the plan, has an end, and changes no note."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.control.commands import AllNotesOff, Command, End, Panic, Pause, Play, SetModel, SetMood
from improv.improviser import pedalling
from improv.improviser.operations import Offer
from improv.improviser.pedalling import BAR_LINE, BEAT, HALF_BEAT, Character, Moment, Struck
from improv.improviser.planned_step import PlannedStep
from improv.player.protocol import PlannedNote
from tests.fakes import ScriptedModel, Stage, without_ids
from tests.planned import Untaught
from tests.stage import CHORD, STEP_END, assert_silent

QUIET = Moment(BAR_LINE, False, True, True, 2.0, 0.5, 8, False, 0.9, 1.5, False, False)
AS_USUAL = Character()


def _share(moment: Moment, *, down: bool, strength: float = 1.0, times: int = 400) -> tuple[float, float]:
    """How often the pedal is lifted, and how often it goes down."""
    moves = [
        pedalling.decide(
            moment,
            down=down,
            must=False,
            strength=strength,
            character=AS_USUAL,
            rng=np.random.default_rng(seed),
        )
        for seed in range(times)
    ]
    lifted = sum(move.up_s is not None for move in moves) / times
    return lifted, sum(move.down_s is not None for move in moves) / times


def test_a_new_chord_on_the_bar_line_lifts_the_pedal_nearly_always_and_half_a_beat_seldom() -> None:
    assert _share(QUIET._replace(change=True), down=True)[0] > 0.75
    assert _share(QUIET._replace(strength=HALF_BEAT, bass=False), down=True)[0] < 0.25


def test_staccato_is_played_without_pedal_more_often_than_legato() -> None:
    sparse = QUIET._replace(strength=BEAT, bass=False, onsets=2, change=True)
    staccato, legato = (_share(sparse._replace(articulation=one), down=True) for one in (0.3, 1.0))
    assert staccato[0] - staccato[1] > legato[0] - legato[1] + 0.1, "lifted and left up"
    staccato, legato = (_share(sparse._replace(articulation=one), down=False) for one in (0.3, 1.0))
    assert staccato[1] < legato[1] - 0.05


def test_more_strength_presses_more() -> None:
    half, whole, double = (_share(QUIET, down=False, strength=one)[1] for one in (0.5, 1.0, 2.0))
    assert half < whole < double


@given(
    strength=st.integers(0, 3),
    flags=st.tuples(*[st.booleans()] * 7),
    since=st.floats(0, 1e6),
    beat_s=st.floats(0.05, 4),
    onsets=st.integers(0, 60),
    seed=st.integers(0, 1000),
)
def test_whatever_happens_the_pedal_rises_before_it_goes_down_and_both_before_the_next_half_beat(
    strength: int, flags: tuple[bool, ...], since: float, beat_s: float, onsets: int, seed: int
) -> None:
    change, strikes, bass, minor, low, harsh, down = flags
    moment = Moment(strength, change, strikes, bass, since, beat_s, onsets, minor, 0.8, 2.0, low, harsh)
    rng = np.random.default_rng(seed)
    move = pedalling.decide(moment, down=down, must=low, strength=1.0, character=AS_USUAL, rng=rng)
    assert down or move.up_s is None
    assert move.up_s is not None or not (down and (low or move.down_s is not None))
    times = [at_s for at_s in move if at_s is not None]
    assert times == sorted(times)
    assert all(0 <= at_s < beat_s / 2 for at_s in times)


def test_articulation_is_the_length_of_keys_over_the_time_to_the_hands_next_ones() -> None:
    struck = [Struck(0, 0, 6, 1), Struck(6, 1, 12, 2), Struck(12, 0, 12, 1)]
    assert pedalling.lately(struck, 12, 12) == (3, 0.5, pytest.approx(4 / 3))


@pytest.mark.parametrize(
    ("struck", "rings", "found"), [(40, 41, True), (40, 52, False), (60, 61, False), (4, 4, False)]
)
def test_only_near_tones_deep_down_are_mud(struck: int, rings: int, found: bool) -> None:
    assert pedalling.is_mud([struck], [rings]) is found


# --------------------------------------------------------------------------------------------------- in the music

PLAIN_BARS = ("music.metres=fixed", "music.seed=1")


def _stage(*settings: str, mood: str = "calm", seed: int = 1) -> Stage:
    return Stage(Untaught(), mood, seed, settings=[*PLAIN_BARS, *settings])


def _pedals(stage: Stage) -> list[PlannedNote]:
    """Where the pedal is down, in order of time."""
    return sorted((note for note in stage.link.scheduled.values() if note.is_pedal), key=lambda note: note.on_s)


def _notes(steps: Sequence[PlannedStep]) -> list[tuple[object, ...]]:
    return without_ids([step._replace(pedal_up=None, pedal_down=None) for step in steps])


def test_the_pedal_changes_no_note() -> None:
    dry, wet = _stage("music.pedal=0"), _stage("music.pedal=1")
    for stage in (dry, wet):
        stage.play(20.0)
    assert _notes(wet.record.steps) == _notes(dry.record.steps)
    assert not _pedals(dry)
    assert len(_pedals(wet)) > 5


def test_each_pedal_rises_before_the_next_goes_down_and_none_is_down_for_long() -> None:
    stage = _stage()
    stage.play(40.0)
    pedals = _pedals(stage)
    now_s = stage.clock.now()
    for before, after in itertools.pairwise(pedals):
        assert before.on_s < before.off_s < after.on_s
    assert max(pedal.off_s - pedal.on_s for pedal in pedals if pedal.off_s < now_s) < pedalling.habits().longest_s + 2


def test_no_pedal_stays_down_through_a_change_of_root() -> None:
    stage = _stage(mood="happy")
    stage.play(40.0)
    steps, down = stage.record.steps, False
    for step in steps:
        plan = stage.improviser.snapshot.plan
        assert plan is not None
        tick = step.position.tick
        if tick >= plan.bars[0].tick + 1 and plan.chord_at(tick - 1).chord.root != plan.chord_at(tick).chord.root:
            assert not down or step.pedal_up is not None
        down = step.pedal_down is not None or (down and step.pedal_up is None)


@pytest.mark.parametrize("command", [AllNotesOff(), Panic(), Pause()])
def test_what_silences_the_notes_lets_the_pedal_rise(command: Command) -> None:
    stage = _stage()
    until = 0
    while not (stage.improviser.snapshot.foot.is_down and any(p.on_s < stage.clock.now() for p in _pedals(stage))):
        stage.play(0.1)
        until += 1
        assert until < 200
    stage.engine.act(command, stage.clock.now())
    assert_silent(stage)
    assert not stage.improviser.snapshot.foot.is_down


def test_at_the_end_of_the_music_the_pedal_is_up() -> None:
    stage = _stage()
    stage.play(10.0)
    stage.engine.act(End(), stage.clock.now())
    for _ in range(600):
        stage.play(0.1)
        if not stage.engine.controls.playing:
            break
    assert not stage.engine.controls.playing
    stage.play(1.0)
    assert_silent(stage)


def test_another_family_lets_go_of_the_pedal() -> None:
    stage = _stage()
    stage.improviser.apply(Offer("chords", ScriptedModel([*CHORD, STEP_END])))
    while not stage.improviser.snapshot.foot.is_down:
        stage.play(0.1)
    stage.engine.act(SetModel("chords"), stage.clock.now())
    stage.play(8.0)
    changed_s = stage.clock.now() - 2.0
    assert all(pedal.off_s < changed_s for pedal in _pedals(stage))


def test_a_player_that_lost_everything_is_told_no_pedal_it_does_not_know() -> None:
    stage = _stage()
    stage.play(10.0)
    stage.link.lose_everything()
    lost_s = stage.clock.now()
    stage.play(10.0)
    pedals = [pedal for pedal in _pedals(stage) if pedal.on_s > lost_s]
    assert pedals
    assert all(before.off_s < after.on_s for before, after in itertools.pairwise(pedals))


@settings(max_examples=12, deadline=None)
@given(
    moments=st.lists(
        st.tuples(
            st.floats(0.05, 3.0),
            st.sampled_from([SetMood(1.0, 1.0), SetMood(-1.0, 0.9), SetMood(-0.5, -1.0), Panic(), Pause(), Play()]),
        ),
        max_size=6,
    )
)
def test_whatever_is_commanded_every_pedal_that_went_down_rises(moments: list[tuple[float, Command]]) -> None:
    stage = _stage()
    for wait_s, command in moments:
        stage.play(wait_s)
        stage.engine.act(command, stage.clock.now())
    stage.play(0.5)
    pedals = _pedals(stage)
    assert all(before.off_s <= after.on_s for before, after in itertools.pairwise(pedals))
    stage.engine.act(Panic(), stage.clock.now())
    assert_silent(stage)
