"""A checkpoint -> an ONNX file that the daemon can step, proved equal to torch.

python -m training export runs/polyphony/best.pt --dataset data/polyphony --out exported_models/polyphony.onnx

With --bits 8 the file that was proved equal is then quantised (see training.models.quantise): a quarter of the
size and two to three times as fast. Its held-out loss is measured anew and stands in its metadata.
"""

from __future__ import annotations

import argparse
import datetime
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from improv.errors import InputError
from improv.files import atomic_write
from improv.model import conditioning, integrity, roles
from improv.model.metadata import FORMAT_VERSION, INPUTS, OUTPUTS, Contract
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import encoding_for
from training.dataset.dataset import Dataset
from training.models.checkpoints import read_checkpoint
from training.models.licences import attribution, licence_of
from training.models.lstm import Network
from training.models.planned_lstm import PlannedLSTM
from training.models.quantise import errors_alone, quantise
from training.models.scoring import OnnxScorer, score, score_pieces, total
from training.models.settings import build, settings_of

PARITY_STEPS = 200
QUANTISED_CELL = "DynamicQuantizeLSTM"  # onnxruntime's name
# Of 8 bits, at a usual step: the logits of five shipped models differ by 0.20 to 0.56 from those of their weights in 32
# bits on a processor without instructions for such products (AVX2 alone), and by less on one that has them.
COARSE_TOLERANCE = 1.0
TOLD_SHARE = 0.05  # of a plan's numbers that are not 0: measured on training pieces
# Of logits that span 36 (median, `hands`). Sums in float32 in another order make 1.2e-5 in a step. Carried over 200
# steps that was 1.6e-4 in `hands` and 3.1e-4 in a model that learned on from it; one row of one gate changed by 1 %
# makes 4.4e-2.
TOLERANCE = 1e-3


class Step(nn.Module):
    """One token of a network, as the contract wants it (improv.model.metadata)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, token: Tensor, condition: Tensor, state_h: Tensor, state_c: Tensor, role: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        roles_told = () if role is None else (role[:, None],)
        logits, (new_h, new_c) = self.network(token[:, None], condition[:, None], (state_h, state_c), *roles_told)
        return logits[:, 0], new_h, new_c


def takes_roles(network: Network) -> bool:
    """Whether it has learned to play beside a person."""
    return isinstance(network, PlannedLSTM) and network.partner is not None


def network_of(saved: dict[str, Any]) -> Network:
    """The trained network, ready for inference."""
    network = build(settings_of(saved), encoding_for(saved["family"]))
    if any(name.startswith("partner.") for name in saved["network"]) and isinstance(network, PlannedLSTM):
        network.learn_to_partner()
    network.load_state_dict(saved["network"])
    return network.eval()


def export(saved: dict[str, Any], name: str, held_out_loss: float, out: Path) -> tuple[Contract, float]:
    """Write the ONNX file when it is proved equal to the checkpoint; returns its metadata and the largest difference.

    Raises InputError, and leaves what `out` held before, when it is not.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        path = Path(folder) / "model.onnx"
        contract = _write(saved, name, held_out_loss, path)
        difference = largest_difference(network_of(saved), OnnxModel(path, "cpu"))
        content = path.read_bytes()
    if not difference <= TOLERANCE:
        raise InputError(
            f"{out} was not written: over {PARITY_STEPS} steps it differs from the checkpoint by {difference:.2e}, "
            f"allowed is {TOLERANCE:.0e}"
        )
    with atomic_write(out, "wb") as file:
        file.write(content)
    return contract, difference


