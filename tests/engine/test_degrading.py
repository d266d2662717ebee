"""A model that is too slow is asked for less in stated steps, the music goes on at its pace, and all comes back."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise

import pytest

from improv.control.commands import Reset, SetModel
from improv.engine.bars_to_vary import LastBars, quoted, whole_bars
from improv.engine.models import GUIDE_AFTER_S, LONGEST_GUIDE_AFTER_S, RETRY_AFTER_S
from improv.engine.pace import FEW_STEPS, OVER_S, Pace
from improv.errors import ModelError
from improv.improviser.planned_step import PlannedStep, StartedNote
from improv.model.loader import LIGHT_MODEL, Loaded, ModelLoader
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.patience import LONGEST_STEP_S, BoundedModel, Patience
from improv.model.plain_model import PLAIN
from improv.music.mood import Mood
from improv.music.position import Position
from tests.engine.test_failures import LONGEST_SILENCE_S, longest_silence_s
from tests.fakes import ScriptedModel, Slow, Stage
from tests.stage import CHORD, EVENLY, STEP_END, assert_sound, onsets

SCRIPT = [*CHORD, STEP_END]
TOKENS = len(SCRIPT)


class Shelf:
    """A source of models; `light` is there at once."""

    def __init__(self, light: ScriptedModel | None = None) -> None:
        self.asked: list[str] = []
        self._light, self._waiting = light, list[Loaded]()

    def request(self, name: str) -> None:
        if self._light is None:
            raise ModelError("there is none")
        self.asked.append(name)
        self._waiting.append(Loaded(name, self._light))

    def ready(self) -> Loaded | None:
        return self._waiting.pop() if self._waiting else None

    def lighter(self, name: str) -> str:
        return "light" if self._light is not None and name != "light" else ""


def slow(row_s: float, light: ScriptedModel | None = None) -> tuple[Stage, Slow]:
    """A stage with a model that begins to be slow after two seconds."""
    model = Slow(SCRIPT)
    stage = Stage(model, settings=[EVENLY], models=Shelf(light), bounded=True)
    model.clock = stage.clock
    stage.play(2.0)
    model.row_s = row_s
    return stage, model


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def longest_gap_s(stage: Stage, after_s: float = 0.0) -> float:
    return max(b - a for a, b in pairwise([*onsets(stage, after_s), stage.clock.now()]))


def sixteenth_s(stage: Stage) -> float:
    return 15.0 / stage.improviser.position.tempo_bpm


def test_guidance_is_left_out_where_that_is_enough_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    stage, model = slow(0.0)
    model.row_s = 0.9 * sixteenth_s(stage) / TOKENS / 2  # of two rows: 90 % of the time
    stage.play(8.0)
    assert not stage.engine.controls.guided
    assert model.rows[-1] == 1
    assert stage.engine.status().model == "scripted"
    assert said(caplog) == ["the model hands is too slow here; it goes on without guidance"]
    assert stage.engine.status().degraded == ("the model hands is too slow here: it plays without guidance",)
    assert stage.engine.status().stalls == 0, "the music was not slowed"
    model.row_s = 0.0
    stage.play(GUIDE_AFTER_S + 10.0)
    assert stage.engine.controls.guided
    assert model.rows[-1] == 2
    assert stage.engine.status().degraded == ()
    assert_sound(stage)


def test_guidance_that_must_go_again_comes_back_later_each_time(caplog: pytest.LogCaptureFixture) -> None:
    stage, model = slow(0.0)
    two_rows_s = 0.9 * sixteenth_s(stage) / TOKENS
    for _ in range(200):
        model.row_s = two_rows_s / 2 if stage.engine.controls.guided else 0.0
        stage.play(1.0)
    without = [text for text in said(caplog) if "without guidance" in text]
    assert 3 <= len(without) <= 5, "10, 20, 40 ... s"
    assert LONGEST_GUIDE_AFTER_S > 200


def test_a_lighter_model_plays_where_that_is_not_enough(caplog: pytest.LogCaptureFixture) -> None:
    stage, model = slow(0.0, ScriptedModel(SCRIPT))
    model.row_s = 0.95 * sixteenth_s(stage) / TOKENS
    stage.play(12.0)
    assert stage.engine.controls.model == "light"
    assert stage.engine.controls.instead_of == "hands"
    assert said(caplog)[-1] == "the model light plays instead of hands"
    assert len(said(caplog)) == 2
    assert stage.engine.status().degraded[0] == "the model light plays instead of hands"
    assert longest_gap_s(stage) < 1.0
    model.row_s = 0.0
    stage.play(RETRY_AFTER_S)
    assert stage.engine.controls.model == "hands"
    assert stage.engine.controls.instead_of is None
    assert stage.engine.status().degraded == ()
    assert_sound(stage)


@pytest.mark.parametrize("times", [1.5, 3.0, 10.0])
def test_rules_vary_the_last_bars_where_nothing_else_is_fast_enough(
    times: float, caplog: pytest.LogCaptureFixture
) -> None:
    stage, model = slow(0.0)
    stage.play(10.0)
    failed_s = stage.clock.now()
    model.row_s = times * sixteenth_s(stage) / TOKENS
    stage.play(20.0)
    assert stage.improviser.model_name == PLAIN
    assert said(caplog)
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    from_s = failed_s + 2.0
    heard = [note.pitch for note in stage.link.scheduled.values() if note.on_s > from_s]
    assert sum(pitch in (60, 64, 67) for pitch in heard) > 0.6 * len(heard), "what was played before"
    assert_sound(stage)


def test_a_slow_model_slows_the_music_for_a_moment_only() -> None:
    stage, model = slow(0.0)
    model.row_s = 2.0 * sixteenth_s(stage) / TOKENS / 2  # twice as long as the music, with guidance
    before_s, music_s = stage.clock.now(), stage.improviser.position.music_s
    stage.play(30.0)
    lost_s = (stage.clock.now() - before_s) - (stage.improviser.position.music_s - music_s)
    assert lost_s < 2.0


def test_a_turn_ends_however_slow_the_model_is() -> None:
    stage, model = slow(0.0)
    stage.play(1.0)
    model.row_s = sixteenth_s(stage) / TOKENS
    longest_s = 0.0
    for _ in range(60):
        began_s = stage.clock.now()
        stage.engine.turn(0.05)
        longest_s = max(longest_s, stage.clock.now() - began_s)
    assert longest_s < 0.25 + 0.05 + 2 * 2 * sixteenth_s(stage)


def test_a_step_that_never_ends_is_given_up_twice_then_rules_play(caplog: pytest.LogCaptureFixture) -> None:
    stage, model = slow(0.0)
    stage.play(6.0)
    failed_s, model.row_s = stage.clock.now(), 3 * LONGEST_STEP_S
    stage.play(8.0)
    assert stage.improviser.model_name == PLAIN
    assert f"a step takes longer than {LONGEST_STEP_S:g} s" in said(caplog)[0]
    assert len(said(caplog)) <= 3
    assert longest_gap_s(stage) < 2 * 2 * 3 * LONGEST_STEP_S + 1.0
    assert onsets(stage, failed_s + 6.0)
    assert_sound(stage)


def test_what_was_given_up_is_known_to_the_engine_that_takes_over() -> None:
    stage, model = slow(0.0, ScriptedModel(SCRIPT))
    model.row_s = 0.95 * sixteenth_s(stage) / TOKENS
    stage.play(12.0)
    assert stage.engine.controls.instead_of == "hands"
    successor = stage.engine._cast
    successor._retry_at_s = None  # as in a new process, which knows the controls alone
    model.row_s = 0.0
    stage.play(RETRY_AFTER_S + 5.0)
    assert stage.engine.controls.instead_of is None


def test_a_model_that_somebody_chooses_ends_what_played_instead() -> None:
    stage, model = slow(0.0, ScriptedModel(SCRIPT))
    model.row_s = 0.95 * sixteenth_s(stage) / TOKENS
    stage.play(12.0)
    stage.engine.act(Reset(), stage.clock.now())
    assert stage.engine.controls.instead_of == "hands", "no wish of a person"
    stage.engine.act(SetModel("light"), stage.clock.now())
    stage.play(4.0)
    assert stage.engine.controls.instead_of is None
    stage.play(2 * RETRY_AFTER_S)
    assert stage.engine.controls.model == "light"


# -------------------------------------------------------------------------------------------------------- the parts


def test_one_step_that_took_long_is_no_slow_model() -> None:
    pace = Pace()
    for index in range(60):
        pace.add(5.0 if index == 50 else 0.01, 0.1)
        assert not pace.too_slow


def test_much_too_slow_is_seen_in_a_few_steps() -> None:
    pace = Pace()
    for _ in range(FEW_STEPS):
        assert not pace.too_slow
        pace.add(0.2, 0.1)
    assert pace.much_too_slow


def test_a_little_too_slow_is_seen_in_some_seconds() -> None:
    pace = Pace()
    for _ in range(round(OVER_S / 0.1) - 1):
        pace.add(0.09, 0.1)
        assert not pace.too_slow
    pace.add(0.09, 0.1)
    pace.add(0.09, 0.1)
    assert pace.too_slow
    assert not pace.much_too_slow
    assert not pace.has_time


def test_a_lighter_model_is_one_that_is_smaller() -> None:
    loader = ModelLoader()
    assert loader.lighter("") == loader.lighter(DEFAULT_MODEL) == LIGHT_MODEL
    assert loader.lighter(LIGHT_MODEL) == ""
    assert loader.lighter("/no/such/model.onnx") == DEFAULT_MODEL


def steps_of(*bars: tuple[int, float, list[tuple[float, int]]], grid: int = 4) -> list[PlannedStep]:
    """(number, beats, [(beat, pitch)]) for each bar, a step for each tick."""
    steps, tick = [], 0
    for number, beats, notes in bars:
        line = tick
        for into in range(round(beats * grid)):
            position = Position(tick, 0.0, 120.0, line, beats, grid, number)
            started = tuple(StartedNote(1, pitch, 80, 0.0) for beat, pitch in notes if round(beat * grid) == into)
            steps.append(PlannedStep(position, started, (), Mood(0, 0), 0, False))
            tick += 1
    return steps


def test_whole_bars_are_found_on_any_grid_and_metre() -> None:
    steps = steps_of((1, 4.0, [(0.0, 60)]), (2, 3.0, [(0.0, 62), (1.5, 64)]), (3, 4.0, [(0.0, 65)]), grid=12)
    bars = whole_bars(steps[5:], steps[-1].position)
    assert [(bar.beats, bar.onsets) for bar in bars] == [(3.0, ((0.0, (62,)), (1.5, (64,))))]
    assert len(whole_bars(steps, steps[-1].position)) == 2
    quote = quoted(bars, Position(1000, 0.0, 120.0, 990, 4.0, 4, 4))
    assert quote is not None
    assert (quote.begins_tick, quote.length_ticks, quote.onsets) == (990, 12, ((0, (62,)), (6, (64,))))


def test_another_piece_before_is_no_past() -> None:
    steps = steps_of((7, 4.0, [(0.0, 60)]), (1, 4.0, [(0.0, 62)]), (2, 4.0, [(0.0, 64)]))
    assert [bar.onsets[0][1] for bar in whole_bars(steps, steps[-1].position)] == [(62,)]


def test_each_round_is_more_or_less_free_and_then_the_past_is_taken_anew() -> None:
    past = LastBars()
    steps = steps_of(*((number, 4.0, [(0.0, 60 + number)]) for number in range(1, 5)))
    now = steps[47].position
    first = past.quote(steps, now)
    assert first is not None
    assert first.length_ticks == 32
    later = past.quote(steps, now._replace(tick=now.tick + 32, bar=5))
    assert later is not None
    assert later.weight < first.weight
    assert later.onsets == first.onsets
    anew = past.quote(steps, now._replace(tick=now.tick + 200, bar=4, bar_tick=now.tick + 192))
    assert anew is not None
    assert anew.begins_tick == now.tick + 192
    past.stop()
    assert past.quote([], now) is None


def test_patience_is_one_for_all_tokens_of_a_step() -> None:
    inner = Slow(SCRIPT, 0.1)
    stage = Stage(ScriptedModel(SCRIPT))
    patience = Patience(stage.clock, 0.35)
    inner.clock = stage.clock
    model = BoundedModel(inner, patience)
    state = model.initial_state(1)
    condition = stage.improviser.snapshot.state[0][0, :1]
    for _ in range(2):
        patience.begin()
        for _ in range(4):
            model.step(0, condition, state)
        with pytest.raises(ModelError, match=r"a step takes longer than 0\.35 s"):
            model.step(0, condition, state)


def test_a_model_whose_file_was_gone_is_loaded_when_it_is_there_again() -> None:
    shelf = Shelf()  # an engine took over while the file of its model was gone: another one plays in its place
    stage = Stage(ScriptedModel(SCRIPT), settings=[EVENLY], models=shelf)
    stage.engine.controls = replace(stage.engine.controls, instead_of="gone")
    stage.play(RETRY_AFTER_S + 1)
    assert stage.engine.controls.instead_of == "gone"
    shelf._light = ScriptedModel(SCRIPT)
    stage.play(2 * RETRY_AFTER_S + 3)
    assert (stage.engine.controls.model, stage.engine.controls.instead_of) == ("gone", None)
    assert shelf.asked == ["gone"]
