"""Prepared token streams on disk: flat arrays that are memory-mapped, and a table of pieces.

    tokens.bin        uint16   every token of every piece, one after the other
    token_step.bin    uint32   the step (row of conditioning.bin) that each token belongs to
    conditioning.bin  float16  (steps, conditioning.SIZE), all commands known
    pieces.csv        name, work, source, split, first and last token, sha256 of the tokens
    rejects.csv       source, name, reason
    dataset.json      family, vocabulary fingerprint, conditioning specification, sources
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from improv import conditioning
from improv.encodings import encoding_for
from improv.errors import InputError

FORMAT = 1
PIECE_COLUMNS = ("name", "work", "source", "split", "start", "stop", "sha256")


@dataclass(frozen=True)
class EncodedPiece:
    """opening: how the tune begins, in any key (corpus.opening). tokens: uint16 (n,). step_of_token: uint32 (n,), from 0. conditioning: float16 (steps, conditioning.SIZE)."""

    name: str
    work: str
    source: str
    opening: str
    tokens: np.ndarray
    step_of_token: np.ndarray
    conditioning: np.ndarray


class DatasetWriter:
    """Writes beside `out` and puts the folder in its place only when all of it is there."""

    def __init__(self, out: Path, family: str) -> None:
        self._out, self._family = out, family
        self._folder = out.with_name(out.name + ".partial")
        self._tokens_written = self._steps_written = 0
        self._rows: list[dict[str, object]] = []
        self._rejects: list[tuple[str, str, str]] = []
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        names = ("tokens", "token_step", "conditioning")
        self._files = {name: (self._folder / f"{name}.bin").open("wb") for name in names}
        return self

    def add(self, piece: EncodedPiece, split: str) -> None:
        start = self._tokens_written
        self._files["tokens"].write(piece.tokens.astype(np.uint16).tobytes())
        self._files["token_step"].write((piece.step_of_token + self._steps_written).astype(np.uint32).tobytes())
        self._files["conditioning"].write(piece.conditioning.astype(np.float16).tobytes())
        self._tokens_written += len(piece.tokens)
        self._steps_written += len(piece.conditioning)
        digest = hashlib.sha256(piece.tokens.astype(np.uint16).tobytes()).hexdigest()
        values = (piece.name, piece.work, piece.source, split, start, self._tokens_written, digest)
        self._rows.append(dict(zip(PIECE_COLUMNS, values, strict=True)))

    def reject(self, source: str, name: str, reason: str) -> None:
        self._rejects.append((source, name, reason))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()
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
        about = {
            "format": FORMAT,
            "family": self._family,
            "fingerprint": encoding_for(self._family).fingerprint,
            "conditioning": json.loads(conditioning.specification()),
            "sources": sorted({str(row["source"]) for row in self._rows}),
            "tokens": self._tokens_written,
            "steps": self._steps_written,
        }
        (self._folder / "dataset.json").write_text(json.dumps(about, indent=1))


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
        except FileNotFoundError:
            raise InputError(f"{folder} is not a prepared dataset; make one with python -m training.prepare") from None
        self.encoding = encoding_for(self.about["family"])
        if self.about["fingerprint"] != self.encoding.fingerprint:
            raise InputError(
                f"{folder} was prepared with vocabulary {self.about['fingerprint']}, "
                f"this version has {self.encoding.fingerprint}: prepare it again"
            )
        if self.about["conditioning"] != json.loads(conditioning.specification()):
            raise InputError(f"{folder} was prepared with another conditioning than this version has: prepare it again")
        self.tokens = np.memmap(folder / "tokens.bin", np.uint16, "r")
        self.token_step = np.memmap(folder / "token_step.bin", np.uint32, "r")
        self.conditioning = np.memmap(folder / "conditioning.bin", np.float16, "r").reshape(-1, conditioning.SIZE)
        with (folder / "pieces.csv").open(newline="") as file:
            self.pieces = [
                PieceRow(r["name"], r["work"], r["source"], r["split"], int(r["start"]), int(r["stop"]), r["sha256"])
                for r in csv.DictReader(file)
            ]

    def split(self, name: str) -> list[PieceRow]:
        """The pieces of train, valid or test; InputError when there are none."""
        chosen = [piece for piece in self.pieces if piece.split == name]
        if not chosen:
            raise InputError(f"the dataset has no piece in its {name} split; add more works")
        return chosen

    def split_hash(self) -> str:
        """One hash over which piece lies in which split."""
        lines = sorted(f"{piece.sha256} {piece.split}" for piece in self.pieces)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
