"""The plan, commanded and published while the music plays."""

from __future__ import annotations

import json

import pytest

from improv.control.parse import parse
from improv.control.published_state import State
from improv.engine.published_plan import AHEAD_S
from improv.errors import CommandError
from improv.plan.plan import AUTHENTIC, PlannedBar
from tests.fakes import Stage
from tests.planned import Untaught
from tests.stage import assert_silent, chords


def stage(*settings: str, mood: str = "happy") -> Stage:
    return Stage(Untaught(), mood, settings=["music.metres=fixed", *settings])


def command(here: Stage, name: str, /, **values: object) -> None:
    here.engine.act(parse({"command": name, **values}), here.clock.now())


def bars_played(here: Stage) -> list[PlannedBar]:
    plan = here.improviser.snapshot.plan
    assert plan is not None
    return [bar for bar in plan.bars if bar.end_tick <= here.improviser.position.tick]


def states(here: Stage, seconds: float) -> list[State]:
    """What was published, every 50 ms."""
    found = []
    for _ in range(round(seconds / 0.05)):
        here.play(0.05)
        found.append(here.engine.status())
    return found


def test_a_loop_is_kept_bar_by_bar_until_it_is_taken_away() -> None:
    here = stage()
    here.play(7.3)
    command(here, "chords", loop="Am F C G")
    assert here.engine.status().chords == "Am F C G"
    here.play(40.0)
    names = [[timed.chord.name for timed in bar.chords] for bar in bars_played(here)]
    first = next(index for index, bar in enumerate(names) if bar[-1] == "Am")
    for index, bar in enumerate(names[first + 1 :], 1):
        assert bar == [("Am", "F", "C", "G")[index % 4]], (index, names)
    assert len(names) - first > 12
    seen = {(state.plan_chord, state.plan_next_chord) for state in states(here, 10.0)}
    assert seen == {("Am", "F"), ("F", "C"), ("C", "G"), ("G", "Am")}
    command(here, "chords", loop="off")
    count = len(bars_played(here))
    here.play(30.0)
    later = [timed.chord.name for bar in bars_played(here)[count + 1 :] for timed in bar.chords]
    assert set(later) - {"Am", "F", "C", "G"}
    assert here.engine.status().chords == "off"


def test_a_key_lands_with_a_cadence() -> None:
    here = stage()
    here.play(9.0)
    assert here.engine.status().plan_key.endswith("major")
    command(here, "key", name="c# minor")
    plan = here.improviser.snapshot.plan
    assert plan is not None
    turned = plan.bar_at(here.improviser.position.tick)
    here.play(30.0)
    plan = here.improviser.snapshot.plan
    assert plan is not None
    phrase = [bar for bar in plan.bars if bar.phrase == turned.phrase]
    assert phrase[-1].cadence == AUTHENTIC
    assert phrase[-1].number <= turned.number + 5
    last = phrase[-1].chords[-1]
    assert (last.key, last.chord.name, last.chord.name_in(last.key)) == (13, "Dbm", "C#m")
    state = here.engine.status()
    assert (state.key, state.plan_key) == ("C# minor", "C# minor")
    command(here, "key", name="auto")
    assert here.engine.status().key == "auto"


def test_a_chord_holds_and_takes_the_place_of_a_loop() -> None:
    here = stage()
    command(here, "chords", loop="Am F")
    command(here, "chord", name="Em7")
    here.play(6.0)
    state = here.engine.status()
    assert (state.chords, state.chord, state.plan_chord, state.plan_next_chord) == ("off", "Em7", "Em7", "")
    command(here, "chord", name="off")
    assert (here.engine.status().chord, here.engine.controls.chord) == ("off", None)


