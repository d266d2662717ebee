"""An exported model -> what a checkpoint holds, so that training can go on where only the .onnx file is at hand.

The weights are what flows into the file's LSTM nodes and products, whatever the exporter has folded or renamed; what
kept its name is taken by it. The result is proved equal to the file before it is used.
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
from training.models.export import QUANTISED_CELL, difference_from, network_of
from training.models.settings import Settings
from training.models.tied_lstm import parts_of

FloatArray = NDArray[np.float32]
Weights = dict[str, FloatArray]
"""torch's names of parameters and buffers -> their values."""
QUANTISED = "_quantized"  # what onnxruntime puts behind the name of a constant
CELLS, PRODUCTS = ("LSTM", QUANTISED_CELL), ("MatMul", "MatMulInteger")
_NETWORK = "network."  # what the exporter puts before torch's names
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
        graph = _Graph(path, model)
        network = _tied(graph) if "first.weight" in graph.named else _recurrent(graph)
    except (KeyError, ValueError, IndexError, StopIteration):
        raise InputError(
            f"{path} holds no network of ours (it was exported elsewhere): give the checkpoint (.pt) that it was made "
            "from"
        ) from None
    saved = {
        "settings": vars(_settings(network, graph, model.encoding.family)).copy(),
        "family": model.contract.family,
        "fingerprint": model.contract.fingerprint,
        "sources": [],
        "before": {"training_data": model.contract.training_data, "licence": model.contract.licence},
        "network": {name: torch.from_numpy(np.array(value)) for name, value in network.items()},
    }
    difference, allowed = difference_from(network_of(saved), path)
    if not difference <= allowed:
        raise InputError(f"{path} could not be read back: the network differs from the file by {difference:.1e}")
    return saved


def _settings(network: Weights, graph: _Graph, family: str) -> Settings:
    table = network.get("embedding.weight", network.get("own.weight"))
    hidden = next(value.shape[1] for name, value in network.items() if "weight_hh_l0" in name)
    assert table is not None
    normed = "lstm.norms.0.weight" in network
    sizes = [f"embedding={table.shape[1]}", f"hidden={hidden}", f"layers={len(graph.cells)}"]
    kind = [f"batch_norm={int(normed)}", f"tied={int('own.weight' in network)}"]
    return Settings.preset("base", [*sizes, *kind], family)


class _Graph:
    """A file's nodes and constants."""

    def __init__(self, path: Path, model: OnnxModel) -> None:
        import onnx

        self._proto: Any = onnx.load(str(path))
        self._model = model
        self.encoding = model.encoding
        self._stored = {t.name: onnx.numpy_helper.to_array(t) for t in self._proto.graph.initializer}
        self.nodes = list(self._proto.graph.node)
        self.cells = [node for node in self.nodes if node.op_type in CELLS]
        self.named = {
            name.removeprefix(_NETWORK): np.asarray(value)
            for name, value in self._stored.items()
            if name.startswith(_NETWORK) and QUANTISED not in name
        }
        """Constants that kept torch's names."""

    def is_stored(self, name: str) -> bool:
        return name in self._stored

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._stored[name].shape)

    def values(self, names: list[str]) -> list[FloatArray]:
        """What these names stand for: constants, in 8 bits or not, or what is computed of constants alone."""
        import onnx
        import onnxruntime

        computed = sorted({name for name in names if name not in self._stored})
        found = {name: _widened(name, self._stored) for name in names if name in self._stored}
        if computed:
            proto = onnx.ModelProto()
            proto.CopyFrom(self._proto)
            proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in computed)
            session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
            width = conditioning.width(self._model.encoding)
            some = (np.zeros(1, np.int64), np.zeros((1, width), np.float32), *self._model.initial_state(1))
            feed = dict(zip(INPUTS, some, strict=True)) | self._model.alone(1)
            found |= dict(zip(computed, session.run(computed, feed), strict=True))
        return [found[name] for name in names]

    def lstm(self, index: int) -> Weights:
        """One layer's weights and biases, by torch's names less the layer's own."""
        cell = self.cells[index]
        inputs, states, biases = self.values(list(cell.input[1:4]))
        quantised = cell.op_type == QUANTISED_CELL
        ours, theirs = biases.reshape(2, -1)
        return {
            "weight_ih": _in_torchs_order(inputs[0].T if quantised else inputs[0]),
            "weight_hh": _in_torchs_order(states[0].T if quantised else states[0]),
            "bias_ih": _in_torchs_order(ours),
            "bias_hh": _in_torchs_order(theirs),
        }


