"""The engine when something comes in between: pauses, failures, stalls, hasty hands."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from improv.control.commands import End, Pause, Play, SetGlide, SetMood
from improv.engine.transport import LEAD_S
from improv.listening.keyboard import LONGEST_KEY_S
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS, Mood
from improv.player.protocol import Received
from tests.fakes import ScriptedModel, Stage
from tests.stage import C4, EVENLY, HELD_C4, STEP_END, assert_silent, assert_sound, chords, onsets


def test_pause_and_play() -> None:
    stage = chords()
    stage.play(2.0)
    stage.engine.act(Pause(), stage.clock.now())
    assert_silent(stage)
    assert not onsets(stage, stage.clock.now())
    heard = len(stage.record.steps)
    stage.play(30.0)
    assert not stage.engine.status().playing
    assert len(stage.record.steps) == heard
    stage.engine.act(Play(), stage.clock.now())
    resumed_s = stage.clock.now()
    stage.play(2.0)
    assert onsets(stage, resumed_s)[0] == pytest.approx(resumed_s + LEAD_S)
    music_s = [step.position.music_s for step in stage.record.steps]
    assert music_s[heard] - music_s[heard - 1] == pytest.approx(60 / 76 / 4), "the music itself has no gap"
    assert_sound(stage)


def test_a_glide_asked_for_in_a_pause_begins_when_the_music_does() -> None:
    stage = chords()
    stage.play(2.0)
    stage.engine.act(Pause(), stage.clock.now())
    stage.play(60.0)
    stage.engine.act(SetGlide(4.0), stage.clock.now())
    stage.engine.act(SetMood(-1.0, -1.0), stage.clock.now())
    stage.play(60.0)
    assert stage.engine.status().point == CORNERS["calm"]
    stage.engine.act(Play(), stage.clock.now())
    stage.play(2.0)
    assert -0.5 < stage.engine.status().valence < 0.5
    stage.play(2.5)
    assert stage.engine.status().point == CORNERS["sad"]


@pytest.mark.parametrize("control", range(120, 128))
def test_what_an_instrument_says_of_its_own_notes_cuts_none_of_ours(control: int) -> None:
    """A Roland piano sends CC 123 with every last key that is let go; a DAW CC 121, a bank and a program."""
    untouched, stage = chords(), chords()
    for subject in (untouched, stage):
        subject.engine.act(SetMood(-1.0, -1.0), subject.clock.now())
        subject.play(1.0)
    stage.link.press(stage.clock.now() + 0.001, control, 0)
    for message in (bytes((0xB0, 0, 3)), bytes((0xB0, 32, 1)), bytes((0xC0, 0))):
        stage.link.arriving.append((stage.clock.now() + 0.002, Received(message, stage.clock.now())))
    for subject in (untouched, stage):
        subject.play(3.0)
    assert onsets(stage) == onsets(untouched)
    assert stage.engine.status().point == Mood(-1.0, -1.0)
    assert_sound(stage)


@pytest.mark.parametrize("control", [120, 123])
def test_all_notes_off_of_an_instrument_lets_go_of_its_keys_alone(control: int) -> None:
    stage = chords("music.mode=duet")
    for channel, pitch in ((0, 60), (0, 64), (2, 67)):
        stage.engine.receive(bytes((0x90 | channel, pitch, 80)), stage.clock.now())
    stage.engine.receive(bytes((0xB0, control, 0)), stage.clock.now())
    assert stage.engine.together.listener.keyboard.down == {67}
    stage.play(0.5)
    assert stage.improviser.snapshot.person_keys == {67}


def test_a_key_whose_end_was_lost_is_not_held_for_ever() -> None:
    stage = chords("music.mode=duet")
    for pitch in range(21, 109):
        stage.engine.receive(bytes((0x90, pitch, 80)), stage.clock.now() + 0.01 * (pitch - 21))
    stage.play(1.0)
    assert stage.improviser.snapshot.person_keys
    stage.play(LONGEST_KEY_S + 1.0)
    assert not stage.improviser.snapshot.person_keys
    before_s = stage.clock.now()
    stage.play(2.0)
    assert onsets(stage, before_s)


def test_a_fault_of_ours_behind_a_knob_does_not_end_the_music(caplog: pytest.LogCaptureFixture) -> None:
    stage = chords()
    stage.engine._midi_in._act = lambda *_: 1 / 0  # type: ignore[assignment,return-value]
    stage.engine.receive(bytes((0xB0, 20, 3)), stage.clock.now())
    assert "unexpected error with the MIDI message b0 14 03" in caplog.text
    stage.play(1.0)


@pytest.mark.parametrize("control", [119, 123])
def test_all_notes_off_ends_what_sounds_and_the_music_goes_on(control: int) -> None:
    mapped = "controls.map.123=all_notes_off"
    stage = Stage(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]), settings=[EVENLY, mapped])
    stage.play(1.0)
    assert any(note.off_s > stage.clock.now() for note in stage.link.scheduled.values())
    pressed_s = stage.clock.now() + 0.001
    stage.link.press(pressed_s, control, 0)
    stage.play(0.002)
    assert_silent(stage)
    stage.play(4.0)
    assert onsets(stage, pressed_s), "the next note after the longest rest at the latest"
    assert stage.engine.status().playing
    assert_sound(stage)


@pytest.mark.parametrize("lost", ["player", "ports"])
def test_after_a_failure_of_the_player_the_music_goes_on(tiny: OnnxModel, lost: str) -> None:
    stage = Stage(tiny, "happy", settings=[EVENLY])
    failures_s: list[float] = []
    for _ in range(5):
        stage.play(2.013)
        failed_s = stage.clock.now()
        failures_s.append(failed_s)
        if lost == "player":
            stage.link.lose_everything()
        else:
            stage.link.change_ports(failed_s)
        stage.play(1.5)
        ends = [note.off_s for note in stage.link.scheduled.values() if note.on_s <= failed_s]
        assert max(ends) <= failed_s + 0.05, "the player ended what sounded; nobody revives it"
        assert onsets(stage, failed_s)[0] < failed_s + 1.5
        # What fell due between the failure and the turn that noticed it was planned, but nobody could send it.
        assert_sound(stage, failures_s)


def test_after_a_stall_the_music_goes_on_later_instead_of_in_a_burst() -> None:
    stage = chords()
    stage.play(2.0)
    stage.link.stall(3.0)
    stage.engine.turn(0.01)
    woke_s = stage.clock.now()
    stage.play(2.0)
    assert stage.engine.status().stalls == 1
    later = onsets(stage, woke_s - 0.001)
    assert later[0] == pytest.approx(woke_s + LEAD_S)
    assert all(b - a == pytest.approx(60 / 76 / 4) for a, b in pairwise(later))
    assert_sound(stage)


def test_a_turn_that_came_during_a_stall_does_not_burst_either() -> None:
    stage = chords()
    stage.play(2.0)
    stage.link.press(stage.clock.now() + 1.0, 22, 0)
    stage.link.stall(3.0)
    stage.link.arriving[0] = (stage.clock.now() + 3.0, stage.link.arriving[0][1])  # read late, stamped early
    stage.play(5.0)
    woke_s = max(onsets(stage)) - 2.0
    gaps = [b - a for a, b in pairwise(onsets(stage, woke_s))]
    assert min(gaps) > 0.05
    assert stage.engine.status().point == CORNERS["happy"]
    assert_sound(stage)


def test_a_knob_turned_fast_stays_bounded_and_ends_well() -> None:
    chance = random.Random(2)
    stage = chords()
    model = stage.improviser.model
    assert isinstance(model, ScriptedModel)
    stage.play(2.0)
    began_s, fed = stage.clock.now(), len(model.fed)
    for index in range(500):
        stage.link.press(began_s + index * 0.002, 20 + index % 2, chance.randrange(128))
    stage.play(1.1)
    # 50 times anew, each time at most the look-ahead and the answer: 250 ms hold 4 steps of 4 tokens at 144 bpm.
    assert len(model.fed) - fed < 50 * 4 * 4
    steps = [note.on_s for note in stage.link.scheduled.values() if began_s <= note.on_s < began_s + 1.0]
    assert 5 <= len(set(steps)) < 15
    wanted = stage.engine.controls.glide.target
    stage.play(2.0)
    assert stage.record.steps[-1].mood == wanted
    assert_sound(stage)
    stage.engine.act(Pause(), stage.clock.now())
    assert_silent(stage)


def test_an_end_is_withdrawn_by_a_pause() -> None:
    stage = chords("music.ending_bars=1")
    stage.play(1.0)
    for command in (End(), Pause(), Play()):
        stage.engine.act(command, stage.clock.now())
    stage.play(30.0)
    assert stage.engine.status().playing


@pytest.mark.parametrize("early", [(0,), (1,), (2,), (0, 1), (0, 1, 2), (0, 3), (4,)])
def test_a_chord_that_had_half_begun_when_it_was_revoked_is_whole(early: tuple[int, ...]) -> None:
    stage = chords("timing.look_ahead_ms=500")
    stage.play(2.0)
    now_s = stage.clock.now()
    ahead = sorted(note.note_id for note in stage.link.scheduled.values() if note.on_s > now_s)
    gone = {ahead[index] for index in early}
    stage.link.sent_early = lambda note_id: note_id in gone
    stage.engine.act(SetMood(-1.0, -1.0), now_s)
    stage.engine.turn(0.0)
    assert "revoke" in stage.link.calls
    whole = ahead[: 3 * (max(early) // 3 + 1)]
    assert [note_id for note_id in ahead if note_id in stage.link.scheduled] == whole
    assert_sound(stage)
    stage.play(5.0)
    assert_sound(stage)
    chord = [stage.link.scheduled[note_id] for note_id in whole]
    assert max(note.off_s for note in chord) < now_s + 1.0, "and it ends like any other"


@pytest.mark.parametrize("message", [b"", b"\x90", b"\xb0\x16", b"\xb0\x16\xff", b"\xf0\x7e", b"\x16\x16\x16"])
def test_what_is_no_midi_message_is_ignored(message: bytes) -> None:
    stage = chords()
    before = stage.engine.controls
    stage.engine.receive(message, stage.clock.now())
    assert stage.engine.controls is before


def test_no_bytes_at_the_input_can_stop_the_music(tiny: OnnxModel) -> None:
    stage = Stage(tiny, "happy", settings=[EVENLY])
    rng = random.Random(1)
    statuses = (0xB0, 0xC5, 0xE0, 0x90, 0xF0, 0xF2, 0xF8, 0xFE, 0x00)
    for count in range(2000):
        length = rng.choice((0, 1, 2, 3, 3, 3, 20))
        data = bytes([rng.choice(statuses), *(rng.randrange(256) for _ in range(length))])[:length]
        stage.engine.receive(data, stage.clock.now())
        if count % 100 == 0:
            stage.play(0.1)
    stage.engine.receive(bytes((0xB0, 118, 0)), stage.clock.now())
    stage.engine.act(Play(), stage.clock.now())
    before_s = stage.clock.now()
    stage.play(2)
    assert onsets(stage, before_s)
