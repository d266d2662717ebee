"""A model of two hands learns to play beside a person, and alone it stays what it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from improv.errors import InputError
from improv.model import conditioning, roles
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import encoding_for
from improv.model.vocabulary.hands import LEFT, RIGHT
from tests.training.corpora import tiny_corpus
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.learning import partner
from training.models import export
from training.models.from_onnx import read_onnx
from training.models.planned_lstm import PlannedLSTM
from training.models.settings import Settings, build

SIZES = ["embedding=8", "hidden=16", "layers=1"]


@pytest.fixture(scope="module")
def hands_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("partner")
    prepare([str(tiny_corpus(folder / "music"))], folder / "data", Options(family="hands"))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def saved() -> dict[str, object]:
    """A checkpoint that has learned next to nothing."""
    torch.manual_seed(1)
    settings = Settings.preset("base", SIZES, "hands")
    network = build(settings, encoding_for("hands"))
    with torch.no_grad():
        for norm in (network.first, *network.norms):  # as learned: equal constants become one in a file
            norm.weight.add_(torch.randn_like(norm.weight), alpha=0.1)
            norm.bias.add_(torch.randn_like(norm.bias), alpha=0.1)
    fingerprint = encoding_for("hands").fingerprint
    return {
        "settings": vars(settings).copy(),
        "family": "hands",
        "fingerprint": fingerprint,
        "sources": [],
        "network": network.state_dict(),
    }


@pytest.fixture(scope="module")
def taught(saved: dict[str, object], hands_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("taught") / "partner.pt"
    partner.learn(saved, hands_dataset, out, partner.Until(batches=60), seed=1, look_every=20)
    return out


def _network(path: Path) -> PlannedLSTM:
    network = export.network_of(export.read_checkpoint(path))
    assert isinstance(network, PlannedLSTM)
    return network


def test_it_learns_the_other_hand(taught: Path, hands_dataset: Dataset) -> None:
    lessons = partner.held_out(hands_dataset, hands_dataset.split("valid"))
    network = _network(taught)
    assert partner.judge(network, lessons).nats < 0.8 * partner.judge(network, lessons, told=False).nats


def test_alone_it_is_what_it_was(taught: Path, saved: dict[str, object], tmp_path: Path) -> None:
    files = {}
    for name, content in (("before", saved), ("after", export.read_checkpoint(taught))):
        files[name] = tmp_path / f"{name}.onnx"
        export.export(content, "small", 1.0, files[name])
    before, after = (OnnxModel(path, "cpu") for path in files.values())
    assert after.takes_roles
    assert not before.takes_roles
    rng, states = np.random.default_rng(3), [before.initial_state(2), after.initial_state(2)]
    for _ in range(40):
        token = int(rng.integers(before.encoding.size))
        row = (rng.random((2, conditioning.width(before.encoding))) < 0.05).astype(np.float32)
        alone, states[0] = before.step(token, row, states[0])
        same, states[1] = after.step(token, row, states[1])
        assert np.array_equal(alone, same)
        beside = [after.step(token, roles.told(row, hand), states[1])[0] for hand in (LEFT, RIGHT)]
        assert not np.array_equal(beside[0], beside[1])
        deaf = [before.step(token, one, states[0])[0] for one in (row, roles.told(row, LEFT))]
        assert np.array_equal(*deaf)


def test_what_it_has_learned_is_read_back_from_the_file(taught: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    content = export.read_checkpoint(taught)
    export.export(content, "small", 1.0, path)
    back = read_onnx(path)["network"]
    for name in ("partner.into.weight", "partner.into.bias", "partner.out.weight", "told.weight"):
        assert torch.equal(back[name], content["network"][name])


def test_only_hands_can_learn_it(hands_dataset: Dataset, tmp_path: Path) -> None:
    settings = Settings.preset("base", SIZES, "polyphony")
    encoding = encoding_for("polyphony")
    content = {
        "settings": vars(settings).copy(),
        "family": "polyphony",
        "fingerprint": encoding.fingerprint,
        "sources": [],
        "network": build(settings, encoding).state_dict(),
    }
    with pytest.raises(InputError, match="only `hands` can learn"):
        partner.learn(content, hands_dataset, tmp_path / "none.pt", partner.Until(batches=1), seed=1)
