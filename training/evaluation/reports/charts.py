"""The pictures of a corpus report, each drawn from the rows of a dataset's tables."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS
from training.corpus.labels import NEUTRAL_AROUSAL, NEUTRAL_VALENCE
from training.corpus.tempo import TEMPO_NAMES
from training.dataset.balance import MOODS, limited, mode_tempo_cell, shares, weights

Row = Mapping[str, Any]
COLOURS = {"happy": "#d98e04", "nervous": "#b3261e", "sad": "#2f5d9b", "calm": "#3a7d44", "neutral": "#9aa3ad"}
_MAJOR, _MINOR, _BAR, _PALE = "#d98e04", "#2f5d9b", "#3f6fb0", "#c3cfdf"
_MOST_BARS = 20  # composers or sources in one picture
_WIDTH = 9.0  # inches of every picture, so that all letters on the page have one size
_BLACK_KEYS = (1, 3, 6, 8, 10)
STYLE: Any = dict(
    pair.split("=")
    for pair in (
        *("font.size=10", "axes.titlesize=10", "axes.labelsize=9", "xtick.labelsize=9", "ytick.labelsize=9"),
        *("axes.spines.top=False", "axes.spines.right=False", "axes.edgecolor=#b8bfc8", "axes.linewidth=0.8"),
        *("axes.labelcolor=#4b5563", "xtick.color=#4b5563", "ytick.color=#374151", "text.color=#1f2937"),
        *("axes.grid=True", "axes.axisbelow=True", "grid.color=#e8ecf1", "grid.linewidth=0.8"),
        *("xtick.major.size=0", "ytick.major.size=0", "legend.frameon=False", "legend.fontsize=9"),
    )
)
"""Settings of matplotlib for every picture: `with matplotlib.rc_context(STYLE)`."""


def _figure(height: float, width: float = _WIDTH) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _bars(axes: Any, names: Sequence[str], values: Sequence[float], unit: str, colours: Any = _BAR) -> None:
    """Horizontal bars, the first on top, each with its value."""
    places = np.arange(len(names))[::-1]
    drawn = axes.barh(places, values, color=colours, height=0.72)
    axes.bar_label(
        drawn,
        [f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" for value in values],
        padding=4,
        fontsize=9,
        color="#374151",
    )
    axes.set_yticks(places, names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(unit)
    axes.margins(x=0.14)
    axes.grid(axis="y", visible=False)


def kept_and_dropped(reasons: Mapping[str, int]) -> Any:
    """How many files were kept and why the others were not."""
    ordered = sorted(reasons.items(), key=lambda pair: (pair[0] != "kept", -pair[1], pair[0]))
    figure = _figure(0.7 + 0.3 * len(ordered))
    colours = [COLOURS["calm"] if name == "kept" else _PALE for name, _ in ordered]
    names = [f"{name} another" if name.endswith(" as") else name for name, _ in ordered]
    _bars(figure.subplots(), names, [count for _, count in ordered], "files", colours)
    return figure


def family_name(composer: str) -> str:
    """The name that one composer has in several collections: `Bach, J.S.`, `BachJS` and `bach` are Bach."""
    name = composer.split(",")[0].split("_")[0].strip()
    name = name[:1].upper() + name[1:]
    return re.sub(r"^([A-Z]\w*?[a-zß-ÿ])[A-Z][A-Za-z]{0,3}$", r"\1", name)


def by(pieces: Sequence[Row], column: str) -> Any:
    """Hours and notes by source or composer, the largest first."""
    seconds: dict[str, float] = defaultdict(float)
    notes: dict[str, float] = defaultdict(float)
    for row in pieces:
        name = (family_name(str(row[column])) if column == "composer" else str(row[column])) or "not known"
        seconds[name] += float(row["seconds"])
        notes[name] += float(row["notes"]) / 1000
    names = sorted(seconds, key=lambda name: (-seconds[name], name))
    shown = names[:_MOST_BARS]
    labels = [name if len(name) <= 30 else name[:29] + "…" for name in shown]
    unit, divisor = ("hours", 3600) if max(seconds.values(), default=0) >= 7200 else ("minutes", 60)
    figure = _figure(0.9 + 0.27 * len(shown))
    left, right = figure.subplots(1, 2)
    _bars(left, labels, [seconds[name] / divisor for name in shown], unit)
    _bars(right, [""] * len(shown), [notes[name] for name in shown], "thousand notes")
    if len(names) > len(shown):
        figure.suptitle(f"the {len(shown)} largest of {len(names)}", fontsize=9, color="#4b5563")
    return figure


def tempo(pieces: Sequence[Row]) -> Any:
    """Main tempi with the limits of the Italian words."""
    known = [float(row["main_tempo"]) for row in pieces if row["main_tempo"]]
    figure = _figure(3.4)
    axes = figure.subplots()
    edges = np.arange(20, 261, 5)
    axes.hist(np.clip(known, edges[0], edges[-1]), bins=edges, color=_BAR, edgecolor="white", linewidth=0.5)
    axes.set_xlim(edges[0], edges[-1])
    top = axes.get_ylim()[1] * 1.28
    axes.set_ylim(0, top)
    limits = [low for _, low in TEMPO_NAMES] + [float(edges[-1])]
    for (name, low), high in zip(TEMPO_NAMES, limits[1:], strict=True):
        if low > 0:
            axes.axvline(low, color="#8a94a3", linewidth=0.7, linestyle=(0, (4, 3)))
        axes.text((max(low, edges[0]) + high) / 2, top * 0.98, name, rotation=90, ha="center", va="top", fontsize=8)
    axes.grid(axis="x", visible=False)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(f"quarter notes a minute; {len(known)} of {len(pieces)} pieces have a tempo of their own")
    axes.set_ylabel("pieces")
    return figure


def keys(pieces: Sequence[Row]) -> Any:
    """Keys by Temperley's profiles, major above and minor below the axis."""
    from training.corpus.keys import TONICS

    counts = Counter(str(row["key"]) for row in pieces if row["key"])
    figure = _figure(3.4)
    axes = figure.subplots()
    for mode, sign, colour in (("major", 1, _MAJOR), ("minor", -1, _MINOR)):
        values = [sign * counts[f"{tonic} {mode}"] for tonic in TONICS]
        axes.bar(range(12), values, color=colour, label=f"{mode}: {abs(sum(values))}")
    axes.axhline(0, color="#4b5563", linewidth=0.8)
    axes.set_xticks(range(12), TONICS)
    axes.grid(axis="x", visible=False)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set_ylabel("pieces")
    agreeing = [row["keys_agree"] == "1" for row in pieces if row["keys_agree"] != ""]
    share = f"{np.mean(agreeing):.0%}" if agreeing else "none"
    axes.set_xlabel(f"Temperley's profiles and music21's analysis name the same key for {share} of the pieces")
    axes.legend()
    return figure


