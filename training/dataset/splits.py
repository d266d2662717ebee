"""Which pieces are trained on and which are held out: by work and by tune, from a hash, the same for ever."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np

from improv.errors import InputError
from training.corpus.fingerprint import Hashes, same_tune

T = TypeVar("T")

SPLITS = ("train", "valid", "test")  # in this order a piece may be held out more, never less
# Shares of the hash space that go to validation and test.
VALID_SHARE, TEST_SHARE = 0.1, 0.1
# An opening of fewer intervals than this says nothing about the tune: a scale, a repeated note.
TELLING_INTERVALS = 8
SMALL_COLLECTION = 500
"""Pieces up to which tunes are compared, each with each."""
_FEW_NAMED = 3


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

    A group is named after the work of its first piece. A work that only file names tell of is none where it would be
    more than half of all pieces: then the names are the collection's. In a small collection pieces that share their
    tunes are one work whatever they are called.
    """

    def __init__(self) -> None:
        self._works: list[str] = []  # of each piece, in the order of `add`
        self._own: list[str] = []
        self._openings: list[str] = []
        self._tunes: list[Hashes] = []
        self._sure: set[str] = set()
        self._linked: list[tuple[str, str]] = []
        """(work, opening or other work), as nodes."""

    def add(self, work: str, opening: str, own: str = "", tune: Hashes | None = None, *, sure: bool = True) -> None:
        """Take the next piece. opening: as text of reading.opening. own: the work's name if it is a work by itself.
        tune: see `fingerprint.tune`. sure: whether the work is known by more than names of files.
        """
        self._works.append(work)
        self._own.append(own)
        self._openings.append(opening)
        self._tunes.append(np.zeros(0, dtype=np.uint64) if tune is None else tune)
        if sure:
            self._sure.add(work)

    def link(self, work: str, opening: str) -> None:
        """Learn of a tune of a work without taking a piece: of a copy that is left out."""
        if node := _tune_node(opening):
            self._linked.append((f"work {work}", node))

    def same(self, work: str, other: str) -> None:
        """Learn that two works are one: a file of the one is a copy of a file of the other."""
        self._linked.append((f"work {work}", f"work {other}"))

    @property
    def only_named(self) -> set[str]:
        """Works that only names tell of and that would be more than half of all pieces."""
        counts = Counter(self._works)
        many = {work for work, count in counts.items() if count >= _FEW_NAMED and 2 * count > len(self._works)}
        return {work for work in many - self._sure if any(self._own)}

    def groups(self) -> list[str]:
        """The name of each piece's group, in the order of `add`."""
        joined, dissolved = _Joined(), self.only_named
        for one, other in self._linked:
            joined.join(other, one)
        nodes = []
        for index, work in enumerate(self._works):
            node = f"piece {index}" if work in dissolved else f"work {work}"
            nodes.append(node)
            if opening := _tune_node(self._openings[index]):
                joined.join(opening, node)
        if len(nodes) <= SMALL_COLLECTION:
            for (one, mine), (other, theirs) in combinations(zip(nodes, self._tunes, strict=True), 2):
                if same_tune(mine, theirs):
                    joined.join(other, one)
        first: dict[str, str] = {}
        names = (own if work in dissolved else work for own, work in zip(self._own, self._works, strict=True))
        return [first.setdefault(joined.root(node), name) for node, name in zip(nodes, names, strict=True)]

    def splits(self) -> list[str]:
        """The split of each piece, in the order of `add`."""
        return [split_of(group) for group in self.groups()]


class _Joined:
    """Which nodes belong together."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        self._parent[self.root(one)] = self.root(other)

    def root(self, node: str) -> str:
        self._parent.setdefault(node, node)
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node


def _tune_node(opening: str) -> str:
    """A node for an opening that tells of a tune, else ""."""
    if len(opening.split()) < TELLING_INTERVALS:
        return ""
    return (
        "opening " + hashlib.blake2b(opening.encode(), digest_size=12).hexdigest()
    )  # short: there may be 10^6 of them


def with_all_splits(groups: Sequence[str], splits: Sequence[str]) -> list[str]:
    """Splits such that even a small collection can be learned from: something to choose by and to test with, most to
    learn.

    Large collections come back as they are. Where nothing would be left to choose by or to test with, or less than
    half to learn from, the groups are dealt out anew: the smallest to validation and to test, a tenth of the pieces
    each. Two groups have no test, one is for training alone.
    """
    sizes = Counter(groups)
    wanted = list(SPLITS[1 : min(len(sizes), 3)])
    found = Counter(splits)
    if 2 * found["train"] >= len(groups) and all(found[split] for split in SPLITS[1:]):
        return list(splits)
    order = sorted(sizes, key=lambda group: (sizes[group], hashlib.sha256(group.encode()).digest()))
    dealt: dict[str, str] = {}
    for split in wanted:
        given = 0
        least = max(round(VALID_SHARE * len(groups)), 1)
        while given < least and len(order) > len(wanted) - wanted.index(split):
            if given and given + sizes[order[0]] > 2 * least:
                break  # a large group more would leave too little to learn from
            group = order.pop(0)
            dealt[group], given = split, given + sizes[group]
    return [dealt.get(group, "train") for group in groups]


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


def shipped_splits(family: str) -> Path | None:
    """The splits.csv of the dataset that the shipped model of a family learned from, None where there is none."""
    path = Path(__file__).parent / "splits_of" / f"{family}.csv"
    return path if path.is_file() else None


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
