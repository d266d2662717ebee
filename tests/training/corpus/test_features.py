"""Keys by two opinions, tempo words, windows, labels of people, and the rules against listeners."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from improv.errors import InputError
from improv.music.mood import CORNERS, Mood
from tests.training.corpus.test_clean import score
from training.__main__ import main
from training.corpus import keys
from training.corpus.features import PIECE_COLUMNS, WINDOW_COLUMNS, describe
from training.corpus.keys import music21_key, temperley
from training.corpus.labels import Label, corner_of, label_at, labels_for, read_labels
from training.corpus.tempo import main_tempo, tempo_name
from training.dataset.balance import limited, shares, weights
from training.experiments import check_labels


def test_music21_says_the_same() -> None:
    """The copied profiles answer as music21's own analysis does."""
    from music21 import note, stream

    rng = np.random.default_rng(3)
    for _ in range(10):
        classes = rng.integers(1, 40, 12).astype(np.float64)
        played = stream.Stream()
        for pitch, length in enumerate(classes):
            played.append(note.Note(60 + pitch, quarterLength=length))
        said = played.analyze("key")
        found = music21_key(classes)
        assert found is not None
        assert (found.tonic, found.major) == (said.tonic.pitchClass, said.mode == "major")
        assert found.correlation == pytest.approx(said.correlationCoefficient)


def test_a_scale_is_in_its_key() -> None:
    major = np.zeros(12)
    major[[2, 4, 6, 7, 9, 11, 1]] = 1, 1, 1, 1, 1, 1, 1
    major[[2, 6, 9]] = 3
    for opinion in (temperley, music21_key):
        found = opinion(major)
        assert found is not None
        assert found.name == "D major"
    assert temperley(np.ones(12)) is None


@pytest.mark.parametrize(
    ("bpm", "word"), [(1, "Grave"), (40, "Largo"), (107.9, "Andante"), (120, "Allegro"), (200, "Prestissimo")]
)
def test_tempo_words(bpm: float, word: str) -> None:
    assert tempo_name(bpm) == word


def test_the_main_tempo_is_the_one_that_lasts() -> None:
    assert main_tempo(((0.0, 60.0), (10.0, 180.0)), 25.0) == 60  # ten seconds against five
    assert main_tempo(((0.0, 60.0), (1.0, 180.0)), 25.0) == 180


def test_a_piece_and_its_windows() -> None:
    slow = [(float(beat), 1.0, 48 + beat % 5) for beat in range(16)]
    fast = [(16 + step / 4, 0.25, 72 + step % 7) for step in range(64)]
    row, windows = describe(score(slow + fast), (Label(8.0, math.inf, CORNERS["sad"]),))
    assert set(row) <= set(PIECE_COLUMNS)
    assert all(set(window) <= set(WINDOW_COLUMNS) for window in windows)
    assert [(w["start_beat"], w["end_beat"], w["notes"]) for w in windows] == [(0.0, 16.0, 16), (16.0, 32.0, 64)]
    assert [w["onset_density"] for w in windows] == [2.0, 8.0]
    assert [w["own"] for w in windows] == ["", "sad"]
    assert (row["notes"], row["bars"], row["seconds"], row["has_beat"]) == (80, 8, 16.0, 1)
    assert (row["main_tempo"], row["tempo_name"]) == (120.0, "Allegro")
    assert row["onset_density"] == 5.0


def test_windows_of_a_performance_are_seconds() -> None:
    rng = np.random.default_rng(1)
    played = score([(float(at), 0.4, 60) for at in np.sort(rng.uniform(0, 60, 300))])
    row, windows = describe(played)
    assert (row["has_beat"], row["bars"], row.get("main_tempo")) == (0, "", None)
    assert windows[0]["end_s"] - windows[0]["start_s"] == pytest.approx(8, abs=0.1)


