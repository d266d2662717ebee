"""A prepared dataset as one HTML page with pictures, to look at what one trains on.

    python -m training report data/polyphony [--out FOLDER]

Writes report.html, which needs no other file, and its pictures as PNG files beside it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from improv.errors import InputError
from improv.files import atomic_write
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS
from improv.takes.export.template import template
from training.dataset.dataset import Dataset
from training.dataset.prepare import reason_kind
from training.evaluation.reports import charts

_SAMPLES_PER_MOOD = 2  # piano rolls of each texture
_MONOPHONIC, _POLYPHONIC = 1.05, 2.5  # mean notes sounding, at most and at least
_ROLL_S = (3.0, 30.0)  # windows shorter or longer than this make no picture
_EXAMPLES = 3  # names of files that are shown for each reason to leave one out
_SECTIONS = {
    "kept": ("Kept and left out", "What was kept of the files, and why the rest was not."),
    "sources": ("Sources", "How much music each source brings."),
    "composers": ("Composers", "By family name, because each collection writes first names in its own way."),
    "tempo": (
        "Tempo",
        "Main tempi and the limits of the Italian words, without tempi that only a converter chose.",
    ),
    "keys": ("Keys and modes", "The main key of each piece, by Temperley's profiles."),
    "moods": (
        "The mood plane",
        "Every piece is a point, the mean of its windows. What lies outside of the shaded corners is neutral.",
    ),
    "balance": ("Balance", "What training draws, as the pieces lie there and with the weights of balance.csv."),
    "attributes": ("Attributes", "What the windows of each mood are like; a network is told these eight."),
    "rolls": ("Samples", "Four bars of pieces that lie deep in their corner, with one voice and with several."),
}
_MOODS = [*CORNERS, "neutral"]
Row = dict[str, str]


def _table(path: Path) -> Iterator[Row]:
    """The rows of a table, one after the other: windows.csv may be large."""
    if not path.is_file():
        raise InputError(f"{path} is not there: prepare the dataset again with this version")
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


class _Windows:
    """One pass over windows.csv: attributes by mood, rules against each other, samples for piano rolls."""

    def __init__(self, path: Path) -> None:
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.moods: Counter[str] = Counter()
        self.by_rules: Counter[tuple[str, str]] = Counter()
        self.agreeing = self.with_key = 0
        self.samples: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.begins: dict[int, tuple[float, float]] = {}  # of each piece: beat and second of its first window
        for row in _table(path):
            self._take(row)

    def _take(self, row: Row) -> None:
        mood = row["attributes"]
        self.begins.setdefault(int(row["piece"]), (float(row["start_beat"]), float(row["start_s"])))
        self.moods[mood] += 1
        self.by_rules[row["mode_tempo"], mood] += 1
        if row["keys_agree"]:
            self.with_key += 1
            self.agreeing += row["keys_agree"] == "1"
        for name in ATTRIBUTES:
            if row[name]:
                self.values[mood][name].append(float(row[name]))
        texture = self._texture(row)
        drawn = self.samples[mood, texture]
        # One window of a piece, and the clearest: the first found would all be of one composer.
        if mood in CORNERS and texture and not any(other["piece"] == row["piece"] for other in drawn):
            drawn.append(row)
            drawn.sort(key=_clearness, reverse=True)
            del drawn[_SAMPLES_PER_MOOD:]

    @staticmethod
    def _texture(row: Row) -> str:
        seconds = float(row["end_s"]) - float(row["start_s"])
        if not _ROLL_S[0] <= seconds <= _ROLL_S[1] or not row["polyphony"] or int(row["notes"]) < 8:
            return ""
        polyphony, onsets = float(row["polyphony"]), float(row["onset_density"]) * seconds
        if polyphony <= _MONOPHONIC and int(row["notes"]) <= _MONOPHONIC * onsets:
            return "one voice"
        return "several voices" if polyphony >= _POLYPHONIC else ""


def _clearness(row: Row) -> float:
    """How far in its corner a window lies."""
    return min(abs(float(row["valence"])), abs(float(row["arousal"])))


def _notes(dataset: Dataset, row: Row, begin: tuple[float, float]) -> list[tuple[float, float, int]]:
    """The notes of a window, (onset, end, pitch), decoded from the dataset's tokens: in quarter notes, or in seconds
    where the family counts them. begin: beat and second at which the piece's first window begins.
    """
    piece, encoding = dataset.pieces[int(row["piece"])], dataset.encoding
    beat_s = 60 / encoding.tempo_bpm if encoding.tempo_bpm else 1.0
    rate = encoding.ticks_per_beat / beat_s
    first, last = (
        (float(row["start_s"]) - begin[1], float(row["end_s"]) - begin[1])
        if encoding.tempo_bpm
        else (float(row["start_beat"]) - begin[0], float(row["end_beat"]) - begin[0])
    )
    decoded = encoding.decode(dataset.tokens[piece.start : piece.stop].tolist())
    return [(n.onset / rate, n.end / rate, n.pitch) for n in decoded if first <= n.onset / rate < last]


def _rolls(
    dataset: Dataset, windows: _Windows, pieces: Sequence[Row]
) -> list[tuple[str, str, list[tuple[float, float, int]]]]:
    rolls = []
    for mood in CORNERS:
        for texture in ("one voice", "several voices"):
            for row in windows.samples[mood, texture]:
                notes = _notes(dataset, row, windows.begins[int(row["piece"])])
                composer = charts.family_name(pieces[int(row["piece"])]["composer"])
                title = f"{composer} {_title(dataset.pieces[int(row['piece'])].name)}, {texture}".strip()
                if notes:
                    rolls.append((mood, title, notes))
    return rolls


def _title(name: str) -> str:
    """A file's name for people: without folders, collection numbers in front, and underscores."""
    stem = Path(name).stem.rsplit("__", 1)[-1].replace("_", " ").replace("-", " ").strip()
    return stem if len(stem) <= 36 else stem[:35] + "…"


