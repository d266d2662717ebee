"""Is it composed? What the daemon plays, measured beside people's music and people's bars in random order.

    python -m training composition polyphony --data piano-midi-de.zip --out composition.json
    python -m training composition polyphony --data A.zip B.zip --with freer music.key_pull=0.5 music.density_pull=0.8
    python -m training composition polyphony pianist --data A.zip --long 8 --rolls rolls --beside previous.json

Every model plays through the daemon's own engine with default settings (and those of -o), unfiltered, equally many
pieces of each mood, seeds 0, 1, ... Each --with plays all models once more under further settings. People's pieces are
of a split that no work crosses; the chords are judged by a bigram of the training split. Prints a table, writes every
piece's value of every row as JSON. --beside shows what an earlier run wrote in further columns: a previous release.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from improv.files import write_whole
from improv.music.mood import CORNERS
from training.dataset.splits import SPLITS
from training.evaluation.composition.comparison import (
    PEOPLE,
    SHUFFLED,
    Request,
    Sets,
    compare,
    players,
    read_columns,
)
from training.evaluation.composition.listing import listing
from training.evaluation.composition.rolls import draw
from training.evaluation.overrides import add_overrides


def _pictures(folder: Path, sets: Sets, each: int) -> None:
    """Rolls and listings of the first pieces of each mood, a person's above ours."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in sets.items():
        if name in (PEOPLE, SHUFFLED):
            continue
        for mood in dict.fromkeys(one.mood for one in part):
            ours, theirs = ([one for one in some if one.mood == mood][:each] for some in (part, sets[PEOPLE]))
            for index, music in enumerate(ours):
                shown = [*theirs[index : index + 1], music]
                stem = f"{name.replace(', ', '-')}-{mood}-{index}"
                draw(shown, folder / f"{stem}.png")
                write_whole(folder / f"{stem}.txt", "\n\n".join(map(listing, shown)) + "\n")


def command(options: argparse.Namespace) -> None:
    chosen = players(options.models, options.overrides, options.further)
    beside = [read_columns(path) for path in options.beside]
    request = Request(
        data=options.data,
        split=options.split,
        moods=options.moods,
        pieces=options.pieces,
        seconds=options.seconds,
        long=options.long,
        jobs=options.jobs,
    )
    found = compare(chosen, request)
    if options.out:
        told = {"data": [Path(name).name for name in options.data], "split": options.split, "seconds": options.seconds}
        further = {name: rest for name, *rest in options.further}
        found.write(options.out, **told, overrides=options.overrides, further=further)
    print(found.text(beside))
    if options.rolls:
        _pictures(options.rolls, found.sets, options.rolls_each)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="a path, or the name of a shipped model; none: people only")
    add("--data", nargs="+", required=True, metavar="ARCHIVE", help="people's music: archives or folders of MIDI files")
    add("--split", choices=SPLITS, default="test", help="which of people's pieces (default: %(default)s)")
    add("--moods", nargs="+", choices=list(CORNERS), default=list(CORNERS))
    add("--pieces", type=_whole, default=32, help="of people and of each model (default: %(default)s)")
    add("--seconds", type=float, default=120.0, help="of each piece (default: %(default)s)")
    add("--long", type=int, default=0, metavar="N", help="N pieces of ten minutes of each mood as well (default: none)")
    add("--jobs", type=_whole, default=1, help="processes (default: %(default)s)")
    add("--out", type=Path, metavar="FILE", help="every value as JSON")
    add("--beside", type=Path, nargs="*", default=[], metavar="FILE", help="what earlier runs wrote: further columns")
    add("--rolls", type=Path, metavar="DIR", help="piano rolls and listings of 16 bars, a person's piece above ours")
    add("--rolls-each", type=_whole, default=1, metavar="N", help="pieces of each mood for --rolls (default: 1)")
    add(
        "--with",
        dest="further",
        action="append",
        nargs="+",
        default=[],
        metavar=("NAME", "SECTION.KEY=VALUE"),
        help="all models once more with these settings, as columns of that name",
    )
    add_overrides(parser, "all")


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, got {text!r}")
    return int(text)
