"""An evaluation as one HTML page that needs no other file: tables, plots, piano rolls."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from improv.files import atomic_write
from improv.takes.export.template import template
from training.evaluation.excerpts import Excerpt
from training.evaluation.figures import Estimate, Report
from training.evaluation.measures import DIRECTED
from training.evaluation.quality import HUMAN, OURS, PERMUTED, Figures, Quality

ROLL_S = 30.0
ROLLS = {HUMAN: 2, OURS: 4, PERMUTED: 1}
"""How many piano rolls of each set are drawn."""
COLOURS = {
    "human": "#3a7d44",
    "permuted": "#8a8a8a",
    "Markov": "#b3261e",
    "previous": "#2f5d9b",
    "this model": "#d98e04",
}


def write_page(path: Path, report: Report, quality: Quality, sets: Mapping[str, Sequence[Excerpt]]) -> None:
    """Write the page, whole."""
    names = list(quality.count)
    page = template("training.evaluation.reports", "evaluation.html").render(
        report=report,
        quality=quality,
        names=names,
        criteria=_criteria(quality, names),
        likelihood=_likelihood(report),
        measures=_rows(quality.measures, names),
        directed=_picture(_bars({row: quality.measures[row] for row in DIRECTED}, names)),
        overlap=_rows(quality.overlap, names),
        overlap_drawn=_picture(_overlap(quality.overlap, names)),
        copying=[(key, f"{value:.2f}") for key, value in quality.copying.items()],
        endings=_endings(quality),
        rolls=_picture(_rolls(sets)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(page)


def _rows(found: Mapping[str, Figures], names: Sequence[str]) -> list[tuple[str, ...]]:
    return [(row, *_cells(figures, names)) for row, figures in found.items()]


def _number(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


def _cells(figures: Figures, names: Sequence[str]) -> list[str]:
    return [_number(figures.get(name)) for name in names]


def _criteria(quality: Quality, names: Sequence[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for entry in quality.criteria:
        for row in entry["rows"] or [""]:
            figures = quality.measures.get(row, {})
            what = row or "none that ranks human above permuted"
            rows.append((str(entry["criterion"]), what, *_cells(figures, names)))
    return rows


def _likelihood(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            split,
            row.source,
            str(row.pieces),
            *map(_number, (row.hidden, row.known, row.markov)),
            f"{row.hidden_accuracy.value:.1%}",
            f"{row.known_accuracy.value:.1%}",
        )
        for split, part in report.splits.items()
        for row in part
    ]


def _endings(quality: Quality) -> list[tuple[str, ...]]:
    keys = ("on_tonic", "longer", "softer", "pieces", "asked")
    return [
        (
            name,
            *(f"{found[key]:.2f}" if key in found else "" for key in keys[:3]),
            *(f"{found[k]:.0f}" for k in keys[3:]),
        )
        for name, found in quality.endings.items()
    ]


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _picture(figure: Any) -> str:
    """A PNG in base64."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=80, metadata={"Software": None})
    return base64.b64encode(picture.getvalue()).decode()


def _bars(measures: Mapping[str, Figures], names: Sequence[str]) -> Any:
    """One small plot for each measure: a bar and its interval for each set."""
    columns = 3
    figure, axes = _figure(12, 2.6 * -(-len(measures) // columns), -(-len(measures) // columns), columns)
    for axis in axes.flat[len(measures) :]:
        axis.set_axis_off()
    for axis, (title, figures) in zip(axes.flat, measures.items(), strict=False):
        there = [name for name in names if name in figures]
        values = np.array([figures[name].value for name in there])
        reach = np.array([(f.value - f.low, f.high - f.value) for f in (figures[name] for name in there)]).T
        axis.bar(there, values, yerr=np.maximum(reach, 0), color=[COLOURS[name] for name in there], capsize=3)
        axis.set_title(title, fontsize=10)
        axis.tick_params(axis="x", labelrotation=20, labelsize=8)
    return figure


def _overlap(overlap: Mapping[str, Figures], names: Sequence[str]) -> Any:
    figure, axes = _figure(12, 0.42 * len(overlap) + 1)
    places = np.arange(len(overlap))[::-1]
    for name in names:
        values = [figures[name].value for figures in overlap.values()]
        axes[0, 0].plot(values, places, "o", color=COLOURS[name], label=name, alpha=0.8)
    axes[0, 0].set_yticks(places, list(overlap))
    axes[0, 0].set(xlabel="overlapped area", xlim=(0, 1))
    axes[0, 0].grid(alpha=0.3)
    axes[0, 0].legend(loc="lower left")
    return figure


def _rolls(sets: Mapping[str, Sequence[Excerpt]]) -> Any:
    """The first half minute of some excerpts of each set, velocity as shade."""
    from matplotlib import colormaps

    drawn = [(name, e) for name, count in ROLLS.items() for e in spread_over(sets.get(name, ()), count)]
    figure, axes = _figure(12, 2.2 * len(drawn), len(drawn))
    for axis, (name, excerpt) in zip(axes[:, 0], drawn, strict=True):
        on_s, off_s = excerpt.onset * excerpt.beat_s, excerpt.end * excerpt.beat_s
        on_s, off_s = on_s - excerpt.onset.min() * excerpt.beat_s, off_s - excerpt.onset.min() * excerpt.beat_s
        inside = on_s < ROLL_S
        shade = colormaps["viridis"](excerpt.velocity[inside] / 110)
        axis.hlines(excerpt.pitch[inside], on_s[inside], np.minimum(off_s[inside], ROLL_S), colors=shade, linewidth=3)
        mood = f", mood {excerpt.mood.valence:+.1f} {excerpt.mood.arousal:+.1f}" if excerpt.mood else ""
        axis.set(
            title=f"{name}: {Path(excerpt.name).name[-50:]}{mood}", ylabel="pitch", ylim=(21, 108), xlim=(0, ROLL_S)
        )
    axes[-1, 0].set_xlabel("seconds")
    return figure


def spread_over(excerpts: Sequence[Excerpt], count: int) -> list[Excerpt]:
    """`count` of them that have notes, evenly spread."""
    there = [excerpt for excerpt in excerpts if excerpt.onset.size]
    if len(there) <= count:
        return there
    return [there[index] for index in np.linspace(0, len(there) - 1, count).round().astype(int)]
