"""Sources of music -> token streams with their conditioning, split by work.

    python -m training prepare music21:bach my_midis/ piano-midi-de.zip --out data/polyphony

An interrupted run goes on where it stopped: what was made of each file is kept in OUT.cache, by the hash of its bytes.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from improv.errors import InputError
from training.corpus import reading
from training.corpus.augment import INSTRUMENTS
from training.corpus.default_tempo import default_tempi
from training.corpus.fingerprint import Known
from training.corpus.labels import read_labels
from training.corpus.published import honestly_named
from training.corpus.reading import Item
from training.corpus.sources import work_of
from training.dataset.conditioning import condition
from training.dataset.dataset import DatasetWriter
from training.dataset.pipeline import Copy, Options, Result, read_all
from training.dataset.splits import Grouping, frozen_splits, read_frozen, shipped_splits, spread, with_all_splits
from training.dataset.workers import TIME_LIMIT_S

__all__ = ["condition", "prepare", "read_composers", "read_groups"]


def read_groups(path: Path | None) -> dict[str, str]:
    """Work -> group from an index with the columns dataset, file, group: the same work in several archives."""
    groups: dict[str, str] = {}
    for row in _index(path):
        work = f"{row['dataset']}/{work_of(row['dataset'] + '/' + row['file'])}"
        groups.setdefault(work, min(groups.get(work, row["group"]), row["group"]))
    return groups


def read_composers(path: Path | None) -> dict[tuple[str, str], str]:
    """(dataset, dataset/file) -> composer from the same index, where it names them."""
    return {(r["dataset"], f"{r['dataset']}/{r['file']}"): r["composer"] for r in _index(path) if r.get("composer")}


def _index(path: Path | None) -> Iterator[dict[str, str]]:
    if path is None:
        return
    if not path.is_file():
        raise InputError(f"--groups: the file {path} is not there")
    with path.open(newline="") as file:
        table = csv.DictReader(file)
        if missing := {"dataset", "file", "group"} - set(table.fieldnames or ()):
            raise InputError(f"--groups: {path} has no column {', '.join(sorted(missing))}")
        yield from table


def prepare(sources: Iterable[str], out: Path, options: Options | None = None) -> Counter[str]:
    """Write a dataset to `out`; returns how many files were kept and left out by reason."""
    options = options or Options()
    tally: Counter[str] = Counter()
    with reading.scratch_folder() as scratch, DatasetWriter(out, options.family, options.limit) as writer:
        found = [honestly_named(list(reading.collect(source, Path(scratch)))) for source in sources]
        items = [item for each in found for item in spread(each, options.limit)]
        options = replace(options, default_tempi=default_tempi(tqdm(items, "tempi", unit="file", disable=None)))
        desk = _Desk(writer, options, tally)
        for item, result in tqdm(read_all(items, options), total=len(items), unit="file", disable=None):
            desk.take(item, result)
        if not tally["kept"]:
            raise InputError("nothing was left to train on: " + (tell(tally) or "the sources hold no files"))
        groups = desk.grouping.groups()
        splits = frozen_splits(groups, writer.hashes, options.frozen)
        # Frozen pieces stay where they are; a small collection that has none is parted so that it can be learned from.
        known = any(sha256 in options.frozen for sha256 in writer.hashes)
        writer.assign(splits if known else with_all_splits(groups, splits))
    return tally


class _Desk:
    """Takes each file's result, finds copies of what is kept, and passes on what is new."""

    def __init__(self, writer: DatasetWriter, options: Options, tally: Counter[str]) -> None:
        self._writer, self._options, self._tally = writer, options, tally
        self._known = Known()
        self._work_of: dict[str, str] = {}  # of each kept piece, by source and name
        self.grouping = Grouping()

    def take(self, item: Item, result: Result) -> None:
        if isinstance(result, str):
            self._reject(item, result)
            return
        if isinstance(result, Copy):
            self._reject(item, f"the same file as ({result.of})")
            if result.of in self._work_of:
                self.grouping.same(self._group(f"{item.source}/{work_of(item.name)}"), self._work_of[result.of])
            return
        group = self._group(result.work)
        if twin := self._known.same_as(result.sketch):
            self._reject(item, f"the same music as ({twin})")
            self.grouping.link(group, result.opening)
            self.grouping.same(group, self._work_of[twin])
            return
        name = f"{item.source}: {item.name}"
        self._known.add(name, result.sketch)
        self._work_of[name] = group
        result.features["composer"] = self._composer(item)
        self._writer.add(result)
        own = f"{item.source}/{PurePosixPath(item.name).with_suffix('')}"
        self.grouping.add(group, result.opening, own, result.tune, sure=group != result.work)
        self._tally["kept"] += 1

    def _reject(self, item: Item, reason: str) -> None:
        self._writer.reject(item.source, item.name, reason)
        self._tally[reason_kind(reason)] += 1

    def _group(self, work: str) -> str:
        return self._options.groups.get(work, work)

    def _composer(self, item: Item) -> str:
        """From the index, else music21's folder, else the folder that the file lies in."""
        if composer := self._options.composers.get((item.source, item.name)):
            return composer
        if item.source.startswith("music21:"):
            return item.source.removeprefix("music21:")
        return Path(item.name).parent.name


def reason_kind(reason: str) -> str:
    """A reason without what is particular to one file: numbers, names, details in brackets."""
    kind = reason.split("(")[0].strip()
    if kind.startswith("only ") and "steps long" in kind:
        return "too short"
    return "too many notes" if kind[:1].isdigit() and "notes" in kind else kind


def tell(tally: Mapping[str, int]) -> str:
    """The tally as one line."""
    return "; ".join(f"{reason}: {count}" for reason, count in sorted(tally.items()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("sources", nargs="+", help="folder, zip or tar archive, music file, or music21:<composer>")
    add("--out", type=Path, required=True, help="folder of the dataset")
    add("--family", default="polyphony", help="the vocabulary (default: %(default)s)")
    add("--instruments", choices=INSTRUMENTS, default="all", help="what is given to the piano (default: all)")
    add("--labels", type=Path, help="CSV with file, start, end (seconds) and valence, arousal or name: your own moods")
    add("--groups", type=Path, help="CSV with dataset, file, group: works that occur in several sources")
    add(
        "--splits",
        type=Path,
        help="splits.csv of an earlier dataset: its pieces keep their side (default: that of the family's model)",
    )
    add("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core")
    add("--time-limit", type=float, default=TIME_LIMIT_S, metavar="S", help="for one file (default: %(default)s)")
    add("--cluster", metavar="ADDRESS", help="scheduler of a Dask cluster that reads the files")
    add("--cache", type=Path, help="where results are kept between runs (default: OUT.cache)")
    add("--limit", type=int, metavar="N", help="read only N files of each source, evenly spread")


def command(options: argparse.Namespace) -> None:
    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit must be 1 or more, got {options.limit}")
    tally = prepare(options.sources, options.out, _options(options))
    print(f"{options.out}: {tell(tally)}")


def _options(given: argparse.Namespace) -> Options:
    return Options(
        family=given.family,
        instruments=given.instruments,
        processes=max(given.processes, 1),
        time_limit_s=given.time_limit,
        cluster=given.cluster,
        cache=given.cache or given.out.with_name(given.out.name + ".cache"),
        limit=given.limit,
        groups=read_groups(given.groups),
        composers=read_composers(given.groups),
        labels=read_labels(given.labels) if given.labels else {},
        frozen=read_frozen(given.splits or shipped_splits(given.family)),
    )
