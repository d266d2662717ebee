"""The engine on a manual clock: what the player is given, and when."""

from __future__ import annotations

import random

import pytest

from improv.controls import AllNotesOff, End, Pause, Play, SetAttribute, SetGlide, SetMood
from improv.engine import LEAD_S, PROVISIONAL_NOTE_S
from improv.model import OnnxModel
from improv.mood import CORNERS, Mood
from tests.fakes import ENCODING, ScriptedModel, Stage

STEP_END = 2
C4, HELD_C4 = ENCODING.begins(60), ENCODING.continues(60)
CHORD = [ENCODING.begins(pitch) for pitch in (67, 64, 60)]
EVENLY = "music.expression=0"  # no delays, no accents: what is due can be computed by hand


def chords(*settings: str) -> Stage:
    return Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, *settings])


def assert_sound(stage: Stage) -> None:
    """The player has what was recorded, no note more or less, and each ends after it began."""
    recorded = {note.note_id: note.pitch for step in stage.record.steps for note in step.started}
    assert {note.note_id: note.pitch for note in stage.link.scheduled.values()} == recorded
    for note in stage.link.scheduled.values():
        assert note.on_s <= note.off_s <= max(note.on_s, stage.clock.now()) + 2 * PROVISIONAL_NOTE_S
    ticks = [step.position.tick for step in stage.record.steps]
    assert ticks == list(range(len(ticks)))


def assert_silent(stage: Stage) -> None:
    now_s = stage.clock.now()
    assert all(note.off_s <= now_s for note in stage.link.scheduled.values())


def onsets(stage: Stage, after_s: float = 0.0) -> list[float]:
    return sorted({note.on_s for note in stage.link.scheduled.values() if note.on_s > after_s})


def test_a_minute_of_music() -> None:
    stage = Stage(ScriptedModel([C4, STEP_END, HELD_C4, STEP_END, STEP_END]), settings=[EVENLY])
    stage.play(60.0)
    step_ms = 60_000 / 76 / 4  # calm: 76 bpm, velocity 42, legato
    played = [
        (round(1000 * (n.on_s - 100)), round(1000 * (n.off_s - 100)), n.channel, n.pitch, n.velocity)
        for n in sorted(stage.link.scheduled.values())
    ]
    expected = [
        (round(50 + 3 * i * step_ms), round(50 + (3 * i + 2) * step_ms), 0, 60, 42) for i in range(len(played))
    ]
    assert played[:-1] == expected[:-1]
    assert len(played) == 102  # a minute and the look-ahead
    assert_sound(stage)


def test_it_plans_no_further_than_the_look_ahead() -> None:
    stage = chords("timing.look_ahead_ms=500")
    for _ in range(100):
        stage.engine.turn(0.05)
        due_s = max(onsets(stage))
        assert stage.clock.now() + 0.3 < due_s <= stage.clock.now() + 0.501


@pytest.mark.parametrize("mood", CORNERS)
def test_every_note_of_a_real_model_ends(tiny: OnnxModel, mood: str) -> None:
    stage = Stage(tiny, mood)
    stage.play(60.0)
    assert len(stage.link.scheduled) > 100
    assert_sound(stage)
    stage.engine.act(Pause(), stage.clock.now())
    assert_silent(stage)


def test_a_turn_is_heard_within_150_ms_or_a_sixteenth(tiny: OnnxModel) -> None:
    chance = random.Random(1)
    for seed in range(20):
        stage = Stage(tiny, chance.choice(list(CORNERS)), seed)
        tempo = chance.uniform(40, 200)
        stage.engine.act(SetAttribute("tempo", tempo), stage.clock.now())
        stage.play(chance.uniform(1, 6))
        for _ in range(10):
            before = stage.engine.controls
            target = chance.choice([m for m in CORNERS.values() if m != before.glide.target])
            pressed_s = stage.clock.now() + chance.uniform(0.1, 1.0)
            stage.link.press(pressed_s, 22, 16 + 32 * list(CORNERS.values()).index(target))
            stage.play(chance.uniform(1.4, 2.0))
            revision = before.revision + 1
            assert (stage.engine.controls.revision, stage.engine.controls.glide.target) == (revision, target)
            notes = stage.link.scheduled.values()
            answer_s = min(note.on_s for note in notes if note.tag == revision)
            limit_s = max(0.150, 60 / stage.engine.status().tempo_bpm / 4)
            assert pressed_s <= answer_s <= pressed_s + limit_s
            assert not [note for note in notes if note.tag < revision and note.on_s > answer_s + 0.012]
        assert_sound(stage)


