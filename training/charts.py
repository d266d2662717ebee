"""The pictures of a corpus report, each drawn from the rows of a dataset's tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from improv.attributes import ATTRIBUTES
from training.balance import MOODS, limited, mode_tempo_cell, shares, weights
from training.tempo_names import TEMPO_NAMES

Row = Mapping[str, Any]
COLOURS = {"happy": "#d98e04", "nervous": "#b3261e", "sad": "#2f5d9b", "calm": "#3a7d44", "neutral": "#8a8a8a"}
_MAJOR, _MINOR = "#d98e04", "#2f5d9b"
_MOST_BARS = 25  # composers or sources in one picture


def _figure(width: float = 8.0, height: float = 3.6) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _bars(axes: Any, names: Sequence[str], values: Sequence[float], unit: str) -> None:
    """Horizontal bars, the first on top, each with its value."""
    places = np.arange(len(names))[::-1]
    drawn = axes.barh(places, values, color="#4a6fa5")
    axes.bar_label(
        drawn,
        [f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}" for value in values],
        padding=3,
    )
    axes.set_yticks(places, names)
    axes.set_xlabel(unit)
    axes.margins(x=0.18)


def kept_and_dropped(reasons: Mapping[str, int]) -> Any:
    """How many files were kept and why the others were not."""
    ordered = sorted(reasons.items(), key=lambda pair: (pair[0] != "kept", -pair[1], pair[0]))
    figure, axes = _figure(height=1.2 + 0.32 * len(ordered))
    _bars(axes, [name for name, _ in ordered], [count for _, count in ordered], "files")
    return figure


def by(pieces: Sequence[Row], column: str) -> Any:
    """Hours and notes by source or composer, the largest first."""
    hours: dict[str, float] = defaultdict(float)
    notes: dict[str, float] = defaultdict(float)
    for row in pieces:
        name = str(row[column]) or "not known"
        hours[name] += float(row["seconds"]) / 3600
        notes[name] += float(row["notes"]) / 1000
    names = sorted(hours, key=lambda name: (-hours[name], name))
    shown = [name if len(name) <= 30 else name[:29] + "…" for name in names[:_MOST_BARS]]
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 + 0.3 * len(shown)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _bars(left, shown, [hours[name] for name in names[:_MOST_BARS]], "hours")
    _bars(right, shown, [notes[name] for name in names[:_MOST_BARS]], "thousand notes")
    right.set_yticklabels([])
    if len(names) > len(shown):
        figure.suptitle(f"the {len(shown)} largest of {len(names)}")
    return figure


def tempo(pieces: Sequence[Row]) -> Any:
    """Main tempi with the limits of the Italian words."""
    known = [float(row["main_tempo"]) for row in pieces if row["main_tempo"]]
    figure, axes = _figure()
    edges = np.arange(20, 261, 5)
    axes.hist(np.clip(known, edges[0], edges[-1]), bins=edges, color="#4a6fa5")
    axes.set_xlim(edges[0], edges[-1])
    top = axes.get_ylim()[1] * 1.28
    axes.set_ylim(0, top)
    limits = [low for _, low in TEMPO_NAMES] + [float(edges[-1])]
    for (name, low), high in zip(TEMPO_NAMES, limits[1:], strict=True):
        if low > 0:
            axes.axvline(low, color="black", linewidth=0.5, alpha=0.4)
        axes.text((max(low, edges[0]) + high) / 2, top * 0.98, name, rotation=90, ha="center", va="top", fontsize=8)
    axes.set_xlabel(f"quarter notes a minute; {len(known)} of {len(pieces)} pieces have a tempo of their own")
    axes.set_ylabel("pieces")
    return figure


def keys(pieces: Sequence[Row]) -> Any:
    """Keys by Temperley's profiles, major above and minor below the axis."""
    from training.keys import TONICS

    counts = Counter(str(row["key"]) for row in pieces if row["key"])
    figure, axes = _figure()
    for mode, sign, colour in (("major", 1, _MAJOR), ("minor", -1, _MINOR)):
        values = [sign * counts[f"{tonic} {mode}"] for tonic in TONICS]
        axes.bar(range(12), values, color=colour, label=f"{mode}: {abs(sum(values))}")
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xticks(range(12), TONICS)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set_ylabel("pieces")
    agreeing = [row["keys_agree"] == "1" for row in pieces if row["keys_agree"] != ""]
    share = f"{np.mean(agreeing):.0%}" if agreeing else "none"
    axes.set_xlabel(f"Temperley's profiles and music21's analysis name the same key for {share} of the pieces")
    axes.legend()
    return figure


