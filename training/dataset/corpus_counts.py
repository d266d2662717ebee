"""What people do: the counts that `improv.plan` draws from, of a dataset's training pieces.

    python -m training people-counts data/hands mutopia-keyboard.zip piano-midi-de.zip \
        --out improv/plan/corpus_counts.json

The archives are those that the dataset was prepared from. What it holds out is not counted, nor what it left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from improv.errors import InputError
from improv.files import atomic_write
from improv.model.habits import FORMAT
from improv.plan.corpus_counts import ROOTS_FILE, counts_from, roots_of
from training.analysis import Analysis, Music, analyse, of_score
from training.analysis.form_counts import FormCounts
from training.analysis.harmony_counts import HarmonyCounts
from training.analysis.music import TICKS_PER_BEAT, FloatArray
from training.analysis.return_counts import ReturnCounts
from training.analysis.stretches import Stretches, stretches
from training.analysis.texture_counts import TextureCounts
from training.corpus import reading
from training.corpus.score import Rejected, Score
from training.corpus.sources import Item, collect
from training.dataset.dataset import Dataset

LEAST_BARS = 12


class Found(NamedTuple):
    """A piece, analysed. score: that it was read from."""

    music: Music
    analysis: Analysis
    phrases: Stretches
    score: Score | None = None


@dataclass
class Counts:
    """All counts of all pieces so far."""

    harmony: HarmonyCounts = field(default_factory=HarmonyCounts)
    forms: FormCounts = field(default_factory=FormCounts)
    returns: ReturnCounts = field(default_factory=ReturnCounts)
    textures: TextureCounts = field(default_factory=TextureCounts)
    pieces: int = 0
    bars: int = 0

    def add(self, found: Found) -> None:
        """One piece."""
        self.pieces += 1
        self.bars += len(found.analysis.bars)
        self.harmony.add(found.analysis, found.phrases)
        self.forms.add(found.analysis, found.phrases)
        self.returns.add(found.analysis, found.phrases)
        self.textures.add(found.music, found.analysis, found.phrases)

    def as_json(self) -> dict[str, Any]:
        """The file's tables."""
        head: dict[str, Any] = {"format": FORMAT, "pieces": self.pieces, "bars": self.bars}
        return head | self.harmony.as_json() | self.forms.as_json() | self.returns.as_json() | self.textures.as_json()


def read(item: Item) -> Found | str:
    """A file, or why it is not counted."""
    try:
        score = reading.load(item.content(), item.suffix, item.source)
    except Rejected as reason:
        return str(reason)
    music = of_score(score)
    analysis = analyse(music)
    if len(analysis.bars) < LEAST_BARS or not (analysis.chords.root >= 0).any():
        return f"fewer than {LEAST_BARS} bars"
    bar_s: FloatArray | None = None
    if score.has_tempo:
        lines = np.append(analysis.bars.start, analysis.bars.end_tick) / TICKS_PER_BEAT
        bar_s = score.seconds(lines)
    return Found(music, analysis, stretches(music, analysis, bar_s), score)


def training_pieces(folder: Path) -> set[tuple[str, str]]:
    """Source and name of each."""
    with (folder / "pieces.csv").open(newline="") as file:
        return {(row["source"], row["name"]) for row in csv.DictReader(file) if row["split"] == "train"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", type=Path, help="as `prepare` wrote it: its training pieces are counted")
    add("sources", nargs="+", metavar="SOURCE", help="what it was prepared from")
    add("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    add("--out", type=Path, required=True, metavar="FILE", help=f"{ROOTS_FILE} is written beside it")


def command(options: argparse.Namespace) -> None:
    dataset = Dataset(options.dataset)
    wanted = training_pieces(options.dataset)
    counts = Counts()
    with reading.scratch_folder() as scratch, ProcessPoolExecutor(options.jobs) as pool:
        items = [item for source in options.sources for item in collect(source, Path(scratch))]
        chosen = [item for item in items if (item.source, item.name) in wanted]
        for item, found in zip(chosen, pool.map(read, chosen, chunksize=8), strict=True):
            if isinstance(found, str):
                print(f"{item.name}: {found}", file=sys.stderr)
            else:
                counts.add(found)
    if not counts.pieces:
        raise InputError("none of the dataset's training pieces is in the sources; give what it was prepared from")
    about = {"sources": dataset.about["sources"], "split": dataset.split_hash()}
    everybody = about | counts.as_json()
    with atomic_write(options.out) as file:
        file.write(json.dumps(everybody, separators=(",", ":")) + "\n")
    with atomic_write(options.out.with_name(ROOTS_FILE)) as file:
        file.write(json.dumps(roots_of(counts_from(everybody))) + "\n")
    print(f"{options.out}: {counts.pieces} pieces, {counts.bars} bars")
