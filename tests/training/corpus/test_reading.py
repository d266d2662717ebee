"""Reading music: onto a grid, with its tempo and metre, and with a reason for everything that is left out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from improv.errors import InputError
from improv.music.note import Note
from tests.training.corpora import meter, tempo, write_midi
from training.corpus import reading
from training.corpus.reading import Item, Piece, Rejected


def read(path: Path) -> Piece:
    return reading.read(Item(path.name, "test", path), 4)


def test_notes_come_onto_the_grid_of_sixteenths(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 1, 60), (1.1, 0.5, 64), (1.5, 0.5, 67)])
    assert read(path).notes == (Note(0, 60, 4), Note(4, 64, 2), Note(6, 67, 2))


def test_a_note_of_no_length_lasts_one_step(tmp_path: Path) -> None:
    assert read(write_midi(tmp_path / "a.mid", [(0, 0, 60), (1, 1, 62)])).notes[0] == Note(0, 60, 1)


def test_seconds_follow_the_tempo_map(tmp_path: Path) -> None:
    meta = [(0, tempo(120)), (2, tempo(60))]
    piece = read(write_midi(tmp_path / "a.mid", [(0, 4, 60)], meta=meta))
    assert piece.step_s[[0, 4, 8, 12, 16]] == pytest.approx([0, 0.5, 1, 2, 3])
    assert piece.has_tempo


def test_of_two_tempos_at_one_beat_the_later_holds(tmp_path: Path) -> None:
    piece = read(write_midi(tmp_path / "a.mid", [(0, 4, 60)], meta=[(0, tempo(240)), (0, tempo(60))]))
    assert piece.step_s[16] == pytest.approx(4)


def test_without_a_tempo_it_is_120_and_called_unknown(tmp_path: Path) -> None:
    piece = read(write_midi(tmp_path / "a.mid", [(0, 4, 60)]))
    assert (piece.step_s[16], piece.has_tempo) == (pytest.approx(2), False)


def test_bars_follow_the_time_signatures(tmp_path: Path) -> None:
    meta = [(0, meter(3, 4)), (6, meter(6, 8)), (9, meter(2, 2))]
    piece = read(write_midi(tmp_path / "a.mid", [(beat, 1, 60) for beat in range(13)], meta=meta))
    assert piece.beat_in_bar[::4].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 3]
    assert piece.beats_per_bar[[0, 24, 36]].tolist() == [3, 3, 4]


def test_an_upbeat_keeps_its_place_in_the_bar(tmp_path: Path) -> None:
    piece = read(write_midi(tmp_path / "a.mid", [(3, 1, 67), (4, 4, 60)], meta=[(0, meter(4, 4))]))
    assert [note.onset for note in piece.notes] == [12, 16]
    assert piece.beat_in_bar[[12, 16]].tolist() == [3, 0]


def test_silent_bars_at_the_beginning_are_cut(tmp_path: Path) -> None:
    piece = read(write_midi(tmp_path / "a.mid", [(9, 1, 60)], meta=[(0, meter(4, 4))]))
    assert piece.notes[0].onset == 4
    assert piece.step_s[0] == 0


def test_one_velocity_is_no_dynamics(tmp_path: Path) -> None:
    notes = [(float(beat), 1.0, 60) for beat in range(8)]
    assert not read(write_midi(tmp_path / "a.mid", notes)).has_dynamics
    assert read(write_midi(tmp_path / "b.mid", notes, velocities=range(40, 48))).has_dynamics


def test_drums_are_left_out(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 4, 60)])
    file, drums = mido.MidiFile(path), mido.MidiTrack()
    drums.append(mido.Message("note_on", channel=9, note=36, velocity=90))
    drums.append(mido.Message("note_off", channel=9, note=36, time=240))
    file.tracks.append(drums)
    file.save(path)
    assert [note.pitch for note in read(path).notes] == [60]


def test_suffixes_do_not_matter(tmp_path: Path) -> None:
    for name in ("a.MID", "b.midi", "c.kar"):
        assert read(write_midi(tmp_path / name, [(0, 1, 60)])).notes


def _zero(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _cut(path: Path) -> Path:
    write_midi(path, [(0, 1, 60)])
    path.write_bytes(path.read_bytes()[:20])
    return path


def _text(path: Path) -> Path:
    path = path.with_suffix(".txt")
    path.write_text("no music")
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_zero, "empty file"),
        (_cut, "damaged MIDI file"),
        (_text, "not a music file"),
        (lambda path: write_midi(path, []), "no notes"),
        (lambda path: write_midi(path, [(0, 1, 36)], channel=9), "only drums"),
        (lambda path: write_midi(path, [(0, 300, 60)]), ""),
        (lambda path: write_midi(path, [(0, 1, 60), (20_000, 1, 60)]), "longer than 20000 beats"),
        (lambda path: write_midi(path, [(0, 1, 60)], meta=[(0, tempo(4))]), ""),
    ],
)
def test_every_refused_file_has_its_reason(tmp_path: Path, make: object, reason: str) -> None:
    path = make(tmp_path / "a.mid")  # type: ignore[operator]
    if not reason:
        assert read(path)
        return
    with pytest.raises(Rejected, match=reason):
        read(path)


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere' is not there; give a folder"):
        list(reading.collect(str(tmp_path / "nowhere"), tmp_path))


def test_an_unknown_composer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing by .nobody.; there are: "):
        list(reading.collect("music21:nobody", tmp_path))


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 1, 60)])
    with zipfile.ZipFile(tmp_path / "music.zip", "w") as archive:
        archive.write(path, "composer/a.mid")
    (item,) = reading.collect(str(tmp_path / "music.zip"), tmp_path)
    assert (item.name, item.source) == ("composer/a.mid", "music")
    assert reading.read(item, 4).notes


def test_an_archive_may_not_write_outside_of_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../escaped.mid", b"MThd")
    with pytest.raises(InputError, match=r"member '../../escaped.mid' would be written outside"):
        list(reading.collect(str(tmp_path / "evil.zip"), tmp_path))
    assert not list(tmp_path.rglob("escaped.mid"))


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.mid", b"x" * 1000)
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF  # inside the stored member: its checksum no longer fits
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad.zip cannot be unpacked, it is damaged or locked"):
        list(reading.collect(str(path), tmp_path))


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("bwv101.7", "bwv101"),
        ("midi/Albeniz/alb_esp3.mid", "midi/Albeniz/alb_es"),  # one letter before the number goes with it, as in op3
        ("sonata_1.mid", "sonata"),
        ("12.mid", "12"),
    ],
)
def test_movements_belong_to_one_work(name: str, work: str) -> None:
    assert reading.work_of(name) == work


def test_the_opening_is_the_same_in_any_key_and_not_for_another_tune(tmp_path: Path) -> None:
    tune = [(float(beat), 1.0, pitch) for beat, pitch in enumerate((60, 62, 64, 65, 67, 65, 64, 62, 60))]
    higher = [(onset, duration, pitch + 5) for onset, duration, pitch in tune]
    other = [(onset, duration, 127 - pitch) for onset, duration, pitch in tune]
    openings = [reading.opening(read(write_midi(tmp_path / "a.mid", notes))) for notes in (tune, higher, other)]
    assert openings[0] == openings[1] != openings[2]


def test_the_chorales_of_music21(tmp_path: Path) -> None:
    """Real data that every user has: four parts, an upbeat, no dynamics."""
    items = {item.name: item for item in reading.collect("music21:bach", tmp_path)}
    piece = reading.read(items["bwv269"], 4)
    first = [note.pitch for note in piece.notes if note.onset == piece.notes[0].onset]
    assert len(first) == 4
    assert (piece.has_dynamics, piece.has_tempo, piece.work) == (False, False, "music21:bach/bwv269")
    assert set(np.unique(piece.beats_per_bar)) == {3.0}
    assert piece.beat_in_bar[piece.notes[0].onset] == 2  # the upbeat is the third beat of a bar
    with pytest.raises(Rejected, match="not a four-part chorale"):
        reading.read(items["bwv1.6"], 4)
