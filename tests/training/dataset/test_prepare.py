"""Sources -> a dataset on disk: everything accounted for, works kept together, conditioning true."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from improv.errors import InputError
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS
from tests.conftest import REPOSITORY
from tests.training.corpora import melody, meter, tempo, write_midi
from training.__main__ import main
from training.corpus import reading
from training.corpus.labels import Label
from training.corpus.reading import Item
from training.dataset import pipeline
from training.dataset.dataset import Dataset, EncodedPiece
from training.dataset.encode_file import Job, digest
from training.dataset.pipeline import Options
from training.dataset.prepare import condition, prepare, read_groups
from training.dataset.splits import Grouping, frozen_splits, read_frozen, shipped_splits, split_of, spread


def row_of(values: np.ndarray, name: str) -> tuple[float, float]:
    """A command's value and its known flag."""
    at = 2 * conditioning.COMMANDS.index(name)
    return float(values[at]), float(values[at + 1])


def test_a_folder_of_rubbish_and_one_good_piece(tmp_path: Path) -> None:
    music = tmp_path / "music"
    write_midi(music / "good.mid", melody(1))
    write_midi(music / "no notes.mid", [])
    write_midi(music / "drums.mid", [(0, 1, 36)], channel=9)
    write_midi(music / "short.mid", [(0, 1, 60)])
    (music / "empty.mid").write_bytes(b"")
    (music / "corrupt.mid").write_bytes(b"MThd\x00\x00\x00\x06garbage and no track")
    (music / "readme.txt").write_text("hello")
    tally = prepare([str(music)], tmp_path / "data")
    assert tally["kept"] == 1
    with (tmp_path / "data" / "rejects.csv").open(newline="") as file:
        reasons = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert set(reasons) == {"no notes.mid", "drums.mid", "short.mid", "empty.mid", "corrupt.mid", "readme.txt"}
    assert reasons["no notes.mid"] == "no notes"
    assert reasons["drums.mid"] == "only drums"
    assert reasons["short.mid"] == "only 4 steps long, needed are 32"
    assert reasons["empty.mid"] == "empty file"
    assert reasons["corrupt.mid"].startswith("damaged MIDI file")
    assert reasons["readme.txt"] == "not a music file"


def test_nothing_left_is_a_sentence_and_keeps_the_old_dataset(tmp_path: Path, dataset_folder: Path) -> None:
    shutil.copytree(dataset_folder, tmp_path / "data")
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.txt").write_text("no music")
    with pytest.raises(InputError, match="nothing was left to train on: not a music file: 1"):
        prepare([str(tmp_path / "music")], tmp_path / "data")
    assert Dataset(tmp_path / "data").pieces
    assert not (tmp_path / "data.partial").exists()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        write_midi(tmp_path / "music" / f"{name}.mid", melody(ord(name)))
    options = ["--out", str(tmp_path / "data"), "--processes", "1", "--limit", "2"]
    assert main(["prepare", str(tmp_path / "music"), *options]) == 0
    assert "kept: 2" in capsys.readouterr().out
    assert json.loads((tmp_path / "data" / "dataset.json").read_text())["limit"] == 2
    assert main(["prepare", str(tmp_path / "nothing"), *options]) == InputError.exit_code
    assert "is not there" in capsys.readouterr().err


def test_the_split_is_the_same_for_ever() -> None:
    known = {"music21:bach/bwv101": "train", "a": "train", "c": "valid", "d": "test", "e": "train", "f": "valid"}
    assert {work: split_of(work) for work in known} == known


def test_works_and_tunes_stay_together() -> None:
    tune, other = " ".join(["2:4"] * 12), " ".join(["3:4"] * 12)
    grouping = Grouping()
    # One work after another, each bound to the next by a shared opening; the last stands alone.
    for work, opening in [("a", ""), ("b", tune), ("b", other), ("c", other), ("a", tune), ("z", "1:1")]:
        grouping.add(work, opening)
    splits = grouping.splits()
    assert set(splits[:5]) == {split_of("a")}
    assert splits[5] == split_of("z")


