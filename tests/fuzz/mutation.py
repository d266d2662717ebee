"""Bytes that went wrong: a sound example with parts changed, cut out, doubled, or joined with another one."""

from __future__ import annotations

import random
from pathlib import Path

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 20_000
BYTES = (b"\x00", b"\x7f", b"\x80", b"\xff", b"\xff" * 4, b"\x00" * 4)
WORDS = (b"0", b"-1", b"1e999", b"NaN", b"null", b"[", b"{", b"&a ", b"*a")


def corpus(name: str) -> dict[str, bytes]:
    """The kept examples of a target by file name: sound ones, and those that once were not taken in order."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / name).glob("*")) if path.is_file()}


def examples(name: str) -> list[bytes]:
    """What changed ones are made of."""
    return [*TARGETS[name].seeds, *corpus(name).values()] or [b""]


def spoilt(chance: random.Random, sound: list[bytes]) -> bytes:
    """One that went wrong."""
    data = bytearray(chance.choice(sound))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1 if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                del data[place : place + chance.choice((1, 2, 8, 100))]
            case 3:
                data[place:place] = data[place : place + chance.choice((1, 8, 100))] * chance.choice((1, 1, 2, 50))
            case 4:
                data[place:place] = chance.choice((*BYTES, *WORDS))
            case 5:
                other = chance.choice(sound)
                data[place:] = other[chance.randrange(len(other) + 1) :]
            case _:
                data[place:place] = chance.randbytes(chance.choice((1, 4, 32)))
    return bytes(data[:LONGEST])
