"""`improv album`: many pieces, exactly as long as asked, titled, levelled, with a manifest."""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from improv.app.options import configured
from improv.clock import SystemClock
from improv.config import Config, journeys
from improv.control.journey import Plan
from improv.errors import InputError
from improv.files import read_text
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import CORNERS, Mood, parse_mood

if TYPE_CHECKING:
    from improv.app.album.piece import Order

SOUNDS = ("flac", "wav", "ogg", "none")
COLUMNS = ("title", "mood", "seconds", "seed")
LARGEST_LIST = 20_000_000  # bytes
LOUDEST_LUFS, SOFTEST_LUFS = -5.0, -50.0
MOST_PROCESSES = 512


class Wish(NamedTuple):
    """A piece as it was asked for. title, seed: None: made here."""

    mood_name: str
    mood: Mood
    seconds: float
    title: str | None = None
    seed: int | None = None
    journey: Plan | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", type=Path, help="where the pieces are written; pieces that are there already are kept")
    add(
        "--mood",
        action="append",
        dest="moods",
        metavar="MOOD",
        help="a name, or valence,arousal (default: the corners)",
    )
    add("--pieces", type=int, default=1, help="how many of each mood, or of the journey (default: %(default)s)")
    add(
        "--seconds",
        type=float,
        default=120.0,
        help="length of each piece until it has faded, 10..3600 (default: %(default)s)",
    )
    add("--journey", type=Path, metavar="FILE", help="let every piece follow this journey (YAML), as long as it is")
    add(
        "--list",
        type=Path,
        metavar="FILE.csv",
        help=f"a row for each piece: {', '.join(COLUMNS)} (only mood is needed)",
    )
    add("--seed", type=int, default=0, help="another seed makes other pieces: 0..2147483647 (default: %(default)s)")
    add("--sound", choices=SOUNDS, default="flac", help="audio files beside the MIDI files (default: %(default)s)")
    add(
        "--lufs",
        type=float,
        default=-18.0,
        help="loudness of all pieces (default: %(default)s; 0: as they were played)",
    )
    add(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="how many processes on this computer (default: one for each core)",
    )
    add("--cluster", metavar="ADDRESS", help="on the Dask cluster of this scheduler, as tcp://host:8786")


def command(options: argparse.Namespace) -> int:
    from improv.app.album import making

    if not options.debug:
        logging.getLogger().setLevel(logging.WARNING)  # that a piece has ended is no news here
    config, _ = configured(options)
    _check(options)
    orders = orders_of(options, config)
    options.folder.mkdir(parents=True, exist_ok=True)
    makers = (
        functools.partial(making.on_cluster, address=options.cluster)
        if options.cluster
        else functools.partial(making.locally, processes=options.processes)
    )
    clock = SystemClock()
    began_s = clock.now()
    failed = making.make_all(orders, options.folder, makers, lambda line: print(line, flush=True))
    took_s = clock.now() - began_s
    made = len(orders) - len(failed)
    minutes = sum(order.seconds for order in orders) / 60
    print(f"{options.folder}: {made} of {len(orders)} pieces, {minutes:.1f} minutes of music, in {took_s:.0f} s")
    return 1 if failed else 0


def _check(options: argparse.Namespace) -> None:
    """InputError says which argument cannot be."""
    for name, value, low, high in (
        ("--pieces", options.pieces, 1, 1_000_000),
        ("--seed", options.seed, 0, 2**31 - 1),
        ("--processes", options.processes, 1, MOST_PROCESSES),
    ):
        if not low <= value <= high:
            raise InputError(f"{name} must be in {low}..{high}, got {value}")
    if options.lufs and not SOFTEST_LUFS <= options.lufs <= LOUDEST_LUFS:
        raise InputError(f"--lufs must be {SOFTEST_LUFS:g}..{LOUDEST_LUFS:g}, or 0, got {options.lufs:g}")
    if sum(map(bool, (options.moods, options.journey, options.list))) > 1:
        raise InputError("--mood, --journey and --list exclude each other: each says what the pieces are")


def orders_of(options: argparse.Namespace, config: Config) -> list[Order]:
    """Every piece in full: the same arguments give the same orders, whatever is there and whoever makes them."""
    from improv.app.album.piece import LONGEST_S, SHORTEST_S, Order

    path = resolve(config.model.path).resolve()
    OnnxModel(path, "cpu")  # a sentence now rather than a failure for each piece
    told = config.model_dump_json()
    numbers: dict[str, int] = {}
    orders = []
    for wish in wishes(options, config):
        if not SHORTEST_S <= wish.seconds <= LONGEST_S:
            raise InputError(f"a piece lasts {SHORTEST_S:g}..{LONGEST_S:g} seconds, got {wish.seconds:g}")
        number = numbers[wish.mood_name] = numbers.get(wish.mood_name, 0) + 1
        orders.append(
            Order(
                wish.title or f"{wish.mood_name.capitalize()} No. {number}",
                number,
                wish.mood_name,
                wish.mood,
                wish.journey,
                wish.seconds,
                wish.seed if wish.seed is not None else seed_of(options.seed, wish.mood_name, number),
                str(path),
                told,
                "" if options.sound == "none" else f".{options.sound}",
                options.lufs or None,
            )
        )
    return orders


def seed_of(album: int, mood_name: str, number: int) -> int:
    """The seed of a piece: it hangs on the album's seed and on its own place, not on how many others there are."""
    digest = hashlib.sha256(f"{album}/{mood_name}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def wishes(options: argparse.Namespace, config: Config) -> Iterator[Wish]:
    """What was asked for, piece by piece."""
    moods = config.mood.moods
    if options.list:
        yield from _listed(options.list, moods, options.seconds)
    elif options.journey:
        journey = journeys.read(options.journey, moods)
        first = journey.begun_from(config.mood.start_mood).points[0].mood
        for _ in range(options.pieces):
            yield Wish(journey.name, first, journey.length_s, journey=journey)
    else:
        for name in options.moods or CORNERS:
            mood = parse_mood(name, moods)
            for _ in range(options.pieces):
                yield Wish(name, mood, options.seconds)


def _listed(path: Path, moods: dict[str, Mood], seconds: float) -> Iterator[Wish]:
    reader = csv.DictReader(io.StringIO(read_text(path, LARGEST_LIST)))
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    if unknown or "mood" not in (reader.fieldnames or ()):
        raise InputError(f"{path}: the first line names the columns, {', '.join(COLUMNS)}; mood is needed")
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        name = (row["mood"] or "").strip()
        try:
            mood = parse_mood(name, moods)
            length_s = float(row.get("seconds") or seconds)
            seed = int(text) if (text := (row.get("seed") or "").strip()) else None
        except InputError as error:
            raise InputError(f"{where}: {str(error).replace('--mood', 'mood')}") from None
        except ValueError:
            raise InputError(f"{where}: seconds and seed are numbers, got {dict(row)}") from None
        if seed is not None and not 0 <= seed < 2**31:
            raise InputError(f"{where}: seed must be in 0..2147483647, got {seed}")
        yield Wish(name, mood, length_s, (row.get("title") or "").strip() or None, seed)