def _recurrent(graph: _Graph) -> Weights:
    """An `EventLSTM`, with batch normalisation between its layers or without."""
    (product,) = [node for node in graph.nodes if node.op_type in PRODUCTS]
    table = next(node.input[0] for node in graph.nodes if node.op_type == "Gather")
    embedding, output, bias = graph.values([table, product.input[1], _bias(graph)])
    network = {"embedding.weight": embedding, "output.weight": output.T, "output.bias": bias}
    normed = {name: value for name, value in graph.named.items() if ".norms." in name}
    for layer in range(len(graph.cells)):
        where = f"lstm.layers.{layer}.{{}}_l0" if normed else f"lstm.{{}}_l{layer}"
        network |= {where.format(name): value for name, value in graph.lstm(layer).items()}
        if normed:
            network[f"lstm.norms.{layer}.num_batches_tracked"] = np.zeros((), dtype=np.float32)
    return network | normed


def _bias(graph: _Graph) -> str:
    """What is added to the last product."""
    (added,) = [n for n in graph.nodes if n.op_type == "Add" and any(graph.is_stored(name) for name in n.input)]
    (bias,) = [name for name in added.input if graph.is_stored(name)]
    return str(bias)


def _tied(graph: _Graph) -> Weights:
    """A `TiedLSTM` or `PlannedLSTM`: most of it kept its names, the matrices of its products are told apart by their
    shapes.
    """
    network = {name: value for name, value in graph.named.items() if name not in ("keys", "parts", "own.weight")}
    products = [n.input[1] for n in graph.nodes if n.op_type in PRODUCTS and graph.is_stored(n.input[1])]
    embedding = graph.named["leave.bias"].size
    hidden = graph.named["first.weight"].shape[0]
    outputs = [name for name in ("gates", "intervals", "leave") if f"{name}.bias" in network]
    shapes = {name: (hidden, network[f"{name}.bias"].size) for name in outputs}
    shapes |= {"enter": (embedding, hidden)}
    for name, shape in shapes.items():
        (matrix,) = graph.values([next(p for p in products if graph.shape(p) == shape)])
        network[f"{name}.weight"] = np.ascontiguousarray(matrix.T)
    if "partner.into.bias" in network:
        network |= _partner(graph, products, hidden, network["partner.into.bias"].size)
    (told,) = graph.values([next(p for p in products if graph.shape(p)[0] == conditioning.width(graph.encoding))])
    network["told.weight"] = np.ascontiguousarray(told.T)
    for layer in range(len(graph.cells)):
        network |= {f"lstms.{layer}.{name}_l0": value for name, value in graph.lstm(layer).items()}
    return network | _table(graph)


def _partner(graph: _Graph, products: list[str], hidden: int, units: int) -> Weights:
    """What it has learned of playing beside a person: into its units, and out of them."""
    into = next(p for p in products if graph.shape(p) == (hidden, units))
    out = next(p for p in products if graph.shape(p)[0] == units)
    into_weight, out_weight = (np.ascontiguousarray(matrix.T) for matrix in graph.values([into, out]))
    return {"partner.into.weight": into_weight, "partner.out.weight": out_weight}


def _table(graph: _Graph) -> Weights:
    """The embeddings of tokens and of their parts. In the file are only sums: any parts that give them are as good."""
    parts = parts_of(graph.encoding).numpy()
    own = [n for n in graph.nodes if n.op_type == "Add" and f"{_NETWORK}own.weight" in n.input]
    if not own:  # the exporter has summed all
        (table,) = graph.values([next(node.input[0] for node in graph.nodes if node.op_type == "Gather")])
        return {"own.weight": table, "shared.weight": np.zeros((table.shape[1], parts.shape[1]), dtype=np.float32)}
    (sums,) = graph.values([next(str(name) for name in own[0].input if name != f"{_NETWORK}own.weight")])
    shared = np.linalg.lstsq(parts, sums, rcond=None)[0].T.astype(np.float32)
    return {"own.weight": graph.named["own.weight"], "shared.weight": shared}


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
