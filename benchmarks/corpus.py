"""Files a second of the corpus tool against music21 and pretty_midi on the same files, and its memory as they grow.

    python -m benchmarks.corpus piano-midi-de.zip mutopia-keyboard.zip [--files 100] [--slow 8]

Reading alone (bytes to notes with their tempo map) is compared with the other readers; the whole path (read, check,
features, fingerprint, tokens, conditioning) runs on 1 and on 2 processes. Figures are given by the clock and by the
processor's time of this process: on a busy machine only the second can be compared. music21 reads only `--slow` of the
files, evenly spread; `times_music21` compares on those. Peaks are resident sizes of the parent and of its largest
worker, of a run over a tenth and over all of `--memory-files` files, made from the given ones with other pitches so
that none is a copy.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from improv.midi.packed import MIDI_SUFFIXES
from training.corpus import midi, reading
from training.dataset.encode_file import Job, digest
from training.dataset.splits import spread
from training.dataset.workers import Workers

_MEMORY_PROGRAM = """
import json, resource, sys
from pathlib import Path
from training.dataset.prepare import prepare
from training.dataset.pipeline import Options
if __name__ == "__main__":
    tally = prepare([sys.argv[1]], Path(sys.argv[2]), Options(processes=2))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"files": sum(tally.values()), "parent_mib": own // 1024, "worker_mib": worker // 1024}))
"""


def read_with_music21(content: bytes) -> None:
    """A whole parse, as a program that uses music21 for MIDI files makes it."""
    from music21 import converter

    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        file.write(content)
        file.flush()
        converter.parseFile(file.name, forceSource=True, storePickle=False)


def read_with_pretty_midi(content: bytes) -> None:
    """A whole parse into its own notes and tempo map."""
    pretty_midi: Any = importlib.import_module("pretty_midi")  # not among what BrainMusic needs

    pretty_midi.PrettyMIDI(io.BytesIO(content))


Speed = dict[str, float]
"""Files a second by the clock and by the processor."""


def files_per_s(read: Callable[[Any], object], contents: Sequence[Any]) -> Speed:
    """How many of the files `read` reads in a second; a file that it refuses counts as read."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for content in contents:
        try:
            read(content)
        except Exception as error:
            print(f"{read.__name__} fails on a file: {type(error).__name__}", file=sys.stderr)
    clock_s, processor_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    return {"clock": round(len(contents) / clock_s, 2), "processor": round(len(contents) / processor_s, 2)}


def whole_path(jobs: Sequence[Job], processes: int) -> float:
    """Files a second, by the clock, of all that prepare does with a file, its workers being warm."""
    with Workers(digest, processes, time_limit_s=60) as workers:
        list(workers.map(list(jobs[: 2 * processes])))
        began_s = time.perf_counter()
        list(workers.map(list(jobs)))
        return round(len(jobs) / (time.perf_counter() - began_s), 2)


def grown(contents: Sequence[bytes], count: int, folder: Path) -> Path:
    """A folder of `count` files: the given ones again and again, each time in another rhythm of its opening notes."""
    import symusic

    folder.mkdir(parents=True)
    for index in range(count):
        score: Any = symusic.Score.from_midi(contents[index % len(contents)])
        turn = index // len(contents)
        for track in score.tracks:
            for place, note in enumerate(track.notes):
                # Another tune each time, else all but the first would be left out as the same music.
                note.pitch = 30 + (note.pitch * (2 * turn + 1) + place * turn) % 60
        score.dump_midi(str(folder / f"{index:05}.mid"))
    return folder


def peak_memory(music: Path) -> dict[str, int]:
    """Peak resident sizes (MiB) of one prepare over a folder, with two workers."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        program = Path(folder) / "program.py"
        program.write_text(_MEMORY_PROGRAM)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
        command = [sys.executable, str(program), str(music), str(Path(folder) / "data")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(sources: Sequence[str], files: int, slow: int, memory_files: int) -> dict[str, Any]:
    """One round over everything."""
    with reading.scratch_folder() as scratch:
        items = [item for source in sources for item in reading.collect(source, Path(scratch))]
        chosen = spread([item for item in items if item.suffix in MIDI_SUFFIXES], files)
        contents = [item.content() for item in chosen]
        names = [item.name for item in chosen]
    few = spread(contents, slow)
    jobs = [Job(name, "x", ".mid", content, "polyphony") for name, content in zip(names, contents, strict=True)]
    few_jobs = spread(jobs, slow)
    midi.read_midi(contents[0])
    digest(jobs[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_with_music21(few[0])
        rates: dict[str, Speed | None] = {
            "ours": files_per_s(midi.read_midi, contents),
            "pretty_midi": _if_there("pretty_midi", read_with_pretty_midi, contents),
            "music21": files_per_s(read_with_music21, few),
        }
        whole: dict[str, Any] = {"1_process": files_per_s(digest, jobs)}
        whole |= {f"{count}_processes": {"clock": whole_path(jobs, count)} for count in (1, 2)}
        ours, theirs = (
            {"reading": files_per_s(midi.read_midi, few), "whole_path": files_per_s(digest, few_jobs)},
            files_per_s(read_with_music21, few),
        )
    found: dict[str, Any] = {
        "files": len(contents),
        "music21_files": len(few),
        "reading_files_per_s": rates,
        "whole_path_files_per_s": whole,
        "times_music21": {name: round(speed["processor"] / theirs["processor"], 1) for name, speed in ours.items()},
    }
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        sizes = (max(memory_files // 10, 1), memory_files)
        found["memory"] = [peak_memory(grown(contents, size, Path(folder) / f"{size} files")) for size in sizes]
    return found


def _if_there(module: str, read: Callable[[bytes], object], contents: Sequence[bytes]) -> Speed | None:
    try:
        importlib.import_module(module)
    except ImportError:
        print(f"{module} is not installed and was not measured", file=sys.stderr)
        return None
    return files_per_s(read, contents)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corpus", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", help="folders, archives or MIDI files")
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--slow", type=int, default=8)
    parser.add_argument("--memory-files", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "corpus.json")
    given = parser.parse_args(arguments)
    text = json.dumps(measure(given.sources, given.files, given.slow, given.memory_files), indent=1)
    given.out.write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