def test_phrases_are_as_long_as_commanded_and_form_can_be_off() -> None:
    here = stage()
    command(here, "phrase_bars", bars=3)
    command(here, "form", state="off")
    command(here, "reach", fifths=0)
    here.play(60.0)
    plan = here.improviser.snapshot.plan
    assert plan is not None
    played = bars_played(here)
    fresh = [bar for bar in played if bar.phrase > played[0].phrase]
    assert {bar.phrase_bar + bar.bars_left + 1 for bar in fresh} == {3}
    assert {bar.section for bar in fresh} == {""}
    assert {timed.key for bar in fresh for timed in bar.chords} == {plan.piece.home}
    state = here.engine.status()
    assert (state.phrase_bars, state.form, state.reach, state.plan_section) == (3, "off", 0, "")


def test_keys_that_are_held_on_the_chord_channel_name_the_chord_and_are_no_music() -> None:
    here = stage("controls.chord_channel=5", "music.mode=duet")
    here.play(2.0)
    for pitch in (57, 60, 64):
        here.engine.receive(bytes((0x94, pitch, 80)), here.clock.now())
    here.play(4.0)
    state = here.engine.status()
    assert (state.chord, state.plan_chord, state.person_keys) == ("Am", "Am", ())
    here.engine.receive(bytes((0x84, 57, 0)), here.clock.now())
    here.engine.receive(bytes((0x94, 55, 80)), here.clock.now())  # G below C and E
    assert here.engine.status().chord == "C/G"
    here.engine.receive(bytes((0x90, 62, 80)), here.clock.now())
    here.play(1.0)
    assert here.engine.status().person_keys == (62,)


def test_what_is_published_says_what_is_played_and_what_comes() -> None:
    here = stage()
    for state in states(here, 20.0):
        heard = here.engine._ahead.heard(here.clock.now())
        assert state.has_plan
        assert 1 <= state.plan_phrase_bar <= state.plan_phrase_bars
        moments = [mark[0] for mark in state.plan_ahead]
        assert moments == sorted(moments)
        assert json.loads(json.dumps(state.as_json()["plan_ahead"])) == [list(mark) for mark in state.plan_ahead]
        assert all(mark[1] in ("phrase", "bar", "chord") for mark in state.plan_ahead)
        coming = [mark for mark in state.plan_ahead if mark[2]]
        if coming and state.plan_next_chord:
            assert coming[0][2] == state.plan_next_chord
    assert heard is not None
    marks = {mark[0]: mark for state in states(here, 5.0) for mark in state.plan_ahead if mark[1] != "chord"}
    assert max(marks) < here.clock.now() + AHEAD_S + 1
    command(here, "pause")
    assert here.engine.status().plan_ahead == ()
    assert_silent(here)


def test_bar_lines_come_when_they_were_said_to_come() -> None:
    here = stage("music.expression=0")
    here.play(5.0)
    first = next(mark for mark in here.engine.status().plan_ahead if mark[1] != "chord")
    bar = here.engine.status().bar
    here.play(first[0] - here.clock.now() - 0.03)
    assert here.engine.status().bar == bar
    here.play(0.2)
    assert here.engine.status().bar == bar + 1


def test_the_plan_is_published_a_few_times_a_second_however_often_it_changes() -> None:
    here = stage()
    here.play(3.0)
    published = []
    for step in range(80):
        command(here, "key", name=("C major", "A minor", "F# minor")[step % 3])
        here.play(0.05)
        fields = {name: value for name, value in here.engine.status().as_json().items() if name.startswith("plan_")}
        if not published or fields != published[-1]:
            published.append(fields)
    assert len(published) <= 4.0 * (5 + 3)  # five a second, and the beats


@pytest.mark.parametrize(
    ("name", "values"),
    [("chords", {"loop": "Am F"}), ("phrase_bars", {"bars": 4}), ("form", {"state": "off"}), ("reach", {"fifths": 1})],
)
def test_a_model_without_a_plan_says_so(name: str, values: dict[str, object]) -> None:
    here = chords()
    with pytest.raises(CommandError, match="the model scripted has no plan, which chords, phrase_bars"):
        command(here, name, **values)
    command(here, "chords", loop="off")
    command(here, "key", name="D minor")
    state = here.engine.status()
    assert (state.has_plan, state.key, state.plan_key, state.chords) == (False, "D minor", "", "off")
