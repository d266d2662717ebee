"""What this version costs beside another one, in turns on the same machine: CPU of a note, of a start, and memory.

    git worktree add ../before COMMIT
    python -m benchmarks.versions ../before

Both play the model that is named with their own code, each in processes of their own, which take turns. Processor time
does not count what other programs take. A note: as in benchmarks.per_note, mean of the four moods. A start: `improv
--version`, and `improv render` of one second, from the beginning of the process to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
# Compiled modules are written in the first round and read in all others, whatever the surroundings say.
SURROUNDINGS = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_NOTES = """
import json, statistics, sys
from pathlib import Path
from benchmarks.per_note import ours
rows = ours(Path(sys.argv[1]), int(sys.argv[2])).values()
print(json.dumps({key: statistics.mean(row[key] for row in rows) for key in ("model_ms", "engine_ms")}))
"""


def notes(checkout: Path, model: Path, seed: int) -> dict[str, float]:
    """CPU milliseconds for a note: in the model, and in the whole engine."""
    ran = subprocess.run(
        [sys.executable, "-c", _NOTES, str(model), str(seed)],
        cwd=checkout,
        env=SURROUNDINGS | {"PYTHONPATH": str(checkout)},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def run(checkout: Path, *words: str) -> tuple[float, float]:
    """CPU seconds, user and system, and the most resident memory in MiB, of one `improv` command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "improv", *words],
        cwd=checkout,
        env=SURROUNDINGS | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"improv {' '.join(words)} ended with {process.returncode} in {checkout}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measured(checkout: Path, model: Path, seed: int) -> dict[str, float]:
    """All figures of one round."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.mid")
        render_s, render_mib = run(
            checkout, "render", out, "--seconds", "1", "--seed", "1", "-o", f"model.path={model}"
        )
    version_s, _ = run(checkout, "--version")
    return notes(checkout, model, seed) | {"version_s": version_s, "render_s": render_s, "render_mib": render_mib}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout of the other version")
    parser.add_argument("--model", type=Path, default=HERE / "exported_models" / "polyphony.onnx")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rounds: dict[Path, list[dict[str, float]]] = {options.before.resolve(): [], HERE: []}
    for seed in range(-1, options.rounds):
        for checkout, found in rounds.items():
            one = measured(checkout, options.model.resolve(), max(seed, 0))
            if seed >= 0:  # the first round only writes the compiled modules
                found.append(one)
    before, after = rounds.values()
    for key in after[0]:
        old, new = (statistics.median(one[key] for one in side) for side in (before, after))
        ratio = statistics.median(b[key] / a[key] for a, b in zip(before, after, strict=True))
        print(f"{key:12} before {old:8.3f}, now {new:8.3f}: {ratio:.2f} of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
