"""Journeys: paths through the plane, their files, and what commands make of them."""

from __future__ import annotations

import contextlib
import itertools
import math
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from improv.app.cli import main
from improv.app.commands import journey_drawing
from improv.config import Config, adapters, journeys, load
from improv.config.adapters import render
from improv.control.commands import (
    AbortJourney,
    HoldJourney,
    JumpJourney,
    Reset,
    ResumeJourney,
    SetLimit,
    SetMood,
    StartJourney,
)
from improv.control.journey import FEWEST_STEPS, JOIN_S, LARGEST_STEP, Iso, Journey, Waypoint
from improv.control.parse import Names, parse
from improv.control.state import apply
from improv.errors import CommandError, InputError
from improv.midi.grid_file import TimedNote
from improv.model.onnx_model import OnnxModel
from improv.music.limits import Band
from improv.music.mood import CORNERS, Mood
from tests.conftest import REPOSITORY
from tests.fakes import controls

MOODS = Config().mood.moods
SAD, CALM, HAPPY = CORNERS["sad"], CORNERS["calm"], CORNERS["happy"]
WAY = Journey("way", (Waypoint(0, SAD), Waypoint(60, SAD), Waypoint(120, CALM)))
WORDS = ["name", "points", "iso", "at", "mood", "from", "to", "limits", "tempo", "end", "here", "sad", "1:30", "-5"]
WORDS += [": ", ", ", "\n", "- ", "{", "}", "[", "]", "&a ", "*a", "<<", "'", "!!int ", "2024-02-30", "~", " "]
moods = st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1))


def test_a_journey_goes_straight_from_point_to_point() -> None:
    assert [WAY.at(s) for s in (-1, 0, 30, 60)] == [SAD] * 4
    assert WAY.at(90) == Mood(0, -1)
    assert WAY.at(120) == WAY.at(1e9) == CALM
    assert (WAY.next_point(0).at_s, WAY.next_point(60).at_s, WAY.next_point(500).at_s) == (60, 120, 120)


def test_two_points_at_one_time_are_a_jump() -> None:
    jump = Journey("jump", (Waypoint(0, SAD), Waypoint(10, SAD), Waypoint(10, HAPPY), Waypoint(20, HAPPY)))
    assert (jump.at(9.999), jump.at(10)) == (SAD, HAPPY)


@given(moods, moods, st.integers(FEWEST_STEPS, 8), st.floats(0, 900), st.floats(0, 900), st.floats(0, 900))
def test_the_iso_principle(
    origin: Mood, target: Mood, steps: int, match_s: float, lead_s: float, hold_s: float
) -> None:
    journey = Iso("iso", origin, target, match_s, lead_s, hold_s, steps).begun_from(CALM)
    times = [point.at_s for point in journey.points]
    assert times == sorted(times)
    assert journey.length_s == pytest.approx(match_s + lead_s + hold_s)
    assert journey.points[0].mood == journey.points[1].mood == origin
    assert journey.points[-1].mood == pytest.approx(target)
    ways = [math.dist(a.mood, b.mood) for a, b in zip(journey.points, journey.points[1:], strict=False)]
    assert max(ways) <= LARGEST_STEP + 1e-6
    if origin != target:
        assert sum(way > 0 for way in ways) >= FEWEST_STEPS or math.dist(origin, target) < 1e-6
    remaining = [math.dist(point.mood, target) for point in journey.points]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(remaining)), "never away from the target"


def test_iso_begins_where_the_music_is() -> None:
    assert Iso("iso", None, CALM).begun_from(HAPPY).points[0].mood == HAPPY


# ------------------------------------------------------------------------------------------------------- commands


def test_start_hold_resume_jump_abort() -> None:
    state = controls(SAD)
    assert apply(state, StartJourney(), 5.0) == state, "none is prepared"
    state = apply(state, StartJourney(WAY), 10.0)
    assert state.revision == 1
    assert state.mood(100.0) == Mood(0, -1), "second 90 of the journey"
    assert state.target(100.0) == CALM
    held = apply(state, HoldJourney(), 100.0)
    assert held.mood(1000.0) == Mood(0, -1)
    assert apply(held, HoldJourney(), 200.0).mood(1000.0) == Mood(0, -1)
    resumed = apply(held, ResumeJourney(), 500.0)
    assert (resumed.mood(500.0), resumed.mood(530.0)) == (Mood(0, -1), CALM)
    jumped = apply(resumed, JumpJourney(seconds=60.0), 510.0)
    assert jumped.mood(510.0) == resumed.mood(510.0), "no leap: it is joined"
    assert jumped.mood(510.0 + JOIN_S) == WAY.at(60.0 + JOIN_S)
    assert apply(jumped, JumpJourney(share=0.5), 600.0).course.place_s(600.0) == 60.0  # type: ignore[union-attr]
    left = apply(jumped, AbortJourney(), 540.0)
    assert left.course is None
    assert left.mood(9999.0) == jumped.mood(540.0)
    assert apply(left, StartJourney(), 600.0).course is not None, "what was begun before is prepared"
    assert apply(state, Reset(), 100.0).course is None


