"""The measures of generated music: each tells music from nonsense or describes it, on music that is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from improv.config import Config
from improv.errors import InputError
from improv.music.mood import CORNERS
from tests.conftest import REPOSITORY
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.evaluation import evaluate, excerpts, markov, measures, quality
from training.evaluation.excerpts import Excerpt
from training.evaluation.originality import Memory, signature
from training.evaluation.overlap import area, overlap
from training.evaluation.structure import chroma, fitness, similarity, structure
from training.models.job_data import ModelFile

TINY = REPOSITORY / "tests" / "models" / "tiny.onnx"
FIFTHS = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]


def of(rows: list[tuple[float, float, int]], beat_s: float = 0.5) -> Excerpt:
    return Excerpt.of("made up", [(*row, 80.0) for row in rows], beat_s, 0.25)


def chords(roots: list[tuple[int, ...]], times: int = 4) -> Excerpt:
    return of([(float(beat), 1.0, 60 + p) for beat, chord in enumerate(roots * times) for p in chord])


def test_harmony_is_measured() -> None:
    music = chords(FIFTHS)
    assert measures.dissonant(music) == 0
    assert measures.triads(music) == 1
    assert measures.fifths(music) == pytest.approx(8 / 12, abs=0.1)  # F to G is no step along the circle
    assert measures.dissonant(chords([(0, 1, 2)])) == 1
    assert measures.triads(chords([(0, 1, 2)])) == 0
    assert measures.fifths(of([(0.0, 1.0, 60)])) == 0


def test_melody_and_rhythm_are_measured() -> None:
    scale = of([(beat / 2, 0.5, 60 + step) for beat, step in enumerate([0, 2, 4, 5, 7, 5, 4, 2] * 4)])
    leaps = of([(beat / 4, 0.25, 60 + step) for beat, step in enumerate([0, 9, 2, 14, 5, 16, 1, 11] * 4)])
    assert measures.stepwise(scale) == 1
    assert measures.stepwise(leaps) == 0
    assert measures.on_the_beat(scale) == 0.5
    assert measures.on_the_beat(leaps) == 0.25


def test_parallels_are_counted() -> None:
    parallel = of([(float(b), 1.0, p) for b, low in enumerate((48, 50, 52, 53)) for p in (low, low + 7)])
    contrary = of(
        [(float(b), 1.0, p) for b, (low, high) in enumerate(((48, 67), (50, 65), (52, 64))) for p in (low, high)]
    )
    assert measures.parallels(parallel) == 1000
    assert measures.parallels(contrary) == 0


def test_every_feature_is_a_number_also_of_little_music() -> None:
    for excerpt in (chords(FIFTHS), of([(0.0, 1.0, 60), (1.0, 1.0, 62)])):
        for name, feature in measures.FEATURES.items():
            assert np.isfinite(feature(excerpt)).all(), name


def test_repetition_is_fit_and_randomness_is_not() -> None:
    rng = np.random.default_rng(0)
    part = [(beat / 2, 0.5, int(p)) for beat, p in enumerate(48 + np.repeat(rng.integers(0, 24, 10), 4))]
    repeated = of([(onset + 20 * turn, length, pitch) for turn in range(5) for onset, length, pitch in part])
    random = of([(beat / 2, 0.5, int(p)) for beat, p in enumerate(48 + np.repeat(rng.integers(0, 24, 50), 4))])
    assert structure(repeated)["mid"] > 0.5
    assert structure(repeated)["mid"] > structure(random)["mid"] + 0.2
    matrix = similarity(chroma(repeated))
    assert (np.diag(matrix) == 1).all()
    assert ((fitness(matrix, 5) >= 0) & (fitness(matrix, 5) <= 1)).all()


def test_the_longest_copy_is_found_in_any_key() -> None:
    rng = np.random.default_rng(1)
    known = [(beat / 2, 0.5, int(p)) for beat, p in enumerate(rng.integers(50, 70, 60))]
    memory = Memory([signature(of(known))])
    copied = [(onset, length, pitch + 3) for onset, length, pitch in known[10:30]]
    own = [(20 + beat / 2, 0.5, int(p)) for beat, p in enumerate(rng.integers(50, 70, 40))]
    assert memory.longest(signature(of(copied))) == 18
    assert memory.longest(signature(of([*copied, *own]))) >= 18
    assert memory.longest(signature(of(own))) < 6


def test_the_overlapped_area() -> None:
    rng = np.random.default_rng(2)
    near, same, far = rng.normal(0, 1, (30, 1)), rng.normal(0, 1, (30, 1)), rng.normal(8, 1, (30, 1))
    assert area(near[:, 0] + 5, near[:, 0] + 5) == pytest.approx(1, abs=1e-6)
    alike, apart = overlap(near, same), overlap(near, far)
    assert alike.value > 0.8
    assert apart.value < 0.2
    assert alike.low <= alike.value + 0.1


def test_variety_needs_a_scale() -> None:
    """What all human pieces have alike (one dynamic, no rest) does not count, however different others are in it."""
    human = [chords(FIFTHS), chords([(0, 4, 7), (9, 12, 16)]), chords([(0, 3, 7), (5, 8, 12), (7, 11, 14)])]
    strange = [of([(beat / 4, 0.1, 60 + beat) for beat in range(12)]), chords([(0, 1)]), *human[:1]]
    found = quality.variety({quality.HUMAN: human, quality.OURS: strange, quality.CHAIN: human[:1] * 3})
    assert found[quality.HUMAN].value == pytest.approx(1)
    assert 1 < found[quality.OURS].value < 1000
    assert found[quality.CHAIN].value == pytest.approx(0, abs=1e-9)


def test_endings_are_judged() -> None:
    good = of(
        [*((b / 2, 0.5, 60 + (0, 4, 7, 5)[b % 4]) for b in range(64)), *((32.0, 4.0, p) for p in (48, 64, 67, 72))]
    )
    bad = of([*((b / 2, 0.5, 60 + (0, 4, 7, 5)[b % 4]) for b in range(64)), (32.0, 0.5, 61)])
    assert quality.ending(good) == {"on_tonic": 1.0, "longer": 1.0}
    assert quality.ending(bad) == {"on_tonic": 0.0, "longer": 0.0}
    assert quality.ending(of([(0.0, 1.0, 60)])) is None


def test_what_cannot_tell_music_from_nonsense_is_dropped() -> None:
    assert quality.ranks([0.8, 0.9, 0.7], [0.2, 0.3, 0.1], 1)
    assert not quality.ranks([0.8, 0.9, 0.7], [0.2, 0.3, 0.1], -1)
    assert not quality.ranks([0.5, 0.4, 0.6], [0.4, 0.5, 0.6], 1)


def test_permuted_music_has_the_same_notes(dataset: Dataset) -> None:
    piece = excerpts.human(dataset, dataset.split("test"), 1)[0]
    twin = excerpts.permuted(piece, np.random.default_rng(0))
    assert sorted(twin.pitch) == sorted(piece.pitch)
    assert sorted(twin.duration) == sorted(piece.duration)
    assert len(np.unique(twin.onset)) == len(np.unique(piece.onset))
    chain = excerpts.of_chain(markov.fit(dataset), dataset.encoding, piece, np.random.default_rng(0))
    assert chain.onset.size > 10


def test_what_the_daemon_plays_becomes_an_excerpt() -> None:
    like = Excerpt.of("x", [], 0.5, 0.25)
    like = excerpts.replace(like, mood=CORNERS["happy"])
    (played,) = excerpts.rendered(ModelFile.of(TINY), Config(), [like], seconds=8)
    assert played.onset.size > 10
    assert (played.duration >= 0.25).all()
    assert played.mood == CORNERS["happy"]


def test_the_whole_evaluation(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(excerpts, "SECONDS", 12.0)
    monkeypatch.setattr(excerpts.rendered, "__defaults__", (12.0, map))
    monkeypatch.setattr(quality, "ENDING_PLAY_S", 2.0)
    emotion = tmp_path / "emotion.json"
    emotion.write_text(json.dumps({"judge_a": {"played": {"four_moods": 0.75, "judged": 8}}}))
    arguments = [str(TINY), "--dataset", str(dataset_folder), "--out", str(tmp_path), "--excerpts", "3"]
    assert main(["evaluate", *arguments, "--emotion", str(emotion), "--previous", str(TINY)]) == 0
    assert "overlapped area with human music" in capsys.readouterr().out
    found = json.loads((tmp_path / "tiny.quality.json").read_text())
    assert list(found["count"]) == ["human", "permuted", "Markov", "previous", "this model"]
    assert found["measures"]["moods recognised"]["this model"]["value"] == 0.75
    assert [entry["criterion"] for entry in found["criteria"]] == [name for name, _ in quality.CRITERIA]
    assert not {row for entry in found["criteria"] for row in entry["rows"]} & set(found["dropped"])
    for figures in found["measures"].values():
        for name in set(figures) & {"this model", "previous"} - {"x"}:
            assert figures[name]["low"] <= figures[name]["high"]
    stepwise = found["measures"]["stepwise melody"]
    assert stepwise["this model"] == stepwise["previous"]  # the same file, the same seeds
    page = (tmp_path / "tiny.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page
    assert main(["evaluate", *arguments, "--emotion", str(tmp_path / "none.json")]) == 2
    assert "--emotion: the file" in capsys.readouterr().err


def test_a_result_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match="is not a result of python -m training emotion judge"):
        evaluate.read_emotion(tmp_path / "x.json")
