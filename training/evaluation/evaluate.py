"""How well a model predicts pieces that it never saw, and how what it plays compares with human music.

    python -m training evaluate exported_models/polyphony.onnx --dataset data/polyphony
    python -m training evaluate exported_models/polyphony.onnx --dataset data/polyphony \\
        --checkpoint runs/polyphony/best.pt --card exported_models/polyphony.md

Writes NAME.SPLIT.json (likelihood), NAME.quality.json (all that is measured of generated music) and NAME.html, one page
with all tables, plots and piano rolls. `--excerpts 0` leaves generated music out. `--people ARCHIVE...` measures
whether it is composed, too, and writes NAME.composition.json: see `composition --help`.

An .onnx file is scored through onnxruntime, as the daemon runs it; a .pt file through torch. Every figure is the mean
over tokens, with a 95 % interval from 2000 bootstrap samples of whole pieces. "Hidden" hides every command, "known"
tells valence, arousal, attributes and ending as they were measured; the place in the bar is told in both. The Markov
chain knows neither. The training split is read in a sample, to show over-fitting.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from improv.config import Config, load
from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import OnnxModel
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.parallel_map import Mapping, working
from training.dataset.splits import spread
from training.evaluation import markov, quality
from training.evaluation.card import write_card
from training.evaluation.composition import comparison
from training.evaluation.figures import OVERALL, Estimate, Report, SourceReport, interval, table, write_report
from training.evaluation.markov import Markov
from training.evaluation.overrides import add_overrides
from training.evaluation.parallel_scoring import score_all
from training.evaluation.reports.evaluation import write_page
from training.models.checkpoints import read_checkpoint
from training.models.export import difference_from, network_of
from training.models.job_data import ModelFile
from training.models.scoring import PieceScore

EXCERPTS = 40  # 40 pieces and as many renderings of two minutes: some minutes of one core


def _by_source(
    pieces: Sequence[PieceRow], hidden: Sequence[PieceScore], known: Sequence[PieceScore], chain: Sequence[float]
) -> list[SourceReport]:
    sources = np.array([piece.source for piece in pieces])
    tokens = np.array([score.tokens for score in hidden], dtype=np.float64)
    columns = {
        "hidden": [score.nats for score in hidden],
        "known": [score.nats for score in known],
        "markov": list(chain),
        "gain": [nats - score.nats for nats, score in zip(chain, hidden, strict=True)],
        "hidden_accuracy": [score.right for score in hidden],
        "known_accuracy": [score.right for score in known],
    }
    reports = []
    for source in (*sorted(set(sources)), OVERALL):
        chosen = np.flatnonzero((sources == source) | (source == OVERALL))
        estimates = {
            name: interval(np.array(v, dtype=np.float64)[chosen], tokens[chosen]) for name, v in columns.items()
        }
        reports.append(SourceReport(str(source), len(chosen), int(tokens[chosen].sum()), **estimates))
    return reports


def measure(
    model: ModelFile, chain: Markov, dataset: Dataset, pieces: list[PieceRow], mapping: Mapping
) -> list[SourceReport]:
    """Score pieces with commands hidden and known, and by the Markov chain."""
    hidden, known = score_all(model, dataset, pieces, mapping)
    return _by_source(pieces, hidden, known, markov.score_pieces(chain, dataset, pieces))


def evaluate(path: Path, dataset: Dataset, split: str = "test", mapping: Mapping = map) -> Report:
    """Score one split and as many training pieces. mapping: who computes it (training.dataset.parallel_map)."""
    if path.suffix == ".pt":
        backend = "torch"
        read_checkpoint(path)  # InputError at once where it is none
    else:
        backend = "onnxruntime"
        OnnxModel(path, "cpu")
    model = ModelFile.of(path)
    held_out = dataset.split(split)
    chosen = {split: held_out}
    if split != "train":
        chosen["train"] = spread(dataset.split("train"), len(held_out))
    chain = markov.fit(dataset)
    splits = {}
    for name, pieces in chosen.items():
        print(f"scoring {len(pieces)} pieces of the {name} split with {backend} ...", file=sys.stderr)
        splits[name] = measure(model, chain, dataset, pieces, mapping)
    return Report(
        model=path.stem,
        backend=backend,
        family=dataset.encoding.family,
        fingerprint=dataset.encoding.fingerprint,
        split_hash=dataset.split_hash(),
        split=split,
        pieces=count_pieces(dataset),
        splits=splits,
    )


def count_pieces(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Source -> split -> number of pieces."""
    counts = Counter((piece.source, piece.split) for piece in dataset.pieces)
    sources = sorted({piece.source for piece in dataset.pieces})
    return {source: {split: counts[source, split] for split in ("train", "valid", "test")} for source in sources}


def check_checkpoint(path: Path, checkpoint: Path) -> tuple[dict[str, Any], float]:
    """The checkpoint that a model was exported from and how far it differs; InputError when it is another's."""
    saved = read_checkpoint(checkpoint)
    network, model = network_of(saved), OnnxModel(path, "cpu")
    there, here = [part.shape for part in model.initial_state(1)], [part.shape for part in network.zero_state(1)]
    difference, allowed = difference_from(network, path) if there == here else (float("inf"), 0.0)
    if not difference <= allowed:
        raise InputError(f"{path} was not exported from {checkpoint}: their logits differ by {difference:.2e}")
    return saved, difference