def mood_plane(pieces: Sequence[Row]) -> Any:
    """Every piece as a point, coloured by the corner that it belongs to; the corners' regions are shaded."""
    from matplotlib.patches import Rectangle

    figure = _figure(6.6)
    axes = figure.subplots()
    size = float(np.clip(6000 / max(len(pieces), 1), 5, 60))
    for name in MOODS:
        rows = [row for row in pieces if row["attributes"] == name and row["valence"]]
        x, y = ([float(row[column]) for row in rows] for column in ("valence", "arousal"))
        axes.scatter(x, y, s=size, alpha=0.65, linewidths=0, color=COLOURS[name])
        corner = CORNERS.get(name)
        if corner is None:
            axes.text(0, 1.1, f"neutral {len(rows):,}", ha="center", va="center", color="#6b7280", fontsize=9)
            continue
        edge = (corner.valence * NEUTRAL_VALENCE, corner.arousal * NEUTRAL_AROUSAL)
        sides = (corner.valence * 1.04 - edge[0], corner.arousal * 1.04 - edge[1])
        axes.add_patch(Rectangle(edge, *sides, color=COLOURS[name], alpha=0.07, linewidth=0))
        place = {"ha": "right" if corner.valence > 0 else "left", "va": "center", "fontsize": 10}
        axes.text(1.04 * corner.valence, 1.1 * corner.arousal, f"{name} {len(rows):,}", color=COLOURS[name], **place)
    axes.set(xlim=(-1.06, 1.06), ylim=(-1.16, 1.16), aspect="equal")
    axes.set(xlabel="valence: unpleasant to pleasant", ylabel="arousal: still to excited")
    return figure


