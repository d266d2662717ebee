"""A style of one's own: learnt from few files and an exported model alone, without forgetting the old music."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from improv.config import DEFAULT_TABLE, load
from improv.config.adapters import render
from improv.errors import InputError
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import encoding_for
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, NEUTRAL, Mood, attributes_at
from tests.conftest import REPOSITORY
from tests.training.conftest import SMALL
from tests.training.corpora import meter, tempo, write_midi
from training.__main__ import main
from training.dataset import corpus_counts
from training.dataset.dataset import Dataset
from training.learning import rehearsal
from training.learning.finetune import INTERRUPTED, finetune, table
from training.learning.own_moods import EVERYBODY, KEPT, LEAST_WINDOWS, own_table
from training.learning.rehearsal import Rehearsal, improvise, in_turn
from training.learning.style import LAST, Learner, Plan, parts
from training.models.checkpoints import save
from training.models.export import export, has_eight_bits, network_of
from training.models.from_onnx import read_onnx

TINY = REPOSITORY / "tests" / "models" / "tiny.onnx"
QUICK = Plan(iterations=12, evaluate_every=6, lr=3e-3, rehearsal=1.0, lanes=4, sequence=32)


@pytest.fixture(scope="module")
def own_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pieces in one style: whole tones over a drone, as no chorale does."""
    folder = tmp_path_factory.mktemp("own")
    for index in range(6):
        degrees = np.random.default_rng(index).integers(0, 7, 64)
        notes = [(half / 2, 0.5, 60 + 2 * int(degree)) for half, degree in enumerate(degrees)]
        notes += [(float(bar), 4.0, 40) for bar in range(0, 32, 4)]
        meta = [(0.0, tempo(100)), (0.0, meter(4, 4))]
        write_midi(folder / f"piece {chr(ord('a') + index)}.mid", notes, meta=meta, velocities=(60, 70, 80, 90, 100))
    return folder


def test_an_exported_model_is_read_back_as_it_was_trained() -> None:
    saved = read_onnx(TINY)
    assert saved["fingerprint"] == encoding_for("polyphony").fingerprint
    assert (saved["settings"]["hidden"], saved["settings"]["layers"]) == (48, 1)
    assert saved["before"]["licence"] == OnnxModel(TINY, "cpu").contract.licence


