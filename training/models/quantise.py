"""An exported model in fewer bits. The metadata stay."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from improv.files import atomic_write

LEAST_HALVED = 1024  # numbers: smaller tensors are not worth a node of their own


def store_halves(source: Path, out: Path) -> None:
    """Write the model with its large weights in 16 bits, which are widened once when the file is loaded."""
    import onnx

    proto = onnx.load(str(source))
    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < LEAST_HALVED:
            continue
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    del proto.graph.value_info[:]
    _write(proto, out)


def quantise(source: Path, out: Path, *, per_channel: bool) -> None:
    """Write the model with weights of 8 bits and products of 8 bits, the inputs' scale found at every step.

    per_channel: one scale for every output, else one for a whole matrix. This is onnxruntime's dynamic quantisation,
    after its own pre-processing: without it some files of the exporter cannot be quantised.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder, errors_alone():
        # onnxruntime recommends, through the root logger, what is being done here.
        ready, quantised = Path(folder) / "ready.onnx", Path(folder) / "quantised.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        _forget_shapes(ready)
        quantize_dynamic(str(ready), str(quantised), weight_type=QuantType.QInt8, per_channel=per_channel)
        proto = onnx.load(str(quantised))
    metadata = {prop.key: prop.value for prop in onnx.load(str(source)).metadata_props}
    onnx.helper.set_model_props(proto, metadata)
    _write(proto, out)


@contextlib.contextmanager
def errors_alone(logger: str = "") -> Iterator[None]:
    """Meanwhile a library logs no warnings; in the end all is as before. logger: its name, "" for the root's."""
    quiet = logging.getLogger(logger)
    before = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        yield
    finally:
        quiet.setLevel(before)


def _forget_shapes(path: Path) -> None:
    """Take out the noted shapes, which are found anew: the quantiser turns matrices over and leaves theirs standing."""
    import onnx

    proto = onnx.load(str(path))
    del proto.graph.value_info[:]
    _write(proto, path)


def _write(proto: Any, out: Path) -> None:
    with atomic_write(out, "wb") as file:
        file.write(proto.SerializeToString())
