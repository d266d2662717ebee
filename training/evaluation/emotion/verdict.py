"""What the two judges say of the renderings of `training.evaluation.emotion.renderings`: tables and pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.errors import InputError
from improv.files import atomic_write
from improv.music.mood import CORNERS, Mood
from training.evaluation.emotion import listener, recogniser
from training.evaluation.emotion.listener import Impression
from training.evaluation.emotion.recogniser import MOODS, Recogniser

FloatArray = NDArray[np.float64]

Measured = list[tuple[str, list[FloatArray]]]
"""Commanded corner and judge (b)'s windows of each rendering."""

BINS = 12  # of the histograms whose overlap is the distance to human music


class Rendering(NamedTuple):
    """notes: rows of (onset s, end s, pitch, velocity)."""

    kind: str
    mood: Mood
    intensity: float
    notes: FloatArray

    @property
    def corner(self) -> str:
        """Name of the corner that was commanded."""
        return next(name for name, mood in CORNERS.items() if mood == self.mood)


def read(folder: Path) -> list[Rendering]:
    """All renderings of a folder. InputError when there are none."""
    found = []
    for path in sorted(folder.glob("*.npy")):
        kind, valence, arousal, intensity, _ = path.stem.split("_")
        mood = Mood(float(valence[1:]), float(arousal[1:]))
        found.append(Rendering(kind, mood, float(intensity[1:]), np.load(path).astype(np.float64)))
    if not found:
        raise InputError(f"{folder} has no renderings; make them with: python -m training emotion render")
    return found


def heard(notes: FloatArray) -> Impression | None:
    """Judge (a): the mean impression over windows of 12 s, or None when none could be judged."""
    length_s = float(notes[:, 0].max()) + listener.WINDOW_S / 2  # half of the last window must be there
    return listener.heard(notes, max(length_s, listener.WINDOW_S))


def by_signs(values: FloatArray) -> list[str]:
    """The mood of each (valence, arousal) by its signs against the median of all (a listener is biased toward sad)."""
    signs = np.where(values >= np.median(values, axis=0), 1, -1)
    of_signs = {(int(mood.valence), int(mood.arousal)): name for name, mood in CORNERS.items()}
    return [of_signs[int(v), int(a)] for v, a in signs]


def tally(commanded: Sequence[str], found: Sequence[str]) -> dict[str, Any]:
    """Confusion and shares, over all; commanded and found: names of corners."""
    confusion = {name: dict.fromkeys(MOODS, 0) for name in MOODS}
    for one, other in zip(commanded, found, strict=True):
        confusion[one][other] += 1
    pairs = [(CORNERS[one], CORNERS[other]) for one, other in zip(commanded, found, strict=True)]
    return {
        "judged": len(pairs),
        "four_moods": round(float(np.mean([one == other for one, other in pairs])), 3),
        "valence": round(float(np.mean([one.valence == other.valence for one, other in pairs])), 3),
        "arousal": round(float(np.mean([one.arousal == other.arousal for one, other in pairs])), 3),
        "confusion": confusion,
    }


def r2(rows: FloatArray) -> dict[str, float]:
    """R^2 of what was heard on what was commanded. rows: valence, arousal, heard valence, heard arousal."""
    correlations = [np.corrcoef(rows[:, k], rows[:, k + 2])[0, 1] for k in range(2)]
    return {name: round(float(r**2), 3) for name, r in zip(("valence", "arousal"), correlations, strict=True)}


def fidelity(renderings: Sequence[Rendering]) -> tuple[dict[str, float], FloatArray]:
    """R^2 of heard on commanded over the plane by judge (a), and rows of (valence, arousal, heard valence, arousal)."""
    said = [(*r.mood, i.valence, i.arousal) for r in renderings if (i := heard(r.notes)) is not None]
    rows = np.array(said)
    return r2(rows) | {"renderings": len(rows)}, rows


