"""The table, people's pieces from files, and the whole command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from improv.config import Config
from improv.model.onnx_model import OnnxModel
from tests.conftest import TINY
from tests.training.composition.tunes import period
from tests.training.corpora import melody, meter, tempo, write_midi
from training.__main__ import main
from training.analysis.hands import LEFT, RIGHT
from training.evaluation.composition import comparison, people, table
from training.evaluation.composition.music import UNKNOWN
from training.evaluation.composition.ours import played
from training.evaluation.composition.rolls import draw
from training.evaluation.composition.table import Column


def column(name: str, **rows: list[float]) -> Column:
    count = len(next(iter(rows.values())))
    return Column(name, [""] * count, ["happy"] * count, {row: np.array(values) for row, values in rows.items()})


def test_distance_is_in_standard_deviations_of_people() -> None:
    theirs = column("people", a=[1.0, 3.0], b=[2.0, 2.0], c=[1.0, np.nan], d=[0.0, 4.0])
    ours = column("ours", a=[4.0, 4.0], b=[1.0, 1.0], c=[1.0, 1.0], d=[np.nan, 2.0])
    assert table.distances(ours, theirs) == {"a": 2.0, "d": 0.0}
    found = table.mean_distance(ours, theirs)
    assert found.value == 1.0
    assert found.low <= 1.0 <= found.high
    assert table.distances(theirs, theirs) == {"a": 0.0, "d": 0.0}


def test_estimates_leave_out_what_says_nothing() -> None:
    assert table.estimate(np.array([1.0, np.nan, 3.0])).value == 2.0
    assert np.isnan(table.estimate(np.array([np.nan])).value)


def test_a_row_that_ranks_shuffled_bars_higher_is_named() -> None:
    name, bits = table.HEADLINES[0], table.BITS
    theirs = column("people", **{name: [1.0, 1.0], bits: [4.0, 4.0]})
    mixed = column("shuffled", **{name: [2.0, 1.0], bits: [5.0, 5.0]})
    assert table.failing(theirs, mixed) == [name]
    assert table.failing(mixed, theirs) == [bits]


def test_what_a_column_writes_it_reads() -> None:
    one = column("a", x=[1.0, np.nan])
    other = Column.of_content("a", json.loads(json.dumps(one.content())))
    assert other.pieces == one.pieces
    assert np.array_equal(other.rows["x"], one.rows["x"], equal_nan=True)


def two_hands(path: Path) -> Path:
    """Six bars of 3/4 on two tracks that name the hands, the tempo moving with every bar, many velocities."""
    file = mido.MidiFile(ticks_per_beat=480)
    head = mido.MidiTrack([meter(3, 4)])
    for bar in range(20):
        head.append(tempo(90 + bar % 4).copy(time=3 * 480 if bar else 0))
    file.tracks.append(head)
    for name, pitch in (("Piano right", 72), ("Piano left", 48)):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        for beat in range(60):
            track.append(mido.Message("note_on", note=pitch + beat % 5, velocity=40 + beat))
            track.append(mido.Message("note_off", note=pitch + beat % 5, time=480))
        file.tracks.append(track)
    file.save(path)
    return path


def test_bars_hands_and_expression_come_from_the_file(tmp_path: Path) -> None:
    two_hands(tmp_path / "a.mid")
    (found,) = people.read_all([str(tmp_path)])
    music = found.music()
    assert music.bars == 20
    assert np.diff(music.lines).tolist() == [72] * 20
    assert music.line_s[1] == pytest.approx(2.0)
    assert set(music.notes["hand"][music.notes["pitch"] >= 72].tolist()) == {RIGHT}
    assert set(music.notes["hand"][music.notes["pitch"] < 72].tolist()) == {LEFT}
    assert music.has_dynamics
    assert music.has_tempo


def test_a_metre_that_changes_amid_a_bar_begins_a_bar(tmp_path: Path) -> None:
    notes = [(float(beat), 1.0, 60 + beat % 7) for beat in range(80)]
    write_midi(tmp_path / "a.mid", notes, meta=[(0, meter(4, 4)), (6, meter(3, 4))])
    (found,) = people.read_all([str(tmp_path)])
    assert np.diff(found.music().lines).tolist()[:4] == [96, 48, 72, 72]
    assert not found.music().has_tempo


def test_chosen_pieces_are_of_as_many_works_as_possible(tmp_path: Path) -> None:
    two_hands(tmp_path / "a.mid")
    (one,) = people.read_all([str(tmp_path)])
    found = [replace(one, name=str(n), group=group, split="test") for n, group in enumerate("aaabbc")]
    assert [music.name for music in people.choose(found, "test", [one.mood], 4)] == ["0", "3", "5", "1"]
    assert people.choose(found, "train", [one.mood], 4) == []
    assert [music.name for music in people.reference([replace(one, split="train")], 5)] == [one.name]


def test_what_the_daemon_plays_has_bars(tiny: OnnxModel) -> None:
    music = played(tiny, Config(), "happy", 0, 20.0)
    assert music.mood == "happy"
    assert music.bars >= 5
    assert set(np.diff(music.lines).tolist()) == {96}
    assert (np.diff(music.line_s) > 0).all()
    assert set(music.notes["hand"].tolist()) <= {UNKNOWN}
    assert (music.notes["onset"] + music.notes["duration"] <= music.lines[-1]).all()


def test_two_models_of_one_name_are_two_columns(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = shutil.copy(TINY, tmp_path / "old" / TINY.name)
    chosen = comparison.players([str(TINY), str(old)], ["music.top_p=0.9"], [["soft", "music.temperature=0.6"]])
    assert list(chosen) == ["tiny", "tiny, soft", "old/tiny", "old/tiny, soft"]
    assert chosen["old/tiny, soft"].overrides == ("music.top_p=0.9", "music.temperature=0.6")


def test_a_roll_is_drawn(tmp_path: Path) -> None:
    draw([period(), period()], tmp_path / "new" / "roll.png", first=4, bars=4)
    assert (tmp_path / "new" / "roll.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_prints_and_writes_all_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    for seed in range(40):
        write_midi(data / f"piece {chr(97 + seed % 26)}{seed}x.mid", melody(seed, 80))
    out, rolls = tmp_path / "found.json", tmp_path / "rolls"
    words = ["composition", str(TINY), "--data", str(data), "--pieces", "2", "--seconds", "16", "--moods", "happy"]
    assert main([*words, "--out", str(out), "--rolls", str(rolls), "--with", "soft", "music.temperature=0.6"]) == 0
    text = capsys.readouterr().out
    assert "| | people | their bars shuffled | tiny | tiny, soft |" in text
    written = json.loads(out.read_text())
    assert list(written["pieces"]) == ["people", "their bars shuffled", "tiny", "tiny, soft"]
    assert len(written["pieces"]["tiny"]["rows"]) == len(table.MEASURES) + 1
    assert {path.name for path in rolls.iterdir()} == {
        f"tiny{kind}-happy-0.{end}" for kind in ("", "-soft") for end in ("png", "txt")
    }
    assert main([*words, "--beside", str(out)]) == 0
    assert "| tiny (found) | tiny, soft (found) |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--beside", "nowhere.json"], "nowhere.json is not there"),
        (["--with", "x", "music.nothing=1"], "music.nothing"),
        (["--pieces", "0"], "whole number from 1"),
    ],
)
def test_what_is_wrong_is_said_first(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(["composition", str(TINY), "--data", "nowhere", *words])
    except SystemExit as ended:
        code = ended.code
    assert code != 0
    assert said in capsys.readouterr().err
