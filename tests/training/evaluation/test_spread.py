"""An evaluation by one process, by two and by a cluster: the same figures, byte for byte, and nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from improv.errors import BrainMusicError, InputError
from tests.conftest import REPOSITORY, TINY
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.dataset.parallel_map import applied, working
from training.dataset.plan_columns import NO_PLAN, PlanRows, reference_sets
from training.evaluation import excerpts, quality
from training.evaluation.evaluate import evaluate
from training.evaluation.parallel_scoring import score_all
from training.models.job_data import ModelFile, Part, model_of, plan_at
from training.models.scoring import OnnxScorer, score_pieces


def _halved(number: int) -> int:
    if number % 2:
        raise InputError(f"{number} is odd")
    return number // 2


def _divided(number: int) -> float:
    return 1 / number


def _killed(_: int) -> None:
    os._exit(1)


def test_results_come_in_order_and_refusals_as_their_sentence() -> None:
    with working(2) as mapping:
        assert list(mapping(_halved, range(0, 40, 2))) == list(range(20))
        with pytest.raises(InputError, match="3 is odd"):
            list(mapping(_halved, [2, 3]))
    with working(2) as mapping, pytest.raises(BrainMusicError, match="could not compute its part"):
        list(mapping(_divided, [0]))
    with working(2) as mapping, pytest.raises(BrainMusicError, match="a process died while it computed"):
        list(mapping(_killed, [0]))


def test_a_refusal_elsewhere_is_an_answer() -> None:
    assert isinstance(applied((_halved, 1)), InputError)


def test_an_address_without_a_scheduler_is_a_sentence(capsys: pytest.CaptureFixture[str], dataset_folder: Path) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    arguments = [str(TINY), "--dataset", str(dataset_folder), "--cluster", "tcp://127.0.0.1:9"]
    assert main(["evaluate", *arguments]) == InputError.exit_code
    assert "no Dask scheduler answers there" in capsys.readouterr().err


def test_no_processes_are_refused(capsys: pytest.CaptureFixture[str], dataset_folder: Path) -> None:
    assert main(["evaluate", str(TINY), "--dataset", str(dataset_folder), "--processes", "0"]) == InputError.exit_code
    assert "--processes must be 1 or more, got 0" in capsys.readouterr().err


def test_a_part_scores_as_its_dataset_does(dataset: Dataset) -> None:
    """Any pieces, in any order: each is cut out whole."""
    pieces = dataset.pieces[::-2]
    part = Part.of(dataset, pieces)
    for row, piece in zip(part.pieces, pieces, strict=True):
        assert (part.tokens[row.start : row.stop] == dataset.tokens[piece.start : piece.stop]).all()
        steps, whole = part.token_step[row.start : row.stop], dataset.token_step[piece.start : piece.stop]
        assert (part.conditioning[steps] == dataset.conditioning[whole]).all()
    scorer = OnnxScorer(model_of(ModelFile.of(TINY)))
    for commands in (False, True):
        ours = score_pieces(scorer, part, part.pieces, commands=commands)
        theirs = score_pieces(scorer, dataset, pieces, commands=commands)
        assert [one.nats for one in ours] == [one.nats for one in theirs]


def test_scores_come_in_the_order_of_the_pieces_without_every_token(dataset: Dataset) -> None:
    hidden, known = score_all(ModelFile.of(TINY), dataset, dataset.pieces, map)
    for scores in (hidden, known):
        assert [one.piece for one in scores] == dataset.pieces
        assert [one.tokens for one in scores] == [piece.stop - piece.start - 1 for piece in dataset.pieces]
        assert not any(len(one.each) for one in scores)


def test_a_checkpoint_is_scored_without_a_trace(
    dataset: Dataset, run_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = evaluate(run_folder / "best.pt", dataset)
    assert report.backend == "torch"
    assert np.isfinite(report.splits["test"][-1].hidden.value)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_plan_refers_to_the_same_keys() -> None:
    rng = np.random.default_rng(0)
    columns, sets, moves, onsets = (array.shape[1] for array in NO_PLAN)
    plan = PlanRows(
        rng.integers(0, 9, (50, columns), dtype=np.int16),
        rng.integers(0, 30, (50, sets), dtype=np.int32),
        rng.integers(-3, 4, (50, moves), dtype=np.int8),
        rng.integers(0, 256, (30, onsets), dtype=np.uint8),
    )
    steps = np.array([40, 41, 42, 3, 4])
    part = plan_at(plan, steps)
    assert len(part.onsets) < len(plan.onsets)
    assert (part.columns == plan.columns[steps]).all()
    there = reference_sets(plan.onsets, plan.sets[steps].astype(np.int64), plan.moves[steps], 0)
    assert (reference_sets(part.onsets, part.sets.astype(np.int64), part.moves, 0) == there).all()


# In a process of its own: the cluster's threads, processes and warnings stay out of the suite's.
SCRIPT = """
import sys
from distributed import LocalCluster
from training.__main__ import main
from training.evaluation import excerpts, quality

if __name__ == "__main__":
    excerpts.SECONDS, excerpts.rendered.__defaults__ = 8.0, (8.0, map)
    quality.ENDING_PLAY_S, quality.ENDING_LONGEST_S = 2.0, 6.0
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        sys.exit(main([*sys.argv[1:], "--cluster", cluster.scheduler_address]))
"""


def test_figures_are_the_same_for_any_processes_and_on_a_cluster(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(excerpts, "SECONDS", 8.0)
    monkeypatch.setattr(excerpts.rendered, "__defaults__", (8.0, map))
    monkeypatch.setattr(quality, "ENDING_PLAY_S", 2.0)
    monkeypatch.setattr(quality, "ENDING_LONGEST_S", 6.0)
    arguments = ["evaluate", str(TINY), "--dataset", str(dataset_folder), "--excerpts", "3"]
    for processes in ("1", "2"):
        assert main([*arguments, "--out", str(tmp_path / processes), "--processes", processes]) == 0
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), *arguments, "--out", str(tmp_path / "cluster")],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name in ("tiny.test.json", "tiny.quality.json"):
        first, *others = ((tmp_path / where / name).read_bytes() for where in ("1", "2", "cluster"))
        assert others == [first, first], name
