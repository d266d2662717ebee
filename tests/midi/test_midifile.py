"""Standard MIDI files in and out."""

from __future__ import annotations

import contextlib
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from improv.errors import InputError
from improv.improviser.planned_step import EndedNote, PlannedStep, StartedNote
from improv.midi import reading
from improv.midi.as_score import score_of
from improv.midi.file_parser import Parsed
from improv.midi.grid_file import read_file, read_notes, save, write_notes
from improv.model.encode_score import seen
from improv.model.vocabulary import PolyphonyEncoding, encoding_for
from improv.music.mood import CORNERS, Mood
from improv.music.note import Note
from improv.music.position import Position
from improv.takes.export.planned_midi import music_file
from tests.model.test_polyphony import tunes

CALM, SAD = CORNERS["calm"], CORNERS["sad"]


def step(
    tick: int,
    music_s: float,
    started: tuple[StartedNote, ...] = (),
    ended: tuple[EndedNote, ...] = (),
    mood: Mood = CALM,
    beats_per_bar: float = 4.0,
) -> PlannedStep:
    return PlannedStep(Position(tick, music_s, 120.0, 0, beats_per_bar, 4), started, ended, mood, 0)


def messages(track: mido.MidiTrack, *kinds: str) -> list[tuple[int, mido.Message]]:
    """(tick, message) of these kinds."""
    tick, found = 0, []
    for message in track:
        tick += message.time
        if message.type in kinds:
            found.append((tick, message))
    return found


@given(tunes())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_notes_there_and_back(tmp_path: Path, notes: list[Note]) -> None:
    path = tmp_path / "tune.mid"
    write_notes(path, notes, 4)
    if notes:
        assert read_notes(path, 4) == notes
        assert read_notes(path, 8) == [Note(2 * n.onset, n.pitch, 2 * n.duration, n.velocity) for n in notes]
    else:
        with pytest.raises(InputError, match="no notes"):
            read_notes(path, 4)


def saved(tmp_path: Path, *tracks: list[mido.Message], ticks_per_beat: int = 100) -> Path:
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    path = tmp_path / "file.mid"
    file.save(path)
    return path


def on(note: int, time: int, velocity: int = 64, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=note, time=time, velocity=velocity, channel=channel)


def test_reading_quantises_halves_upward_and_stretches_what_vanishes(tmp_path: Path) -> None:
    path = saved(tmp_path, [on(60, 12), on(60, 1, 0), on(61, 0), on(61, 24, 0), on(62, 1), on(62, 36, 0)])
    assert read_notes(path, 4) == [Note(0, 60, 1, 64), Note(1, 61, 1, 64), Note(2, 62, 1, 64)]


def test_tracks_are_one_drums_are_none_and_what_never_ends_ends_with_its_track(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        [on(60, 0), mido.Message("note_off", note=60, time=100), on(65, 0), mido.MetaMessage("end_of_track", time=50)],
        [on(50, 100, channel=1), on(50, 100, 0, channel=1), on(40, 0, channel=9), on(40, 50, 0, channel=9)],
    )
    assert read_notes(path, 4) == [Note(0, 60, 4, 64), Note(4, 50, 4, 64), Note(4, 65, 2, 64)]


def test_of_two_notes_on_one_key_the_older_ends_first(tmp_path: Path) -> None:
    path = saved(tmp_path, [on(60, 0, 10), on(60, 50, 20), on(60, 50, 0), on(60, 50, 0)])
    assert read_notes(path, 4) == [Note(0, 60, 4, 10), Note(2, 60, 4, 20)]


