"""Which pieces are trained on and which are held out: by work and by tune, from a hash, the same for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

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
        node = self._root(f"work {work}")
        if len(opening.split()) >= TELLING_INTERVALS:
            self._parent[self._root(f"opening {opening}")] = node

    def _root(self, node: str) -> str:
        self._parent.setdefault(node, node)
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node

    def splits(self) -> list[str]:
        """The split of each piece, in the order of `add`."""
        first: dict[str, str] = {}
        return [split_of(first.setdefault(self._root(f"work {work}"), work)) for work in self._works]
