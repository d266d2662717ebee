"""The network of every family: what tokens share, a state that is carried on, and the way to ONNX and back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from improv.errors import InputError
from improv.model import conditioning
from improv.model.vocabulary import FAMILIES, encoding_for
from training.models.export import export
from training.models.from_onnx import read_onnx
from training.models.lstm import EventLSTM
from training.models.settings import Settings, build
from training.models.tied_lstm import TiedLSTM, parts_of

SIZES = ["embedding=12", "hidden=24", "tied=1"]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_told_apart_by_kind_pitch_class_and_octave(family: str) -> None:
    encoding = encoding_for(family)
    parts = parts_of(encoding)
    starts = parts[encoding.starts]
    assert len(torch.unique(starts, dim=0)) == len(starts), "no two notes of one kind are made of the same"
    assert ((starts == 0) | (starts == 1)).all()
    pitches = torch.as_tensor(encoding.start_pitches)
    kinds = len({encoding.label(token).partition(" ")[0] for token in range(encoding.size)})
    classes = starts[:, kinds : kinds + 12]
    assert torch.equal(classes.argmax(1), pitches % 12), "notes an octave apart share the part of their pitch class"
    ends = parts[[encoding.start_id, encoding.end_id]]
    assert (ends.sum(1) == 1).all(), "tokens that are no notes are of a kind only"


def test_a_state_that_is_carried_on_is_as_good_as_none() -> None:
    torch.manual_seed(0)
    encoding = encoding_for("pianist")
    network = TiedLSTM(encoding, 12, 24, 2).eval()
    tokens = torch.randint(0, encoding.size, (3, 20))
    told = torch.rand(3, 20, conditioning.SIZE)
    whole, state = network(tokens, told, network.zero_state(3))
    first, half = network(tokens[:, :8], told[:, :8], network.zero_state(3))
    second, carried = network(tokens[:, 8:], told[:, 8:], half)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-5)
    assert torch.allclose(carried[1], state[1], atol=1e-5)


def test_what_one_note_learns_another_of_its_class_learns() -> None:
    torch.manual_seed(0)
    encoding = encoding_for("polyphony")
    network = TiedLSTM(encoding, 12, 24, 1)
    c4, c5, fis5 = (encoding.begins(pitch) for pitch in (60, 72, 78))
    heard = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, conditioning.SIZE), network.zero_state(1)
    logits, _ = network(*heard)
    loss = -logits.log_softmax(-1)[0, 0, c4]
    loss.backward()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= 0.01 * parameter.grad
    after, _ = network(*heard)
    gained = (after - logits)[0, 0]
    assert gained[c4] > gained[c5] > gained[fis5]


@pytest.mark.parametrize("family", ["polyphony", "melody"])
def test_an_exported_one_is_read_back(family: str, tmp_path: Path) -> None:
    settings = Settings.preset("base", SIZES, family)
    torch.manual_seed(0)
    network = build(settings, encoding_for(family))
    assert isinstance(network, TiedLSTM)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    saved = {
        "settings": asdict(settings),
        "family": family,
        "fingerprint": encoding_for(family).fingerprint,
        "sources": [],
        "network": network.state_dict(),
    }
    export(saved, "one", 1.0, tmp_path / "one.onnx")
    back = read_onnx(tmp_path / "one.onnx")  # which proves that it computes the same
    assert (back["settings"]["tied"], back["settings"]["hidden"]) == (1, 24)
    assert torch.equal(back["network"]["norms.1.weight"], network.state_dict()["norms.1.weight"])


def test_settings_of_before_make_the_network_of_before() -> None:
    settings = Settings.preset("tiny")
    assert (settings.tied, settings.average) == (0, 0.0)
    assert isinstance(build(settings, encoding_for("polyphony")), EventLSTM)
    with pytest.raises(InputError, match="layer normalisation instead"):
        build(settings.overridden(["tied=1", "batch_norm=1"]), encoding_for("polyphony"))