def test_a_turn_is_answered_under_the_slowest_tempo_with_a_short_look_ahead(tiny: OnnxModel) -> None:
    stage = Stage(tiny, settings=["timing.look_ahead_ms=20"])
    stage.engine.act(SetAttribute("tempo", 40.0), stage.clock.now())
    stage.play(10.0)
    pressed_s = stage.clock.now() + 0.01
    stage.link.press(pressed_s, 22, 0)
    stage.play(1.0)
    assert min(n.on_s for n in stage.link.scheduled.values() if n.tag == 1) <= pressed_s + 0.375
    assert_sound(stage)


def test_a_change_that_is_no_turn_is_planned_too_but_not_hurried() -> None:
    stage = chords()
    stage.play(2.0)
    pressed_s = stage.clock.now() + 0.001
    grid = onsets(stage, pressed_s)
    stage.link.press(pressed_s, 27, 127)
    stage.play(0.5)
    assert onsets(stage, pressed_s)[: len(grid)] == pytest.approx(grid)
    future = [note for note in stage.link.scheduled.values() if note.on_s > pressed_s]
    assert {note.velocity for note in future} == {120}
    assert_sound(stage)


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
    assert stage.engine.status().mood == CORNERS["calm"]
    stage.engine.act(Play(), stage.clock.now())
    stage.play(2.0)
    assert -0.5 < stage.engine.status().mood.valence < 0.5
    stage.play(2.5)
    assert stage.engine.status().mood == CORNERS["sad"]


@pytest.mark.parametrize("control", [120, 123])
def test_all_notes_off_ends_what_sounds_and_the_music_goes_on(control: int) -> None:
    stage = Stage(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]), settings=[EVENLY])
    stage.play(1.0)
    assert any(note.off_s > stage.clock.now() for note in stage.link.scheduled.values())
    pressed_s = stage.clock.now() + 0.001
    stage.link.press(pressed_s, control, 0)
    stage.play(0.002)
    assert_silent(stage)
    stage.play(10.0)
    assert onsets(stage, pressed_s), "the next note after the longest rest at the latest"
    assert stage.engine.status().playing
    assert_sound(stage)


@pytest.mark.parametrize("lost", ["player", "ports"])
def test_after_a_failure_of_the_player_the_music_goes_on(tiny: OnnxModel, lost: str) -> None:
    stage = Stage(tiny, "happy", settings=[EVENLY])
    for _ in range(5):
        stage.play(2.013)
        failed_s = stage.clock.now()
        if lost == "player":
            stage.link.lose_everything()
        else:
            stage.link.change_ports(failed_s)
        stage.play(1.0)
        ends = [note.off_s for note in stage.link.scheduled.values() if note.on_s <= failed_s]
        assert max(ends) <= failed_s + 0.05, "the player ended what sounded; nobody revives it"
        assert onsets(stage, failed_s)[0] < failed_s + 1.0
        assert_sound(stage)


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
    assert all(b - a == pytest.approx(60 / 76 / 4) for a, b in zip(later, later[1:], strict=False))
    assert_sound(stage)


def test_a_turn_that_came_during_a_stall_does_not_burst_either() -> None:
    stage = chords()
    stage.play(2.0)
    stage.link.press(stage.clock.now() + 1.0, 22, 0)
    stage.link.stall(3.0)
    stage.link.arriving[0] = (stage.clock.now() + 3.0, stage.link.arriving[0][1])  # read late, stamped early
    stage.play(5.0)
    woke_s = max(onsets(stage)) - 2.0
    gaps = [b - a for a, b in zip(onsets(stage, woke_s), onsets(stage, woke_s)[1:], strict=False)]
    assert min(gaps) > 0.05
    assert stage.engine.status().mood == CORNERS["happy"]
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


def test_the_end_by_control_change_then_play() -> None:
    stage = chords("music.ending_bars=1", "midi.channel=3")
    stage.play(1.0)
    stage.link.press(stage.clock.now() + 0.1, 86, 127)
    stage.play(0.5)
    assert stage.engine.status().ending
    stage.play(20.0)
    assert [step.finished for step in stage.record.steps].count(True) == 1
    assert stage.record.steps[-1].finished
    status = stage.engine.status()
    assert (status.playing, status.ending) == (False, False)
    assert_silent(stage)
    assert {note.channel for note in stage.link.scheduled.values()} == {2}
    resting = len(stage.link.scheduled)
    stage.play(30.0)
    assert len(stage.link.scheduled) == resting
    stage.link.press(stage.clock.now() + 0.1, 85, 127)
    stage.play(2.0)
    assert len(stage.link.scheduled) > resting
    assert stage.engine.status().bar == 1
    assert_sound(stage)


