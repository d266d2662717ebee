"""From MIDI to commands, from commands to the state."""

from __future__ import annotations

from dataclasses import replace

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config import DEFAULT_CONTROLS, Config, load
from improv.control.commands import (
    AllNotesOff,
    Command,
    End,
    Pause,
    Play,
    PlayPause,
    Reset,
    SceneCommand,
    SetAttribute,
    SetGlide,
    SetIntensity,
    SetMood,
    SetTemperature,
)
from improv.control.midi_map import CONTROL_ACTIONS, MidiMap
from improv.control.state import apply
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, Glide, Mood
from tests.fakes import controls

MAP = Config().controls.midi_map()
CALM = controls()


def cc(control: int, value: int, channel: int = 0, midi_map: MidiMap = MAP) -> Command | None:
    return midi_map.command(mido.Message("control_change", control=control, value=value, channel=channel))


@pytest.mark.parametrize(
    ("control", "value", "command"),
    [
        (20, 0, SetMood(valence=-1.0)),
        (20, 64, SetMood(valence=0.0)),
        (20, 127, SetMood(valence=1.0)),
        (21, 0, SetMood(arousal=-1.0)),
        (21, 64, SetMood(arousal=0.0)),
        (21, 127, SetMood(arousal=1.0)),
        (22, 0, SetMood(1.0, 1.0)),
        (22, 31, SetMood(1.0, 1.0)),
        (22, 32, SetMood(-1.0, 1.0)),
        (22, 63, SetMood(-1.0, 1.0)),
        (22, 64, SetMood(-1.0, -1.0)),
        (22, 95, SetMood(-1.0, -1.0)),
        (22, 96, SetMood(1.0, -1.0)),
        (22, 127, SetMood(1.0, -1.0)),
        (23, 0, SetIntensity(0.0)),
        (23, 127, SetIntensity(1.0)),
        (24, 0, SetTemperature(0.5)),
        (24, 127, SetTemperature(1.5)),
        (25, 0, SetAttribute("onset_density", 0.5)),
        (25, 127, SetAttribute("onset_density", 12.0)),
        (26, 0, SetAttribute("register", 36.0)),
        (27, 127, SetAttribute("loudness", 120.0)),
        (28, 0, SetAttribute("tempo", 40.0)),
        (28, 127, SetAttribute("tempo", 200.0)),
        (29, 0, SetGlide(0.0)),
        (29, 127, SetGlide(600.0)),
        (85, 127, PlayPause()),
        (85, 64, PlayPause()),
        (85, 63, None),
        (85, 0, None),
        (86, 127, End()),
        (86, 0, None),
        (118, 0, Reset()),
        (119, 0, AllNotesOff()),
        (120, 0, None),
        (121, 0, None),
        (123, 0, None),
        (1, 64, None),
        (7, 100, None),
        (64, 127, None),
    ],
)
def test_the_default_map(control: int, value: int, command: Command | None) -> None:
    found = cc(control, value)
    assert type(found) is type(command)
    assert found == (pytest.approx(command) if isinstance(command, (SetTemperature, SetGlide)) else command)


@pytest.mark.parametrize(("control", "action"), DEFAULT_CONTROLS.items())
def test_every_default_control_does_something(control: int, action: str) -> None:
    assert cc(control, 127) is not None
    assert action in CONTROL_ACTIONS


@pytest.mark.parametrize("action", CONTROL_ACTIONS)
@given(value=st.integers(0, 127))
def test_every_action_takes_every_value(action: str, value: int) -> None:
    command = cc(9, value, midi_map=MidiMap({9: action}, {}))
    if command is not None and not isinstance(command, SceneCommand):
        state = apply(CALM, command, 1.0)
        assert 0 <= state.intensity <= 1
        assert 0.5 <= state.temperature <= 1.5
        assert 0 <= state.glide_s <= 600
        assert state.glide.target == state.glide.target.clipped()
        for name, commanded in state.overrides.items():
            assert ATTRIBUTES[name].low <= commanded <= ATTRIBUTES[name].high


def test_the_glide_knob_is_fine_at_its_low_end() -> None:
    assert cc(29, 64) == SetGlide(pytest.approx(76.8, abs=0.1))


def test_an_unknown_action_is_named() -> None:
    with pytest.raises(ValueError, match="'volume'; allowed: mood"):
        cc(9, 0, midi_map=MidiMap({9: "volume"}, {}))


@pytest.mark.parametrize(("program", "mood"), list(enumerate(CORNERS)))
def test_programs_choose_a_mood(program: int, mood: str) -> None:
    mapped = load(None, ["controls.programs={0: happy, 1: nervous, 2: sad, 3: calm}"], {}).controls.midi_map()
    assert mapped.command(mido.Message("program_change", program=program)) == SetMood(*CORNERS[mood])
    assert MAP.command(mido.Message("program_change", program=program)) is None, "only what is mapped"
    assert list(CORNERS) == ["happy", "nervous", "sad", "calm"]


