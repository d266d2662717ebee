"""The same model in fewer bits: what each costs on disk and in time, and what it loses.

    python -m training.experiments.variants exported_models/polyphony.onnx --dataset data/polyphony --out runs/variants

fp32   as exported
fp16   weights stored in 16 bits, widened once when the file is loaded
int8   weights in 8 bits (one scale for every output, or one for a whole matrix), products of 8 bits, the inputs' scale
       found at every step (onnxruntime's dynamic quantisation, after its own pre-processing: without it some files of
       the exporter cannot be quantised)

Time is the processor's, of one step of one thread for two rows (guidance); the loss is that of held-out works.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from improv.errors import BrainMusicError
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel, resolve
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.models.scoring import OnnxScorer, score_pieces, total

LEAST_HALVED = 1024  # numbers: smaller tensors are not worth a node of their own
STEPS, ROUNDS = 500, 9
PIECES = 25


def store_halves(source: Path, out: Path) -> None:
    """Write the model with its large weights in 16 bits."""
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
    """Write the model with weights and products of 8 bits. The metadata stay."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime recommends what is being done here
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        ready, quantised = Path(folder) / "ready.onnx", Path(folder) / "quantised.onnx"
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        _forget_shapes(ready)
        quantize_dynamic(str(ready), str(quantised), weight_type=QuantType.QInt8, per_channel=per_channel)
        proto = onnx.load(str(quantised))
    metadata = {prop.key: prop.value for prop in onnx.load(str(source)).metadata_props}
    onnx.helper.set_model_props(proto, metadata)
    _write(proto, out)


def _forget_shapes(path: Path) -> None:
    """Take out the noted shapes, which are found anew: the quantiser turns matrices over and leaves theirs standing."""
    import onnx

    proto = onnx.load(str(path))
    del proto.graph.value_info[:]
    _write(proto, path)


def _write(proto: Any, out: Path) -> None:
    partial = out.with_name(out.name + ".partial")
    partial.write_bytes(proto.SerializeToString())
    os.replace(partial, out)


VARIANTS: dict[str, Callable[[Path, Path], None]] = {
    "fp16": store_halves,
    "int8 per output": lambda source, out: quantise(source, out, per_channel=True),
    "int8 per matrix": lambda source, out: quantise(source, out, per_channel=False),
}


def step_ms(models: dict[str, OnnxModel]) -> dict[str, float]:
    """CPU milliseconds of a step with two rows: the median of rounds in which every model has its turn."""
    rng = np.random.default_rng(0)
    condition = rng.uniform(-1, 1, (2, conditioning.SIZE)).astype(np.float32)
    took: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            state, tokens = model.initial_state(2), rng.integers(0, model.encoding.size, STEPS)
            began = time.process_time()
            for token in tokens:
                _, state = model.step(int(token), condition, state)
            took[name].append((time.process_time() - began) / STEPS * 1000)
    return {name: float(np.median(values)) for name, values in took.items()}


def measure(models: dict[str, OnnxModel], dataset: Dataset, pieces: list[PieceRow]) -> list[dict[str, Any]]:
    """A row for each model: size, time, held-out nats per token with the commands known and hidden."""
    times = step_ms(models)
    rows: list[dict[str, Any]] = []
    for name, model in models.items():
        losses = {
            key: total(score_pieces(OnnxScorer(model), dataset, pieces, commands=commands)).nats_per_token
            for key, commands in (("known", True), ("hidden", False))
        }
        size = model.path.stat().st_size
        rows.append({"variant": name, "bytes": size, "step_ms": round(times[name], 4), **losses})
    for row in rows:
        row |= {f"{key}_difference": round(row[key] - rows[0][key], 4) for key in ("known", "hidden")}
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = [
        "| variant | MB | step, CPU ms | nats per token, known | difference | hidden | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        known, hidden = (f"{row[key]:.4f} | {row[f'{key}_difference']:+.4f}" for key in ("known", "hidden"))
        lines.append(f"| {row['variant']} | {row['bytes'] / 1e6:.2f} | {row['step_ms']:.3f} | {known} | {hidden} |")
    return "\n".join(lines)


def make(source: Path, out: Path) -> dict[str, OnnxModel]:
    """Write every variant into the folder `out` and open them all, the source first."""
    out.mkdir(parents=True, exist_ok=True)
    models = {"fp32": OnnxModel(source, "cpu")}
    for name, write in VARIANTS.items():
        path = out / f"{source.stem}.{name.replace(' ', '-')}.onnx"
        write(source, path)
        models[name] = OnnxModel(path, "cpu")
    return models


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.experiments.variants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="a path, or the name of a shipped model")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the variants and variants.json")
    parser.add_argument("--pieces", type=int, default=PIECES, help="held-out pieces to score (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        dataset = Dataset(options.dataset)
        models = make(resolve(options.model), options.out)
        rows = measure(models, dataset, spread(dataset.split("test"), options.pieces))
    except BrainMusicError as error:
        print(f"training.experiments.variants: {error}", file=sys.stderr)
        return error.exit_code
    (options.out / "variants.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
