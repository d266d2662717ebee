"""Training as real processes: killed at any moment it ends as if it had not been; two compute what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY
from training.__main__ import main
from training.models.checkpoints import read_checkpoint

ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
ARGUMENTS = ["--device", "cpu", "--threads", "1", "--no-tensorboard"]
SHORT = [
    "--preset",
    "tiny",
    "--set",
    "dropout=0.2",
    "--set",
    "layers=2",
    "--set",
    "average=0.9",
    "--set",
    "iterations=300",
    "--set",
    "evaluate_every=20",
]


# After each evaluation that it tells of, the run waits to be allowed the next: it never ends before it is killed.
ALLOWED = """
import sys
from training.__main__ import main

class Told:
    told = ""

    def __getattr__(self, name):
        return getattr(sys.__stdout__, name)

    def write(self, text):
        self.told += text
        return sys.__stdout__.write(text)

    def flush(self):
        sys.__stdout__.flush()
        if self.told.endswith("\\n"):
            self.told = ""
            sys.stdin.readline()

sys.stdout = Told()
sys.exit(main(["train", *sys.argv[1:]]))
"""
TRAIN = [sys.executable, "-c", ALLOWED]


def lines_of(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def kill_after(lines: int, arguments: list[str]) -> None:
    """Kill a training run soon after it has told of so many evaluations, in whatever it is doing then."""
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline(), "the run ended by itself"
            process.stdin.write(b"\n")
            process.stdin.flush()
        process.kill()
    assert process.returncode == -9


def test_a_run_killed_three_times_ends_like_an_undisturbed_one(dataset_folder: Path, tmp_path: Path) -> None:
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    begin = [*TRAIN, str(dataset_folder), *ARGUMENTS, "--out", str(killed)]
    kill_after(2, [*begin, *SHORT])
    kill_after(3, [*begin, "--resume"])
    kill_after(1, [*begin, "--resume"])
    reached = read_checkpoint(killed / "last.pt")["iteration"]
    assert 120 <= reached < 300
    last = [str(dataset_folder), *ARGUMENTS]
    assert main(["train", *last, "--out", str(killed), "--resume"]) == 0
    assert main(["train", *last, *SHORT, "--out", str(undisturbed)]) == 0
    assert lines_of(killed) == lines_of(undisturbed)
    assert len(lines_of(killed)) == 15
    ends = [read_checkpoint(folder / "last.pt") for folder in (killed, undisturbed)]
    mine, theirs = ({**end["network"], "last": end["unaveraged"]["output.bias"]} for end in ends)
    assert all(weights.equal(theirs[name]) for name, weights in mine.items())


def test_two_processes_compute_what_one_does(dataset_folder: Path, tmp_path: Path) -> None:
    short = [
        "--preset",
        "tiny",
        "--precision",
        "32",
        "--set",
        "iterations=30",
        "--set",
        "evaluate_every=10",
        "--set",
        "dropout=0",
    ]
    arguments = [str(dataset_folder), *ARGUMENTS, *short, "--out"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, "-m", "training", "train", *arguments, str(tmp_path / "two")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    assert main(["train", *arguments, str(tmp_path / "one")]) == 0
    for two, one in zip(lines_of(tmp_path / "two"), lines_of(tmp_path / "one"), strict=True):
        for name in ("train", "valid_bare", "valid_commanded"):
            assert abs(two[name] - one[name]) < 1e-3
    # What two processes have saved, one can go on with: the lanes' state is whole.
    two_state, one_state = (read_checkpoint(tmp_path / name / "last.pt")["state"][0] for name in ("two", "one"))
    assert two_state.shape == one_state.shape
    assert (two_state - one_state).abs().max() < 0.02
