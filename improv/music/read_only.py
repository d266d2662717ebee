"""Mappings that nobody changes, as immutable values hold them."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def read_only(values: Mapping[K, V]) -> MappingProxyType[K, V]:
    """The same mapping, to be read alone; what is changed in `values` later changes nothing here."""
    return MappingProxyType(dict(values))


# Values go to other processes, whoever sends them: a settings file's reader, an album's workers, a cluster. Without
# this pickle refuses all that hold a read-only mapping, such as limits and the journeys that have them.
copyreg.pickle(MappingProxyType, lambda mapping: (read_only, (dict(mapping),)))
