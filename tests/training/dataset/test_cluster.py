"""A real local cluster of three processes, one of which dies in the middle: nothing is lost, the bytes are the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from improv.errors import InputError
from tests.conftest import REPOSITORY
from tests.training.corpora import melody, write_midi
from training.__main__ import main
from training.dataset.prepare import prepare

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

# In a process of its own: the cluster's threads, processes and warnings stay out of the suite's.
SCRIPT = """
import os, signal, sys, threading
from pathlib import Path
from distributed import LocalCluster
from tools.waiting import eventually
from training.dataset.prepare import prepare
from training.dataset.pipeline import Options

def kill_one(cluster, cache):
    eventually(lambda: len(list(cache.rglob("*.npz"))) >= 5, timeout_s=300)
    nanny = next(iter(cluster.workers.values()))
    os.kill(nanny.pid, signal.SIGKILL)
    print("killed", flush=True)

if __name__ == "__main__":
    music, out = Path(sys.argv[1]), Path(sys.argv[2])
    cache = out.with_name("cache")
    cache.mkdir()
    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        killer = threading.Thread(target=kill_one, args=(cluster, cache))
        killer.start()
        print(dict(prepare([str(music)], out, Options(cluster=cluster.scheduler_address, cache=cache))), flush=True)
        killer.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_worker_that_dies_costs_nothing(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for seed in range(120):
        write_midi(music / f"{seed:03}.mid", melody(seed, 40))
    (music / "bad.mid").write_bytes(b"MThd")
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(music), str(tmp_path / "data")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1200, check=False, env=_environment(), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "killed" in done.stdout
    assert "'kept': 120" in done.stdout
    prepare([str(music)], tmp_path / "local")
    for path in (tmp_path / "local").iterdir():
        assert path.read_bytes() == (tmp_path / "data" / path.name).read_bytes(), path.name


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(REPOSITORY)}


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("tcp://127.0.0.1:9", "no Dask scheduler answers there"), ("nonsense://x", "expected the address of a Dask")],
)
def test_no_scheduler_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, sentence: str
) -> None:
    write_midi(tmp_path / "music" / "a.mid", melody(1))
    arguments = [str(tmp_path / "music"), "--out", str(tmp_path / "data"), "--cluster", address]
    assert main(["prepare", *arguments]) == InputError.exit_code
    assert sentence in capsys.readouterr().err
