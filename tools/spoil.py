"""OSC packets that went wrong on their way."""

from __future__ import annotations

import random
import struct

from improv.frontends.osc.packet import BUNDLE, write

SEEDS = [
    write("/brainmusic/intensity", 0.5),
    write("/brainmusic/glide", 0.0),
    write("/brainmusic/{reset,valence}", 0.1),
    BUNDLE + struct.pack(">Q", 1) + struct.pack(">i", 32) + write("/brainmusic/temperature", 1.0),
    BUNDLE + struct.pack(">Q", 1) + struct.pack(">i", 16) + BUNDLE + struct.pack(">Q", 1),
]


def spoilt(chance: random.Random) -> bytes:
    """An OSC packet with bytes changed, cut out or doubled; or noise."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(0, 6)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = data[place : place + chance.randint(1, 16)]
            case 3 if chance.random() < 0.1:
                data = bytearray(chance.randbytes(chance.randint(0, 64)))
    return bytes(data)
