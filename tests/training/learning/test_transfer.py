"""What a family takes over from another: every token's nearest relative."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from improv.errors import InputError
from improv.model.vocabulary import encoding_for
from tests.training.corpora import tiny_corpus
from training.__main__ import main
from training.dataset import prepare
from training.dataset.pipeline import Options
from training.learning import train, transfer
from training.models.checkpoints import read_checkpoint
from training.models.export import network_of
from training.models.settings import Settings
from training.models.tied_lstm import TiedLSTM


def test_every_token_has_its_nearest_relative() -> None:
    new, old = encoding_for("performance"), encoding_for("pianist")
    pairs = {new.label(i): old.label(r) for i, r in enumerate(transfer.relatives(new, old))}
    assert pairs["NOTE_ON 60"] == "NOTE_ON 60"
    assert pairs["NOTE_OFF 5"] == "NOTE_OFF 29", "by octaves into the keys of a piano"
    assert pairs["TIME_SHIFT 15"] == "TIME_SHIFT 6", "a sixteenth at 100 bpm lasts 150 ms"
    assert pairs["TIME_SHIFT 100"] == "TIME_SHIFT 24"
    assert [pairs[f"VELOCITY {number}"] for number in (1, 17, 32)] == ["VELOCITY 1", "VELOCITY 9", "VELOCITY 16"]
    assert (pairs["START"], pairs["END"]) == ("START", "END")
    with pytest.raises(InputError, match="performance has no TEMPO: pianist cannot begin"):
        transfer.relatives(old, new)


def test_what_tokens_are_made_of_goes_over_as_well(tmp_path: Path) -> None:
    """The same key has the same embedding, though the kinds that it is summed of are others."""
    music = str(tiny_corpus(tmp_path / "music"))
    for family in ("pianist", "performance"):
        prepare.prepare([music], tmp_path / family, Options(family=family))
    sizes = ["iterations=2", "evaluate_every=2", "batch=2", "sequence=16", "tied=1", "average=0.5"]
    train.train(tmp_path / "pianist", Settings.preset("tiny", sizes, "pianist"), tmp_path / "run", "cpu")
    transfer.begin(tmp_path / "run/best.pt", tmp_path / "performance", [], tmp_path / "new")
    tables = {}
    for family, path in (("pianist", "run/best.pt"), ("performance", "new/last.pt")):
        network = network_of(read_checkpoint(tmp_path / path))
        assert isinstance(network, TiedLSTM)
        tables[family] = (network.own.weight + network.shared(network.parts))[encoding_for(family).begins(60)]
    assert torch.allclose(tables["pianist"], tables["performance"], atol=1e-4)
    new = read_checkpoint(tmp_path / "new/last.pt")
    assert torch.equal(new["network"]["own.weight"], new["unaveraged"]["own.weight"])


def test_a_run_begins_with_what_another_has_learnt(tmp_path: Path) -> None:
    music = str(tiny_corpus(tmp_path / "music"))
    for family in ("pianist", "performance"):
        prepare.prepare([music], tmp_path / family, Options(family=family))
    settings = Settings.preset("tiny", ["iterations=2", "evaluate_every=2", "batch=2", "sequence=16"], "pianist")
    train.train(tmp_path / "pianist", settings, tmp_path / "run", "cpu")
    data, out = str(tmp_path / "performance"), str(tmp_path / "new")
    arguments = [str(tmp_path / "run/best.pt"), "--dataset", data, "--out", out]
    assert main(["transfer", *arguments, "--set", "iterations=4"]) == 0
    old, new = (read_checkpoint(path) for path in (tmp_path / "run/best.pt", tmp_path / "new/last.pt"))
    assert torch.equal(old["network"]["lstm.weight_hh_l0"], new["network"]["lstm.weight_hh_l0"])
    row = {name: encoding_for(name).begins(60) for name in ("pianist", "performance")}
    assert torch.equal(
        old["network"]["embedding.weight"][row["pianist"]], new["network"]["embedding.weight"][row["performance"]]
    )
    assert (new["iteration"], new["family"], new["settings"]["iterations"]) == (0, "performance", 4)
    assert main(["train", data, "--out", out, "--resume", "--device", "cpu"]) == 0
    assert main(["transfer", *arguments, "--set", "hidden=8"]) == 2
