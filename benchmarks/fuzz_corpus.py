"""Damaged files of every kind through the corpus tool: each must be used or refused with a reason, in time and memory.

    python -m benchmarks.fuzz_corpus piano-midi-de.zip tavern-variations.zip music21:bach [--midi 2000] [--scores 200]

Every file is mutated by a fixed seed: bytes flipped, cut, doubled, overwritten with extreme values. A worker that hangs
over 10 s, dies, or needs over 1 GB is counted apart: it costs the tool only that file, but it should not be.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from improv.midi.packed import MIDI_SUFFIXES
from training.corpus import reading
from training.dataset.dataset import EncodedPiece
from training.dataset.encode_file import Job, digest
from training.dataset.prepare import reason_kind
from training.dataset.splits import spread
from training.dataset.workers import Failed, Workers

_EXTREMES = (
    b"\x00",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x80\x80",
    b"MTrk",
    b"9" * 12,
    b"<",
    b"\t*",
)
_TEMPLATES = 100  # files that are mutated; more would only take longer to unpack


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """One to six random injuries, most of them in place: a file of another length is refused at once."""
    hurt = bytearray(content)
    for _ in range(int(rng.integers(1, 7))):
        at = int(rng.integers(0, max(len(hurt), 1)))
        kind = rng.choice(5, p=(0.5, 0.05, 0.05, 0.35, 0.05))
        if kind == 0 and hurt:
            hurt[at % len(hurt)] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            hurt[at : at + int(rng.integers(1, 40))] = b""
        elif kind == 2:
            piece = hurt[at : at + int(rng.integers(1, 200))]
            hurt[at:at] = piece * int(rng.integers(1, 20))
        elif kind == 3:
            extreme = _EXTREMES[int(rng.integers(0, len(_EXTREMES)))]
            hurt[at : at + len(extreme)] = extreme
        else:
            del hurt[at:]
    return bytes(hurt)


def jobs(templates: Sequence[reading.Item], count: int, seed: int) -> Iterator[Job]:
    """So many mutated files, the templates in turn."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        item = templates[number % len(templates)]
        content = _unpacked(item) if item.suffix == ".mxl" else item.content()
        suffix = ".xml" if item.suffix == ".mxl" else item.suffix
        yield Job(f"{item.name}~{number}", "fuzz", suffix, mutate(content, rng), "polyphony")


def _unpacked(item: reading.Item) -> bytes:
    """The score inside a packed MusicXML file: hurt as a zip it would fail at the checksum and test nothing."""
    import zipfile

    with zipfile.ZipFile(item.path) as packed:
        name = next(n for n in packed.namelist() if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF"))
        return packed.read(name)


def run(templates: Sequence[reading.Item], count: int, seed: int) -> dict[str, int]:
    """What became of the files: used, refused by reason, and the three that should not be."""
    tally: Counter[str] = Counter()
    with Workers(digest, 1) as workers:
        results = workers.map(jobs(templates, count, seed))
        for result in tqdm(results, total=count, unit="file", disable=None):
            if isinstance(result, EncodedPiece):
                tally["used"] += 1
            else:
                reason = result.reason if isinstance(result, Failed) else result
                tally[reason_kind(reason)] += 1
    return dict(sorted(tally.items()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz_corpus",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--midi", type=int, default=2000)
    parser.add_argument("--scores", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "fuzz_corpus.json")
    given = parser.parse_args(arguments)
    with reading.scratch_folder() as scratch:
        items = [item for source in given.sources for item in reading.collect(source, Path(scratch))]
        files = spread([item for item in items if item.suffix in MIDI_SUFFIXES], _TEMPLATES)
        scores = spread([item for item in items if item.suffix in (".krn", ".mxl", ".xml")], _TEMPLATES)
        found = {
            name: run(templates, count, given.seed)
            for name, templates, count in (("midi", files, given.midi), ("scores", scores, given.scores))
            if templates and count
        }
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
