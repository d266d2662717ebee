"""The judges of the emotion and what is made of their words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from improv.config import Config
from improv.errors import InputError
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS, Mood
from training.corpus.title_words import mood_in
from training.evaluation.emotion import recogniser, renderings, verdict


@pytest.mark.parametrize(
    ("title", "mood"),
    [
        ("Marche funèbre", "sad"),
        ("12 Lieder / 3 Wiegenlied", "calm"),
        ("Mazurka No. 3. Op. 6", "happy"),
        ("Der Erlkönig", "nervous"),
        ("Sturm und Wiegenlied", None),
        ("Sonata No. 5", None),
        ("6 Songs, Op.7 / 5 Die Trauernde", "sad"),
    ],
)
def test_titles(title: str, mood: str | None) -> None:
    assert mood_in(title) == mood


def music(seed: int, *, minor: bool, fast: bool, seconds: float = 30.0) -> np.ndarray:
    """Broken chords with some noise: rows of (onset s, end s, pitch, velocity)."""
    rng = np.random.default_rng(seed)
    step_s = rng.uniform(0.14, 0.2) if fast else rng.uniform(0.5, 0.8)
    scale = np.array([0, 2, 3, 5, 7, 8, 11] if minor else [0, 2, 4, 5, 7, 9, 11])
    on_s = np.arange(0, seconds, step_s)
    pitch = 60 + scale[rng.integers(0, 7, len(on_s))] + 12 * rng.integers(-1, 2, len(on_s))
    return np.stack([on_s, on_s + step_s, pitch, np.full(len(on_s), 90.0 if fast else 40.0)], axis=1)


def of_corner(name: str, seed: int) -> np.ndarray:
    return music(seed, minor=CORNERS[name].valence < 0, fast=CORNERS[name].arousal > 0)


def test_a_recogniser_learns_what_can_be_learned() -> None:
    pieces = [
        (f"{name}{seed}", name, recogniser.windows(of_corner(name, seed))) for name in CORNERS for seed in range(12)
    ]
    judge = recogniser.fit([(mood, rows) for _, mood, rows in pieces])
    fresh = [
        (name, judge.mood(recogniser.windows(of_corner(name, 100 + seed)))) for name in CORNERS for seed in range(5)
    ]
    assert np.mean([one == other for one, other in fresh]) >= 0.9
    assert judge.probabilities(pieces[0][2]).sum() == pytest.approx(1)
    crossed = recogniser.cross_validated(pieces)
    assert len(crossed) == len(pieces)
    assert np.mean([one == other for one, other in crossed]) >= 0.8


def test_features_are_finite_also_for_odd_windows() -> None:
    same = np.array([[i * 0.5, i * 0.5 + 0.4, 60, 64] for i in range(20)])
    chord = np.array([[0.0, 9.0, 60 + i, 64] for i in range(20)])
    for notes in (same, chord):
        assert np.isfinite(recogniser.features(notes)).all()
    assert recogniser.windows(np.zeros((0, 4))) == []


def test_variation_is_that_inside_of_pieces() -> None:
    at, unit = recogniser.VARYING["pitch, semitones"]
    low, high = np.zeros(35), np.zeros(35)
    low[at], high[at] = 5.0, 7.0
    still = [[low] * 6, [high] * 6]
    assert recogniser.variation(still) == dict.fromkeys(recogniser.VARYING, 0.0), (
        "pieces that differ vary in themselves no more"
    )
    moving = [[low, high] * 3]
    assert recogniser.variation(moving)["pitch, semitones"] == pytest.approx(
        unit * np.std([0, 2] * 3, ddof=1), abs=1e-3
    )
    assert recogniser.variation([[low, high]]) == {}, "too short to tell"


def test_variation_looks_at_the_features_that_it_names() -> None:
    on_s = np.arange(0, 12, 0.5)
    pitch = np.where(np.arange(24) % 2, 60.0, 61.0)
    found = recogniser.features(np.stack([on_s, on_s + 1.0, pitch, np.full(24, 64.0)], axis=1))
    named = {name: unit * found[at] for name, (at, unit) in recogniser.VARYING.items()}
    assert named == pytest.approx(
        {"onsets, octaves": 1.0, "pitch, semitones": 60.5, "dissonance, share": 1.0, "spread, semitones": 0.5}
    ), "2 onsets a second, semitones held over one another"


def test_what_plays_free_is_not_commanded(tiny: OnnxModel) -> None:
    played = [renderings.play(tiny, Config(), renderings.Task("free", mood, 7, 0.0), 6.0) for mood in CORNERS.values()]
    assert all(np.array_equal(notes[:, :3], played[0][:, :3]) for notes in played), "whatever the mood"


def test_a_corpus_is_read_by_its_titles(tmp_path: Path) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60, time=0), mido.Message("note_off", note=60, time=480)])
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    (tmp_path / "open").mkdir()
    with zipfile.ZipFile(tmp_path / "open" / "set.zip", "w") as archive:
        archive.write(tmp_path / "a.mid", "set/a.mid")
        archive.writestr("set/broken.mid", b"nothing")
    rows = ["dataset,file,title,group", "set,a.mid,Wiegenlied,g1", "set,a.mid,Berceuse,g1", "set,broken.mid,Polka,g2"]
    rows += ["set,a.mid,Sonata,g3", "piano-midi-de,x.mid,Wiegenlied,g4"]
    (tmp_path / "index.csv").write_text("\n".join(rows))
    (piece,) = recogniser.read_corpus(tmp_path)
    assert (piece.group, piece.mood, piece.notes.tolist()) == ("g1", "calm", [[0.0, 0.5, 60.0, 64.0]])
    with pytest.raises(InputError, match=r"index\.csv is not there"):
        recogniser.read_corpus(tmp_path / "no")


def test_half_of_the_works_is_kept_out_and_stays_so() -> None:
    kept_out = [recogniser.is_kept_out(f"work {number}") for number in range(1000)]
    assert 450 < sum(kept_out) < 550
    assert kept_out[:6] == [False, False, True, False, False, False], "another split would mix what was kept apart"


def test_signs_against_the_median() -> None:
    values = np.array([[5, 5], [-1, 5], [-1, 1], [5, 1.0]])
    assert verdict.by_signs(values) == ["happy", "nervous", "sad", "calm"]
    told = verdict.tally(["happy", "sad"], ["happy", "nervous"])
    assert (told["four_moods"], told["valence"], told["arousal"]) == (0.5, 1.0, 0.5)
    assert told["confusion"]["sad"]["nervous"] == 1


def test_the_distance_of_distributions() -> None:
    rng = np.random.default_rng(1)
    one, same, other = rng.normal(0, 1, (400, 3)), rng.normal(0, 1, (400, 3)), rng.normal(3, 1, (400, 3))
    assert verdict.distance(one, one) == 0
    assert verdict.distance(one, same) < 0.15
    assert verdict.distance(one, other) > 0.7


def test_renderings_are_kept_gone_on_with_and_judged(tiny: OnnxModel, tmp_path: Path) -> None:
    first = renderings.render_all(tiny, tmp_path / "notes", 1, 0, 12.5, (0, 61))
    again = renderings.render_all(tiny, tmp_path / "notes", 1, 0, 12.5, (0, 61))
    assert (first, again) == (9, 0)
    for index, (name, mood) in enumerate(CORNERS.items()):
        for kind in ("played", "equalised"):
            path = tmp_path / "notes" / f"{renderings.Task(kind, mood, 50 + index, 0.6).name}.npy"
            np.save(path, of_corner(name, index))
    result = json.loads(verdict.write(tmp_path / "notes", None, tmp_path / "docs"))
    assert result["judge_a"]["played"]["four_moods"] >= 0.5
    assert result["judge_a"]["fidelity_r2"]["renderings"] == 4
    assert result["judge_a"]["fidelity_r2_equalised"]["renderings"] == 4
    assert (tmp_path / "docs" / "images" / "emotion-confusion.png").is_file()
    assert json.loads((tmp_path / "docs" / "results" / "emotion.json").read_text()) == result
    with pytest.raises(InputError, match="no renderings"):
        verdict.read(tmp_path)


def test_the_order_of_tasks_is_balanced() -> None:
    tasks = list(renderings.tasks(2, 0.6, 1))
    assert len(tasks) == 2 * 3 * 81 + 2 * 8 + 4 * (len(renderings.INTENSITIES) + 1) + 4  # .6 beside the fixed ones
    assert len({task.name for task in tasks}) == len(tasks)
    assert {task.mood for task in tasks[:162]} >= {Mood(0.0, 0.0), *CORNERS.values()}