def test_a_persons_mood_goes_before_the_journey_and_holds_it() -> None:
    state = apply(controls(SAD), StartJourney(WAY), 0.0)
    turned = apply(state, SetMood(arousal=1.0), 90.0)
    assert turned.mood(91.0) == Mood(0.0, 1.0), "the valence stays where the journey was"
    assert turned.course is not None
    assert turned.course.held_s == 90.0
    back = apply(turned, ResumeJourney(), 100.0)
    assert back.mood(100.0) == Mood(0.0, 1.0)
    assert back.mood(100.0 + JOIN_S) == WAY.at(90.0 + JOIN_S)


def test_a_journey_that_is_over_leaves_its_mood_and_may_end_the_music() -> None:
    state = apply(controls(SAD), StartJourney(WAY), 0.0)
    assert state.reached(119.0) is state
    over = state.reached(120.0)
    assert (over.course, over.ending, over.mood(500.0)) == (None, False, CALM)
    closing = apply(controls(), StartJourney(Journey("x", WAY.points, ends=True)), 0.0)
    assert closing.reached(120.0).ending
    held = apply(state, HoldJourney(), 119.0)
    assert held.reached(500.0) is held


def test_the_limits_of_a_journey_stay_inside_the_standing_ones() -> None:
    plan = journeys.parse("points: [{at: 0, mood: sad}]\nlimits: {tempo: [40, 150], loudness: [10, 60]}", MOODS)
    state = apply(apply(controls(), SetLimit("tempo", 50, 90), 0.0), StartJourney(plan), 0.0)
    assert state.limits.bands == {"tempo": Band(50, 90), "loudness": Band(10, 60)}
    assert apply(state, AbortJourney(), 1.0).limits.bands == {"tempo": Band(50, 90)}
    assert apply(state, Reset(), 1.0).limits.bands == {"tempo": Band(50, 90)}, "a limit is not a wish"


def test_commands_by_name() -> None:
    names = Names(MOODS, journeys={"evening": WAY})
    assert parse({"command": "journey_start", "name": "evening"}, names) == StartJourney(WAY)
    assert parse({"command": "journey_start"}, names) == StartJourney(None)
    assert parse({"command": "journey_jump", "seconds": 90}, names) == JumpJourney(90.0, None)
    with pytest.raises(CommandError, match=r"journey_start: name must be one of evening \(got 'morning'\)"):
        parse({"command": "journey_start", "name": "morning"}, names)
    midi = Config().controls.midi_map(MOODS, {"evening": WAY})
    press = mido.Message("control_change", control=102, value=127)
    assert midi.command(press) == StartJourney(None)
    assert midi.command(press.copy(control=106, value=127)) == JumpJourney(None, 1.0)


# ---------------------------------------------------------------------------------------------------------- files


def test_journeys_that_come_with_it_and_those_of_one_s_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = [f"journey.folder={tmp_path}", "mood.names={mellow: [0.2, -0.6]}"]
    shipped = adapters.read_journeys(load(None, own, {}))
    assert set(shipped) == {"evening", "iso", "lift"}
    for plan in shipped.values():
        assert plan.begun_from(HAPPY).length_s == plan.length_s > 60
    (tmp_path / "lift.yaml").write_text("iso: {from: sad, to: mellow, match: 10, lead: 0:30, hold: 10}")
    (tmp_path / "torn.yaml").write_text("points:")
    assert adapters.read_journeys(load(None, own, {}))["lift"].length_s == 50
    assert "a journey was left out" in caplog.text