def test_time_signatures_in_the_middle_of_a_window() -> None:
    rows = [(float(beat), 1.0, 60) for beat in range(30)]
    _, windows = describe(score(rows, meters=((0.0, 3.0), (6.0, 4.0))))
    assert [w["start_beat"] for w in windows] == [0, 14]


def test_the_neutral_zone_is_nobodys() -> None:
    assert corner_of(Mood(1, 1)) == "happy"
    assert corner_of(Mood(0.1, 1)) == corner_of(Mood(1, -0.1)) == "neutral"


def test_own_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,start,end,valence,arousal,name\na.mid,0,10,0.5,-0.5,\na.mid,10,,,,Happy\nb/c.mid,,,,,neutral\n"
    )
    labels = read_labels(path)
    found = labels_for(labels, "music/a.mid")
    assert label_at(found, 2, 6) == Mood(0.5, -0.5)
    assert label_at(found, 8, 14) == CORNERS["happy"]
    assert labels_for(labels, "b/c.mid") == (Label(0.0, math.inf, Mood(0, 0)),)
    assert labels_for(labels, "d.mid") == ()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a.mid,5,2,,,happy", "line 2: start 5 and end 2: expected 0 <= start < end"),
        ("a.mid,0,2,,,angry", "unknown mood 'angry'; there are: happy, nervous, sad, calm, neutral"),
        ("a.mid,0,2,0.5,,", "valence and arousal must both be there"),
        ("a.mid,x,2,,,happy", "start 'x' is not a number"),
        (",0,2,,,happy", "no file is named"),
    ],
)
def test_wrong_labels_are_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"file,start,end,valence,arousal,name\n{line}\n")
    with pytest.raises(InputError, match=sentence):
        read_labels(path)


def test_the_rules_against_listeners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = "Nro,Register,Mode,Tempo,Soundlevel,Articulation,Timbre,Melody\n1,4,1,5,4,2,2,4\n2,2,2,1,1,1,2,1\n"
    (tmp_path / check_labels.DESIGN).write_text(design)
    (tmp_path / check_labels.RATINGS).write_text("Nro,Scary,Happy,Sad,Peaceful\n1,1,6,1,2\n2,2,1,5,3\n")
    assert main(["check-labels", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "mode_tempo                         2/2   100%" in said
    assert main(["check-labels", str(tmp_path / "nothing")]) == InputError.exit_code


def test_weights_make_rare_moods_more_frequent() -> None:
    rows = [_piece("C major", "Allegro", "happy") for _ in range(30)] + [_piece("A minor", "Largo", "sad")] * 3
    weight = weights(rows)
    cells, moods = shares(rows)
    assert weight[-1] / weight[0] == pytest.approx(10, rel=0.05)
    assert (weight @ moods)[:4].max() / (weight @ moods)[[0, 2]].min() == pytest.approx(1, abs=0.05)
    assert limited(weight).max() <= 8
    assert (weight @ cells)[(weight @ cells) > 0].std() < 10


def _piece(key: str, word: str, mood: str) -> dict[str, object]:
    return {"notes": 100, "key": key, "tempo_name": word, f"windows_{mood}": 8}


def test_sections_have_a_key_and_passing_harmonies_make_none() -> None:
    c_major, a_flat_minor = (np.roll(keys.TEMPERLEY_MAJOR, 0), np.roll(keys.TEMPERLEY_MINOR, 8))
    g_major = np.roll(keys.TEMPERLEY_MAJOR, 7)
    windows = np.array([*[c_major] * 4, g_major, *[c_major] * 3, *[a_flat_minor] * 3, *[c_major] * 2])
    found = [key.name for key in keys.sections(windows) if key]
    assert found == ["C major"] * 8 + ["Ab minor"] * 3 + ["C major"] * 2
    assert keys.sections(np.ones((2, 12))) == [None, None]
    silent_in_between = np.array([c_major, np.zeros(12), c_major])
    assert [key.name for key in keys.sections(silent_in_between) if key] == ["C major"] * 3
