"""Scenes on the engine: kept, recalled at once, on the beat, on the bar and gliding; the set list; undo and redo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from improv.control.commands import (
    Command,
    DeleteScene,
    End,
    KeepScene,
    Pause,
    Play,
    RecallPlace,
    RecallScene,
    Redo,
    RenameScene,
    Reset,
    SetAttribute,
    SetClockSource,
    SetIntensity,
    SetKey,
    SetLanding,
    SetLimit,
    SetLoop,
    SetMode,
    SetModel,
    SetMood,
    SetSetList,
    StartJourney,
    StepScene,
    Tap,
    Undo,
)
from improv.control.journey import Journey, Waypoint
from improv.control.scene import scene_of
from improv.errors import CommandError
from improv.model.loader import Loaded
from improv.music.mood import Mood
from tests.fakes import ScriptedModel, Stage
from tests.stage import CHORD, STEP_END, assert_sound, chords


def act(stage: Stage, *commands: Command) -> None:
    for command in commands:
        stage.engine.act(command, stage.clock.now())


def two_scenes(stage: Stage) -> None:
    """Quiet: calm and slow. Storm: nervous, fast, in D minor."""
    act(stage, SetAttribute("tempo", 60.0), KeepScene("Quiet"))
    act(stage, SetMood(-1, 1), SetAttribute("tempo", 120.0), SetIntensity(0.9), SetKey(14), KeepScene("Storm"))
    act(stage, RecallScene("Quiet"))


def test_a_scene_brings_back_all_that_was_commanded() -> None:
    stage = chords()
    act(stage, SetMood(-1, 1), SetAttribute("loudness", 90.0), SetIntensity(0.9), SetKey(14), SetMode("duet"))
    kept = scene_of(stage.engine.controls, 0.0)
    act(stage, KeepScene("Storm"), Reset(), SetMode("solo"), SetMood(1, -1))
    assert scene_of(stage.engine.controls, 0.0) != kept
    act(stage, RecallScene("Storm"))
    assert scene_of(stage.engine.controls, 0.0) == kept
    stage.play(1)
    assert scene_of(stage.engine.controls, 0.0) == kept
    assert stage.engine.status().scene == "Storm"
    assert_sound(stage)


@pytest.mark.parametrize("at", ["beat", "bar"])
@pytest.mark.parametrize("moment_s", [0.31, 1.13, 2.02])
def test_a_recall_lands_on_the_next_beat_or_bar(at: str, moment_s: float) -> None:
    stage = chords()
    two_scenes(stage)
    stage.play(moment_s)
    here = stage.engine._ahead.heard(stage.clock.now())
    assert here is not None
    act(stage, RecallScene("Storm", at))
    assert stage.engine.status().scene_coming == "Storm"
    stage.play(6)
    turned = next(s.position for s in stage.record.steps if s.mood == Mood(-1, 1))
    place = here.position
    if at == "bar":
        assert (turned.bar, turned.beat_in_bar) == (place.bar + 1, 0)
    else:
        assert turned.beat == pytest.approx(int(place.beat) + 1)
    assert stage.engine.status().scene_coming == ""
    assert stage.engine.controls.overrides["tempo"] == 120
    assert_sound(stage)


def test_while_the_music_rests_a_recall_waits_for_nothing() -> None:
    stage = chords()
    two_scenes(stage)
    act(stage, Pause(), RecallScene("Storm", "bar"))
    assert stage.engine.controls.glide.target == Mood(-1, 1)
    assert not stage.engine.controls.playing


def test_numbers_glide_with_the_music_and_arrive_exactly() -> None:
    stage = chords()
    two_scenes(stage)
    stage.play(1)
    act(stage, RecallScene("Storm", None, 4.0))
    assert stage.engine.controls.key == 14  # what cannot glide changes at once
    stage.play(2)
    tempo_bpm, intensity = stage.engine.controls.overrides["tempo"], stage.engine.controls.intensity
    assert 70 < tempo_bpm < 110
    assert 0.4 < intensity < 0.85
    assert -0.9 < stage.engine.status().valence < 0.9
    stage.play(4)
    assert stage.engine.controls.overrides == {"tempo": 120}
    assert stage.engine.controls.intensity == 0.9
    assert_sound(stage)


def test_an_attribute_that_the_scene_leaves_to_the_mood_glides_there_and_is_given_back() -> None:
    stage = chords()
    act(stage, KeepScene("Free"), SetAttribute("loudness", 120.0))
    stage.play(1)
    act(stage, RecallScene("Free", None, 2.0))
    stage.play(1)
    assert 25 < stage.engine.controls.overrides["loudness"] < 119
    stage.play(2)
    assert "loudness" not in stage.engine.controls.overrides


def test_a_hand_on_a_knob_goes_before_a_glide() -> None:
    stage = chords()
    two_scenes(stage)
    act(stage, RecallScene("Storm", None, 4.0))
    stage.play(1)
    act(stage, SetAttribute("tempo", 66.0))
    stage.play(5)
    assert stage.engine.controls.overrides["tempo"] == 66
    assert stage.engine.controls.intensity == 0.9


def test_the_set_list_goes_on_and_back_and_says_where_it_ends() -> None:
    stage = chords()
    two_scenes(stage)
    assert stage.engine.status().set_list == ("Quiet", "Storm")
    act(stage, SetSetList(("Quiet", "Storm", "Quiet")), RecallPlace(1), StepScene(1))
    assert (stage.engine.status().scene, stage.engine.status().set_list_place) == ("Storm", 2)
    act(stage, StepScene(1))
    with pytest.raises(CommandError, match=r"the set list has no place 4; it has 1\.\.3"):
        act(stage, StepScene(1))
    assert (stage.engine.status().scene, stage.engine.status().set_list_place) == ("Quiet", 3)
    act(stage, StepScene(-1))
    assert stage.engine.controls.glide.target == Mood(-1, 1)


def test_the_landing_that_is_set_holds_for_a_pedal() -> None:
    stage = chords()
    two_scenes(stage)
    act(stage, SetLanding("bar", 0.0), RecallPlace(1))
    stage.play(1)
    stage.link.press(stage.clock.now(), 108, 127)  # scene_next
    stage.link.press(stage.clock.now(), 108, 0)
    stage.play(0.1)
    assert stage.engine.status().scene_coming == "Storm"
    stage.play(5)
    assert stage.engine.status().scene_coming == ""
    assert stage.engine.status().scene == "Storm"


def test_programs_recall_scenes_and_act_as_buttons() -> None:
    stage = chords("controls.programs={5: scene Storm, 6: undo, 7: sad}", "controls.set_list_program=40")
    two_scenes(stage)

    def program(number: int) -> None:
        stage.engine.receive(bytes((0xC0, number)), stage.clock.now())

    program(5)
    assert stage.engine.status().scene == "Storm"
    program(6)
    assert stage.engine.controls.overrides["tempo"] == 60
    program(41)
    assert stage.engine.status().scene == "Storm"
    program(7)
    assert stage.engine.controls.glide.target == Mood(-1, -1)
    for unknown in (39, 42, 127):  # beyond the list: said, nothing else
        program(unknown)
    assert stage.engine.controls.glide.target == Mood(-1, -1)


def test_what_is_not_there_is_said() -> None:
    stage = chords()
    for command, sentence in (
        (RecallScene("Nothing"), "there is no scene 'Nothing'; there are: none yet"),
        (StepScene(1), "the set list is empty"),
        (RenameScene("a", "b"), "there is no scene 'a'"),
        (DeleteScene("a"), "there is no scene 'a'"),
        (SetSetList(("a",)), "there is no scene 'a'"),
        (Undo(), "nothing can be undone"),
        (Redo(), "nothing can be redone"),
    ):
        before = stage.engine.scenes.kept
        with pytest.raises(CommandError, match=sentence):
            act(stage, command)
        assert stage.engine.scenes.kept == before


def test_a_scene_is_renamed_and_deleted_at_all_its_places() -> None:
    stage = chords()
    two_scenes(stage)
    act(stage, SetSetList(("Quiet", "Storm", "Quiet")), RenameScene("Quiet", "Dawn"))
    assert stage.engine.status().set_list == ("Dawn", "Storm", "Dawn")
    with pytest.raises(CommandError, match="there is a scene 'Storm' already"):
        act(stage, RenameScene("Dawn", "Storm"))
    act(stage, DeleteScene("Dawn"))
    assert stage.engine.status().set_list == ("Storm",)
    act(stage, Undo())
    assert stage.engine.status().scenes == ("Dawn", "Storm")


# ------------------------------------------------------------------------------------------------------ undo, redo


def test_the_last_command_is_taken_back_and_given_again() -> None:
    stage = chords()
    act(stage, SetMood(1, 1), SetAttribute("tempo", 150.0), SetMode("duet"))
    assert stage.engine.status().undo == "mode"
    act(stage, Undo(), Undo())
    assert stage.engine.controls.mode == "solo"
    assert stage.engine.controls.overrides == {}
    assert (stage.engine.status().undo, stage.engine.status().redo) == ("mood", "tempo")
    act(stage, Redo())
    assert stage.engine.controls.overrides == {"tempo": 150}
    act(stage, Undo(), Undo())
    assert stage.engine.controls.glide.target == Mood(1, -1)
    act(stage, SetIntensity(0.1))
    assert stage.engine.status().redo == ""


def test_a_gesture_is_taken_back_as_a_whole() -> None:
    stage = chords()
    before = stage.engine.controls.glide.target
    for place in range(20):
        act(stage, SetMood(place / 20, 0))
        stage.play(0.05)
    act(stage, Undo())
    assert stage.engine.controls.glide.target == before


def test_undo_takes_back_the_command_alone() -> None:
    """What was commanded of other things since, or happened by itself, stays."""
    stage = chords()
    act(stage, Reset(), SetAttribute("tempo", 90.0), SetAttribute("loudness", 50.0))
    act(stage, Play(), Pause(), End(), Tap())
    assert stage.engine.status().undo == "loudness"  # these are not undone
    act(stage, Undo())
    assert stage.engine.controls.overrides == {"tempo": 90}
    assert not stage.engine.controls.playing


def test_a_reset_a_limit_and_a_journey_are_taken_back() -> None:
    stage = chords()
    way = Journey("way", (Waypoint(0, Mood(0, 0)), Waypoint(60, Mood(1, 1))))
    act(stage, SetAttribute("tempo", 90.0), Reset(), Undo())
    assert stage.engine.controls.overrides == {"tempo": 90}
    act(stage, SetLimit("loudness", 1, 60), Undo())
    assert stage.engine.controls.standing_limits.bands == {}
    act(stage, StartJourney(way))
    stage.play(20)
    act(stage, Undo())
    assert stage.engine.controls.course is None
    assert stage.engine.controls.target(stage.engine._music_s(stage.clock.now())) == Mood(1, -1)
    act(stage, Redo())
    assert stage.engine.controls.course is not None
    assert_sound(stage)


def test_a_recall_is_taken_back_before_and_after_it_has_landed() -> None:
    stage = chords()
    two_scenes(stage)
    stage.play(0.5)
    act(stage, RecallScene("Storm", "bar"), Undo())
    assert stage.engine.status().scene_coming == ""
    stage.play(5)
    assert stage.engine.controls.overrides["tempo"] == 60
    act(stage, RecallScene("Storm", "bar"))
    stage.play(5)
    assert stage.engine.controls.overrides["tempo"] == 120
    act(stage, Undo())
    assert stage.engine.controls.overrides["tempo"] == 60
    assert stage.engine.controls.key is None
    stage.play(1)
    assert_sound(stage)


def test_the_history_is_bounded() -> None:
    stage = chords()
    for number in range(200):
        act(stage, SetKey(number % 24))
    for _ in range(50):
        act(stage, Undo())
    with pytest.raises(CommandError, match="nothing can be undone"):
        act(stage, Undo())


# ------------------------------------------------------------------------------------------- what is beside the state


def test_a_scene_on_the_bar_line_takes_mode_and_clock_along() -> None:
    stage = chords()
    act(stage, KeepScene("Here"), SetMode("duet"), SetClockSource("midi"), KeepScene("There"))
    act(stage, SetClockSource("internal"), RecallScene("Here"), Play())
    stage.play(0.5)
    act(stage, RecallScene("There", "beat"))
    stage.play(3)
    assert stage.engine.together.turns.mode == "duet"
    assert stage.engine.controls.clock_source == "midi"
    assert not stage.engine.controls.playing  # it waits for that clock's start
    assert stage.engine.status().undo == "scene There"


def test_a_loop_that_cannot_be_is_left_out_of_a_recall() -> None:
    stage = chords()
    stage.play(12)
    act(stage, SetLoop("1"), KeepScene("Round"))
    fresh = Stage(ScriptedModel([*CHORD, STEP_END]))
    fresh.engine.scenes.kept = fresh.engine.scenes.kept._replace(book=stage.engine.scenes.kept.book)
    with pytest.raises(CommandError, match="no bar is over"):
        act(fresh, RecallScene("Round"))
    fresh.play(0.3)
    act(fresh, RecallScene("Round", "beat"))
    fresh.play(3)
    assert fresh.engine.controls.loop == "off"
    assert_sound(fresh)


class Source:
    """Loads a model when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.loaded: Any = None

    def request(self, name: str) -> None:
        self.asked.append(name)

    def lighter(self, name: str) -> str:
        return ""

    def ready(self) -> Any:
        loaded, self.loaded = self.loaded, None
        return loaded


def test_a_scene_s_model_follows_when_it_is_loaded_and_is_part_of_the_recall() -> None:
    source = Source()
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), models=source)
    first = stage.engine.controls.model
    act(stage, KeepScene("Other"))
    book = stage.engine.scenes.kept.book
    other = book.kept("Other", replace(book.scenes["Other"], model="other", intensity=0.9))
    stage.engine.scenes.kept = stage.engine.scenes.kept._replace(book=other)
    act(stage, RecallScene("Other"))
    assert (stage.engine.controls.model, stage.engine.controls.intensity) == (first, 0.9)
    assert source.asked == ["other"]
    source.loaded = Loaded("other", ScriptedModel([*CHORD, STEP_END]), "")
    stage.play(0.5)
    assert stage.engine.controls.model == "other"
    act(stage, Undo())
    assert (stage.engine.controls.model, stage.engine.controls.intensity) != ("other", 0.9)
    assert stage.engine.controls.model == first
    act(stage, SetModel("other"))  # it is there now
    assert stage.engine.status().undo == "model"