def _write(saved: dict[str, Any], name: str, held_out_loss: float, out: Path) -> Contract:
    import onnx

    network = network_of(saved)
    state = network.zero_state(2)
    arguments: tuple[Tensor, ...] = (
        torch.zeros(2, dtype=torch.int64),
        torch.zeros(2, conditioning.width(encoding_for(saved["family"]))),
        *state,
    )
    batch = torch.export.Dim("batch", min=1, max=64)
    names, shapes = list(INPUTS), [{0: batch}, {0: batch}, {1: batch}, {1: batch}]
    if takes_roles(network):
        arguments = (*arguments, torch.zeros(2, roles.SIZE))
        names, shapes = [*names, roles.INPUT], [*shapes, {0: batch}]
    # The exporter warns of its own internals, and logs that torchvision, which nothing here uses, is not installed.
    with errors_alone("torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Step(network),
            arguments,
            input_names=names,
            output_names=list(OUTPUTS),
            dynamic_shapes=tuple(shapes),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    encoding = encoding_for(saved["family"])
    before = saved.get("before", {})  # of the exported model from which it learned on
    told = [before["training_data"]] if before else []
    contract = Contract(
        format_version=FORMAT_VERSION,
        name=name,
        family=encoding.family,
        fingerprint=encoding.fingerprint,
        ticks_per_beat=encoding.ticks_per_beat,
        conditioning=conditioning.specification_for(encoding_for(saved["family"])),
        training_data="; ".join([*told, *(attribution(source) for source in saved["sources"])]),
        licence=licence_of(saved["sources"], before.get("licence")),
        created=datetime.date.today().isoformat(),
        held_out_loss=round(held_out_loss, 4),
        split=saved.get("split_hash", ""),
        habits=saved.get("habits", ""),
    )
    _forget_sources(proto)
    onnx.helper.set_model_props(proto, contract.to_metadata())
    out.write_bytes(proto.SerializeToString())
    return contract


def quantised(path: Path, dataset: Dataset) -> float:
    """Put an exported model into 8 bits, in place; returns its held-out loss, which its metadata now tell."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        coarse = Path(folder) / "model.onnx"
        coarse.write_bytes(path.read_bytes())
        eight_bits(coarse)
        model = OnnxModel(coarse, "cpu")
        scored = score_pieces(OnnxScorer(model), dataset, dataset.split("test"), commands=False)
        proto = onnx.load(str(coarse))
    loss = round(total(scored).nats_per_token, 4)
    onnx.helper.set_model_props(proto, replace(model.contract, held_out_loss=loss).to_metadata())
    with atomic_write(path, "wb") as file:
        file.write(proto.SerializeToString())
    return loss


def eight_bits(path: Path) -> None:
    """Put an exported model into 8 bits, in place; its metadata stay as they are."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        coarse = Path(folder) / "model.onnx"
        quantise(path, coarse, per_channel=True)
        content = coarse.read_bytes()
    with atomic_write(path, "wb") as file:
        file.write(content)


def has_eight_bits(path: Path) -> bool:
    """Whether a file's weights have 8 bits; False for a checkpoint."""
    import onnx

    return path.suffix == ".onnx" and any(n.op_type == QUANTISED_CELL for n in onnx.load(str(path)).graph.node)


def difference_from(network: Network, path: Path) -> tuple[float, float]:
    """How far the logits of a file are from a network's, and what is allowed: its weights have 32 bits or 8.

    Rounded to 8 bits two runs of a recurrent network part, so there each step begins with the network's own state, and
    the largest difference of a usual step counts.
    """
    model = OnnxModel(path, "cpu")
    if has_eight_bits(path):
        return float(np.mean(differences(network, model, carried=False))), COARSE_TOLERANCE
    return largest_difference(network, model), TOLERANCE


def _forget_sources(proto: Any) -> None:
    """Take out what the exporter notes of every node: stack traces with the paths of this machine."""
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]


def largest_difference(network: Network, model: OnnxModel, seed: int = 0) -> float:
    """Largest |torch - onnxruntime| over the logits of 200 teacher-forced steps, the state carried through both."""
    return float(np.max(differences(network, model, seed)))


def differences(network: Network, model: OnnxModel, seed: int = 0, *, carried: bool = True) -> list[float]:
    """Largest |torch - onnxruntime| over the logits of each of 200 teacher-forced steps.

    carried: each goes on from its own state, else both from torch's.
    """
    rng = np.random.default_rng(seed)
    torch_state, onnx_state = network.zero_state(2), model.initial_state(2)
    step, found = Step(network), []
    with torch.no_grad():
        for _ in range(PARITY_STEPS):
            token = int(rng.integers(model.encoding.size))
            condition = rng.uniform(-1, 1, (2, conditioning.width(model.encoding))).astype(np.float32)
            plan = condition[:, conditioning.SIZE :]
            plan[:] = rng.random(plan.shape) < TOLD_SHARE  # ones among many zeros, as plans are told
            hand = torch.eye(roles.SIZE)[[token % roles.SIZE] * 2] * (token % 3 > 0)  # each hand, or nobody's
            role = (hand,) if takes_roles(network) else ()
            if not carried:
                onnx_state = (torch_state[0].numpy(), torch_state[1].numpy())
            fed = (torch.tensor([token, token]), torch.from_numpy(condition), *torch_state, *role)
            expected, *torch_state = step(*fed)
            told = np.concatenate([condition, *(part.numpy() for part in role)], axis=1)
            logits, onnx_state = model.step(token, told, onnx_state)
            found.append(float(np.abs(logits - expected.numpy()).max()))
    return found


def renew_card(path: Path) -> None:
    """The card beside a model that was made anew, where it tells a hash, tells the new one."""
    card = integrity.card_of(path)
    if integrity.told_digest(path):
        text = integrity.CARD_ROW.sub(integrity.card_row(path.read_bytes()), card.read_text(encoding="utf-8"), count=1)
        with atomic_write(card) as file:
            file.write(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="best.pt of a run")
    parser.add_argument("--dataset", type=Path, required=True, help="measures the held-out loss for the metadata")
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--bits", type=int, choices=(32, 8), default=32, help="of the weights (default: %(default)s)")


def command(options: argparse.Namespace) -> None:
    saved = read_checkpoint(options.checkpoint)
    network, dataset = network_of(saved), Dataset(options.dataset)
    held_out = score(network, dataset, dataset.split("test"), commands=False, device=torch.device("cpu"))
    contract, difference = export(saved, options.out.stem, held_out.nats_per_token, options.out)
    print(f"{options.out}: {options.out.stat().st_size >> 10} KiB, held-out {contract.held_out_loss} nats/token")
    print(
        f"torch and onnxruntime over {PARITY_STEPS} steps: equal, "
        f"largest difference {difference:.2e} (allowed {TOLERANCE:.0e})"
    )
    if options.bits == 8:
        loss = quantised(options.out, dataset)
        print(f"in 8 bits: {options.out.stat().st_size >> 10} KiB, held-out {loss} nats/token")
    renew_card(options.out)
