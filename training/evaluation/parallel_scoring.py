"""Held-out pieces scored in batches, each of which any process or machine can compute."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from training.dataset.dataset import Dataset, PieceRow
from training.dataset.parallel_map import Mapping
from training.models.checkpoints import read_checkpoint
from training.models.export import network_of
from training.models.job_data import ModelFile, Part, model_of
from training.models.scoring import LANES, OnnxScorer, PieceScore, Scorer, TorchScorer, score_pieces

_NOTHING = np.zeros(0)


class Batch(NamedTuple):
    """A model and some pieces of about the same length."""

    model: ModelFile
    part: Part


@lru_cache(maxsize=1)
def scorer_of(file: ModelFile) -> Scorer:
    """An exported model is stepped by onnxruntime, as the daemon runs it; a checkpoint by torch."""
    if not file.name.endswith(".pt"):
        return OnnxScorer(model_of(file))
    with tempfile.TemporaryDirectory() as folder:
        return TorchScorer(network_of(read_checkpoint(file.written(Path(folder)))), torch.device("cpu"))


def scored(batch: Batch) -> tuple[list[PieceScore], list[PieceScore]]:
    """Every piece with commands hidden and known. Without the nats of each token, which are many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums by several threads have other last digits
    try:
        hidden, known = (
            score_pieces(scorer_of(batch.model), batch.part, batch.part.pieces, commands=commands)
            for commands in (False, True)
        )
    finally:
        torch.set_num_threads(threads)
    return [one._replace(each=_NOTHING) for one in hidden], [one._replace(each=_NOTHING) for one in known]


def score_all(
    model: ModelFile, dataset: Dataset, pieces: Sequence[PieceRow], mapping: Mapping
) -> tuple[list[PieceScore], list[PieceScore]]:
    """Every piece with commands hidden and known, in the order of `pieces`.

    Which pieces are a batch depends on the pieces alone: the digits are the same for any number of processes.
    """
    order = sorted(range(len(pieces)), key=lambda index: pieces[index].start - pieces[index].stop)
    batches = [order[at : at + LANES] for at in range(0, len(order), LANES)]

    def jobs() -> Iterator[Batch]:
        for batch in batches:
            yield Batch(model, Part.of(dataset, [pieces[index] for index in batch]))

    hidden: dict[int, PieceScore] = {}
    known: dict[int, PieceScore] = {}
    for batch, scores in zip(batches, mapping(scored, jobs()), strict=True):
        for found, rows in zip((hidden, known), scores, strict=True):
            found |= {index: row._replace(piece=pieces[index]) for index, row in zip(batch, rows, strict=True)}
    return [hidden[index] for index in range(len(pieces))], [known[index] for index in range(len(pieces))]