def balance(training: Sequence[Row]) -> Any:
    """What is drawn of each mood, and of mode x tempo, as it lies there and with the weights. In shares of notes."""
    cells, moods = shares([dict(row) for row in training])
    weight = limited(weights([dict(row) for row in training]))
    figure = _figure(6)
    upper, lower = figure.subplots(2, 1)
    words = [f"{word} {mode}" for word, _ in TEMPO_NAMES for mode in ("maj", "min")]
    for axes, table, names in ((upper, moods, list(MOODS)), (lower, cells, words)):
        for offset, (label, drawn) in enumerate((("as it is", table.sum(0)), ("balanced", weight @ table))):
            places = np.arange(len(names)) + 0.4 * offset - 0.2
            colour = _BAR if offset else _PALE
            axes.bar(places, 100 * drawn / max(drawn.sum(), 1e-9), width=0.4, label=label, color=colour)
        axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0)
        axes.set_ylabel("% of notes")
        axes.grid(axis="x", visible=False)
        axes.legend()
    known = sum(mode_tempo_cell(dict(row)) is not None for row in training)
    lower.set_xlabel(f"{known} of {len(training)} training pieces have a tempo and a key")
    return figure


def attributes(windows: Mapping[str, Mapping[str, Sequence[float]]]) -> Any:
    """The distribution of every attribute over windows, a line for each mood. windows: mood -> attribute -> values."""
    figure = _figure(5)
    for axes, (name, attribute) in zip(figure.subplots(2, 4).flat, ATTRIBUTES.items(), strict=True):
        edges = [attribute.denormalise(position) for position in np.linspace(-1, 1, 33)]
        for mood in MOODS:
            values = np.clip(windows.get(mood, {}).get(name, []), edges[0], edges[-1])
            if len(values):
                heights, _ = np.histogram(values, edges)
                axes.stairs(100 * heights / len(values), edges, color=COLOURS[mood], label=mood, linewidth=1.4)
        if attribute.scale == "log":
            axes.set_xscale("log")
            axes.set_xticks([attribute.denormalise(position) for position in (-1, 0, 1)], minor=False)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}" if value < 10 else f"{value:.0f}")
            axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.set_title(name.replace("_", " "))
        axes.set_xlabel(attribute.unit, fontsize=8)
        axes.tick_params(labelsize=7)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.supylabel("% of windows")
    return figure


def piano_rolls(samples: Sequence[tuple[str, str, Sequence[tuple[float, float, int]]]], unit: str) -> Any:
    """Four bars each of samples (mood, title, notes), two a row. notes: (onset, end, pitch), the times in `unit`."""
    from matplotlib.collections import LineCollection

    rows = max((len(samples) + 1) // 2, 1)
    figure = _figure(1.9 * rows)
    grid = figure.subplots(rows, 2, squeeze=False).flat
    for axes, sample in zip(grid, [*samples, *[None] * (2 * rows - len(samples))], strict=True):
        if sample is None:
            axes.set_axis_off()
            continue
        mood, title, notes = sample
        first = min(onset for onset, _, _ in notes)
        lines = [((on - first, pitch), (end - first - 0.06, pitch)) for on, end, pitch in notes]
        low, high = min(pitch for _, _, pitch in notes) - 2, max(pitch for _, _, pitch in notes) + 2
        for pitch in range(low, high + 1):
            if pitch % 12 in _BLACK_KEYS:
                axes.axhspan(pitch - 0.5, pitch + 0.5, color="#f3f5f8", linewidth=0)
        thickness = float(np.clip(70 / (high - low), 1.5, 4))
        axes.add_collection(LineCollection(lines, colors=COLOURS[mood], linewidths=thickness, capstyle="butt"))
        axes.set(xlim=(0, max(end for _, end, _ in notes) - first), ylim=(low - 0.5, high + 0.5))
        octaves = range(-(-low // 12) * 12, high + 1, 12)
        axes.set_yticks(list(octaves), [f"C{pitch // 12 - 1}" for pitch in octaves])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", visible=False)
        axes.set_title(f"{mood}: {title}", fontsize=8, color=COLOURS[mood], loc="left")
        axes.tick_params(labelsize=7)
    figure.supxlabel(unit, fontsize=8)
    return figure
