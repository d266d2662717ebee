"""Checkpoint -> ONNX file -> figures and card: equal to torch, and true about itself."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from improv.errors import InputError
from improv.model import conditioning
from improv.model.metadata import Contract
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import PolyphonyEncoding
from tests.training.conftest import SMALL
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.evaluation.card import BEGIN, END
from training.evaluation.figures import interval
from training.models import export
from training.models.checkpoints import read_checkpoint, save
from training.models.quantise import errors_alone
from training.models.scoring import OnnxScorer, TorchScorer, score_pieces
from training.models.settings import build


@pytest.fixture(scope="module")
def model_path(run_folder: Path, dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    arguments = [str(run_folder / "best.pt"), "--dataset", str(dataset_folder), "--out", str(path)]
    assert main(["export", *arguments]) == 0
    return path


def test_parity_with_torch(model_path: Path, run_folder: Path) -> None:
    network = export.network_of(read_checkpoint(run_folder / "best.pt"))
    assert export.largest_difference(network, OnnxModel(model_path, "cpu")) <= export.TOLERANCE


def test_the_file_tells_what_it_is(model_path: Path, dataset: Dataset) -> None:
    metadata = onnxruntime.InferenceSession(str(model_path)).get_modelmeta().custom_metadata_map
    contract = Contract.from_metadata(metadata, "small")
    assert contract.check("small").size == dataset.encoding.size
    assert (contract.name, contract.family) == ("small", "polyphony")
    assert contract.training_data == "music (licence unknown)"
    assert contract.conditioning == conditioning.specification()
    assert contract.fingerprint == dataset.encoding.fingerprint
    assert contract.split == dataset.split_hash()
    assert not list(model_path.parent.glob("*.partial"))


def test_the_held_out_loss_in_the_file_is_that_of_the_file(model_path: Path, dataset: Dataset) -> None:
    model = OnnxModel(model_path, "cpu")
    scores = score_pieces(OnnxScorer(model), dataset, dataset.split("test"), commands=False)
    mean = sum(s.nats for s in scores) / sum(s.tokens for s in scores)
    assert mean == pytest.approx(model.contract.held_out_loss, abs=1e-4)


def test_torch_and_onnxruntime_score_alike(model_path: Path, run_folder: Path, dataset: Dataset) -> None:
    import torch

    network = export.network_of(read_checkpoint(run_folder / "best.pt"))
    pieces = dataset.split("train")[:5]
    scorers = (OnnxScorer(OnnxModel(model_path, "cpu")), TorchScorer(network, torch.device("cpu")))
    first, second = (score_pieces(scorer, dataset, pieces, commands=True, lanes=2) for scorer in scorers)
    assert [s.nats for s in first] == pytest.approx([s.nats for s in second], rel=1e-5)


def test_a_model_that_is_not_equal_is_not_written(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "largest_difference", lambda *_: 0.5)
    monkeypatch.setattr(export, "_write", lambda *arguments: arguments[-1].write_bytes(b"x"))
    monkeypatch.setattr(export, "OnnxModel", lambda *_: None)
    (tmp_path / "a.onnx").write_bytes(b"the one before")
    with pytest.raises(InputError, match=r"was not written: over 200 steps it differs .* 5.00e-01, allowed is 1e-03"):
        export.export(read_checkpoint(run_folder / "best.pt"), "a", 1.0, tmp_path / "a.onnx")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.onnx", b"the one before")]


def test_a_checkpoint_of_another_vocabulary_is_refused(
    run_folder: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "best.pt", read_checkpoint(run_folder / "best.pt") | {"fingerprint": "0000"})
    arguments = [str(tmp_path / "best.pt"), "--dataset", str(dataset_folder), "--out", str(tmp_path / "a.onnx")]
    assert main(["export", *arguments]) == 2
    assert "best.pt was trained with vocabulary 0000, this version has" in capsys.readouterr().err
    assert not (tmp_path / "a.onnx").exists()


def test_a_checkpoint_of_before_can_be_exported(run_folder: Path) -> None:
    """Checkpoints without the newer keys still make a network."""
    saved = read_checkpoint(run_folder / "best.pt")
    del saved["held_out"]
    assert export.network_of(saved).hidden == SMALL.hidden


def test_evaluate_the_whole_road(
    model_path: Path, run_folder: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "cards" / "small.md"
    arguments = [str(model_path), "--dataset", str(dataset_folder), "--out", str(tmp_path), "--card", str(card)]
    arguments += ["--excerpts", "0"]
    assert main(["evaluate", *arguments, "--checkpoint", str(run_folder / "best.pt")]) == 0
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "small.test.json").read_text())
    dataset = Dataset(dataset_folder)
    assert report["backend"] == "onnxruntime"
    assert report["split_hash"] == dataset.split_hash()
    for split in ("test", "train"):
        assert [row["source"] for row in report["splits"][split]] == ["music", "overall"]
        for row in report["splits"][split]:
            assert row["pieces"] == len(dataset.split("test"))  # as many of the training pieces
            assert row["gain"]["value"] == pytest.approx(row["markov"]["value"] - row["hidden"]["value"])
            for name in ("hidden", "known", "markov"):
                assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]
            assert 0 <= row["hidden_accuracy"]["value"] <= 1
    overall = report["splits"]["test"][-1]
    assert f"{overall['hidden']['value']:.4f}" in printed
    assert overall["hidden"]["value"] == pytest.approx(OnnxModel(model_path).contract.held_out_loss, abs=1e-4)
    text = card.read_text()
    for expected in (
        "# small",
        dataset.split_hash(),
        "hidden 16",
        "--set hidden=16",
        "Known weaknesses",
        "proved equal",
    ):
        assert expected in text
    assert f"{overall['hidden']['value']:.4f} [" in text

    card.write_text(text.replace("# small", "# small, by me").replace("proved equal", "a change that is lost"))
    assert main(["evaluate", *arguments]) == 0
    renewed = card.read_text()
    assert renewed.startswith("# small, by me")
    assert "a change that is lost" not in renewed
    assert "The checkpoint was not at hand" in renewed
    assert renewed.count(BEGIN) == renewed.count(END) == 1

    card.write_text("my own notes")
    assert main(["evaluate", *arguments]) == 2
    assert card.read_text() == "my own notes"


def test_evaluate_a_checkpoint_through_torch(
    model_path: Path, run_folder: Path, dataset_folder: Path, tmp_path: Path
) -> None:
    arguments = ["--dataset", str(dataset_folder), "--out", str(tmp_path), "--split", "valid", "--excerpts", "0"]
    assert main(["evaluate", str(run_folder / "best.pt"), *arguments]) == 0
    assert main(["evaluate", str(model_path), *arguments]) == 0
    torch_report, onnx_report = (json.loads((tmp_path / f"{n}.valid.json").read_text()) for n in ("best", "small"))
    assert torch_report["backend"] == "torch"
    first, second = (report["splits"]["valid"][-1]["hidden"]["value"] for report in (torch_report, onnx_report))
    assert first == pytest.approx(second, rel=1e-5)


def test_evaluate_refuses_what_does_not_belong_together(
    model_path: Path, run_folder: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--dataset", str(dataset_folder), "--out", str(tmp_path)]
    assert main(["evaluate", str(run_folder / "best.pt"), *arguments, "--card", str(tmp_path / "a.md")]) == 2
    assert "--card and --checkpoint belong to an exported model" in capsys.readouterr().err
    saved = read_checkpoint(run_folder / "best.pt")
    save(tmp_path / "other.pt", saved | {"network": build(SMALL, PolyphonyEncoding()).state_dict()})
    assert main(["evaluate", str(model_path), *arguments, "--checkpoint", str(tmp_path / "other.pt")]) == 2
    assert "was not exported from" in capsys.readouterr().err
    save(tmp_path / "split.pt", saved | {"split_hash": "0000"})
    assert main(["evaluate", str(tmp_path / "split.pt"), *arguments]) == 2
    assert "was trained on the split 0000, the dataset has" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "none.onnx"), *arguments]) == 4
    assert "is not there" in capsys.readouterr().err


def test_the_interval_of_a_mean_over_pieces() -> None:
    sums, weights = np.array([10.0, 40.0]), np.array([10.0, 20.0])
    estimate = interval(sums, weights)
    assert estimate.value == pytest.approx(50 / 30)
    assert (estimate.low, estimate.high) == pytest.approx((1, 2))
    same = interval(np.full(5, 3.0), np.full(5, 2.0))
    assert same == pytest.approx((1.5, 1.5, 1.5))


def test_eight_bits_are_smaller_and_tell_their_own_loss(
    run_folder: Path, dataset_folder: Path, dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "small.onnx"
    arguments = [str(run_folder / "best.pt"), "--dataset", str(dataset_folder), "--out", str(path), "--bits", "8"]
    assert main(["export", *arguments]) == 0
    assert [found.name for found in tmp_path.iterdir()] == ["small.onnx"]
    model = OnnxModel(path, "cpu")
    scores = score_pieces(OnnxScorer(model), dataset, dataset.split("test"), commands=False)
    mean = sum(s.nats for s in scores) / sum(s.tokens for s in scores)
    assert mean == pytest.approx(model.contract.held_out_loss, abs=1e-4)
    assert any(node.op_type == "DynamicQuantizeLSTM" for node in onnx.load(str(path)).graph.node)


@pytest.mark.parametrize("name", ["", "torch.onnx"])
def test_a_library_is_quiet_for_a_while_only(name: str) -> None:
    logger = logging.getLogger(name)
    before = logger.level
    with errors_alone(name):
        assert logger.level == logging.ERROR
    assert logger.level == before


def test_evaluate_refuses_an_unknown_setting(
    model_path: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(model_path), "--dataset", str(dataset_folder), "--out", str(tmp_path)]
    assert main(["evaluate", *arguments, "-o", "music.voice_leading_pul=8"]) == 3
    assert "voice_leading_pull" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