def check_split(checkpoint: Path, dataset: Dataset) -> None:
    """InputError when the checkpoint was trained on another split: what is held out here may have been trained on."""
    there, here = read_checkpoint(checkpoint)["split_hash"], dataset.split_hash()
    if there != here:
        raise InputError(
            f"{checkpoint} was trained on the split {there}, the dataset has {here}: its held-out pieces may have been "
            "trained on; evaluate on the dataset of the training"
        )


def read_emotion(path: Path) -> Estimate:
    """The share of renderings whose mood judge (a) recognises as they are played, from the result of `emotion judge`.

    InputError when it is not there or something else.
    """
    try:
        found = json.loads(path.read_text())["judge_a"]["played"]
        right = round(found["four_moods"] * found["judged"])
        return quality.mean([1.0] * right + [0.0] * (found["judged"] - right))
    except FileNotFoundError:
        raise InputError(
            f"--emotion: the file {path} is not there; python -m training emotion judge makes it"
        ) from None
    except (ValueError, KeyError, TypeError, OSError):
        raise InputError(f"--emotion: {path} is not a result of python -m training emotion judge") from None


def compare(
    path: Path,
    dataset: Dataset,
    report: Report,
    count: int,
    previous: Path | None,
    emotion: Estimate | None,
    out: Path,
    config: Config,
    mapping: Mapping = map,
) -> list[Path]:
    """Measure what the model plays beside human music; prints the tables and returns the files that it wrote."""
    model = OnnxModel(path, "cpu")
    if model.encoding.fingerprint != dataset.encoding.fingerprint:
        raise InputError(f"{path} is of family {model.contract.family}, the dataset of {dataset.encoding.family}")
    if previous:
        OnnxModel(previous, "cpu")  # a file that is no model is refused before the work begins
    ours, before = ModelFile.of(path), ModelFile.of(previous) if previous else None
    sets = quality.collect(ours, dataset, count, before, config, mapping)
    found = quality.measure(ours, dataset, sets, max(1, count // 8), emotion, config, mapping)
    print(quality.text(found))
    written = [out / f"{report.model}.quality.json", out / f"{report.model}.html"]
    with atomic_write(written[0]) as file:
        file.write(json.dumps(found.content(), indent=1) + "\n")
    write_page(written[1], report, found, sets)
    return written


def composed(options: argparse.Namespace, out: Path) -> Path:
    """Measure whether what it plays is composed, beside people and a previous model; prints a table, returns `out`."""
    models = [str(path) for path in (options.previous, options.model) if path]
    chosen = comparison.players(models, options.overrides, ())
    request = comparison.Request(options.people, options.split, long=1, jobs=options.processes)
    found = comparison.compare(chosen, request)
    found.write(out, data=[Path(name).name for name in options.people], split=options.split)
    print(found.text())
    return out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", type=Path, help="an exported model (.onnx) or a checkpoint (.pt)")
    add("--dataset", type=Path, required=True, help="folder that `prepare` wrote")
    add("--split", default="test", choices=("train", "valid", "test"))
    add("--out", type=Path, metavar="DIR", help="where NAME.SPLIT.json goes (default: beside the model)")
    add("--card", type=Path, metavar="FILE", help="write the model card, or bring its figures up to date")
    add(
        "--excerpts",
        type=int,
        default=EXCERPTS,
        help="pieces and renderings to compare, 0: likelihood only (default: %(default)s)",
    )
    add("--previous", type=Path, metavar="FILE", help="an older model to measure beside this one")
    add("--emotion", type=Path, metavar="FILE", help="emotion.json of `emotion judge`, for the row of felt emotion")
    add("--people", nargs="+", metavar="ARCHIVE", help="people's music, to measure beside it whether it is composed")
    add("--checkpoint", type=Path, help="what the model was exported from: tells the card how it was made")
    add("--processes", type=int, default=1, help="that score and render side by side (default: %(default)s)")
    add("--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster that scores and renders")
    add_overrides(parser, "it")


def command(options: argparse.Namespace) -> None:
    if options.processes < 1:
        raise InputError(f"--processes must be 1 or more, got {options.processes}")
    config = load(None, options.overrides, {})
    is_checkpoint = options.model.suffix == ".pt"
    if is_checkpoint and (options.card or options.checkpoint):
        raise InputError("--card and --checkpoint belong to an exported model (.onnx), not to a checkpoint (.pt)")
    emotion = read_emotion(options.emotion) if options.emotion else None
    dataset = Dataset(options.dataset)
    made = check_checkpoint(options.model, options.checkpoint) if options.checkpoint else None
    if checkpoint := options.model if is_checkpoint else options.checkpoint:
        check_split(checkpoint, dataset)
    with working(options.processes, options.cluster) as mapping:
        report = evaluate(options.model, dataset, options.split, mapping)
        written = [write_report(report, options.out or options.model.parent)]
        print(table(report))
        if options.excerpts and not is_checkpoint:
            folder, count, previous = written[0].parent, options.excerpts, options.previous
            written += compare(options.model, dataset, report, count, previous, emotion, folder, config, mapping)
    if options.people and not is_checkpoint:
        written.append(composed(options, written[0].with_name(f"{report.model}.composition.json")))
    if options.card:
        contract = OnnxModel(options.model, "cpu").contract
        write_card(options.card, contract, report, dataset, made, options.model.read_bytes())
        written.append(options.card)
    for path in written:
        print(f"written: {path}")