def test_an_end_is_withdrawn_by_a_pause() -> None:
    stage = chords("music.ending_bars=1")
    stage.play(1.0)
    for command in (End(), Pause(), Play()):
        stage.engine.act(command, stage.clock.now())
    stage.play(30.0)
    assert stage.engine.status().playing


def test_the_ends_of_long_notes_are_renewed_until_the_true_one_comes() -> None:
    stage = Stage(
        ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]),
        settings=[EVENLY, "music.longest_note_beats=40", "mood.table.tempo.calm=60"],
    )
    stage.play(1.0)
    note_id = min(stage.link.scheduled)
    began_s = stage.link.scheduled[note_id].on_s
    assert stage.link.scheduled[note_id].off_s <= began_s + PROVISIONAL_NOTE_S + 0.001, "it ends even if we die"
    while stage.clock.now() < began_s + 39:
        stage.play(0.5)
        assert stage.link.scheduled[note_id].off_s > stage.clock.now() + 1
    stage.play(2.0)
    assert stage.link.scheduled[note_id].off_s == pytest.approx(began_s + 40)
    assert_sound(stage)


@pytest.mark.parametrize("early", [(0,), (1,), (2,), (0, 1), (0, 1, 2)])
def test_a_chord_that_had_half_begun_when_it_was_revoked_is_whole(early: tuple[int, ...]) -> None:
    stage = chords()
    stage.play(2.0)
    now_s = stage.clock.now()
    ahead = sorted(note.note_id for note in stage.link.scheduled.values() if note.on_s > now_s)
    gone = {ahead[index] for index in early}
    stage.link.sent_early = lambda note_id: note_id in gone
    stage.engine.act(SetMood(-1.0, -1.0), now_s)
    stage.engine.turn(0.0)
    assert "revoke" in stage.link.calls
    assert {note_id for note_id in ahead if note_id in stage.link.scheduled} == set(ahead[:3])
    assert_sound(stage)
    stage.play(5.0)
    assert_sound(stage)
    chord = [stage.link.scheduled[note_id] for note_id in ahead[:3]]
    assert max(note.off_s for note in chord) < now_s + 1.0, "and it ends like any other"


@pytest.mark.parametrize("message", [b"", b"\x90", b"\xb0\x16", b"\xb0\x16\xff", b"\xf0\x7e", b"\x16\x16\x16"])
def test_what_is_no_midi_message_is_ignored(message: bytes) -> None:
    stage = chords()
    before = stage.engine.controls
    stage.engine.receive(message, stage.clock.now())
    assert stage.engine.controls is before


def test_new_settings_are_taken_over_without_a_gap() -> None:
    stage, fresh = chords(), chords("mood.table.loudness.calm=99", "music.beats_per_bar=3", "midi.channel=9")
    stage.play(2.0)
    engine = fresh.engine
    stage.engine.reconfigure(fresh.improviser.settings, engine.settings, engine.midi_map)
    grid = onsets(stage, stage.clock.now())
    changed_s = stage.clock.now()
    stage.play(1.0)
    assert onsets(stage, changed_s)[: len(grid)] == pytest.approx(grid)
    later = [note for note in stage.link.scheduled.values() if note.on_s > changed_s]
    assert {(note.velocity, note.channel) for note in later} == {(99, 0)}
    assert stage.record.steps[-1].position.beats_per_bar == 4
    assert_sound(stage)


def test_the_published_state() -> None:
    stage = chords()
    stage.play(LEAD_S + 4.5 * 60 / 76)
    status = stage.engine.status()
    assert (status.mood, status.mood_name, status.tempo_bpm) == (CORNERS["calm"], "calm", pytest.approx(76))
    assert (status.bar, status.beat, status.playing, status.ending, status.stalls) == (2, 1, True, False, 0)
    assert status.notes_planned == len(stage.link.scheduled)
    stage.engine.act(SetMood(-0.9, 0.8), stage.clock.now())
    assert stage.engine.status().mood == Mood(-0.9, 0.8)
    assert stage.engine.status().mood_name == "nervous"
    stage.engine.act(AllNotesOff(), stage.clock.now())
    assert stage.engine.status().notes_planned == len(stage.link.scheduled)
