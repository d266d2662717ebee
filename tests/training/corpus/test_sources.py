"""What is found in folders and archives, and what an archive may not do."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from improv.errors import InputError
from tests.training.corpora import melody, write_midi
from training.corpus import archives, reading
from training.corpus.sources import collect

ABC = "X:1\nT:One\nM:4/4\nL:1/4\nK:C\n" + "CDEF|" * 12 + "\n\nX:2\nT:Two\nM:3/4\nL:1/4\nK:G\n" + "GAB|" * 16 + "\n"
KERN = "**kern\n*M4/4\n*k[]\n" + "".join(f"={bar}\n4c\n4d\n4e\n4f\n" for bar in range(1, 13)) + "*-\n"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_is_read_like_a_folder(tmp_path: Path, mode: str) -> None:
    path = write_midi(tmp_path / "a.mid", melody(1))
    archive = tmp_path / "music.tar"
    with tarfile.open(archive, mode) as packed:  # type: ignore[call-overload]
        packed.add(path, "composer/a.mid")
    (item,) = collect(str(archive), tmp_path)
    assert (item.name, item.source) == ("composer/a.mid", "music")
    assert reading.read(item, 4).notes


def test_a_tar_may_not_write_outside_and_its_links_are_left(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "links.tar", "w") as packed:
        link = tarfile.TarInfo("a.mid")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    assert list(collect(str(tmp_path / "links.tar"), tmp_path)) == []
    with tarfile.open(tmp_path / "evil.tar", "w") as packed:
        member = tarfile.TarInfo("../../escaped.mid")
        member.size = 4
        packed.addfile(member, io.BytesIO(b"MThd"))
    with pytest.raises(InputError, match=r"member '../../escaped.mid' would be written outside"):
        list(collect(str(tmp_path / "evil.tar"), tmp_path))


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUSPECT_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mid", bytes(4 << 20))
    with pytest.raises(InputError, match="times its size: not unpacked"):
        list(collect(str(tmp_path / "bomb.zip"), tmp_path))


def test_a_score_beside_its_midi_file_is_its_twin(tmp_path: Path) -> None:
    write_midi(tmp_path / "in" / "midi" / "Franz__op1.mid", melody(1))
    (tmp_path / "in" / "kern").mkdir()
    (tmp_path / "in" / "kern" / "op1.krn").write_text(KERN)
    (tmp_path / "in" / "kern" / "op2.krn").write_text(KERN)
    twins = {item.name: item.twin for item in collect(str(tmp_path / "in"), tmp_path)}
    assert twins == {"kern/op1.krn": "midi/Franz__op1.mid", "kern/op2.krn": "", "midi/Franz__op1.mid": ""}


def test_every_tune_of_a_book_is_a_piece(tmp_path: Path) -> None:
    (tmp_path / "book.abc").write_text(ABC)
    one, two = collect(str(tmp_path / "book.abc"), tmp_path)
    assert (one.name, two.name) == ("book.abc#1", "book.abc#2")
    assert [note.pitch for note in reading.read(one, 4).notes[:4]] == [60, 62, 64, 65]
    assert set(reading.read(two, 4).beats_per_bar) == {3.0}


def test_kern_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.krn").write_text(KERN)
    (item,) = collect(str(tmp_path / "a.krn"), tmp_path)
    piece = reading.read(item, 4)
    assert [note.pitch for note in piece.notes[:4]] == [60, 62, 64, 65]
    assert (piece.steps, piece.has_tempo, piece.has_dynamics) == (192, False, False)


def test_another_composer_of_music21(tmp_path: Path) -> None:
    items = list(collect("music21:mozart", tmp_path))
    assert {item.source for item in items} == {"music21:mozart"}
    assert "k155/movement1" in {item.name for item in items}


NAMES = [
    b"Fl\xfcgel.mid",
    b"\xd0.mid",
    "\u00dcbung.mid".encode(),
    "U\u0308bung.mid".encode(),
    b"new\nline.mid",
    b"=1.mid",
]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes UTF-8 names alone")
def test_a_name_of_any_bytes_is_told_in_text_and_the_file_read(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"K\xfcche")
    folder.mkdir()
    for name in NAMES:
        (folder / os.fsdecode(name)).write_bytes(b"MThd" + name)
    items = {item.name: item for item in collect(str(folder), tmp_path)}
    assert {"Fl\\xfcgel.mid", "\\xd0.mid", "new\nline.mid"} <= set(items)
    assert {item.source for item in items.values()} == {"K\\xfcche"}
    assert {item.path.read_bytes()[4:] for item in items.values()} == set(NAMES)
    for name in items:
        name.encode()  # what a table or a log takes


def test_an_archive_may_name_its_members_in_any_bytes(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as packed:
        info = tarfile.TarInfo("Fl\u00fcgel/1.mid")
        info.size = 4
        packed.addfile(info, io.BytesIO(b"MThd"))
    assert [item.name for item in collect(str(tmp_path / "old.tar"), tmp_path)] == ["Fl\\xfcgel/1.mid"]


def test_what_is_hidden_is_left_alone_also_a_whole_folder(tmp_path: Path) -> None:
    for name in ("a.mid", ".b.mid", ".trash/c.mid", "d/.e/f.mid", "__MACOSX/._a.mid"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(b"MThd")
    assert [item.name for item in collect(str(tmp_path / "own"), tmp_path)] == ["a.mid"]