def test_a_short_opening_binds_nothing() -> None:
    grouping = Grouping()
    names = [f"work {index}" for index in range(40)]
    for name in names:
        grouping.add(name, "0:4 0:4")
    assert grouping.splits() == [split_of(name) for name in names]


def test_movements_and_tunes_of_files_stay_together(tmp_path: Path) -> None:
    for index in range(12):
        for movement in (1, 2):
            name = f"{chr(ord('a') + index)}_{movement}.mid"
            write_midi(tmp_path / "music" / name, melody(100 * movement + index))
    higher = [(onset, duration, pitch + 3) for onset, duration, pitch in melody(100)]
    write_midi(tmp_path / "music" / "arrangement.mid", higher)
    prepare([str(tmp_path / "music")], tmp_path / "data")
    splits: dict[str, set[str]] = {}
    for piece in Dataset(tmp_path / "data").pieces:
        splits.setdefault("music/a" if piece.name == "arrangement.mid" else piece.work, set()).add(piece.split)
    assert len(splits) == 12
    assert all(len(found) == 1 for found in splits.values())


def test_groups_from_an_index(tmp_path: Path) -> None:
    path = tmp_path / "index.csv"
    path.write_text("dataset,file,group\nmusic,x/a_1.mid,G\nmusic,x/a_2.mid,H\n")
    assert read_groups(path) == {"music/music/x/a": "G"}
    path.write_text("dataset,file\n")
    with pytest.raises(InputError, match="has no column group"):
        read_groups(path)


def test_spread_keeps_the_ends() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread(range(3), None) == spread(range(3), 5) == [0, 1, 2]


def test_conditioning_rows(tmp_path: Path) -> None:
    """Two bars of slow, low notes, then two of fast, high ones, in 4/4 at 120."""
    slow = [(float(beat), 1.0, 48) for beat in range(8)]
    fast = [(8 + step / 4, 0.25, 72) for step in range(32)]
    meta = [(0, tempo(120)), (0, meter(4, 4))]
    path = write_midi(tmp_path / "a.mid", slow + fast, meta=meta, velocities=(50, 55, 60, 65, 70))
    rows = condition(reading.read(Item("a", "test", path), 4), 4)
    assert rows.shape == (64, conditioning.SIZE)
    assert rows.dtype == np.float16
    scale = conditioning.scale
    assert row_of(rows[0], "onset_density") == pytest.approx((scale("onset_density", 2), 1), abs=1e-3)
    assert row_of(rows[32], "onset_density") == pytest.approx((scale("onset_density", 8), 1), abs=1e-3)
    assert row_of(rows[0], "register")[0] == pytest.approx(scale("register", 48), abs=1e-3)
    assert row_of(rows[32], "register")[0] == pytest.approx(scale("register", 72), abs=1e-3)
    assert row_of(rows[0], "tempo") == pytest.approx((scale("tempo", 120), 1), abs=1e-3)
    assert row_of(rows[0], "loudness")[1] == 1
    assert row_of(rows[0], "arousal")[0] < row_of(rows[32], "arousal")[0]
    assert row_of(rows[0], "ending") == pytest.approx((0.5, 1), abs=1e-3)  # four bars left of a reach of eight
    assert row_of(rows[-1], "ending")[0] > 0.98
    assert rows[6, -4:] == pytest.approx(conditioning.place(1.5, 4), abs=1e-3)


def test_what_the_source_does_not_tell_is_unknown(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(float(beat), 1.0, 60 + beat) for beat in range(8)])
    rows = condition(reading.read(Item("a", "test", path), 4), 4)
    assert row_of(rows[0], "tempo") == row_of(rows[0], "loudness") == (0, 0)


def test_a_silent_stretch_has_density_only(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 1, 60), (40, 1, 60)])
    rows = condition(reading.read(Item("a", "test", path), 4), 4)
    assert row_of(rows[16], "onset_density") == (-1, 1)
    assert row_of(rows[16], "mode") == row_of(rows[16], "valence") == (0, 0)


