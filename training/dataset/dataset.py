"""Prepared token streams on disk: flat arrays that are memory-mapped, and a table of pieces.

tokens.bin        uint16   every token of every piece, one after the other
token_step.bin    uint32   the step (row of conditioning.bin) that each token belongs to
conditioning.bin  float16  (steps, conditioning.SIZE), all commands known
pieces.csv        name, work, source, split, first and last token, sha256 of the tokens
rejects.csv       source, name, reason
splits.csv        sha256, split: give it to a later prepare as --splits, and no piece changes its side
features.csv      what each piece is like, in the order of pieces.csv (training.corpus.features); also features.parquet
windows.csv       the same of every four bars; also windows.parquet
balance.csv       how much more often each training piece is to be drawn for a balanced sample
(training.dataset.balance) dataset.json      family, vocabulary fingerprint, conditioning specification, sources,
numbers of tokens and steps,
                  limit: how many files of each source were read, null for all
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from improv.errors import InputError
from improv.files import write_whole
from improv.model import conditioning
from improv.model.vocabulary import encoding_for
from training.corpus import features
from training.dataset.balance import read_balance, write_balance
from training.dataset.plan_columns import NO_PLAN, PlanRows
from training.dataset.tables import TableWriter

FORMAT = 1
PLAN_FILES = ("plan", "plan_sets", "plan_moves", "plan_onsets")
PLAN_TYPES = (np.int16, np.int32, np.int8, np.uint8)
PIECE_COLUMNS = ("name", "work", "source", "split", "start", "stop", "sha256")


@dataclass(frozen=True)
class EncodedPiece:
    """opening: how the tune begins, in any key (corpus.opening). tokens: uint16 (n,). step_of_token: uint32 (n,), the
    first step is 0. conditioning: float16 (steps, conditioning.SIZE). plan: of each step, where the
    family has one. sketch: for near-duplicates (fingerprint.sketch). tune: for takes of one piece (fingerprint.tune).
    features, windows: rows of features.csv and windows.csv.
    """

    name: str
    work: str
    source: str
    opening: str
    tokens: np.ndarray
    step_of_token: np.ndarray
    conditioning: np.ndarray
    plan: PlanRows = NO_PLAN
    sketch: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    tune: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    features: dict[str, Any] = field(default_factory=dict)
    windows: list[dict[str, Any]] = field(default_factory=list)


class DatasetWriter:
    """Writes beside `out` and puts the folder in its place only when all of it is there."""

    def __init__(self, out: Path, family: str, limit: int | None = None) -> None:
        self._out, self._family, self._limit = out, family, limit
        self._folder = out.with_name(out.name + ".partial")
        self._tokens_written = self._steps_written = self._onsets_written = 0
        self._rows: list[dict[str, object]] = []
        self._rejects: list[tuple[str, str, str]] = []
        self._files: dict[str, IO[bytes]] = {}
        self._tables: dict[str, TableWriter] = {}

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        names = ("tokens", "token_step", "conditioning", *(PLAN_FILES if encoding_for(self._family).planned else ()))
        self._files = {name: (self._folder / f"{name}.bin").open("wb") for name in names}
        # Written piece by piece: the windows of a large corpus do not fit in memory.
        for name, columns in (("features", features.PIECE_COLUMNS), ("windows", features.WINDOW_COLUMNS)):
            self._tables[name] = TableWriter(self._folder / name, columns)
        return self

    def add(self, piece: EncodedPiece) -> None:
        start = self._tokens_written
        self._files["tokens"].write(piece.tokens.astype(np.uint16).tobytes())
        self._files["token_step"].write((piece.step_of_token + self._steps_written).astype(np.uint32).tobytes())
        self._files["conditioning"].write(piece.conditioning.astype(np.float16).tobytes())
        self._add_plan(piece.plan)
        self._tokens_written += len(piece.tokens)
        self._steps_written += len(piece.conditioning)
        digest = hashlib.sha256(piece.tokens.astype(np.uint16).tobytes()).hexdigest()
        values = (piece.name, piece.work, piece.source, "", start, self._tokens_written, digest)
        self._rows.append(dict(zip(PIECE_COLUMNS, values, strict=True)))
        self._describe(piece)

    def _add_plan(self, plan: PlanRows) -> None:
        if "plan" not in self._files:
            return
        arrays: tuple[np.ndarray, ...] = plan._replace(sets=plan.sets + self._onsets_written)
        for name, array, kind in zip(PLAN_FILES, arrays, PLAN_TYPES, strict=True):
            self._files[name].write(array.astype(kind).tobytes())
        self._onsets_written += len(plan.onsets)

    def _describe(self, piece: EncodedPiece) -> None:
        """The piece's rows in features and windows; `piece` counts from 0 in the order of pieces.csv."""
        number = {"piece": len(self._rows) - 1}
        names = {"name": piece.name, "source": piece.source, "work": piece.work}
        self._tables["features"].add([piece.features | number | names])
        self._tables["windows"].add([row | number for row in piece.windows])

    @property
    def hashes(self) -> list[str]:
        """sha256 of each piece's tokens, in the order of `add`."""
        return [str(row["sha256"]) for row in self._rows]

    def assign(self, splits: Sequence[str]) -> None:
        """Give every piece its split, in the order of `add`; only the whole set of pieces decides it."""
        for row, split in zip(self._rows, splits, strict=True):
            row["split"] = split

    def reject(self, source: str, name: str, reason: str) -> None:
        self._rejects.append((source, name, reason))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()
        for table in self._tables.values():
            table.close()
        if kind is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        self._write_tables()
        shutil.rmtree(self._out, ignore_errors=True)
        self._folder.rename(self._out)

    def _write_tables(self) -> None:
        with (self._folder / "pieces.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, PIECE_COLUMNS)
            table.writeheader()
            table.writerows(self._rows)
        with (self._folder / "rejects.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("source", "name", "reason"), *self._rejects])
        with (self._folder / "splits.csv").open("w", newline="") as file:
            frozen = sorted({(row["sha256"], row["split"]) for row in self._rows})
            csv.writer(file).writerows([("sha256", "split"), *frozen])
        write_balance(self._folder)
        about = {
            "format": FORMAT,
            "family": self._family,
            "fingerprint": encoding_for(self._family).fingerprint,
            "conditioning": json.loads(conditioning.specification_for(encoding_for(self._family))),
            "sources": sorted({str(row["source"]) for row in self._rows}),
            "tokens": self._tokens_written,
            "steps": self._steps_written,
            "limit": self._limit,
        }
        write_whole(self._folder / "dataset.json", json.dumps(about, indent=1))


@dataclass(frozen=True)
class PieceRow:
    """One line of pieces.csv: tokens[start:stop] is the piece."""

    name: str
    work: str
    source: str
    split: str
    start: int
    stop: int
    sha256: str


class Dataset:
    """A prepared folder, opened for reading. Arrays are memory-mapped."""

    def __init__(self, folder: Path) -> None:
        try:
            self.about = json.loads((folder / "dataset.json").read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{folder} is not a prepared dataset; make one with python -m training prepare") from None
        except ValueError:
            raise InputError(f"{folder}/dataset.json is damaged: prepare it again") from None
        if self.about.get("format") != FORMAT:
            there = self.about.get("format")
            raise InputError(f"{folder} is of dataset format {there}, this version reads {FORMAT}: prepare it again")
        self.encoding = encoding_for(self.about["family"])
        if self.about["fingerprint"] != self.encoding.fingerprint:
            raise InputError(
                f"{folder} was prepared with vocabulary {self.about['fingerprint']}, "
                f"this version has {self.encoding.fingerprint}: prepare it again"
            )
        if self.about["conditioning"] != json.loads(conditioning.specification_for(self.encoding)):
            raise InputError(f"{folder} was prepared with another conditioning than this version has: prepare it again")
        try:
            self.tokens = np.memmap(folder / "tokens.bin", np.uint16, "r")
            self.token_step = np.memmap(folder / "token_step.bin", np.uint32, "r")
            self.conditioning = np.memmap(folder / "conditioning.bin", np.float16, "r").reshape(-1, conditioning.SIZE)
        except (OSError, ValueError) as error:  # missing, empty, or cut in the middle of a row
            raise InputError(f"{folder} is not whole ({error}): prepare it again") from None
        self.plan = self._plan(folder) if self.encoding.planned else NO_PLAN
        with (folder / "pieces.csv").open(newline="") as file:
            self.pieces = [
                PieceRow(r["name"], r["work"], r["source"], r["split"], int(r["start"]), int(r["stop"]), r["sha256"])
                for r in csv.DictReader(file)
            ]
        self._folder = folder
        self._check_lengths(folder)

    @staticmethod
    def _plan(folder: Path) -> PlanRows:
        widths = [array.shape[1] for array in NO_PLAN]
        try:
            arrays = [
                np.memmap(folder / f"{name}.bin", kind, "r").reshape(-1, width)
                for name, kind, width in zip(PLAN_FILES, PLAN_TYPES, widths, strict=True)
            ]
        except (OSError, ValueError) as error:
            raise InputError(f"{folder} is not whole ({error}): prepare it again") from None
        return PlanRows(*arrays)

    def _check_lengths(self, folder: Path) -> None:
        """A folder that was copied in part must not be trained on."""
        lengths = (len(self.tokens), len(self.token_step), len(self.conditioning))
        expected = (self.about["tokens"], self.about["tokens"], self.about["steps"])
        if lengths != expected:
            raise InputError(
                f"{folder} is not whole: tokens, token_step, conditioning have {lengths} rows, "
                f"dataset.json says {expected}: prepare it again"
            )

    def split(self, name: str) -> list[PieceRow]:
        """The pieces of train, valid or test; InputError when there are none."""
        chosen = [piece for piece in self.pieces if piece.split == name]
        if not chosen:
            raise InputError(f"the dataset has no piece in its {name} split; add more works")
        return chosen

    def weights(self, name: str) -> list[float]:
        """For a balanced draw, how often each piece of a split comes, in the order of `split`; InputError without."""
        known = read_balance(self._folder)
        return [known.get(index, 1.0) for index, piece in enumerate(self.pieces) if piece.split == name]

    def split_hash(self) -> str:
        """One hash over which piece lies in which split."""
        lines = sorted(f"{piece.sha256} {piece.split}" for piece in self.pieces)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
