"""What can be made of music: a MIDI file that a DAW opens well, a score, sound; by the suffix, or refused."""

from __future__ import annotations

import xml.etree.ElementTree as Tree
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from improv.app.cli import main
from improv.errors import InputError
from improv.midi.reading import read_music
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.mood import Mood
from improv.takes.export import formats, piano
from improv.takes.export.lufs import convolved, loudness_lufs
from improv.takes.export.midi import music_file
from improv.takes.export.music import Music
from improv.takes.export.musicxml import DIVISIONS, musicxml
from improv.takes.export.sound import HIGHEST_PEAK, levelled
from improv.takes.export.timeline import STEADY_S, Timeline
from improv.takes.take import PlayedNote, PlayedPedal, PlayedStep
from tests.conftest import TINY
from tests.golden import stored_takes

GRID = 4


def steps(step_s: list[float], beats_per_bar: float = 4.0) -> list[PlayedStep]:
    """Sixteenths that last so long."""
    found, at_s = [], 0.0
    bar_ticks = round(beats_per_bar * GRID)
    for tick, length_s in enumerate(step_s):
        line = tick - tick % bar_ticks
        mood = Mood(0.8, 0.6) if tick < len(step_s) / 2 else Mood(-0.8, -0.6)
        tempo = 60 / (GRID * length_s)
        found.append(PlayedStep(tick, at_s, at_s, tempo, tick // bar_ticks + 1, line, beats_per_bar, GRID, mood))
        at_s += length_s
    return found


def music(step_s: list[float], notes: list[PlayedNote], beats_per_bar: float = 4.0) -> Music:
    return Music("test", sum(step_s), steps(step_s, beats_per_bar), notes, [])


def onsets_s(file: mido.MidiFile, path: Path) -> list[float]:
    file.save(path)
    at_s, found = 0.0, []
    for message in mido.MidiFile(path):
        at_s += message.time
        if message.type == "note_on":
            found.append(at_s)
    return found


def test_a_steady_tempo_is_one_event_and_each_change_one_more() -> None:
    assert len(Timeline(steps([0.125] * 4000)).tempos()) == 1
    changing = Timeline(steps([0.125] * 400 + [0.25] * 400 + [0.125] * 400)).tempos()
    assert changing == [(0, 500_000), (48_000, 1_000_000), (96_000, 500_000)]


@given(
    st.lists(st.floats(0.06, 0.5), min_size=1, max_size=60),
    st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=1, max_size=20),
)
def test_however_the_tempo_wavers_notes_keep_their_seconds_and_bars_their_place(
    lengths: list[float], places: list[float]
) -> None:
    timeline = Timeline(steps(lengths))
    seconds_of = _seconds(timeline.tempos())
    for step, tick in zip(steps(lengths), timeline.step_ticks, strict=True):
        assert seconds_of(tick) == pytest.approx(step.at_s, abs=STEADY_S + 0.002)
    for place in places:
        at_s = place * sum(lengths)
        assert seconds_of(timeline.tick_at(at_s)) == pytest.approx(at_s, abs=0.003)


def _seconds(tempos: list[tuple[int, int]]):  # type: ignore[no-untyped-def]
    def at(tick: int) -> float:
        total = 0.0
        for (begin, quarter_us), (end, _) in zip(tempos, [*tempos[1:], (10**9, 0)], strict=True):
            total += max(min(tick, end) - begin, 0) * quarter_us / 480e6
        return total

    return at


def test_hands_have_tracks_of_their_own_and_the_mood_a_lane(tmp_path: Path) -> None:
    notes = [PlayedNote(1, 48, 60, 0.0, 1.0, LEFT), PlayedNote(2, 72, 80, 0.5, 1.0, RIGHT)]
    file = music_file(music([0.125] * 32, notes), channel=2, program=1)
    names = [track.name for track in file.tracks]
    assert names == ["test", "Right hand", "Left hand", "Mood (CC 20 valence, CC 21 arousal)"]
    pitches = [[m.note for m in track if m.type == "note_on"] for track in file.tracks]
    assert pitches == [[], [72], [48], []]
    assert [m.text for m in file.tracks[0] if m.type == "marker"] == ["happy", "sad"]
    assert [m.control for m in file.tracks[3] if m.type == "control_change"] == [20, 21, 20, 21]
    assert {m.channel for track in file.tracks for m in track if not m.is_meta} == {2}
    assert onsets_s(file, tmp_path / "a.mid") == pytest.approx([0.0, 0.5], abs=0.002)


def test_where_hands_are_not_known_the_piano_is_one_track() -> None:
    names = [track.name for track in music_file(music([0.125] * 32, [PlayedNote(1, 48, 60, 0.0, 1.0)])).tracks]
    assert names == ["test", "Piano", "Mood (CC 20 valence, CC 21 arousal)"]


# ------------------------------------------------------------------------------------------------------- the score

played = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 20), st.integers(21, 108), st.sampled_from([LEFT, RIGHT, -1])),
    max_size=40,
    unique_by=lambda note: (note[0], note[2]),
)