def mood_plane(pieces: Sequence[Row]) -> Any:
    """Every piece as a point, coloured by the corner that it belongs to."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 6), layout="constrained")
    axes = figure.subplots()
    size = float(np.clip(4000 / max(len(pieces), 1), 3, 40))
    for name in MOODS:
        rows = [row for row in pieces if row["attributes"] == name and row["valence"]]
        if rows:
            x, y = ([float(row[column]) for row in rows] for column in ("valence", "arousal"))
            axes.scatter(x, y, s=size, alpha=0.6, color=COLOURS[name], label=f"{name} {len(rows)}")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="valence", ylabel="arousal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, frameon=False)
    return figure


def balance(training: Sequence[Row]) -> Any:
    """What is drawn of each mood, and of mode x tempo, as it lies there and with the weights. In shares of notes."""
    from matplotlib.figure import Figure

    cells, moods = shares([dict(row) for row in training])
    weight = limited(weights([dict(row) for row in training]))
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    words = [f"{word} {mode}" for word, _ in TEMPO_NAMES for mode in ("maj", "min")]
    for axes, table, names in ((upper, moods, list(MOODS)), (lower, cells, words)):
        for offset, (label, drawn) in enumerate((("as it is", table.sum(0)), ("balanced", weight @ table))):
            places = np.arange(len(names)) + 0.4 * offset - 0.2
            axes.bar(places, 100 * drawn / max(drawn.sum(), 1e-9), width=0.4, label=label)
        axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 8 else 0)
        axes.set_ylabel("% of notes")
        axes.legend()
    known = sum(mode_tempo_cell(dict(row)) is not None for row in training)
    lower.set_xlabel(f"{known} of {len(training)} training pieces have a tempo and a key")
    return figure


def attributes(windows: Mapping[str, Mapping[str, Sequence[float]]]) -> Any:
    """The distribution of every attribute over windows, a line for each mood. windows: mood -> attribute -> values."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    for axes, (name, attribute) in zip(figure.subplots(2, 4).flat, ATTRIBUTES.items(), strict=True):
        edges = [attribute.denormalise(position) for position in np.linspace(-1, 1, 33)]
        for mood in MOODS:
            values = np.clip(windows.get(mood, {}).get(name, []), edges[0], edges[-1])
            if len(values):
                heights, _ = np.histogram(values, edges)
                axes.stairs(100 * heights / len(values), edges, color=COLOURS[mood], label=mood)
        if attribute.scale == "log":
            axes.set_xscale("log")
            axes.set_xticks([attribute.denormalise(position) for position in (-1, 0, 1)], minor=False)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}" if value < 10 else f"{value:.0f}")
            axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.set_title(name.replace("_", " "), fontsize=10)
        axes.set_xlabel(attribute.unit, fontsize=8)
        axes.tick_params(labelsize=7)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.supylabel("% of windows")
    return figure


def piano_rolls(samples: Sequence[tuple[str, str, Sequence[tuple[float, float, int]]]]) -> Any:
    """Four bars each of samples (mood, title, notes), two a row. notes: (onset, end, pitch) in quarter notes."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    rows = max((len(samples) + 1) // 2, 1)
    figure = Figure(figsize=(10, 2.3 * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False).flat
    for axes, sample in zip(grid, [*samples, *[None] * (2 * rows - len(samples))], strict=True):
        if sample is None:
            axes.set_axis_off()
            continue
        mood, title, notes = sample
        first = min(onset for onset, _, _ in notes)
        lines = [((on - first, pitch), (end - first - 0.06, pitch)) for on, end, pitch in notes]
        axes.add_collection(LineCollection(lines, colors=COLOURS[mood], linewidths=3))
        axes.autoscale()
        axes.set_title(f"{mood}: {title}", fontsize=8)
        axes.tick_params(labelsize=7)
    figure.supxlabel("quarter notes", fontsize=8)
    figure.supylabel("MIDI pitch", fontsize=8)
    return figure