def test_a_file() -> None:
    text = "name: x\npoints:\n- {at: 0:30, mood: tender}\n- {at: 1:00:00, mood: [0.5, -1]}\nend: true\n"
    plan = journeys.parse(text, MOODS)
    assert plan == Journey("x", (Waypoint(30, MOODS["tender"]), Waypoint(3600, Mood(0.5, -1))), ends=True)
    iso = journeys.parse("iso: {from: here, to: calm, match: 90, steps: 5}", MOODS, name="file")
    assert iso == Iso("file", None, CALM, match_s=90.0, steps=5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "points:\n- {at: 2:00, mood: sad}\n- {at: 1:59, mood: calm}",
            "j.yaml:3: points.1.at: times must not run backward: 119 s after 120 s",
        ),
        (
            "points:\n- {at: 0, mood: [0.5, 1.5]}",
            "j.yaml:2: points.0.mood: valence and arousal must be -1..1 (got 0.5, 1.5)",
        ),
        ("points:\n\n- at: 0\n  mood: clam", "j.yaml:4: points.0.mood: unknown mood 'clam', did you mean 'calm'?"),
        (
            "points: [{at: 0, mood: sad}]\nlimits:\n  tempo: [90, 60]",
            "j.yaml:3: limits.tempo: the floor 90 lies above the ceiling 60",
        ),
        ("limits: {register: [60, 66]}\niso: {to: calm}", "j.yaml:1: limits.register: must leave 12 keys or more"),
        ("limits: {loudness: [0, 60]}\niso: {to: calm}", "limits.loudness: must be 1..127 velocity (got 0)"),
        ("limits: {loudness: 60}\niso: {to: calm}", "limits.loudness: must be a pair of numbers [floor, ceiling]"),
        ("limits: {temp: [60, 70]}\niso: {to: calm}", "limits.temp: unknown limit, did you mean 'tempo'?"),
        ("iso: {to: calm, steps: 2}", "iso.steps: must be a whole number 3..20 (got 2)"),
        ("iso: {to: calm, steps: 3.5}", "iso.steps: must be a whole number"),
        ("iso: {from: calm}", "j.yaml:1: iso.to: is missing"),
        ("iso: {to: calm, lead: soon}", "iso.lead: must be a time from 0:00 to 24:00:00"),
        ("points: [{at: -5, mood: sad}]", "points.0.at: must be a time"),
        ("points: [{at: 1:75, mood: sad}]", "points.0.at: must be a time"),
        ("points: [{at: nan, mood: sad}]", "points.0.at: must be a time"),
        ("points: [{mood: sad}]", "points.0.at: is missing"),
        ("points: []", "points: must be a list of 1..1000 points"),
        ("points: [sad]", "points.0: must be a table with the keys at, mood"),
        ("points: [{at: 0, mood: {}}]", "points.0.mood: must be a mood's name or a pair"),
        ("points: [{at: 0, at: 1, mood: sad}]", "points.0.at: stands twice"),
        ("name: x", "must hold either `points` or `iso`"),
        ("iso: {to: calm}\nend: maybe", "j.yaml:2: end: must be true or false"),
        ("name: []\niso: {to: calm}", "name: must be a text"),
        ("- 5", "must be a table with the keys name, points, iso, limits, end"),
        ("", "must be a table"),
        ("a: [", "j.yaml:1: not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_field(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        journeys.parse(text, MOODS, "j.yaml")
    assert sentence in str(caught.value)


def test_every_fault_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        journeys.parse("points:\n- {at: x, mood: sad}\n- {at: 0, mood: dull}\nwhy: 1", MOODS, "j.yaml")
    assert len(str(caught.value).splitlines()) == 3


@given(
    st.lists(
        st.sampled_from(WORDS),
        max_size=30,
    ).map("".join)
)
def test_no_file_at_all_makes_more_than_sentences(text: str) -> None:
    with contextlib.suppress(InputError):
        assert journeys.parse(text, MOODS).name


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        journeys.read(tmp_path / "no.yaml", MOODS)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        journeys.read(tmp_path / "bytes.yaml", MOODS)


# ---------------------------------------------------------------------------------------------- played and drawn


def test_a_journey_is_played(tiny: OnnxModel) -> None:
    plan = journeys.parse("points:\n- {at: 0, mood: sad}\n- {at: 20, mood: happy}\nend: true", MOODS)
    steps = render(tiny, Config(), 60.0, 1, journey=plan)
    assert steps[0].mood == SAD
    arousal = [step.mood.arousal for step in steps]
    assert arousal == sorted(arousal)
    assert arousal[-1] == 1
    assert steps[-1].finished, "with a close at the end"
    assert 20 < steps[-1].position.music_s < 50


def test_a_picture_of_the_commanded_and_the_measured_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = REPOSITORY / "examples/journeys/lift.yaml", tmp_path / "lift.png"
    take = tmp_path / "take.mid"
    track = mido.MidiTrack()
    for index in range(300):
        track.append(mido.Message("note_on", note=60 + (0, 4, 7)[index % 3], velocity=60, time=10))
        track.append(mido.Message("note_off", note=60 + (0, 4, 7)[index % 3], velocity=0, time=110))
    mido.MidiFile(tracks=[track]).save(take)
    assert main(["journey", "draw", str(file), str(out), "--take", str(take)]) == 0
    assert "8 minutes" in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.size == (1280, 560)
    assert [path.name for path in tmp_path.glob("*.png")] == ["lift.png"]
    assert main(["journey", "draw", str(file), str(tmp_path / "lift.jpg")]) == 2
    assert main(["journey", "draw", str(file), str(tmp_path / "no" / "lift.png")]) == 2


def test_what_a_recording_measures() -> None:
    def notes(pitches: tuple[int, ...], step_s: float, velocity: int) -> list[TimedNote]:
        return [
            TimedNote(i * step_s, (i + 1) * step_s, pitches[i % len(pitches)], velocity)
            for i in range(int(40 / step_s))
        ]

    lively = journey_drawing.measured(notes((72, 76, 79, 74), 0.15, 90))
    gloomy = journey_drawing.measured(notes((45, 48, 52, 50), 0.8, 40))
    assert [point.at_s for point in lively] == [8.0, 16.0, 24.0, 32.0][: len(lively)]
    assert all(point.mood.valence > 0 and point.mood.arousal > 0 for point in lively)
    assert all(point.mood.valence < 0 and point.mood.arousal < 0 for point in gloomy)
    assert journey_drawing.measured([]) == ()
