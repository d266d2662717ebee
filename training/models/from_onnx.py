"""An exported model -> what a checkpoint holds, so that training can go on where only the .onnx file is at hand.

The weights are what flows into the file's LSTM nodes and into its last product, whatever the exporter has folded or
renamed. The result is proved equal to the file before it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from improv.errors import InputError
from improv.model import conditioning
from improv.model.metadata import INPUTS
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import RepeatingMelodyEncoding
from training.models.export import QUANTISED_CELL, largest_difference, network_of, tolerance_of
from training.models.settings import Settings

FloatArray = NDArray[np.float32]
QUANTISED = "_quantized"  # what onnxruntime puts behind the name of a constant
CELLS, PRODUCTS = ("LSTM", QUANTISED_CELL), ("MatMul", "MatMulInteger")
_TO_TORCH = (0, 2, 3, 1)  # gates: ONNX has input, output, forget, cell; torch input, forget, cell, output


def read_onnx(path: Path) -> dict[str, Any]:
    """settings, family, fingerprint and network of an exported model, and `before`: what it learned from and its
    licence, which a model that goes on from it inherits. InputError when it has another shape than
    `training.models.export` and `training.models.quantise` give. What is not in the file (how it was trained) is as in
    the preset `base`. Weights of 8 bits come back as what they stand for.
    """
    model = OnnxModel(path, "cpu")
    if isinstance(model.encoding, RepeatingMelodyEncoding):
        raise InputError(
            f"{path} is of family {model.contract.family}, which cannot be read back: give the checkpoint (.pt) that "
            "it was made from"
        )
    try:
        network, layers = _network(path, model)
    except (KeyError, ValueError, IndexError):
        raise InputError(
            f"{path} holds no plain LSTM (it was exported elsewhere): give the checkpoint (.pt) that it was made from"
        ) from None
    embedding, hidden = network["embedding.weight"].shape[1], network["lstm.weight_hh_l0"].shape[1]
    sizes = [f"embedding={embedding}", f"hidden={hidden}", f"layers={layers}"]
    settings = Settings.preset("base", sizes, model.encoding.family)
    saved = {
        "settings": vars(settings).copy(),
        "family": model.contract.family,
        "fingerprint": model.contract.fingerprint,
        "sources": [],
        "before": {"training_data": model.contract.training_data, "licence": model.contract.licence},
        "network": {name: torch.from_numpy(np.array(value)) for name, value in network.items()},
    }
    difference = largest_difference(network_of(saved), model)
    if not difference <= tolerance_of(path):
        raise InputError(f"{path} could not be read back: the network differs from the file by {difference:.1e}")
    return saved


def _network(path: Path, model: OnnxModel) -> tuple[dict[str, FloatArray], int]:
    """torch's names and values of all parameters, and the number of layers."""
    import onnx

    proto = onnx.load(str(path))
    cells = [node for node in proto.graph.node if node.op_type in CELLS]
    (product,) = [node for node in proto.graph.node if node.op_type in PRODUCTS]
    table = next(node.input[0] for node in proto.graph.node if node.op_type == "Gather")
    wanted = {"embedding.weight": table, "output.weight": product.input[1], "output.bias": _bias(proto)}
    for layer, cell in enumerate(cells):
        names = (f"lstm.weight_ih_l{layer}", f"lstm.weight_hh_l{layer}", f"biases {layer}")
        wanted |= dict(zip(names, cell.input[1:4], strict=True))
    found = _values(proto, set(wanted.values()), model)
    network = {name: found[value] for name, value in wanted.items()}
    network["output.weight"] = network["output.weight"].T
    for layer, cell in enumerate(cells):
        for name in (f"lstm.weight_ih_l{layer}", f"lstm.weight_hh_l{layer}"):
            gates = network[name][0]
            network[name] = _in_torchs_order(gates.T if cell.op_type == QUANTISED_CELL else gates)
        ours, states = network.pop(f"biases {layer}").reshape(2, -1)
        network |= {
            f"lstm.bias_ih_l{layer}": _in_torchs_order(ours),
            f"lstm.bias_hh_l{layer}": _in_torchs_order(states),
        }
    return network, len(cells)


def _bias(proto: Any) -> str:
    """What is added to the last product."""
    stored = {str(tensor.name) for tensor in proto.graph.initializer}
    (added,) = [node for node in proto.graph.node if node.op_type == "Add" and stored & set(node.input)]
    (bias,) = stored & set(added.input)
    return bias


def _values(proto: Any, names: set[str], model: OnnxModel) -> dict[str, FloatArray]:
    """What these names stand for in the graph: constants, in 8 bits or not, or what is computed of constants alone."""
    import onnx
    import onnxruntime

    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    values = {name: _widened(name, stored) for name in names & set(stored)}
    computed = sorted(names - set(values))
    if computed:
        proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in computed)
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        some = (
            np.zeros(1, np.int64),
            np.zeros((1, conditioning.width(model.encoding)), np.float32),
            *model.initial_state(1),
        )
        values |= dict(zip(computed, session.run(computed, dict(zip(INPUTS, some, strict=True))), strict=True))
    return values


def _widened(name: str, stored: dict[str, Any]) -> FloatArray:
    """A constant as float32; of 8 bits it is (number - zero point) x scale, each of the last axis or one for all."""
    plain = name.removesuffix(QUANTISED)
    if plain == name:
        return np.asarray(stored[name], dtype=np.float32)
    zero, scale = (stored[plain + part] for part in ("_zero_point", "_scale"))
    return np.asarray((stored[name].astype(np.float32) - zero.astype(np.float32)) * scale, dtype=np.float32)


def _in_torchs_order(gates: FloatArray) -> FloatArray:
    """Rows of the four gates, as torch has them. gates: (4 * hidden, ...), as ONNX has them."""
    parts = gates.reshape(4, -1, *gates.shape[1:])
    return np.ascontiguousarray(parts[list(_TO_TORCH)].reshape(gates.shape))
