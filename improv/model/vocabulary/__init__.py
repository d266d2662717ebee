"""The vocabularies, one module a family. Training and the daemon take them from here; nothing is defined twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from improv.errors import InputError
from improv.model.vocabulary.base import (
    NO_CONSTRAINTS,
    NO_EXTRAS,
    Constraints,
    Encoding,
    Extras,
    GridStep,
    StreamDecoder,
)
from improv.model.vocabulary.hands import HandsEncoding
from improv.model.vocabulary.melody import MelodyEncoding
from improv.model.vocabulary.melody_repeats import RepeatingMelodyEncoding
from improv.model.vocabulary.performance import PerformanceEncoding
from improv.model.vocabulary.pianist import PianistEncoding
from improv.model.vocabulary.polyphony import PolyphonyDecoder, PolyphonyEncoding

FAMILIES: dict[str, Callable[[], Encoding]] = {
    "polyphony": PolyphonyEncoding,
    "pianist": PianistEncoding,
    "performance": PerformanceEncoding,
    "melody": MelodyEncoding,
    "melody_lookback": RepeatingMelodyEncoding.lookback,
    "melody_attention": RepeatingMelodyEncoding.attention,
    "hands": HandsEncoding,
}

__all__ = [
    "FAMILIES",
    "NO_CONSTRAINTS",
    "NO_EXTRAS",
    "Constraints",
    "Encoding",
    "Extras",
    "GridStep",
    "HandsEncoding",
    "MelodyEncoding",
    "PerformanceEncoding",
    "PianistEncoding",
    "PolyphonyDecoder",
    "PolyphonyEncoding",
    "RepeatingMelodyEncoding",
    "StreamDecoder",
    "encoding_for",
]


@cache
def _encoding(family: str) -> Encoding:
    return FAMILIES[family]()


def encoding_for(family: str) -> Encoding:
    """The encoding of a family by name; InputError lists the families there are."""
    if family not in FAMILIES:
        raise InputError(f"unknown model family {family!r}; there are: {', '.join(FAMILIES)}")
    return _encoding(family)
