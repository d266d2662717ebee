"""The file of the scenes, and the thread that writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.scene_writer import SceneWriter
from improv.config import scene_file
from improv.control.commands import FOLLOWING, LANDINGS, LOOPS, MODES, PLACES
from improv.control.scene import Scene
from improv.control.scene_book import SceneBook, scene_name
from improv.music.attributes import ATTRIBUTES
from improv.music.chord import chord_of
from improv.music.mood import Mood
from tools.waiting import eventually

SHARE = st.floats(0, 1)
OVERRIDES = st.fixed_dictionaries(
    {}, optional={name: st.floats(one.low, one.high) for name, one in ATTRIBUTES.items()}
).map(MappingProxyType)
SCENES = st.builds(
    Scene,
    mood=st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1)),
    glide_s=st.floats(0, 600),
    intensity=SHARE,
    temperature=st.floats(0.5, 1.5),
    overrides=OVERRIDES,
    mode=st.sampled_from(MODES),
    following=st.fixed_dictionaries(dict.fromkeys(FOLLOWING, SHARE)).map(MappingProxyType),
    place=st.sampled_from(PLACES),
    loop=st.sampled_from(LOOPS),
    loop_variation=SHARE,
    clock_source=st.sampled_from(("internal", "midi")),
    key=st.none() | st.integers(0, 23),
    chords=st.sampled_from(("", "Am F C G", "Dm . | G7")),
    chord=st.none() | st.sampled_from([chord_of({57, 60, 64}), chord_of({59, 67, 74, 77})]),
    phrase_bars=st.none() | st.integers(1, 16),
    reach_fifths=st.none() | st.integers(0, 6),
    form=st.booleans(),
    model=st.text(max_size=20),
)
NAMES = st.text(min_size=1, max_size=40).filter(
    lambda text: text == " ".join(text.split()) and text.isprintable() and "," not in text
)


@st.composite
def books(draw: st.DrawFn) -> SceneBook:
    kept = draw(st.dictionaries(NAMES, SCENES, max_size=4))
    set_list = draw(st.lists(st.sampled_from(sorted(kept)), max_size=6)) if kept else []
    glide_s = draw(st.none() | st.floats(0, 600))
    return SceneBook(MappingProxyType(kept), tuple(set_list), draw(st.sampled_from(LANDINGS)), glide_s)


@given(books())
def test_a_book_is_read_as_it_was_written(book: SceneBook) -> None:
    assert scene_file.parse(scene_file.dump(book), "scenes.json") == (book, [])


GOOD = {"mood": [0.5, -0.5], "glide_s": 12, "intensity": 0.35, "temperature": 0.95}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mood": [2, 0]}, r"scenes.A: mood: must be \[valence, arousal\], each -1..1"),
        ({"intensity": 5}, r"intensity: must be 0..1 \(got 5\)"),
        ({"overrides": {"tempo": 5}}, r"overrides.tempo: must be 40..200 \(got 5\)"),
        ({"overrides": {"colour": 5}}, r"overrides.colour: must be one of mode, onset_density"),
        ({"overrides": [1]}, r"overrides: must be a table"),
        ({"mode": "party"}, r"mode: must be one of solo, duet"),
        ({"key": "H major"}, r"key 'H major' must begin with a note"),
        ({"chords": "Am X"}, r"chord 'X' must begin with a note"),
        ({"colour": 1}, r"colour: unknown key; allowed: mood, glide_s"),
        ({"glide_s": None}, r"glide_s: must be 0..600"),
    ],
)
def test_a_scene_that_cannot_be_is_left_out_and_said(changes: dict[str, object], sentence: str) -> None:
    text = json.dumps({"scenes": {"A": GOOD | changes, "B": GOOD}, "set_list": ["A", "B", "A"]})
    book, found = scene_file.parse(text, "scenes.json")
    assert (tuple(book.scenes), book.set_list) == (("B",), ("B",))
    assert len(found) == 1
    assert re.search(sentence, found[0])


def test_a_file_that_is_none_is_said_and_a_copy_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "scenes.json"
    assert scene_file.read(path) == (SceneBook(), [])
    for text in ("{", "[1]", '{"format": 2}', '{"at": "noon"}', "[" * 100_000, "\0", '{"scenes": 5}'):
        path.write_text(text)
        book, found = scene_file.read(path)
        assert book == SceneBook()
        assert str(path) in found[0]
        assert (tmp_path / "scenes.json.faulty").read_text() == text
    path.write_bytes(b" " * (scene_file.LARGEST_FILE + 1))
    assert "larger than" in scene_file.read(path)[1][0]


@pytest.mark.parametrize("name", ["", " ", "a,b", "a\x07", "x" * 41])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match=r"a scene's name must be 1\.\.40 signs without a comma"):
        scene_name(name)


def test_what_is_kept_is_on_the_disk_soon_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "scenes.json"
    scene = scene_file.parse(json.dumps({"scenes": {"A": GOOD}}), "")[0].scenes["A"]
    keeper = SceneWriter(path, book := SceneBook())
    keeper.keep(book)
    assert not path.exists()
    keeper.keep(book := book.kept("A", scene))
    eventually(path.exists)
    for name in "BCDEF":
        keeper.keep(book := book.kept(name, scene))
    keeper.close()
    assert scene_file.read(path) == (book, [])
    assert keeper.fault == ""


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keeper = SceneWriter(tmp_path / "file" / "scenes.json", SceneBook())
    keeper.keep(SceneBook(set_list=()).listed(()))
    eventually(lambda: keeper.fault)
    assert keeper.fault.startswith("the scenes are not kept: ")
    keeper.close()