def _png(draw: Callable[[], Any], path: Path) -> str:
    """Write a picture; returns it for the page. Without its date and program: the same data give the same bytes."""
    import matplotlib

    picture = io.BytesIO()
    with matplotlib.rc_context(charts.STYLE):
        draw().savefig(picture, format="png", dpi=110, metadata={"Software": None})
    with atomic_write(path, "wb") as file:
        file.write(picture.getvalue())
    return base64.b64encode(picture.getvalue()).decode()


def _cards(dataset: Dataset, pieces: Sequence[Row], windows: _Windows, reasons: Counter[str]) -> list[tuple[str, str]]:
    """(number, what it counts) of the cards at the top."""
    seconds = sum(float(row["seconds"]) for row in pieces)
    splits = Counter(piece.split for piece in dataset.pieces)
    return [
        (f"{len(pieces):,}", f"pieces of {sum(reasons.values()):,} files"),
        (f"{seconds / 3600:,.1f} h" if seconds >= 7200 else f"{seconds / 60:,.1f} min", "of music"),
        (f"{sum(int(row['notes']) for row in pieces):,}", "notes"),
        (f"{dataset.about['tokens']:,}", f"tokens, {dataset.about['family']}"),
        (f"{sum(windows.moods.values()):,}", "windows of four bars"),
        (f"{splits['train']:,}", f"to learn from; {splits['valid']:,} and {splits['test']:,} held out"),
    ]


def _examples(folder: Path) -> list[tuple[str, str, str]]:
    """A few names of files for each reason why they were left out."""
    shown: dict[str, list[Row]] = defaultdict(list)
    for row in _table(folder / "rejects.csv"):
        rows = shown[reason_kind(row["reason"])]
        if len(rows) < _EXAMPLES:
            rows.append(row)
    return [(row["reason"], row["source"], row["name"]) for kind in sorted(shown) for row in shown[kind]]


def _rules(windows: _Windows) -> list[tuple[str, ...]]:
    """How the two rules label the windows, against each other."""
    return [
        (given, *(f"{windows.by_rules[given, other]:,}" for other in _MOODS))
        for given in _MOODS
        if any(windows.by_rules[given, other] for other in _MOODS)
    ]


def _drawings(
    dataset: Dataset, windows: _Windows, pieces: Sequence[Row], reasons: Counter[str]
) -> dict[str, Callable[[], Any]]:
    """What draws the picture of each section."""
    training = [row for row, piece in zip(pieces, dataset.pieces, strict=True) if piece.split == "train"]
    return {
        "kept": lambda: charts.kept_and_dropped(reasons),
        "sources": lambda: charts.by(pieces, "source"),
        "composers": lambda: charts.by(pieces, "composer"),
        "tempo": lambda: charts.tempo(pieces),
        "keys": lambda: charts.keys(pieces),
        "moods": lambda: charts.mood_plane(pieces),
        "balance": lambda: charts.balance(training),
        "attributes": lambda: charts.attributes(windows.values),
        "rolls": lambda: charts.piano_rolls(
            _rolls(dataset, windows, pieces), "seconds" if dataset.encoding.tempo_bpm else "quarter notes"
        ),
    }


def write_report(folder: Path, out: Path) -> Path:
    """Write the page and its pictures; returns the page's path."""
    dataset = Dataset(folder)
    pieces = list(_table(folder / "features.csv"))
    reasons = Counter(reason_kind(row["reason"]) for row in _table(folder / "rejects.csv"))
    reasons["kept"] = len(pieces)
    windows = _Windows(folder / "windows.csv")
    out.mkdir(parents=True, exist_ok=True)
    sections = [
        {
            "name": name,
            "title": _SECTIONS[name][0],
            "text": _SECTIONS[name][1],
            "picture": _png(draw, out / f"{name}.png"),
        }
        for name, draw in tqdm(_drawings(dataset, windows, pieces, reasons).items(), unit="picture", disable=None)
    ]
    page = template("training.evaluation.reports", "corpus.html").render(
        title=folder.resolve().name,
        sources=len({row["source"] for row in pieces}),
        family=dataset.about["family"],
        split_hash=dataset.split_hash(),
        cards=_cards(dataset, pieces, windows, reasons),
        sections=sections,
        examples=_examples(folder),
        moods=_MOODS,
        rules=_rules(windows),
        one_key=windows.agreeing / max(windows.with_key, 1),
    )
    path = out / "report.html"
    with atomic_write(path) as file:
        file.write(page)
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("--out", type=Path, help="folder of the page (default: DATASET/report)")


def command(options: argparse.Namespace) -> None:
    print(write_report(options.dataset, options.out or options.dataset / "report"))
