"""How well a model predicts pieces that it never saw, and how what it plays compares with human music.

    python -m training.evaluate exported_models/polyphony.onnx --dataset data/polyphony
    python -m training.evaluate exported_models/polyphony.onnx --dataset data/polyphony \\
        --checkpoint runs/polyphony/best.pt --card exported_models/polyphony.md

Writes NAME.SPLIT.json (likelihood), NAME.quality.json (all that is measured of generated music,
`training.evaluation.quality`) and NAME.html, one page with all tables, plots and piano rolls. `--excerpts 0` leaves
generated music out.

An .onnx file is scored through onnxruntime, as the daemon runs it; a .pt file through torch. Every figure is the mean
over tokens, with a 95 % interval from 2000 bootstrap samples of whole pieces. "Hidden" hides every command, "known"
tells valence, arousal, attributes and ending as they were measured; the place in the bar is told in both. The Markov
chain knows neither. The training split is read in a sample, to show over-fitting.

`--emotion render ...` and `--emotion judge ...` ask whether the moods are heard as commanded: see
training.evaluation.emotion.renderings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from improv.config import Config, load
from improv.errors import BrainMusicError, InputError
from improv.model.onnx_model import OnnxModel
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.evaluation import markov, quality
from training.evaluation.card import write_card
from training.evaluation.emotion import renderings
from training.evaluation.figures import OVERALL, Estimate, Report, SourceReport, interval, table, write_report
from training.evaluation.markov import Markov
from training.evaluation.reports.evaluation import write_page
from training.models.checkpoints import read_checkpoint
from training.models.export import largest_difference, network_of, tolerance_of
from training.models.scoring import OnnxScorer, PieceScore, Scorer, TorchScorer, score_pieces

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


def measure(scorer: Scorer, chain: Markov, dataset: Dataset, pieces: list[PieceRow]) -> list[SourceReport]:
    """Score pieces with commands hidden and known, and by the Markov chain."""
    hidden = score_pieces(scorer, dataset, pieces, commands=False)
    known = score_pieces(scorer, dataset, pieces, commands=True)
    return _by_source(pieces, hidden, known, markov.score_pieces(chain, dataset, pieces))


def open_scorer(path: Path) -> tuple[Scorer, str]:
    """The scorer of an exported model or of a checkpoint, and the name of what computes it."""
    if path.suffix == ".pt":
        return TorchScorer(network_of(read_checkpoint(path)), torch.device("cpu")), "torch"
    return OnnxScorer(OnnxModel(path, "cpu")), "onnxruntime"


def evaluate(path: Path, dataset: Dataset, split: str = "test") -> Report:
    """Score one split and as many training pieces."""
    scorer, backend = open_scorer(path)
    held_out = dataset.split(split)
    chosen = {split: held_out}
    if split != "train":
        chosen["train"] = spread(dataset.split("train"), len(held_out))
    chain = markov.fit(dataset)
    splits = {}
    for name, pieces in chosen.items():
        print(f"scoring {len(pieces)} pieces of the {name} split with {backend} ...", file=sys.stderr)
        splits[name] = measure(scorer, chain, dataset, pieces)
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
    """The checkpoint that a model was exported from and their largest difference; InputError when it is another's."""
    saved = read_checkpoint(checkpoint)
    network, model = network_of(saved), OnnxModel(path, "cpu")
    there, here = [part.shape for part in model.initial_state(1)], [part.shape for part in network.zero_state(1)]
    difference = largest_difference(network, model) if there == here else float("inf")
    if not difference <= tolerance_of(path):
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


def read_truth(path: Path) -> Estimate:
    """The share of renderings whose mood a listener recognises, from a file of training.evaluation.emotion.truth."""
    try:
        found = json.loads(path.read_text())["as played"]
        right = round(found["four_moods"] * found["judged"])
        return quality.mean([1.0] * right + [0.0] * (found["judged"] - right))
    except FileNotFoundError:
        raise InputError(
            f"--truth: the file {path} is not there; python -m training.evaluation.emotion.truth makes it"
        ) from None
    except (ValueError, KeyError, TypeError, OSError):
        raise InputError(f"--truth: {path} is not a result of training.evaluation.emotion.truth") from None


def compare(
    path: Path,
    dataset: Dataset,
    report: Report,
    count: int,
    previous: Path | None,
    truth: Estimate | None,
    out: Path,
    config: Config,
) -> list[Path]:
    """Measure what the model plays beside human music; prints the tables and returns the files that it wrote."""
    model = OnnxModel(path, "cpu")
    if model.encoding.fingerprint != dataset.encoding.fingerprint:
        raise InputError(f"{path} is of family {model.contract.family}, the dataset of {dataset.encoding.family}")
    sets = quality.collect(model, dataset, count, OnnxModel(previous, "cpu") if previous else None, config)
    found = quality.measure(model, dataset, sets, max(1, count // 8), truth, config)
    print(quality.text(found))
    written = [out / f"{report.model}.quality.json", out / f"{report.model}.html"]
    partial = written[0].with_name(written[0].name + ".partial")
    partial.write_text(json.dumps(found.content(), indent=1) + "\n")
    os.replace(partial, written[0])
    write_page(written[1], report, found, sets)
    return written


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if "--emotion" in words:  # is it felt as commanded? a command of its own
        return renderings.main([word for word in words if word != "--emotion"])
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="an exported model (.onnx) or a checkpoint (.pt)")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=("train", "valid", "test"))
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where NAME.SPLIT.json goes (default: beside the model)"
    )
    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="write the model card, or bring its figures up to date"
    )
    parser.add_argument(
        "--excerpts",
        type=int,
        default=EXCERPTS,
        help="pieces and renderings to compare, 0: likelihood only (default: %(default)s)",
    )
    parser.add_argument("--previous", type=Path, metavar="FILE", help="an older model to measure beside this one")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="what training.evaluation.emotion.truth has found, for the row of felt emotion",
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="what the model was exported from: tells the card how it was made"
    )
    parser.add_argument(
        "-o",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="let it play with this setting, as `improv run -o` does; no config.yaml is read",
    )
    options = parser.parse_args(arguments)
    try:
        config = load(None, options.overrides, {})
        if options.model.suffix == ".pt" and (options.card or options.checkpoint):
            raise InputError("--card and --checkpoint belong to an exported model (.onnx), not to a checkpoint (.pt)")
        dataset = Dataset(options.dataset)
        made = check_checkpoint(options.model, options.checkpoint) if options.checkpoint else None
        if checkpoint := options.model if options.model.suffix == ".pt" else options.checkpoint:
            check_split(checkpoint, dataset)
        report = evaluate(options.model, dataset, options.split)
        written = write_report(report, options.out or options.model.parent)
        print(table(report))
        print(f"written: {written}")
        if options.excerpts and options.model.suffix != ".pt":
            truth = read_truth(options.truth) if options.truth else None
            count, previous = options.excerpts, options.previous
            for path in compare(options.model, dataset, report, count, previous, truth, written.parent, config):
                print(f"written: {path}")
        if options.card:
            write_card(options.card, OnnxModel(options.model, "cpu").contract, report, dataset, made)
            print(f"written: {options.card}")
    except BrainMusicError as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
