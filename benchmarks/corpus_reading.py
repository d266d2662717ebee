"""How a change of the readers changes the corpus: what files became before it and after it, file by file.

    python -m benchmarks.corpus_reading read --out FOLDER SOURCE... [--limit-s 60]
    python -m benchmarks.corpus_reading compare BEFORE AFTER

`read` writes what each file turns into (notes in quarter notes, pedal, tempo, metre, or the reason why it is left out)
with the program of the checkout that it runs in. `compare` prints a table: a row for each source, with the pieces that
changed and in what, and the reasons that the reader gives.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from training.corpus import reading
from training.corpus.reading import Rejected
from training.dataset.workers import Failed, Workers

Job = tuple[str, str, bytes, str]
"""Name, source, content, suffix."""


def read_one(job: Job) -> dict[str, Any]:
    """What a file turns into, as values that JSON and numpy can hold."""
    _, source, content, suffix = job
    try:
        score = reading.load(content, suffix, source)
    except Rejected as reason:
        return {"rejected": str(reason)}
    columns = (score.notes["onset"], score.notes["duration"], score.notes["pitch"], score.notes["velocity"])
    return {
        "notes": np.stack([np.round(column.astype(np.float64), 3) for column in columns], axis=1).astype(np.float32),
        "pedals": np.round(np.array(score.pedals, dtype=np.float64).reshape(-1, 2), 3),
        "tempos": np.round(np.array(score.tempos, dtype=np.float64).reshape(-1, 2), 2),
        "meters": np.round(np.array(score.meters, dtype=np.float64).reshape(-1, 2), 3),
        "has_tempo": score.has_tempo,
        "done": list(score.done),
    }


def read_sources(sources: list[str], out: Path, limit_s: float) -> None:
    """Every file of the sources that prepare would read, into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with reading.scratch_folder() as scratch, Workers(read_one, 1, limit_s) as workers:
        items = [item for source in sources for item in reading.collect(source, Path(scratch)) if not item.twin]
        names = [f"{item.source}/{item.name}" for item in items]
        jobs = ((item.name, item.source, item.content(), item.suffix) for item in items)
        with (out / "about.jsonl").open("w") as about:
            for number, (name, found) in enumerate(zip(tqdm(names), workers.map(jobs), strict=True)):
                told = {"rejected": found.reason} if isinstance(found, Failed) else dict(found)
                arrays = {key: told.pop(key) for key in ("notes", "pedals", "tempos", "meters") if key in told}
                if arrays:
                    np.savez_compressed(out / f"{number}.npz", allow_pickle=False, **arrays)
                about.write(json.dumps({"name": name, "file": f"{number}.npz" if arrays else "", **told}) + "\n")


def _load(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "about.jsonl").read_text().splitlines()
    return {told["name"]: told | {"folder": folder} for told in map(json.loads, lines)}


def _arrays(told: dict[str, Any]) -> dict[str, np.ndarray]:
    with np.load(told["folder"] / told["file"]) as stored:
        return dict(stored)


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[set[str], Counter[str]]:
    """In what a file differs, and how many notes there are, went and came."""
    if "rejected" in before or "rejected" in after:
        if "rejected" in before and "rejected" in after:
            return set(), Counter()
        return {"now used" if "rejected" in before else "now left out"}, Counter()
    old, new = _arrays(before), _arrays(after)
    found = {key for key in ("pedals", "meters") if not _equal(old[key], new[key])}
    if not _equal(old["tempos"], new["tempos"]) or before["has_tempo"] != after["has_tempo"]:
        found.add("tempos")
    counts: Counter[str] = Counter(notes=len(new["notes"]))
    if not _equal(old["notes"], new["notes"]):
        rows = [Counter(map(tuple, side["notes"].tolist())) for side in (old, new)]
        counts["went"], counts["came"] = (rows[0] - rows[1]).total(), (rows[1] - rows[0]).total()
        if counts["went"] or counts["came"]:
            found.add("notes")
    return found, counts


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, atol=2e-3))


def kind_of(sentence: str) -> str:
    """A sentence of the reader without its numbers."""
    return re.sub(r"\d+ ?", "", re.sub(r"\([^)]*\)", "", sentence.split(":")[0])).strip()


def compare(before: Path, after: Path) -> None:
    """The table, as Markdown."""
    old, new = _load(before), _load(after)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for name in new:
        source = name.split("/")[0]
        table[source]["files"] += 1
        if name not in old:
            table[source]["new names"] += 1
            continue
        found, counts = changes(old[name], new[name])
        table[source].update(counts)
        table[source].update(found)
        table[source]["changed"] += bool(found)
        if found:
            told = new[name].get("done", []) + [f"before: {old[name]['rejected']}"] * ("now used" in found)
            told += [f"now: {new[name]['rejected']}"] * ("now left out" in found)
            reasons[source].update({kind_of(sentence) if "before" not in sentence else sentence for sentence in told})
    columns = ["files", "changed", "notes", "pedals", "tempos", "meters", "came", "went"]
    columns[2:2] = ["now used", "now left out"]
    print("| source |", " | ".join(columns), "|\n|---|" + "---|" * len(columns))
    for source, row in sorted(table.items()):
        print(f"| {source} |", " | ".join(f"{row[column]:,}" for column in columns), "|")
    for source, counts in sorted(reasons.items()):
        print(f"\n{source}: " + "; ".join(f"{what} {count}" for what, count in counts.most_common(12)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = parser.add_subparsers(dest="command", required=True)
    reads = sub.add_parser("read")
    reads.add_argument("sources", nargs="+")
    reads.add_argument("--out", type=Path, required=True)
    reads.add_argument("--limit-s", type=float, default=60.0)
    compares = sub.add_parser("compare")
    compares.add_argument("before", type=Path)
    compares.add_argument("after", type=Path)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        if options.command == "read":
            read_sources(options.sources, options.out, options.limit_s)
        else:
            compare(options.before, options.after)


if __name__ == "__main__":
    main()