@given(played, st.sampled_from([2.0, 3.0, 3.5, 4.0]))
def test_every_bar_of_a_score_is_full_in_every_voice(rows: list[tuple[int, int, int, int]], beats: float) -> None:
    notes = [
        PlayedNote(i, pitch, 64, 0.125 * on, 0.125 * (on + length), hand)
        for i, (on, length, pitch, hand) in enumerate(sorted(rows))
    ]
    score = Tree.fromstring(musicxml(music([0.125] * 56, notes, beats)))
    wanted = Counter((round(DIVISIONS * on / 4), pitch) for on, _, pitch, _ in rows)
    found: Counter[tuple[int, int]] = Counter()
    begin = 0
    for measure in score.iter("measure"):
        at, begun = begin, 0
        ends = set()
        for element in measure:
            duration = int(element.findtext("duration", "0"))
            if element.tag == "backup":
                ends.add(at)
                at -= duration
                assert at == begin, "each voice goes back to the bar line"
            elif element.tag == "note":
                onset = at - begun if element.find("chord") is not None else at
                if element.find("pitch") is not None and element.find("tie[@type='stop']") is None:
                    found[onset, _pitch_of(element)] += 1
                if element.find("chord") is None:
                    at, begun = at + duration, duration
        ends.add(at)
        assert ends == {begin + round(beats * DIVISIONS)}
        begin = at
    assert found == wanted


def _pitch_of(note: Tree.Element) -> int:
    step = "C D EF G A B".index(note.findtext("pitch/step", ""))
    return 12 * (int(note.findtext("pitch/octave", "")) + 1) + step + int(note.findtext("pitch/alter", "0"))


def test_a_score_says_staves_tempo_and_moods() -> None:
    notes = [PlayedNote(1, 48, 60, 0.0, 1.0, LEFT), PlayedNote(2, 72, 80, 0.5, 1.0, RIGHT)]
    score = Tree.fromstring(musicxml(music([0.125] * 32, notes)))
    assert score.findtext(".//staves") == "2"
    staves = {
        n.findtext("pitch/octave"): n.findtext("staff") for n in score.iter("note") if n.find("pitch") is not None
    }
    assert staves == {"5": "1", "3": "2"}
    assert [words.text for words in score.iter("words")] == ["happy", "sad"]
    assert [float(sound.attrib["tempo"]) for sound in score.iter("sound")] == [120.0]


# ------------------------------------------------------------------------------------------------------- the sound


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_the_loudness_of_the_recommendations_own_signal(rate_hz: int) -> None:
    """BS.1770-4: a sine of 997 Hz at 0 dB in one channel gives -3.01 LUFS; at -20 dB in both, -20 + 3 - 3.01."""
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * rate_hz) / rate_hz).astype(np.float32)
    assert loudness_lufs(np.stack([tone, 0 * tone]), rate_hz) == pytest.approx(-3.01, abs=0.06)
    assert loudness_lufs(np.stack([tone, tone]) / 10, rate_hz) == pytest.approx(-20.0, abs=0.06)
    paused = np.concatenate([tone, np.zeros(20 * rate_hz, np.float32)])
    assert loudness_lufs(np.stack([paused, 0 * paused]), rate_hz) == pytest.approx(-3.01, abs=0.2), "gated"
    assert loudness_lufs(np.zeros((2, rate_hz), np.float32), rate_hz) == -np.inf


