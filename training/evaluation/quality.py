"""Every measure of generated music but its likelihood, each beside four others: held-out human music, that music
permuted, an order-2 Markov chain, and a previous release where one is given.

A measure with a better side is kept only where it ranks human music above its own permutation: where the interval of
the difference, over the excerpts, leaves out zero. What is dropped is named.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.config import Config
from improv.control.commands import End
from improv.errors import InputError
from improv.music.attributes import key_of
from improv.music.mood import CORNERS
from training.dataset import parallel_map
from training.dataset.dataset import Dataset
from training.evaluation import excerpts, markov
from training.evaluation.excerpts import Excerpt, Rendering
from training.evaluation.figures import Estimate, interval
from training.evaluation.measures import DIRECTED, histogram
from training.evaluation.originality import Memory, signature
from training.evaluation.overlap import features_of, overlaps
from training.evaluation.structure import SCALES, structure
from training.models.job_data import ModelFile

FloatArray = NDArray[np.float64]
Figures = dict[str, Estimate]
"""Name of a set of excerpts -> a figure of it."""

OURS, HUMAN, PERMUTED, CHAIN, PREVIOUS = "this model", "human", "permuted", "Markov", "previous"
COMPARED_BEATS = 64.0  # sixteen bars of 4/4 of every excerpt are compared
LEAST_PIECES = 3  # two halves, one of which has distances within itself
STRUCTURE_S = 90.0  # only excerpts of this length and more can show a form
ENDING_PLAY_S, ENDING_LONGEST_S = 20.0, 50.0
KEY_BEATS = 32.0  # the key at the end is that of so many quarters before it
LONGER = 1.5  # a last chord is long when it is so many times the median note

CRITERIA: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("consonance", ("dissonant intervals", "moments within a triad", "parallel fifths and octaves per 1000")),
    ("circle of fifths", ("harmony along the circle of fifths",)),
    ("nice and original melody", ("stepwise melody", "longest run shared with the training pieces")),
    ("dynamics, phrasing, sections, ending", ("structure, mid", "structure, long", "endings on the tonic triad")),
    ("articulation within the tempo", ("onsets on one phase of the beat", "distance to human: articulation")),
    ("self-expression", ("variety between pieces, human = 1",)),
    ("felt emotion", ("moods recognised",)),
    ("performance and complexity", ("distance to human: mean",)),
)
"""The eight criteria and the rows that stand for each."""


@dataclass(frozen=True)
class Quality:
    """What was found. measures, overlap: row -> set -> estimate. dropped: rows that do not rank human above permuted.

    count: excerpts in each set. copying: share of ours within the 95th percentile of held-out human pieces.
    """

    count: dict[str, int]
    measures: dict[str, Figures]
    overlap: dict[str, Figures]
    dropped: list[str]
    endings: dict[str, dict[str, float]]
    copying: dict[str, float]
    criteria: list[dict[str, Any]] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """For JSON: every estimate as value, low, high."""
        found = asdict(self)
        for table in ("measures", "overlap"):
            rows: Mapping[str, Figures] = getattr(self, table)
            found[table] = {row: {name: e._asdict() for name, e in sets.items()} for row, sets in rows.items()}
        return found


def mean(values: Sequence[float]) -> Estimate:
    """A mean with its interval over excerpts."""
    return interval(np.array(values, dtype=np.float64), np.ones(len(values)))


def ranks(human: Sequence[float], nonsense: Sequence[float], side: int) -> bool:
    """Whether human excerpts score better than their own permutations, one by one, beyond doubt."""
    gain = mean([side * (a - b) for a, b in zip(human, nonsense, strict=True)])
    return gain.low > 0


def _measured(excerpt: Excerpt) -> dict[str, float]:
    """All measures with a better side."""
    return {name: float(np.asarray(measure(excerpt))) for name, (measure, _) in DIRECTED.items()}


def directed(
    sets: Mapping[str, Sequence[Excerpt]], mapping: parallel_map.Mapping = map
) -> tuple[dict[str, Figures], list[str]]:
    """The measures with a better side, and the names of those that must be dropped."""
    found = {of: list(mapping(_measured, part)) for of, part in sets.items()}
    rows, dropped = {}, []
    for name, (_, side) in DIRECTED.items():
        values = {of: [row[name] for row in part] for of, part in found.items()}
        rows[name] = {of: mean(part) for of, part in values.items()}
        if not ranks(values[HUMAN], values[PERMUTED], side):
            dropped.append(name)
    return rows, dropped


def forms(
    sets: Mapping[str, Sequence[Excerpt]], mapping: parallel_map.Mapping = map
) -> tuple[dict[str, Figures], list[str]]:
    """Fitness of the self-similarity by scale, of the excerpts that are long enough."""
    # A permuted excerpt stands beside its own original: it is left out with it.
    there = [index for index, excerpt in enumerate(sets[HUMAN]) if _seconds(excerpt) >= STRUCTURE_S]
    found: dict[str, list[dict[str, float]]] = {}
    for name, part in sets.items():
        paired = name in (HUMAN, PERMUTED)
        chosen = [part[index] for index in there] if paired else [e for e in part if _seconds(e) >= STRUCTURE_S]
        if chosen:
            found[name] = list(mapping(structure, chosen))
    rows, dropped = {}, []
    for scale in SCALES:
        values = {name: [row[scale] for row in part] for name, part in found.items()}
        rows[f"structure, {scale}"] = {name: mean(part) for name, part in values.items()}
        if not there or not ranks(values[HUMAN], values[PERMUTED], 1):
            dropped.append(f"structure, {scale}")
    return rows, dropped


def _seconds(excerpt: Excerpt) -> float:
    return float(np.ptp(excerpt.onset)) * excerpt.beat_s if excerpt.onset.size else 0.0


def variety(sets: Mapping[str, Sequence[Excerpt]]) -> Figures:
    """How different the excerpts of a set are from each other, as a share of how different human pieces are."""
    vectors = {name: np.concatenate(list(features_of(part).values()), axis=1) for name, part in sets.items()}
    scale = vectors[HUMAN].std(axis=0)
    differs = scale > 1e-6  # what is the same in all human pieces has no scale to measure by
    spread = {
        name: np.linalg.norm(((v - v.mean(axis=0)) / np.where(differs, scale, 1))[:, differs], axis=1)
        for name, v in vectors.items()
    }
    whole = float(spread[HUMAN].mean())
    return {name: mean(list(values / whole)) for name, values in spread.items()}


def originality(memory: Memory, sets: Mapping[str, Sequence[Excerpt]]) -> tuple[Figures, dict[str, float]]:
    """Notes of the longest run shared with the training pieces, and how that stands to held-out human pieces."""
    runs = {name: [float(memory.longest(signature(e))) for e in part] for name, part in sets.items()}
    limit = float(np.quantile(runs[HUMAN], 0.95))
    copying = {
        "human 95th percentile": limit,
        "this model 95th percentile": float(np.quantile(runs[OURS], 0.95)),
        "this model inside": float(np.mean(np.array(runs[OURS]) <= limit)),
    }
    return {name: mean(values) for name, values in runs.items()}, copying


def ending(excerpt: Excerpt) -> dict[str, float] | None:
    """on_tonic: the last chord belongs to the tonic triad and stands on its root. longer, softer: than what was before.

    None where nothing was played. softer is missing where all notes are equally loud.
    """
    if excerpt.onset.size < 8:
        return None
    last = float(excerpt.onset.max())
    at_end = excerpt.end > last + 1e-6
    before = excerpt.onset < last
    recent = excerpt.onset >= last - KEY_BEATS
    key = key_of(histogram(excerpt._chosen(recent)))
    chord = excerpt.pitch[at_end]
    on_tonic = bool(np.isin(chord % 12, key.triad).all() and chord.min() % 12 == key.tonic)
    found = {
        "on_tonic": float(on_tonic),
        "longer": float(excerpt.duration[at_end].mean() >= LONGER * np.median(excerpt.duration[before])),
    }
    if np.ptp(excerpt.velocity):
        found["softer"] = float(excerpt.velocity[at_end].mean() < excerpt.velocity[before & recent].mean())
    return found


def _ended(order: Rendering) -> Excerpt | None:
    """A rendering that was told to end; None when it went on regardless."""
    steps = order.steps()
    last = next((index for index, step in enumerate(steps) if step.finished), None)
    return None if last is None else excerpts.of_steps(f"seed {order.seed}", steps[: last + 1])


def endings(
    model: ModelFile, config: Config, dataset: Dataset, times: int, mapping: parallel_map.Mapping = map
) -> tuple[dict[str, dict[str, float]], Figures]:
    """Shares over all moods, ours and human; and the intervals of the first."""
    told = ((ENDING_PLAY_S, End()),)
    orders = [
        Rendering(model, config, ENDING_LONGEST_S, seed, CORNERS[name], told)
        for name in CORNERS
        for seed in range(times)
    ]
    ours = list(mapping(_ended, orders))
    theirs = [excerpts.of_piece(dataset, piece, seconds=1e9) for piece in dataset.split("test")]
    tables, figures = {}, {}
    for name, part in ((HUMAN, theirs), (OURS, ours)):
        found = [result for e in part if e is not None and (result := ending(e)) is not None]
        if not found:
            continue
        keys = [key for key in ("on_tonic", "longer", "softer") if all(key in row for row in found)]
        tables[name] = {key: float(np.mean([row[key] for row in found])) for key in keys}
        tables[name] |= {"pieces": len(found), "asked": len(part)}
        figures[name] = mean([row["on_tonic"] for row in found])
    return tables, figures


def collect(
    model: ModelFile,
    dataset: Dataset,
    count: int,
    previous: ModelFile | None = None,
    config: Config | None = None,
    mapping: parallel_map.Mapping = map,
) -> dict[str, list[Excerpt]]:
    """The sets that are compared. The daemon plays, for every human piece, one of the same measured mood.

    mapping: who computes it (training.dataset.parallel_map).
    """
    config, rng = config or Config(), np.random.default_rng(0)
    human = excerpts.human(dataset, dataset.split("test"), count)
    if len(human) < LEAST_PIECES:
        raise InputError(
            f"the test split has {len(human)} pieces that can be compared, at least {LEAST_PIECES} are needed"
        )
    chain = markov.fit(dataset)
    print(f"rendering {len(human)} excerpts ...", file=sys.stderr)
    sets: dict[str, list[Excerpt]] = {
        HUMAN: human,
        PERMUTED: [excerpts.permuted(excerpt, rng) for excerpt in human],
        CHAIN: [excerpts.of_chain(chain, dataset.encoding, excerpt, rng) for excerpt in human],
    }
    if previous is not None:
        sets[PREVIOUS] = excerpts.rendered(previous, config, human, mapping=mapping)
    sets[OURS] = excerpts.rendered(model, config, human, mapping=mapping)
    return sets


def measure(
    model: ModelFile,
    dataset: Dataset,
    sets: Mapping[str, Sequence[Excerpt]],
    ending_times: int,
    recognised: Estimate | None,
    config: Config | None = None,
    mapping: parallel_map.Mapping = map,
) -> Quality:
    """Everything, of sets that `collect` made. recognised: the share of moods that a listener recognises."""
    compared = {name: [excerpt.first(COMPARED_BEATS) for excerpt in part] for name, part in sets.items()}
    rows, dropped = directed(compared, mapping)
    formal, formless = forms(sets, mapping)
    shared, copying = originality(Memory.of(dataset, dataset.split("train")), sets)
    tables, on_tonic = endings(model, config or Config(), dataset, ending_times, mapping)
    overlap = overlaps(compared[HUMAN], {name: part for name, part in compared.items() if name != HUMAN})
    rows |= formal | {
        "longest run shared with the training pieces": shared,
        "endings on the tonic triad": on_tonic,
        "variety between pieces, human = 1": variety(compared),
        "distance to human: articulation": overlap["articulation"],
        "distance to human: mean": _mean_overlap(overlap),
    }
    if recognised is not None:
        rows["moods recognised"] = {OURS: recognised}
    dropped += formless
    criteria = [
        {"criterion": criterion, "rows": [row for row in names if row in rows and row not in dropped]}
        for criterion, names in CRITERIA
    ]
    count = {name: len(part) for name, part in sets.items()}
    return Quality(count, rows, overlap, dropped, tables, copying, criteria)


def _mean_overlap(overlap: Mapping[str, Figures]) -> Figures:
    names = next(iter(overlap.values()))
    return {
        name: Estimate(*(float(np.mean([row[name][part] for row in overlap.values()])) for part in range(3)))
        for name in names
    }


def text(quality: Quality) -> str:
    """The tables as Markdown."""
    names = list(quality.count)
    lines = ["| measure | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row, figures in quality.measures.items():
        mark = " (dropped)" if row in quality.dropped else ""
        lines.append(f"| {row}{mark} | " + " | ".join(_cell(figures.get(name)) for name in names) + " |")
    lines += ["", "| overlapped area with human music | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row, figures in quality.overlap.items():
        lines.append(f"| {row} | " + " | ".join(_cell(figures.get(name)) for name in names) + " |")
    lines += ["", f"| criterion | measure | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for entry in quality.criteria:
        for row in entry["rows"] or ["(none that ranks human above permuted)"]:
            figures = quality.measures.get(row, {})
            cells = " | ".join(_cell(figures.get(name)) for name in names)
            lines.append(f"| {entry['criterion']} | {row} | {cells} |")
    return "\n".join(lines)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    digits = 0 if abs(estimate.value) >= 100 else 1 if abs(estimate.value) >= 10 else 2
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
