"""Networks at equal time, and families on the same pieces: the commands measure what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.corpora import tiny_corpus
from training.__main__ import main
from training.dataset import prepare
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.experiments import nats_per_note
from training.learning.train import train
from training.models.scoring import TorchScorer, score_pieces
from training.models.settings import Settings, build
from training.models.windowed_transformer import WindowedTransformer

SMALL = ["--set", "embedding=8", "--set", "batch=4", "--set", "sequence=16", "--set", "layers=1"]


def test_a_transformer_with_a_window_goes_on_as_if_it_had_heard_all_at_once(dataset: Dataset) -> None:
    torch.manual_seed(0)
    network = WindowedTransformer(dataset.encoding, 8, 16, 2, window=6).eval()
    for block in network.blocks:
        torch.nn.init.normal_(block.distance)
    tokens = torch.randint(0, dataset.encoding.size, (2, 20))
    told = torch.rand(2, 20, 26)
    with torch.no_grad():
        whole, _ = network(tokens, told, network.zero_state(2))
        first, state = network(tokens[:, :7], told[:, :7], network.zero_state(2))
        steps = [first]
        for at in range(7, 20):
            logits, state = network(tokens[:, at : at + 1], told[:, at : at + 1], state)
            steps.append(logits)
    assert torch.allclose(torch.cat(steps, 1), whole, atol=1e-4)
    assert state[0].shape == (12, 2, 16)


def test_a_bake_off_trains_each_and_measures_it(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(dataset_folder), "--minutes", "0.005", "--out", str(tmp_path), "--set", "hidden=16", *SMALL]
    assert main(["bake-off", *arguments, "--set", "window=0", "--networks", "lstm", "tied", "--threads", "1"]) == 0
    rows = json.loads((tmp_path / "bake-off.json").read_text())
    assert [row["network"] for row in rows] == ["lstm", "tied"]
    for row in rows:
        assert row["tokens"] >= 64
        assert row["nats_per_note"]["value"] > row["nats_per_token"] > 0
        assert row["ms_per_note"] > row["ms_per_step"] > 0
    assert rows[0]["parameters"] != rows[1]["parameters"]
    assert "| tied |" in capsys.readouterr().out
    assert main(["bake-off", *arguments, "--minutes", "0"]) == 2


def test_nats_per_note_of_two_families(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music = str(tiny_corpus(tmp_path / "music"))
    entries, expected = [], {}
    for family in ("polyphony", "pianist"):
        folder = tmp_path / family
        prepare.prepare([music], folder, Options(family=family))
        settings = Settings.preset("tiny", ["iterations=2", "evaluate_every=2", "batch=2", "sequence=16"], family)
        train(folder, settings, tmp_path / f"{family}-run", "cpu")
        entries.append(f"{tmp_path / f'{family}-run' / 'best.pt'}={folder}")
        dataset = Dataset(folder)
        notes = sum(nats_per_note.notes_of(dataset, piece) for piece in dataset.split("test"))
        expected[family] = (notes, {piece.name for piece in dataset.split("test")})
    out = tmp_path / "per-note.json"
    assert main(["per-note", *entries, "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    plain, performed = found["models"]
    assert set(found["pieces"]) == expected["polyphony"][1] & expected["pianist"][1]
    assert plain["notes"] == expected["polyphony"][0]
    assert plain["expression"] == 0
    assert plain["notes_and_time"] == plain["nats_per_note"]
    assert performed["expression"] > 0
    whole = performed["notes_and_time"]["value"] + performed["expression"]
    assert whole == pytest.approx(performed["nats_per_note"]["value"])
    assert performed["same_split"]
    assert main(["per-note", entries[0], "--pieces", "1", "--out", str(out)]) == 0
    assert len(json.loads(out.read_text())["pieces"]) == 1
    capsys.readouterr()
    wrong = entries[0].rpartition("=")[0] + "=" + entries[1].rpartition("=")[2]
    for text, sentence in ((wrong, "is of family polyphony"), ("hands", "expected MODEL=DATASET")):
        assert main(["per-note", text, "--out", str(out)]) == 2
        assert sentence in capsys.readouterr().err


def test_a_model_of_another_split_is_refused(
    run_folder: Path,
    dataset_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Dataset, "split_hash", lambda _: "another")
    entry = f"{run_folder / 'best.pt'}={dataset_folder}"
    assert main(["per-note", entry, "--out", str(tmp_path / "x.json")]) == 2
    assert "it may have learned from these test pieces" in capsys.readouterr().err
    assert main(["per-note", entry, "--same-rule", "--out", str(tmp_path / "x.json")]) == 0
    assert not json.loads((tmp_path / "x.json").read_text())["models"][0]["same_split"]


def test_each_token_has_its_nats(dataset: Dataset) -> None:
    network = build(Settings.preset("tiny"), dataset.encoding).eval()
    scores = score_pieces(TorchScorer(network, torch.device("cpu")), dataset, dataset.split("test"), commands=True)
    for score in scores:
        assert score.each.shape == (score.tokens,) == (score.piece.stop - score.piece.start - 1,)
        assert np.sum(score.each) == pytest.approx(score.nats)