def test_copies_and_the_same_music_are_kept_once(tmp_path: Path) -> None:
    tune = melody(1, 40)
    write_midi(tmp_path / "music" / "a.mid", tune)
    shutil.copy(tmp_path / "music" / "a.mid", tmp_path / "music" / "copy.mid")
    higher = [(2 * onset, 2 * duration, pitch + 3) for onset, duration, pitch in tune]
    write_midi(tmp_path / "music" / "higher.mid", higher)
    assert prepare([str(tmp_path / "music")], tmp_path / "data")["kept"] == 1
    with (tmp_path / "data" / "rejects.csv").open(newline="") as file:
        reasons = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert reasons == {
        "copy.mid": "the same file as (music: a.mid)",
        "higher.mid": "the same music as (music: a.mid)",
    }


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(8):
        write_midi(tmp_path / "music" / f"{chr(ord('a') + seed)}.mid", melody(seed, 40))
    (tmp_path / "music" / "bad.mid").write_bytes(b"")
    prepare([str(tmp_path / "music")], tmp_path / "whole")
    read, options = [], Options(cache=tmp_path / "cache")

    def stopped(job: Job) -> EncodedPiece | str:
        if len(read) == 4:
            raise KeyboardInterrupt
        read.append(job.name)
        return digest(job)

    monkeypatch.setattr(pipeline, "digest", stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare([str(tmp_path / "music")], tmp_path / "data", options)
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(pipeline, "digest", lambda job: read.append(job.name) or digest(job))
    prepare([str(tmp_path / "music")], tmp_path / "data", options)
    assert sorted(read) == sorted(path.name for path in (tmp_path / "music").iterdir())
    assert _bytes_of(tmp_path / "data") == _bytes_of(tmp_path / "whole")


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    write_midi(tmp_path / "music" / "a.mid", melody(1))
    options = Options(cache=tmp_path / "cache")
    prepare([str(tmp_path / "music")], tmp_path / "data", options)
    (stored,) = (tmp_path / "cache").rglob("*.npz")
    stored.write_bytes(stored.read_bytes()[:100])
    before = _bytes_of(tmp_path / "data")
    prepare([str(tmp_path / "music")], tmp_path / "data", options)
    assert _bytes_of(tmp_path / "data") == before


def test_frozen_splits_stay_and_draw_their_relatives() -> None:
    groups, hashes = ["a", "a", "z", "z"], ["1", "2", "3", "4"]
    assert frozen_splits(groups, hashes, {"1": "valid"}) == ["valid", "valid", split_of("z"), split_of("z")]
    assert frozen_splits(groups, hashes, {"1": "train", "2": "test"}) == ["train", "test", split_of("z"), split_of("z")]


def test_splits_of_an_earlier_dataset(tmp_path: Path) -> None:
    path = tmp_path / "splits.csv"
    path.write_text("sha256,split\nabc,test\n")
    assert read_frozen(path) == {"abc": "test"}
    path.write_text("sha256,split\nabc,exam\n")
    with pytest.raises(InputError, match="has a split 'exam'; there are: train, valid, test"):
        read_frozen(path)


def test_own_labels_take_the_place_of_measured_moods(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(float(beat), 1.0, 60 + beat % 7) for beat in range(32)])
    piece = reading.read(Item("a", "test", path), 4)
    labels = (Label(0.0, 8.0, CORNERS["sad"]),)
    rows = condition(piece, 4, labels)
    assert row_of(rows[0], "valence") == row_of(rows[0], "arousal") == (-1, 1)
    assert np.array_equal(rows[80], condition(piece, 4)[80])


SHIPPED = sorted((REPOSITORY / "exported_models").glob("*.onnx"))


@pytest.mark.parametrize("family", sorted({OnnxModel(path, "cpu").contract.family for path in SHIPPED}))
def test_what_the_shipped_model_learned_from_keeps_its_side(family: str) -> None:
    frozen = read_frozen(shipped_splits(family))
    shares = Counter(frozen.values())
    assert shares["train"] > 2 * (shares["valid"] + shares["test"]) > 0
    assert all(len(sha256) == 64 for sha256 in frozen)
    assert shipped_splits("no such family") is None
