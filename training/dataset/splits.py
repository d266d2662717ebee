"""Which pieces are trained on and which are held out: by work and by tune, from a hash, the same for ever."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from improv.errors import InputError

T = TypeVar("T")

SPLITS = ("train", "valid", "test")  # in this order a piece may be held out more, never less
# Shares of the hash space that go to validation and test.
VALID_SHARE, TEST_SHARE = 0.1, 0.1
# An opening of fewer intervals than this says nothing about the tune: a scale, a repeated note.
TELLING_INTERVALS = 8


def split_of(group: str) -> str:
    """train, valid or test, from a hash of the group's name alone: stable on every machine and for ever."""
    digest = hashlib.sha256(group.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    return "valid" if place < TEST_SHARE + VALID_SHARE else "train"


def spread(values: Sequence[T], count: int | None) -> list[T]:
    """At most `count` of the values, evenly spaced, so that every part of them is there by its share; None: all."""
    if count is None or len(values) <= count:
        return list(values)
    return [values[index] for index in np.linspace(0, len(values) - 1, count).round().astype(int)]


class Grouping:
    """Pieces that share a work or an opening, also by way of others, form one group and lie in one split.

    A group is named after the work of its first piece.
    """

    def __init__(self) -> None:
        self._works: list[str] = []  # of each piece, in the order of `add`
        self._parent: dict[str, str] = {}

    def add(self, work: str, opening: str) -> None:
        """Take the next piece. opening: as text of corpus.opening."""
        self._works.append(work)
        self.link(work, opening)

    def link(self, work: str, opening: str) -> None:
        """Learn of a tune of a work without taking a piece: of a copy that is left out."""
        node = self._root(f"work {work}")
        if len(opening.split()) >= TELLING_INTERVALS:
            tune = hashlib.blake2b(opening.encode(), digest_size=12).hexdigest()  # short: there may be 10^6 of them
            self._parent[self._root(f"opening {tune}")] = node

    def same(self, work: str, other: str) -> None:
        """Learn that two works are one: a file of the one is a copy of a file of the other."""
        self._parent[self._root(f"work {work}")] = self._root(f"work {other}")

    def _root(self, node: str) -> str:
        self._parent.setdefault(node, node)
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node

    def groups(self) -> list[str]:
        """The name of each piece's group, in the order of `add`."""
        first: dict[str, str] = {}
        return [first.setdefault(self._root(f"work {work}"), work) for work in self._works]

    def splits(self) -> list[str]:
        """The split of each piece, in the order of `add`."""
        return [split_of(group) for group in self.groups()]


def frozen_splits(groups: Sequence[str], hashes: Sequence[str], frozen: Mapping[str, str]) -> list[str]:
    """The split of each piece when some are fixed already. frozen: sha256 of a piece's tokens -> split.

    A fixed piece stays where it is. A new piece follows the fixed ones of its group, into test rather than valid rather
    than train, so that what was held out once is never trained on by way of a relative.
    """
    held: dict[str, str] = {}
    for group, sha256 in zip(groups, hashes, strict=True):
        if sha256 in frozen:
            held[group] = max(held.get(group, "train"), frozen[sha256], key=SPLITS.index)
    return [
        frozen.get(sha256) or held.get(group) or split_of(group) for group, sha256 in zip(groups, hashes, strict=True)
    ]


def read_frozen(path: Path | None) -> dict[str, str]:
    """sha256 -> split from the splits.csv of an earlier dataset; empty without a path."""
    if path is None:
        return {}
    if not path.is_file():
        raise InputError(f"--splits: the file {path} is not there")
    with path.open(newline="") as file:
        table = csv.DictReader(file)
        if missing := {"sha256", "split"} - set(table.fieldnames or ()):
            raise InputError(f"--splits: {path} has no column {', '.join(sorted(missing))}")
        frozen = {row["sha256"]: row["split"] for row in table}
    if wrong := set(frozen.values()) - set(SPLITS):
        raise InputError(f"--splits: {path} has a split {sorted(wrong)[0]!r}; there are: {', '.join(SPLITS)}")
    return frozen
