"""Sources of music -> token streams with their conditioning, split by work.

python -m training.prepare music21:bach piano-midi-de.zip --out data/polyphony
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from improv import conditioning
from improv.attributes import Window, measure
from improv.encodings import encoding_for
from improv.errors import BrainMusicError, InputError
from improv.mood import mood_of
from training import corpus
from training.corpus import Item, Piece, Rejected
from training.dataset import DatasetWriter, EncodedPiece
from training.splits import Grouping, spread

WINDOW_BEATS = 8  # two bars of 4/4: long enough to hear a mode, short enough to follow a turn
MIN_STEPS = 32


def condition(piece: Piece, ticks_per_beat: int) -> np.ndarray:
    """Conditioning of every step, shape (steps, conditioning.SIZE), float16: what the *next* two bars are like."""
    rows = np.zeros((piece.steps, conditioning.SIZE), dtype=np.float16)
    onset = np.array([n.onset for n in piece.notes])
    end = np.minimum(np.array([n.end for n in piece.notes]), piece.steps)
    pitch = np.array([n.pitch for n in piece.notes], dtype=np.float64)
    velocity = np.array([n.velocity for n in piece.notes], dtype=np.float64)
    reach = WINDOW_BEATS * ticks_per_beat
    beats = np.arange(piece.steps + 1) / ticks_per_beat
    for start in range(0, piece.steps, ticks_per_beat):
        stop = min(start + reach, piece.steps)
        inside = slice(*np.searchsorted(onset, [start, stop]))
        stretch = (float(piece.step_s[stop] - piece.step_s[start]), float(beats[stop] - beats[start]))
        values = _describe(piece, *stretch, onset[inside], end[inside], pitch[inside], velocity[inside])
        for step in range(start, min(start + ticks_per_beat, piece.steps)):
            bars_left = (piece.steps - step) / (piece.beats_per_bar[step] * ticks_per_beat)
            ending = {"ending": conditioning.ending_value(bars_left)}
            rows[step] = conditioning.vector(values | ending, piece.beat_in_bar[step], piece.beats_per_bar[step])
    return rows


def _describe(
    piece: Piece,
    seconds: float,
    beats: float,
    onset: np.ndarray,
    end: np.ndarray,
    pitch: np.ndarray,
    velocity: np.ndarray,
) -> dict[str, float]:
    """What a stretch of music is like, its notes given as arrays; lengths in seconds and quarter notes."""
    window = Window(
        seconds=seconds,
        onset_s=piece.step_s[onset],
        duration_s=piece.step_s[end] - piece.step_s[onset],
        pitch=pitch,
        velocity=velocity if piece.has_dynamics else None,
        tempo_bpm=60 * beats / seconds if piece.has_tempo else None,
    )
    values = measure(window)
    if mood := mood_of(values):
        values |= mood._asdict()
    return values


def encode_piece(item: Item, family: str) -> EncodedPiece | str:
    """The encoded piece, or the reason why the item is left out."""
    encoding = encoding_for(family)
    try:
        piece = corpus.read(item, encoding.ticks_per_beat)
    except Rejected as reason:
        return str(reason)
    except Exception as error:  # one strange file must not end a run over thousands
        return f"unreadable ({type(error).__name__}: {error})"[:200]
    if piece.steps < MIN_STEPS:
        return f"only {piece.steps} steps long, needed are {MIN_STEPS}"
    tokens = np.array(encoding.encode(piece.notes, piece.steps), dtype=np.uint16)
    step_of_token = np.concatenate([[0], np.cumsum(tokens[:-1] == encoding.step_end_id)])
    return EncodedPiece(
        name=item.name,
        work=piece.work,
        source=item.source,
        opening=corpus.opening(piece),
        tokens=tokens,
        step_of_token=np.minimum(step_of_token, piece.steps - 1).astype(np.uint32),
        conditioning=condition(piece, encoding.ticks_per_beat),
    )


def read_groups(path: Path | None) -> dict[str, str]:
    """Work -> group from an index with the columns dataset, file, group: the same work in several archives."""
    if path is None:
        return {}
    if not path.is_file():
        raise InputError(f"--groups: the file {path} is not there")
    groups: dict[str, str] = {}
    with path.open(newline="") as file:
        table = csv.DictReader(file)
        if missing := {"dataset", "file", "group"} - set(table.fieldnames or ()):
            raise InputError(f"--groups: {path} has no column {', '.join(sorted(missing))}")
        for row in table:
            work = f"{row['dataset']}/{corpus.work_of(row['dataset'] + '/' + row['file'])}"
            groups.setdefault(work, min(groups.get(work, row["group"]), row["group"]))
    return groups


def prepare(
    sources: Iterable[str],
    out: Path,
    family: str = "polyphony",
    groups: Mapping[str, str] | None = None,
    processes: int = 1,
    limit: int | None = None,
) -> Counter[str]:
    """Write a dataset to `out`; returns how many files were kept and left out by reason.

    groups: work -> group, for works that go by several names. limit: read only so many files of each source, evenly
    spread over it.
    """
    tally: Counter[str] = Counter()
    grouping = Grouping()
    known = groups or {}
    with corpus.scratch_folder() as scratch, DatasetWriter(out, family, limit) as writer:
        items = [item for source in sources for item in spread(list(corpus.collect(source, Path(scratch))), limit)]
        for item, result in tqdm(_encode_all(items, family, processes), total=len(items), unit="file", disable=None):
            if isinstance(result, str):
                writer.reject(item.source, item.name, result)
                tally[result.split("(")[0].strip()] += 1
            else:
                writer.add(result)
                grouping.add(known.get(result.work, result.work), result.opening)
                tally["kept"] += 1
        if not tally["kept"]:
            raise InputError("nothing was left to train on: " + (_tell(tally) or "the sources hold no files"))
        writer.assign(grouping.splits())
    return tally


def _encode_all(items: list[Item], family: str, processes: int) -> Iterator[tuple[Item, EncodedPiece | str]]:
    if processes <= 1:
        for item in items:
            yield item, encode_piece(item, family)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(items, pool.map(partial(encode_piece, family=family), items, chunksize=4), strict=True)


def _tell(tally: Counter[str]) -> str:
    return "; ".join(f"{reason}: {count}" for reason, count in sorted(tally.items()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.prepare", description=__doc__)
    parser.add_argument("sources", nargs="+", help="folder, zip archive, MIDI file, or music21:bach")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--family", default="polyphony")
    parser.add_argument(
        "--groups", type=Path, help="CSV with dataset, file, group: works that occur in several sources"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--limit", type=int, metavar="N", help="read only N files of each source, evenly spread")
    options = parser.parse_args(arguments)
    if options.limit is not None and options.limit < 1:
        parser.error(f"--limit must be 1 or more, got {options.limit}")
    try:
        groups = read_groups(options.groups)
        tally = prepare(options.sources, options.out, options.family, groups, options.processes, options.limit)
    except BrainMusicError as error:
        print(f"training.prepare: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{options.out}: {_tell(tally)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