def test_a_long_filter_is_the_plain_one() -> None:
    random = np.random.default_rng(1)
    sound, kernel = random.normal(size=(2, 300_000)).astype(np.float32), random.normal(size=700)
    plain = np.stack([np.convolve(channel, kernel) for channel in sound])
    np.testing.assert_allclose(convolved(sound, kernel), plain, atol=2e-3)


def test_the_piano_sounds_from_onset_to_damper() -> None:
    sound = piano.sound([PlayedNote(1, 60, 80, 1.0, 2.0)], 4.0)
    level = [float(np.abs(sound[:, round(s * piano.RATE_HZ) :][:, :2000]).max()) for s in (0.5, 1.02, 1.9, 3.5)]
    assert level[0] < 1e-6
    assert level[1] > level[2] > 20 * level[3] > 0


def test_soft_is_softer_by_at_most_as_much_as_moods_are_apart() -> None:
    """Velocities of calm (24) and nervous (117), struck alike."""
    soft, loud = (
        loudness_lufs(piano.sound([PlayedNote(i, 60, v, 0.5 * i, 0.5 * i + 0.5) for i in range(8)], 4.0), piano.RATE_HZ)
        for v in (24, 117)
    )
    assert 4 < loud - soft < 10


def test_a_level_is_met_unless_it_would_clip() -> None:
    sound = piano.sound([PlayedNote(i, 48 + i, 80, 0.5 * i, 0.5 * i + 0.5) for i in range(8)], 4.0)
    at_25, measured = levelled(sound, piano.RATE_HZ, -25.0)
    assert measured == pytest.approx(-25.0)
    assert loudness_lufs(at_25, piano.RATE_HZ) == pytest.approx(-25.0, abs=0.05)
    at_0, measured = levelled(sound, piano.RATE_HZ, 0.0)
    assert measured < 0
    assert np.abs(at_0).max() == pytest.approx(HIGHEST_PEAK, rel=1e-3)


# ----------------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize("suffix", [".mid", ".midi", ".musicxml", ".wav", ".flac", ".ogg"])
def test_the_suffix_says_what_is_written(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    assert main(["render", str(out), "--seconds", "3", "--seed", "1", "-o", f"model.path={TINY}"]) == 0
    if suffix in formats.MIDI:
        assert mido.MidiFile(out).length == pytest.approx(3, abs=0.5)
    elif suffix in formats.SCORES:
        assert Tree.fromstring(out.read_bytes()).tag == "score-partwise"
    else:
        assert 3 < soundfile.info(out).duration < 7
        assert np.abs(soundfile.read(out)[0]).max() > 0.01


@pytest.mark.parametrize("name", ["out.mp3", "out", "out.mid.bak"])
def test_a_suffix_that_nobody_knows_is_refused_before_anything_is_done(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    takes, out = tmp_path / "takes", tmp_path / "out"
    takes.mkdir(), out.mkdir()
    stored_takes.unpack(takes)
    for command in (["render"], ["takes", "export", "last"], ["takes", "render", "last"], ["takes", "report", "last"]):
        assert main([*command, str(out / name), "-o", f"takes.folder={takes}"]) == 2
        kinds = "only .html" if "report" in command else ".mid, .midi, "
        assert f"follows from the suffix, {kinds}" in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_a_soundfont_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--soundfont: the file .*none\.sf2 is not there"):
        formats.write_music(music([0.125] * 8, []), tmp_path / "a.wav", soundfont=tmp_path / "none.sf2")


def test_the_pedal_is_in_the_file_and_in_what_rings(tmp_path: Path) -> None:
    notes = [PlayedNote(1, 60, 80, 0.0, 0.4), PlayedNote(2, 62, 80, 0.5, 0.9), PlayedNote(3, 60, 80, 1.0, 1.2)]
    piece = music([0.125] * 32, notes)._replace(pedals=[PlayedPedal(0.1, 1.1), PlayedPedal(1.15, 2.0)])
    (piano,) = (track for track in music_file(piece).tracks if track.name == "Piano")
    assert [m.value for m in piano if m.type == "control_change"] == [127, 0, 127, 0]
    assert [note.off_s for note in piece.ringing()] == [1.0, 1.1, 2.0]
    music_file(piece).save(tmp_path / "pedal.mid")
    first, second = read_music((tmp_path / "pedal.mid").read_bytes()).pedals
    assert first[1] <= second[0]
