"""What travels to another process: pieces cut out of a dataset, and a model as the bytes of its file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import Encoding, encoding_for
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.plan_columns import NO_PLAN, PlanRows


@dataclass(frozen=True)
class Part:
    """Some pieces with their arrays, as Dataset has them; pieces: where they lie in these arrays."""

    family: str
    pieces: tuple[PieceRow, ...]
    tokens: NDArray[np.uint16]
    token_step: NDArray[np.uint32]
    conditioning: NDArray[np.float16]
    plan: PlanRows

    @property
    def encoding(self) -> Encoding:
        return encoding_for(self.family)

    @classmethod
    def of(cls, dataset: Dataset, pieces: Sequence[PieceRow]) -> Self:
        """A copy of what belongs to the pieces, at least one."""
        rows, token_steps, steps, start, base = [], [], [], 0, 0
        for piece in pieces:
            own = np.array(dataset.token_step[piece.start : piece.stop], dtype=np.int64)
            steps.append(np.arange(own[0], own[-1] + 1))
            token_steps.append(own - own[0] + base)
            rows.append(replace(piece, start=start, stop=start + len(own)))
            start, base = start + len(own), base + len(steps[-1])
        of_all = np.concatenate(steps)
        return cls(
            dataset.encoding.family,
            tuple(rows),
            np.concatenate([dataset.tokens[piece.start : piece.stop] for piece in pieces]),
            np.concatenate(token_steps).astype(np.uint32),
            np.array(dataset.conditioning[of_all]),
            plan_at(dataset.plan, of_all) if dataset.encoding.planned else NO_PLAN,
        )


def plan_at(plan: PlanRows, steps: NDArray[np.int64]) -> PlanRows:
    """The plan of some steps, with no more rows of `onsets` than they speak of."""
    used, place = np.unique(plan.sets[steps], return_inverse=True)
    sets = place.reshape(len(steps), -1).astype(np.int32)
    return PlanRows(np.array(plan.columns[steps]), sets, np.array(plan.moves[steps]), np.array(plan.onsets[used]))


class ModelFile(NamedTuple):
    """name: with the suffix, .onnx or .pt, that says what it is."""

    name: str
    content: bytes

    @classmethod
    def of(cls, path: Path) -> Self:
        return cls(path.name, path.read_bytes())

    def written(self, folder: Path) -> Path:
        """Write it as a file again."""
        path = folder / self.name
        path.write_bytes(self.content)
        return path


@lru_cache(maxsize=2)  # a model and the previous one; it is opened once for all that one process does with it
def model_of(file: ModelFile) -> OnnxModel:
    """The exported model. Nothing is left on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        return OnnxModel(file.written(Path(folder)), "cpu")