SHIPPED = sorted(path.name for path in (REPOSITORY / "exported_models").glob("*.onnx"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_can_learn_on(name: str) -> None:
    """Read back and proved equal: what is no network of ours raises."""
    path = REPOSITORY / "exported_models" / name
    saved = read_onnx(path)
    assert saved["family"] == OnnxModel(path, "cpu").contract.family
    assert network_of(saved).hidden == saved["settings"]["hidden"]


def test_two_layers_are_read_back(run_folder: Path, tmp_path: Path) -> None:
    from training.models.checkpoints import read_checkpoint

    saved = read_checkpoint(run_folder / "best.pt")
    export(saved, "two", 1.0, tmp_path / "two.onnx")
    back = read_onnx(tmp_path / "two.onnx")["network"]
    assert set(back) == set(saved["network"])
    for name, weights in saved["network"].items():
        assert torch.equal(back[name], weights)


def test_a_style_is_learnt_and_the_old_music_is_kept(own_music: Path, tmp_path: Path) -> None:
    result = finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", QUICK)
    forgets = finetune(TINY, [str(own_music)], tmp_path / "forgets.onnx", Plan(**{**vars(QUICK), "rehearsal": 0.0}))
    assert result["after"]["new"] < result["before"]["new"] - 0.5
    assert result["before"]["old"] == forgets["before"]["old"]
    lost, forgotten = (r["after"]["old"] - r["before"]["old"] for r in (result, forgets))
    assert lost < 0.6 * forgotten
    written = json.loads((tmp_path / "mine.finetune.json").read_text())
    assert written["after"] == result["after"]
    assert (written["pieces"], written["learnt_pieces"]) == (6, 4)
    assert len(written["held_out_pieces"]) == len(written["choosing_pieces"]) == 1
    contract = OnnxModel(tmp_path / "mine.onnx", "cpu").contract
    assert contract.held_out_loss == pytest.approx(result["after"]["new"], rel=0.2)  # its commands are hidden
    assert contract.licence == "unknown, see sources"  # whose own music it is, nobody said
    assert contract.training_data.endswith(f"; {own_music.name} (licence unknown)")
    assert f"{result['after']['new']:9.4f}" in table(result)


def test_improvised_music_is_grammatical_and_the_same_each_time() -> None:
    network = network_of(read_onnx(TINY))
    music = improvise(network, "polyphony", 3, 60, seed=4)
    assert (improvise(network, "polyphony", 3, 60, seed=4).tokens == music.tokens).all()
    assert (music.tokens[:, 1:] == music.targets[:, :-1]).all()
    assert len(np.unique(music.tokens)) > 8
    following = in_turn(music, 20)
    parts = [following().tokens for _ in range(4)]
    assert (np.concatenate(parts[:3], axis=1) == music.tokens).all()
    assert (parts[3] == parts[0]).all()


def test_the_teacher_does_not_learn() -> None:
    network = network_of(read_onnx(TINY))
    rehearsal = Rehearsal(network, in_turn(improvise(network, "polyphony", 2, 16, seed=1), 16), 2)
    _, _, chances = rehearsal.next()
    assert not chances.requires_grad
    assert torch.allclose(chances.sum(-1), torch.ones(2, 16))


def test_works_are_held_out_whole(dataset: Dataset) -> None:
    works = [{row.work for row in part} for part in parts(dataset)]
    assert all(works)
    assert not any(one & other for one, other in itertools.combinations(works, 2))


def _interrupted(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Ctrl-C before an iteration, once."""
    step, pressed = Learner.step, iter([True])

    def until(self: Learner) -> None:
        if self.iteration == at and next(pressed, False):
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(Learner, "step", until)


def test_what_ctrl_c_ended_keeps_the_best_and_goes_on(
    own_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(**{**vars(QUICK), "rehearsal": 0.0})
    whole = finetune(TINY, [str(own_music)], tmp_path / "whole.onnx", plan)
    _interrupted(monkeypatch, 8)
    broken = finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", plan)
    assert whole["ended"]
    assert not broken["ended"]
    assert broken["course"] == whole["course"][:2]
    assert broken["after"]["new"] < broken["before"]["new"]
    resumed = finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", plan, resume=True)
    assert resumed["ended"]
    assert resumed["course"] == whole["course"]
    assert resumed["after"] == whole["after"]
    lines = [json.loads(line) for line in (tmp_path / "mine.run" / "log.jsonl").read_text().splitlines()]
    assert lines == whole["course"]
    assert "iteration 12 of 12: new music" in capsys.readouterr().err
    with pytest.raises(InputError, match="begun with other options"):
        finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", QUICK, resume=True)
    (tmp_path / "mine.run" / LAST).unlink()
    with pytest.raises(InputError, match="there is no checkpoint"):
        finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", plan, resume=True)


def test_the_command_says_that_it_was_interrupted(
    own_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _interrupted(monkeypatch, 1)
    out = tmp_path / "mine.onnx"
    arguments = ["finetune", str(TINY), "--data", str(own_music), "--out", str(out), "--iterations", "4"]
    assert main(arguments) == INTERRUPTED
    assert "the same command with --resume goes on" in capsys.readouterr().err
    assert out.exists()


def test_no_more_is_done_than_the_minutes_allow(own_music: Path, tmp_path: Path) -> None:
    plan = Plan(**{**vars(QUICK), "iterations": 100_000, "minutes": 0.001, "lanes": 2})
    result = finetune(TINY, [str(own_music)], tmp_path / "mine.onnx", plan, bits=8)
    assert result["ended"]
    assert result["iterations"] < 1000
    assert has_eight_bits(tmp_path / "mine.onnx")
    assert not has_eight_bits(TINY)
    assert [line["iteration"] for line in result["course"]][-1] == result["iterations"]


def test_a_family_with_a_plan_learns_and_plays(
    own_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "IMPROVISED_TOKENS", 128)
    monkeypatch.setattr(corpus_counts, "LEAST_BARS", 4)
    hands, plan = REPOSITORY / "exported_models" / "hands.onnx", Plan(iterations=3, lanes=2, sequence=64, lr=1e-3)
    result = finetune(hands, [str(own_music)], tmp_path / "mine.onnx", plan)
    assert result["after"]["new"] < result["before"]["new"]
    config = load(tmp_path / "mine.yaml", [], {})
    model = OnnxModel(Path(config.model.path), "cpu")
    habits = json.loads(model.contract.habits)
    assert habits["pieces"] == result["learnt_pieces"] == 4  # what is held out chose no habit either
    steps = render(model, config, 4, 1)
    assert sum(len(step.started) for step in steps) > 4


def _window(mood: str, **values: float) -> dict[str, str]:
    place = CORNERS.get(mood, NEUTRAL)
    told = {"valence": place.valence, "arousal": place.arousal} | values
    return {"attributes": mood} | {name: str(value) for name, value in told.items()}


@given(
    st.sampled_from([name for name in ATTRIBUTES if name not in KEPT]),
    st.lists(st.tuples(st.sampled_from([*CORNERS, "neutral"]), st.floats(0, 1)), min_size=LEAST_WINDOWS),
)
def test_moods_lie_where_the_music_does(name: str, told: list[tuple[str, float]]) -> None:
    """Every corner lies between the table's, moved as a whole, and the music's own; inside the attribute's range."""
    low, high = ATTRIBUTES[name].low, ATTRIBUTES[name].high
    windows = [_window(mood, **{name: low + share * (high - low)}) for mood, share in told]
    table = own_table(windows, DEFAULT_TABLE)
    assert set(table) == {name}
    assert set(table[name]) == set(CORNERS)
    assert all(low <= value <= high for value in table[name].values())


@given(st.lists(st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1)), min_size=LEAST_WINDOWS, max_size=40))
def test_who_plays_at_each_mood_as_everybody_keeps_the_table(moods: list[Mood]) -> None:
    """However fast and excited all of his music is: others of such moods do so too."""
    windows = [
        {"valence": str(mood.valence), "arousal": str(mood.arousal)}
        | {name: str(value) for name, value in attributes_at(mood, EVERYBODY).items()}
        for mood in moods
    ]
    for name, corners in own_table(windows, DEFAULT_TABLE).items():
        for corner, value in corners.items():
            assert value == pytest.approx(DEFAULT_TABLE[name][corner], abs=0.51 if value > 20 else 0.06)


def test_a_composers_own_sadness_counts_the_more_the_more_there_is() -> None:
    few, many = (
        own_table([_window("sad", tempo=50.0)] * count + [_window("neutral", tempo=100.0)] * 200, DEFAULT_TABLE)
        for count in (1, 400)
    )
    assert many["tempo"]["sad"] < few["tempo"]["sad"]
    usual = DEFAULT_TABLE["tempo"]["sad"] / EVERYBODY["tempo"]["sad"]  # what is commanded for what everybody plays
    assert many["tempo"]["sad"] == pytest.approx(50 * usual, abs=3)
    assert own_table([_window("sad", tempo=50.0)] * (LEAST_WINDOWS - 1), DEFAULT_TABLE) == {}


def test_one_work_is_too_little(own_music: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one work is too little"):
        finetune(TINY, [str(own_music / "piece a.mid")], tmp_path / "mine.onnx", QUICK)
    assert not (tmp_path / "mine.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.onnx", "--out", "x.onnx"], "the model nothing.onnx is not there"),
        (["nothing.pt", "--out", "x.onnx"], "there is no checkpoint nothing.pt"),
        ([str(TINY), "--out", "x.pt"], "--out must end in .onnx"),
        ([str(TINY), "--out", "x.onnx", "--lr", "0"], "--lr more than 0"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], sentence: str, own_music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["finetune", *arguments, "--data", str(own_music)]) != 0
    assert sentence in capsys.readouterr().err


def test_old_music_must_be_of_the_models_split(
    own_music: Path, run_folder: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    from training.models.checkpoints import read_checkpoint

    save(tmp_path / "other.pt", read_checkpoint(run_folder / "best.pt") | {"split_hash": "0000"})
    with pytest.raises(InputError, match="another dataset or split"):
        finetune(tmp_path / "other.pt", [str(own_music)], tmp_path / "x.onnx", QUICK, dataset_folder)
    result = finetune(run_folder / "best.pt", [str(own_music)], tmp_path / "y.onnx", QUICK, dataset_folder)
    assert "held-out pieces of the old dataset" in result["old_music"]
    assert SMALL.hidden == 16