def distance(ours: Sequence[FloatArray], human: Sequence[FloatArray]) -> float:
    """1 minus the overlapped area of each feature's histograms over one grid, mean over the features (0 equal .. 1)."""
    a, b = np.stack(list(ours)), np.stack(list(human))
    overlaps = []
    for column in range(a.shape[1]):
        low, high = np.percentile(np.concatenate([a[:, column], b[:, column]]), [1, 99])
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        shares = [np.histogram(np.clip(x[:, column], edges[0], edges[-1]), edges)[0] / len(x) for x in (a, b)]
        overlaps.append(float(np.minimum(*shares).sum()))
    return 1 - float(np.mean(overlaps))


def write(folder: Path, corpus: Path | None, docs: Path | None) -> str:
    """Judge everything; returns the result as JSON text, and writes it with the pictures below `docs`."""
    renderings = read(folder)
    kinds: dict[str, list[Rendering]] = defaultdict(list)
    for one in renderings:
        kinds[one.kind].append(one)
    result: dict[str, Any] = {"judge_a": {}, "judge_b": {}, "quality": {}}
    for kind in ("played", "equalised"):
        judged = [(r.corner, i) for r in kinds[kind] if (i := heard(r.notes)) is not None]
        if judged:
            values = np.array([(i.valence, i.arousal) for _, i in judged])
            result["judge_a"][kind] = tally([name for name, _ in judged], by_signs(values))
    rows = None
    if kinds["sweep"]:
        result["judge_a"]["fidelity_r2"], rows = fidelity(kinds["sweep"])
    if kinds["sweep-equalised"]:
        result["judge_a"]["fidelity_r2_equalised"], _ = fidelity(kinds["sweep-equalised"])
    if corpus is not None:
        result |= _by_humans(corpus, kinds)
    text = json.dumps(result, indent=1)
    if docs is not None:
        (docs / "results").mkdir(parents=True, exist_ok=True)
        with atomic_write(docs / "results" / "emotion.json") as file:
            file.write(text + "\n")
        _pictures(docs / "images", result, rows)
    return text


def _by_humans(corpus: Path, kinds: Mapping[str, list[Rendering]]) -> dict[str, Any]:
    """Judge (b), human music beside it, and the distance to human music with the intensity."""
    human = [(p.group, p.mood, rows) for p in recogniser.read_corpus(corpus) if (rows := recogniser.windows(p.notes))]
    judge = recogniser.fit([(mood, rows) for _, mood, rows in human])
    verdicts = recogniser.cross_validated(human)
    told = tally([one for one, _ in verdicts], [other for _, other in verdicts])
    right = [np.mean([b == mood for a, b in verdicts if a == mood]) for mood in MOODS]
    told |= {"each_mood_alike": round(float(np.mean(right)), 3)}
    kept_out = [(mood, rows) for group, mood, rows in human if recogniser.is_kept_out(group)]
    corners = {kind: _measured(kinds[kind]) for kind in ("played", "equalised")}
    found: dict[str, Any] = {"judge_b": {"human_held_out": told} | _named(judge, corners)}
    if kept_out:
        found["judge_b"]["kept_out_half"] = {"pieces": len(kept_out)} | _named(recogniser.fit(kept_out), corners)
    of_mood = {mood: [row for _, other, rows in human if other == mood for row in rows] for mood in MOODS}
    found["quality"] = _quality(judge, kinds["intensity"], of_mood)
    if kinds["free"]:
        found["distance_free"] = _mean_distance(_measured(kinds["free"]), of_mood)
    found["variation"] = {
        mood: {
            "human": recogniser.variation([rows for _, other, rows in human if other == mood]),
            "played": recogniser.variation([rows for corner, rows in corners["played"] if corner == mood]),
        }
        for mood in MOODS
    }
    return found


def _measured(renderings: Sequence[Rendering]) -> Measured:
    """Those of the renderings at the corners that are long enough to have windows."""
    return [(r.corner, rows) for r in renderings if (rows := recogniser.windows(r.notes))]


def _mean_distance(ours: Measured, human: Mapping[str, list[FloatArray]]) -> float:
    """Mean over the moods of which there are windows."""
    windows = {mood: [row for corner, rows in ours if corner == mood for row in rows] for mood in MOODS}
    return round(float(np.mean([distance(windows[mood], human[mood]) for mood in MOODS if windows[mood]])), 3)


