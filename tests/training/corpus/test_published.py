"""A collection's licence goes with its files, not with a folder's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.corpora import melody, write_midi
from training.corpus import published
from training.corpus.published import OTHER, PUBLISHED, digest, honestly_named
from training.corpus.sources import collect
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.models.licences import SOURCES, UNKNOWN, licence_of


def test_every_collection_with_a_licence_is_known_by_its_files() -> None:
    assert set(PUBLISHED) == {name for name in SOURCES if not name.startswith("music21:")}


def test_files_make_a_collection_not_their_names_or_order(tmp_path: Path) -> None:
    for folder, names in (("one", ("a", "b")), ("two", ("z/y", "x"))):
        for seed, name in enumerate(names):
            write_midi(tmp_path / folder / f"{name}.mid", melody(seed))
    (tmp_path / "two" / "readme.txt").write_text("not music")
    one, two = (list(collect(str(tmp_path / name), tmp_path)) for name in ("one", "two"))
    assert digest(one) == digest(two)
    write_midi(tmp_path / "one" / "a.mid", melody(7))
    assert digest(one) != digest(two)
    assert digest(one[:1]) != digest(one)


def test_a_folder_of_a_collection_s_name_promises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "piano-midi-de"
    for seed in range(6):
        write_midi(folder / f"{seed}.mid", melody(seed, beats=96))
    prepare([str(folder)], tmp_path / "out", Options(family="melody"))
    (source,) = Dataset(tmp_path / "out").about["sources"]
    assert source == "piano-midi-de" + OTHER
    assert licence_of([source]) == UNKNOWN
    assert "piano-midi-de: these are not the files" in caplog.text

    items = list(collect(str(folder), tmp_path))
    monkeypatch.setitem(published.PUBLISHED, "piano-midi-de", digest(items))
    assert honestly_named(items) == items
