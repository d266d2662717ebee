"""One byte of a MIDI file goes wrong: how many of its notes are read nevertheless, and which bytes cost most?

    python -m benchmarks.damaged_files FILE... [--places 100] [--seed 1]

FILE is a MIDI file, or an archive or folder of some (of each the --files smallest to largest, evenly). At --places of
each file, drawn at random, a byte is changed, left out or put in. A note counts as kept where a note of its pitch and
velocity is read for it, wherever it sounds; one that is read and was not there counts as invented.
"""

from __future__ import annotations

import argparse
import json
import random
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from improv.errors import InputError
from improv.midi.reading import read_music

WAYS = ("changed", "left out", "put in")
A_FIFTH = 0.2


def damaged(content: bytes, place: int, way: str, byte: int) -> bytes:
    """The file with one byte changed (never into itself), left out before, or put in at a place."""
    if way == "changed":
        return content[:place] + bytes((content[place] ^ (byte or 1),)) + content[place + 1 :]
    return content[:place] + (b"" if way == "left out" else bytes((byte,))) + content[place + (way == "left out") :]


def struck(content: bytes) -> Counter[tuple[int, int]]:
    """Pitch and velocity of each note that is read; none where the file is refused."""
    try:
        return Counter((note.pitch, note.velocity) for note in read_music(content).notes)
    except InputError:
        return Counter()


def hit(content: bytes, place: int) -> str:
    """What kind of byte stands at a place of an undamaged file."""
    for begin, end, kind in _pieces(content):
        if begin <= place < end:
            return kind
    return "behind"


def _pieces(content: bytes) -> Iterator[tuple[int, int, str]]:
    at = 8 + int.from_bytes(content[4:8], "big")
    yield 0, at, "header"
    while at + 8 <= len(content):
        end = at + 8 + int.from_bytes(content[at + 4 : at + 8], "big")
        yield at, at + 8, "head of a track"
        yield from _events(content, at + 8, min(end, len(content)))
        at = end


def _events(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, str]]:
    status = 0
    while at < end:
        begin = at
        at = _behind_number(content, at)
        yield begin, at, "time"
        begin, byte = at, content[at]
        if byte >= 0xF0:
            at = _behind_number(content, at + 2 if byte == 0xFF else at + 1)
            length = _number(content, begin + 2 if byte == 0xFF else begin + 1)
            yield begin, at, "head of a meta or exclusive event"
            yield at, at + length, "in a meta or exclusive event"
            at += length
            continue
        if byte >= 0x80:
            status, at = byte, at + 1
            yield begin, at, "status"
        length = 1 if 0xC0 <= status < 0xE0 else 2
        yield at, at + length, "data"
        at += length


def _behind_number(content: bytes, at: int) -> int:
    while content[at] > 0x7F:
        at += 1
    return at + 1


def _number(content: bytes, at: int) -> int:
    value = 0
    for byte in content[at : _behind_number(content, at)]:
        value = value << 7 | byte & 0x7F
    return value


def files(paths: list[Path], most: int) -> Iterator[bytes]:
    """Content of each MIDI file; of a folder or an archive so many, from its smallest to its largest."""
    for path in paths:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                held = [one for one in archive.infolist() if one.filename.lower().endswith((".mid", ".midi"))]
                held.sort(key=lambda one: one.file_size)
                for one in held[:: max(1, len(held) // most)][:most]:
                    yield archive.read(one)
        elif path.is_dir():
            inside = sorted(path.rglob("*.mid"), key=lambda one: one.stat().st_size)
            yield from (one.read_bytes() for one in inside[:: max(1, len(inside) // most)][:most])
        else:
            yield path.read_bytes()


def measure(paths: list[Path], most: int, places: int, seed: int) -> dict[str, Any]:
    """Of all damaged files, and of those with each kind of byte hit."""
    chance, tried, lost, invented = random.Random(seed), Counter[str](), Counter[str](), Counter[str]()
    notes_lost: dict[str, float] = defaultdict(float)
    count = 0
    for content in files(paths, most):
        whole = struck(content)
        if not whole:
            continue
        count += 1
        for place in chance.sample(range(len(content)), min(places, len(content))):
            for way in WAYS:
                read = struck(damaged(content, place, way, chance.randrange(256)))
                share = (whole - read).total() / whole.total()
                kind = f"{hit(content, place)}, {way}"
                for key in ("all", way, kind):
                    tried[key] += 1
                    lost[key] += share >= A_FIFTH
                    notes_lost[key] += share
                    invented[key] += (read - whole).total()
    table = {
        key: {
            "tried": tried[key],
            "lost_a_fifth": lost[key],
            "notes_lost": round(notes_lost[key] / tried[key], 4),
            "notes_invented": round(invented[key] / tried[key], 3),
        }
        for key in sorted(tried, key=lambda one: -lost[one])
    }
    return {"files": count, "damaged": table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--files", dest="most", type=int, default=10, help="of each folder or archive")
    parser.add_argument("--places", type=int, default=100, help="of each file")
    parser.add_argument("--seed", type=int, default=1)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