def _named(judge: Recogniser, corners: Mapping[str, Measured]) -> dict[str, dict[str, Any]]:
    """What judge (b) calls the renderings at the corners, by kind."""
    return {
        kind: tally([name for name, _ in found], [judge.mood(rows) for _, rows in found])
        for kind, found in corners.items()
        if found
    }


def _quality(
    judge: Recogniser, renderings: Sequence[Rendering], human: Mapping[str, list[FloatArray]]
) -> dict[str, dict[str, float]]:
    """By intensity: distance to human music of the same mood, and how often each judge recognises the mood."""
    by_level: dict[float, list[Rendering]] = defaultdict(list)
    for one in renderings:
        by_level[one.intensity].append(one)
    table = {}
    for level, group in sorted(by_level.items()):
        measured = _measured(group)
        b = [judge.mood(rows) == corner for corner, rows in measured]
        said = [(r.corner, i) for r in group if (i := heard(r.notes)) is not None]
        a = by_signs(np.array([(i.valence, i.arousal) for _, i in said]))
        table[f"{level:g}"] = {
            "distance": _mean_distance(measured, human),
            "judge_a": round(float(np.mean([one == other for (one, _), other in zip(said, a, strict=True)])), 3),
            "judge_b": round(float(np.mean(b)), 3),
            "renderings": len(group),
        }
    return table


def _pictures(folder: Path, result: Mapping[str, Any], rows: FloatArray | None) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    if rows is not None:
        figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2))
        for k, (axis, name) in enumerate(zip(axes, ("valence", "arousal"), strict=True)):
            shown = axis.scatter(rows[:, k], rows[:, k + 2], c=rows[:, 1 - k], cmap="viridis", s=22)
            line = np.polyfit(rows[:, k], rows[:, k + 2], 1)
            axis.plot([-1, 1], np.polyval(line, [-1, 1]), color="0.4", linewidth=1)
            r2 = result["judge_a"]["fidelity_r2"][name]
            axis.set(xlabel=f"commanded {name}", ylabel=f"heard {name}, judge (a)", title=f"{name}: R² = {r2:.2f}")
            figure.colorbar(shown, label=("arousal", "valence")[k])
        figure.tight_layout()
        figure.savefig(folder / "emotion-fidelity.png", dpi=90)
        pyplot.close(figure)
    if result["quality"]:
        levels = sorted(result["quality"], key=float)
        figure, axis = pyplot.subplots(figsize=(7, 4))
        for name, colour in (("judge_a", "tab:blue"), ("judge_b", "tab:green"), ("distance", "tab:red")):
            axis.plot(
                [float(x) for x in levels], [result["quality"][x][name] for x in levels], "o-", color=colour, label=name
            )
        axis.set(xlabel="intensity", ylabel="share recognised, distance to human music", ylim=(0, 1.02))
        axis.legend()
        figure.tight_layout()
        figure.savefig(folder / "emotion-intensity.png", dpi=90)
        pyplot.close(figure)
    panels = [(judge, kind) for judge in ("judge_a", "judge_b") for kind in ("played", "equalised", "human_held_out")]
    shown_panels = [(judge, kind) for judge, kind in panels if kind in result[judge]]
    if shown_panels:
        figure, grid = pyplot.subplots(1, len(shown_panels), figsize=(3.4 * len(shown_panels), 3.4), squeeze=False)
        for axis, (judge, kind) in zip(grid[0], shown_panels, strict=True):
            counts = np.array([[result[judge][kind]["confusion"][a][b] for b in MOODS] for a in MOODS], dtype=float)
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
            for i, j in np.ndindex(4, 4):
                axis.text(
                    j, i, f"{shares[i, j]:.2f}", ha="center", va="center", color="k" if shares[i, j] < 0.6 else "w"
                )
            axis.set_xticks(range(4), MOODS, rotation=45)
            axis.set_yticks(range(4), MOODS)
            axis.set_title(f"{judge.replace('_', ' ')}, {kind.replace('_', ' ')}", fontsize=9)
        figure.tight_layout()
        figure.savefig(folder / "emotion-confusion.png", dpi=90)
        pyplot.close(figure)