def test_other_programs_and_messages_mean_nothing() -> None:
    assert MAP.command(mido.Message("program_change", program=4)) is None
    for kind in ("note_on", "pitchwheel", "aftertouch", "clock", "sysex"):
        assert MAP.command(mido.Message(kind)) is None


def test_the_channel_filter() -> None:
    fifth = load(None, ["controls.channel=5", "controls.programs.1=nervous"], {}).controls.midi_map()
    assert [channel for channel in range(16) if cc(20, 0, channel, fifth)] == [4]
    assert [channel for channel in range(16) if cc(20, 0, channel)] == list(range(16))
    program = mido.Message("program_change", program=1)
    assert fifth.command(program) is None
    assert fifth.command(program.copy(channel=4)) == SetMood(*CORNERS["nervous"])


def test_a_mood_raises_the_revision_once() -> None:
    sad = apply(CALM, SetMood(-1.0, -1.0), 5.0)
    assert (sad.glide.target, sad.revision) == (CORNERS["sad"], 1)
    assert apply(sad, SetMood(-1.0, -1.0), 6.0) is sad
    assert apply(sad, SetMood(valence=-1.0), 6.0) is sad
    assert apply(sad, SetMood(arousal=1.0), 6.0).glide.target == CORNERS["nervous"]
    assert apply(sad, SetMood(valence=1.0), 6.0).glide.target == CORNERS["calm"]
    assert apply(CALM, SetMood(5.0, -5.0), 0.0) is CALM


def test_other_commands_do_not_raise_the_revision() -> None:
    for command in (SetIntensity(0.1), SetTemperature(1.2), SetAttribute("tempo", 99), SetGlide(1), End(), Pause()):
        changed = apply(CALM, command, 0.0)
        assert changed != CALM
        assert changed.revision == 0
    assert apply(CALM, AllNotesOff(), 0.0) is CALM


def test_a_glide_begins_where_the_mood_is_on_its_way() -> None:
    state = apply(apply(CALM, SetGlide(10.0), 0.0), SetMood(-1.0, -1.0), 20.0)
    assert [state.mood(s).valence for s in (0, 20, 25, 30, 99)] == pytest.approx([1, 1, 0, -1, -1])
    back = apply(state, SetMood(1.0, -1.0), 25.0)
    assert [back.mood(s).valence for s in (25, 30, 35)] == pytest.approx([0, 0.5, 1])
    assert back.revision == 2


def test_values_are_clipped() -> None:
    assert apply(CALM, SetIntensity(7.0), 0).intensity == 1
    assert apply(CALM, SetTemperature(0.0), 0).temperature == 0.5
    assert apply(CALM, SetGlide(-3.0), 0).glide_s == 0
    assert apply(CALM, SetAttribute("tempo", 999), 0).overrides == {"tempo": 200}


def test_an_override_is_given_back() -> None:
    both = apply(apply(CALM, SetAttribute("tempo", 99), 0), SetAttribute("register", 50), 0)
    assert apply(both, SetAttribute("tempo", None), 0).overrides == {"register": 50}
    with pytest.raises(TypeError):
        both.overrides["tempo"] = 1  # type: ignore[index]


def test_play_and_pause() -> None:
    paused = apply(CALM, PlayPause(), 0)
    assert not paused.playing
    assert apply(paused, Pause(), 0) == paused
    assert apply(paused, PlayPause(), 0) == apply(paused, Play(), 0) == CALM
    ending = apply(CALM, End(), 0)
    assert ending.ending
    assert apply(ending, Play(), 0).ending, "play while it plays changes nothing"
    assert not apply(apply(ending, Pause(), 0), Play(), 0).ending, "play after a pause goes on without an end"


def test_reset_goes_back_to_the_beginning_but_not_to_playing() -> None:
    initial = replace(CALM, intensity=0.7, temperature=0.9, glide=Glide(Mood(0.5, 0.5), Mood(0.5, 0.5)))
    state = initial
    for command in (SetMood(-1, 1), SetAttribute("tempo", 99), SetIntensity(0), SetTemperature(1.5), End(), Pause()):
        state = apply(state, command, 3.0, initial)
    fresh = apply(state, Reset(), 4.0, initial)
    assert fresh.glide.target == Mood(0.5, 0.5)
    assert (fresh.intensity, fresh.temperature, fresh.overrides, fresh.ending) == (0.7, 0.9, {}, False)
    assert not fresh.playing
    assert fresh.revision == 2, "a change of mood like any other"
    assert apply(CALM, Reset(), 0.0) == CALM