@pytest.mark.parametrize("content", [b"", b"MThd", b"RIFF....", b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\xff\0\x90"])
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.mid"):
        read_notes(path, 4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_no_file_breaks_the_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.mid"
    path.write_bytes(b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0" + bytes([len(content)]) + content)
    with contextlib.suppress(InputError):
        assert read_notes(path, 4)


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        read_notes(tmp_path / "none.mid", 4)
    with pytest.raises(InputError, match="not a MIDI file that can be read"):
        read_notes(tmp_path, 4)


def test_a_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, parsed, parse = saved(tmp_path, [on(60, 0), on(60, 50, 0)]), list[int](), reading.parse

    def counted(content: bytes) -> Parsed:
        parsed.append(len(content))
        return parse(content)

    monkeypatch.setattr(reading, "parse", counted)
    assert read_notes(path, 4)
    assert len(parsed) == 1


def test_planned_music() -> None:
    steps = [
        step(8, 1.0, (StartedNote(1, 60, 70, 1.0), StartedNote(2, 64, 71, 1.0))),
        step(9, 1.125, (), (EndedNote(1, 1.0625),)),
        step(10, 1.25, (StartedNote(3, 67, 72, 1.25),), (), SAD),
        step(11, 1.5, (), (EndedNote(3, 1.5), EndedNote(99, 1.5)), SAD),
    ]
    conductor, piano, _ = music_file(steps, channel=3, program=5).tracks
    assert messages(piano, "program_change") == [(0, mido.Message("program_change", channel=3, program=5))]
    found = [(tick, m.type, m.note, m.velocity) for tick, m in messages(piano, "note_on", "note_off")]
    assert found == [
        (0, "note_on", 60, 70),
        (0, "note_on", 64, 71),
        (60, "note_off", 60, 64),
        (240, "note_on", 67, 72),
        (360, "note_off", 67, 64),
        (480, "note_off", 64, 64),  # never ended: with the last step
    ]
    assert {m.channel for _, m in messages(piano, "note_on", "note_off")} == {3}
    tempi = [(tick, round(mido.tempo2bpm(m.tempo))) for tick, m in messages(conductor, "set_tempo")]
    assert tempi == [(0, 120), (240, 60), (360, 120)]  # the third step lasts twice as long
    assert [(tick, m.text) for tick, m in messages(conductor, "marker")] == [(0, "calm"), (240, "sad")]
    assert len(messages(conductor, "time_signature")) == 1


@pytest.mark.parametrize(("beats", "meter"), [(4.0, (4, 4)), (3.0, (3, 4)), (3.5, (14, 16)), (1.25, (5, 16))])
def test_the_metre(beats: float, meter: tuple[int, int]) -> None:
    track = music_file([step(0, 0.0, beats_per_bar=beats)]).tracks[0]
    (_, message), *_ = messages(track, "time_signature")
    assert (message.numerator, message.denominator) == meter


def test_no_music_is_a_file_too(tmp_path: Path) -> None:
    save(music_file([]), tmp_path / "empty.mid")
    assert mido.MidiFile(tmp_path / "empty.mid").length == 0


def test_a_saved_file_may_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "out.mid"
    path.write_text("old")
    save(music_file([step(0, 0.0)]), path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert mido.MidiFile(path).ticks_per_beat == 480
    assert [each.name for each in tmp_path.iterdir()] == ["out.mid"]


def test_tokens_of_a_chorale_like_texture_survive_a_file(tmp_path: Path) -> None:
    encoding = PolyphonyEncoding()
    notes = [Note(4 * i, pitch, 4, 100) for i in range(4) for pitch in (48 + i, 60 + i, 64 + i, 67 + i)]
    write_notes(tmp_path / "a.mid", encoding.decode(encoding.encode(notes)), 4, tempo_bpm=61)
    assert read_notes(tmp_path / "a.mid", 4) == sorted(notes)


def test_on_one_key_the_end_stands_before_the_next_beginning(tmp_path: Path) -> None:
    write_notes(tmp_path / "a.mid", [Note(0, 60, 1), Note(1, 60, 1)], 4)
    found = [
        message.type for _, message in messages(mido.MidiFile(tmp_path / "a.mid").tracks[1], "note_on", "note_off")
    ]
    assert found == ["note_on", "note_off", "note_on", "note_off"]


def test_seconds_for_the_family_that_counts_them(tmp_path: Path) -> None:
    notes = [Note(0, 60, 48, 80), Note(96, 64, 24, 80)]
    write_notes(tmp_path / "a.mid", notes, 24, tempo_bpm=60)
    assert list(seen(score_of(read_file(tmp_path / "a.mid")), encoding_for("pianist")).notes) == notes
    in_s = seen(score_of(read_file(tmp_path / "a.mid")), encoding_for("performance")).notes
    assert in_s == (Note(0, 60, 200, 80), Note(400, 64, 100, 80))
    write_notes(tmp_path / "b.mid", in_s, 50)
    assert seen(score_of(read_file(tmp_path / "b.mid")), encoding_for("performance")).notes == in_s
