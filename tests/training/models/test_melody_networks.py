"""Melody RNN's schemes as networks: told what the schemes say, a window as its steps, ONNX as torch, in the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.control.commands import AllNotesOff, End, SetMood
from improv.errors import InputError
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import RepeatingMelodyEncoding, encoding_for
from improv.model.vocabulary.melody import END, START
from tests.fakes import Stage
from tests.model import melody_oracles as oracles
from tests.stage import EVENLY, assert_silent, assert_sound
from tests.training.conftest import SMALL
from tests.training.corpora import tiny_corpus
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.learning.train import Trainer
from training.models import export
from training.models.checkpoints import read_checkpoint, save
from training.models.from_onnx import read_onnx
from training.models.melody_networks import AttentionInputs, LookbackInputs
from training.models.settings import build

CPU = torch.device("cpu")
LOOKBACK, ATTENTION = RepeatingMelodyEncoding.lookback(), RepeatingMelodyEncoding.attention()
FAMILIES = ("melody_lookback", "melody_attention")
EACH = pytest.mark.parametrize("family", FAMILIES)

events = st.lists(st.integers(0, 37) | st.sampled_from([0, 1, 14, 16, 18]), max_size=20)
melodies = st.tuples(events, st.integers(1, 4)).map(lambda drawn: (drawn[0] * drawn[1])[:60])


@pytest.mark.parametrize(
    ("inputs", "published"),
    [
        (LookbackInputs(LOOKBACK), oracles.lookback_input),
        (AttentionInputs(ATTENTION), oracles.attention_input),
    ],
    ids=["lookback", "attention"],
)
@settings(max_examples=15)
@given(before=melodies, melody=melodies, cut=st.integers(0, 90))
def test_the_network_is_told_what_the_scheme_says(
    inputs: LookbackInputs | AttentionInputs, published: object, before: list[int], melody: list[int], cut: int
) -> None:
    """After another melody, and wherever the window ends."""
    encoding = LOOKBACK if isinstance(inputs, LookbackInputs) else ATTENTION
    ids = torch.tensor([encoding.labels([START, *before, END, START, *melody, END])])
    cut = min(cut, ids.shape[1] - 1)
    memory, parts = torch.zeros(1, inputs.remembered), []
    for part in (ids[:, :cut], ids[:, cut:]):
        if part.shape[1]:
            rows, memory = inputs(part, memory)
            parts.append(rows[0].numpy())
    rows = np.concatenate(parts)
    own = rows[len(before) + 3 : -1]
    assert inputs.size == inputs.inputs + 2 == rows.shape[1]
    for position, row in enumerate(own):
        assert row[:-2].tolist() == published(melody, position).tolist()  # type: ignore[operator]
        assert not row[-2:].any()
    assert rows[len(before) + 2, -2:].tolist() == [1, 0], "START"
    assert rows[-1, -2:].tolist() == [0, 1], "END"


@EACH
@pytest.mark.parametrize("layers", [1, 3])
def test_a_window_is_its_steps(family: str, layers: int) -> None:
    encoding = encoding_for(family)
    torch.manual_seed(1)
    network = build(replace(SMALL, layers=layers), encoding).eval()
    rng = np.random.default_rng(layers)
    plain = rng.choice([0, 1, 14, 16, 18, 38, 39], (3, 60), p=[0.4, 0.1, 0.2, 0.13, 0.13, 0.02, 0.02])
    tokens = torch.tensor([encoding.labels([START, *row]) for row in plain.tolist()])  # type: ignore[attr-defined]
    condition = torch.rand(3, tokens.shape[1], conditioning.SIZE)
    with torch.no_grad():
        whole, after = network(tokens, condition, network.zero_state(3))
        state, step = network.zero_state(3), export.Step(network)
        for time in range(tokens.shape[1]):
            logits, *state = step(tokens[:, time], condition[:, time], *state)
            assert torch.allclose(logits, whole[:, time], atol=1e-5)
    for one, other in zip(state, after, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_there_is_no_batch_normalisation_in_them() -> None:
    with pytest.raises(InputError, match="batch_norm=1: the network of melody_lookback has no batch normalisation"):
        build(replace(SMALL, batch_norm=1), LOOKBACK)


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dataset of one of the families and a finished run on it."""
    folder = tmp_path_factory.mktemp(request.param)
    prepare([str(tiny_corpus(folder / "music", 12))], folder / "data", Options(request.param))
    Trainer(Dataset(folder / "data"), replace(SMALL, hidden=32), folder / "run", CPU).run()
    return folder / "data", folder / "run"


def test_resumed_it_goes_on_as_if_never_interrupted(trained: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = trained
    first = Trainer(Dataset(data), replace(SMALL, hidden=32), tmp_path, CPU)
    for _ in range(SMALL.evaluate_every):
        first.step(first.stream.next())
    (tmp_path / "log.jsonl").touch()
    save(tmp_path / "last.pt", first.content())
    second = Trainer(Dataset(data), replace(SMALL, hidden=32), tmp_path, CPU)
    second.resume()
    for _ in range(SMALL.evaluate_every):
        second.step(second.stream.next())
    whole = read_checkpoint(run / "last.pt")["network"]
    for name, value in second.network.state_dict().items():
        assert torch.equal(value, whole[name]), name


def test_exported_it_plays(trained: tuple[Path, Path], tmp_path: Path) -> None:
    """From notes to the engine: proved equal and put into 8 bits; then a mood turns, a melody ends, all is silent."""
    data, run = trained
    path = tmp_path / "tiny.onnx"
    arguments = [str(run / "best.pt"), "--dataset", str(data), "--out", str(path), "--bits", "8"]
    assert main(["export", *arguments]) == 0
    model = OnnxModel(path, "cpu")
    with pytest.raises(InputError, match=f"{model.contract.family}, which cannot be read back: give the checkpoint"):
        read_onnx(path)
    assert [part.shape for part in model.initial_state(2)] == [
        tuple(part.shape) for part in export.network_of(read_checkpoint(run / "best.pt")).zero_state(2)
    ]
    stage = Stage(model, settings=[EVENLY])
    stage.play(20.0)
    stage.engine.act(SetMood(-1.0, 1.0), stage.clock.now())
    stage.play(10.0)
    assert_sound(stage)
    assert len(stage.link.scheduled) > 20
    stage.engine.act(AllNotesOff(), stage.clock.now())
    stage.play(5.0)
    stage.engine.act(End(), stage.clock.now())
    stage.play(30.0)
    assert not stage.engine.controls.playing
    assert_silent(stage)
