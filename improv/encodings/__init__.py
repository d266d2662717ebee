"""The vocabularies, one module a family. Training and the daemon take them from here; nothing is defined twice."""

from __future__ import annotations

from improv.encodings.base import Encoding, GridStep, StreamDecoder
from improv.encodings.polyphony import PolyphonyDecoder, PolyphonyEncoding
from improv.errors import InputError

FAMILIES: dict[str, type[Encoding]] = {"polyphony": PolyphonyEncoding}

__all__ = [
    "FAMILIES",
    "Encoding",
    "GridStep",
    "PolyphonyDecoder",
    "PolyphonyEncoding",
    "StreamDecoder",
    "encoding_for",
]


def encoding_for(family: str) -> Encoding:
    """The encoding of a family by name; InputError lists the families there are."""
    try:
        return FAMILIES[family]()
    except KeyError:
        raise InputError(f"unknown model family {family!r}; there are: {', '.join(FAMILIES)}") from None
