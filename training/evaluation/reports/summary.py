"""A prepared dataset in one Markdown table: files in, kept, left out by reason, notes, hours, windows by mood.

python -m training summary data/polyphony
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from improv.errors import InputError
from training.dataset.balance import MOODS
from training.dataset.prepare import reason_kind


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise InputError(f"{path} is not there: prepare the dataset again with this version")
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def summary(folder: Path) -> str:
    """The table, a line for each source and one for all, in the order of the sources' names."""
    dropped: dict[str, Counter[str]] = defaultdict(Counter)
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    for row in _rows(folder / "rejects.csv"):
        for name in (row["source"], "all"):
            dropped[name][reason_kind(row["reason"])] += 1
    for row in _rows(folder / "features.csv"):
        for name in (row["source"], "all"):
            sums[name]["kept"] += 1
            sums[name]["notes"] += int(row["notes"])
            seconds[name] += float(row["seconds"])
            for mood in MOODS:
                sums[name][mood] += int(row[f"windows_{mood}"])
    names = [*sorted((dropped.keys() | sums.keys()) - {"all"}), "all"]
    columns = ["source", "files", "kept", "left out", "notes", "hours", *MOODS]
    lines = [f"| {' | '.join(columns)} |", "|---|---|---|---|---|---|" + "---|" * len(MOODS)]
    for name in names:
        kept = sums[name]
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped[name].most_common())
        cells = [name, f"{kept['kept'] + dropped[name].total():,}", f"{kept['kept']:,}", reasons, f"{kept['notes']:,}"]
        cells += [f"{seconds[name] / 3600:.1f}", *(f"{kept[mood]:,}" for mood in MOODS)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="folder that `prepare` wrote")


def command(options: argparse.Namespace) -> None:
    print(summary(options.dataset))
