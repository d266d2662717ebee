"""A prepared dataset as one HTML page with pictures, to look at what one trains on.

    python -m training.report data/polyphony [--out FOLDER]

Writes report.html, which needs no other file, and its pictures as PNG files beside it.
"""

from __future__ import annotations

import argparse
import base64
import csv
import html
import io
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from improv.attributes import ATTRIBUTES
from improv.errors import BrainMusicError, InputError
from improv.mood import CORNERS
from training import charts
from training.dataset import Dataset
from training.prepare import reason_kind

_SAMPLES_PER_MOOD = 2  # piano rolls of each texture
_MONOPHONIC, _POLYPHONIC = 1.05, 2.5  # mean notes sounding, at most and at least
_ROLL_S = (3.0, 30.0)  # windows shorter or longer than this make no picture
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
img{max-width:100%;height:auto} table{border-collapse:collapse;margin:1rem 0} h2{margin-top:2.5rem}
td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:right} td:first-child,th:first-child{text-align:left}
figure{margin:1rem 0} figcaption{color:#555;font-size:.9rem} .wide{overflow-x:auto}"""
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
        self.first_beat: dict[int, float] = {}  # of each piece: where its tokens begin
        for row in _table(path):
            self._take(row)

    def _take(self, row: Row) -> None:
        mood = row["attributes"]
        self.first_beat.setdefault(int(row["piece"]), float(row["start_beat"]))
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


def _notes(dataset: Dataset, row: Row, first_beat: float) -> list[tuple[float, float, int]]:
    """The notes of a window, (onset, end, pitch) in quarter notes, decoded from the dataset's tokens."""
    piece = dataset.pieces[int(row["piece"])]
    rate = dataset.encoding.ticks_per_beat
    first = float(row["start_beat"]) - first_beat
    last = first + float(row["end_beat"]) - float(row["start_beat"])
    decoded = dataset.encoding.decode(dataset.tokens[piece.start : piece.stop].tolist())
    return [(n.onset / rate, n.end / rate, n.pitch) for n in decoded if first <= n.onset / rate < last]


def _rolls(dataset: Dataset, windows: _Windows) -> list[tuple[str, str, list[tuple[float, float, int]]]]:
    rolls = []
    for mood in CORNERS:
        for texture in ("one voice", "several voices"):
            for row in windows.samples[mood, texture]:
                notes = _notes(dataset, row, windows.first_beat[int(row["piece"])])
                title = f"{Path(dataset.pieces[int(row['piece'])].name).stem[-40:]}, {texture}"
                if notes:
                    rolls.append((mood, title, notes))
    return rolls


def _png(figure: Any, path: Path) -> str:
    """Write a picture; returns it for the page. Without its date and program: the same data give the same bytes."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    path.write_bytes(picture.getvalue())
    return base64.b64encode(picture.getvalue()).decode()


def _facts(dataset: Dataset, pieces: Sequence[Row], windows: _Windows, reasons: Counter[str]) -> str:
    hours = sum(float(row["seconds"]) for row in pieces) / 3600
    splits = Counter(piece.split for piece in dataset.pieces)
    rows = [
        ("files in", f"{sum(reasons.values()):,}"),
        ("pieces kept", f"{len(pieces):,} ({', '.join(f'{name} {splits[name]:,}' for name in sorted(splits))})"),
        ("hours", f"{hours:,.1f}"),
        ("notes", f"{sum(int(row['notes']) for row in pieces):,}"),
        ("tokens", f"{dataset.about['tokens']:,} of the family {dataset.about['family']}"),
        ("windows of four bars", f"{sum(windows.moods.values()):,}"),
        ("key: Temperley = music21, windows", f"{windows.agreeing / max(windows.with_key, 1):.0%}"),
    ]
    return _html_table(("", ""), rows)


def _rules(windows: _Windows) -> str:
    """How the two rules label the windows, against each other."""
    names = [*CORNERS, "neutral"]
    rows = [
        (given, *(f"{windows.by_rules[given, other]:,}" for other in names))
        for given in names
        if any(windows.by_rules[given, other] for other in names)
    ]
    head = "Windows by the rule <b>mode_tempo</b> (rows) and by the rule <b>attributes</b> (columns)."
    return f"<p>{head}</p>" + _html_table(("", *names), rows)


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th scope=col>{html.escape(cell)}</th>" for cell in head)
    return f"<div class=wide><table><tr>{titles}</tr>{lines}</table></div>"


def write_report(folder: Path, out: Path) -> Path:
    """Write the page and its pictures; returns the page's path."""
    dataset = Dataset(folder)
    pieces = list(_table(folder / "features.csv"))
    reasons = Counter(reason_kind(row["reason"]) for row in _table(folder / "rejects.csv"))
    reasons["kept"] = len(pieces)
    windows = _Windows(folder / "windows.csv")
    training = [row for row, piece in zip(pieces, dataset.pieces, strict=True) if piece.split == "train"]
    out.mkdir(parents=True, exist_ok=True)
    drawn = (
        ("kept", "What was kept, and why the rest was not", lambda: charts.kept_and_dropped(reasons)),
        ("sources", "Hours and notes by source", lambda: charts.by(pieces, "source")),
        ("composers", "Hours and notes by composer", lambda: charts.by(pieces, "composer")),
        ("tempo", "Tempo and its Italian words", lambda: charts.tempo(pieces)),
        ("keys", "Keys and modes", lambda: charts.keys(pieces)),
        ("moods", "The mood plane: every piece a point", lambda: charts.mood_plane(pieces)),
        ("balance", "Balance of the training pieces, before and after", lambda: charts.balance(training)),
        ("attributes", "Attributes of the windows, by mood", lambda: charts.attributes(windows.values)),
        ("rolls", "Samples of each mood, four bars each", lambda: charts.piano_rolls(_rolls(dataset, windows))),
    )
    parts = []
    for name, title, draw in tqdm(drawn, unit="picture", disable=None):
        picture = _png(draw(), out / f"{name}.png")
        image = f'<img alt="{html.escape(title)}" src="data:image/png;base64,{picture}">'
        parts.append(f"<h2>{html.escape(title)}</h2><figure>{image}</figure>")
        if name == "moods":
            parts.append(_rules(windows))
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Corpus {html.escape(folder.name)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>Corpus: {html.escape(folder.resolve().name)}</h1>{_facts(dataset, pieces, windows, reasons)}"
        f"{''.join(parts)}</html>\n"
    )
    path = out / "report.html"
    partial = path.with_name(path.name + ".partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, path)
    return path


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, help="folder of the page (default: DATASET/report)")
    options = parser.parse_args(arguments)
    try:
        path = write_report(options.dataset, options.out or options.dataset / "report")
    except BrainMusicError as error:
        print(f"training.report: {error}", file=sys.stderr)
        return error.exit_code
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
