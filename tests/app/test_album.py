"""Albums: the same pieces whoever makes them, exactly as long as asked, resumed where they broke off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import mido
import pytest
import soundfile

from improv.app.album import making
from improv.app.album.making import Failed
from improv.app.album.piece import Made, Order
from improv.app.cli import main
from improv.app.commands.album import seed_of
from improv.music.mood import CORNERS
from tests.conftest import REPOSITORY, TINY

HERE = ["-o", f"model.path={TINY}"]


def made(folder: Path, *more: str) -> dict[str, bytes]:
    """Make an album; every file by its name."""
    assert main(["album", str(folder), "--seconds", "12", "--processes", "1", *HERE, *more]) == 0
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_pieces_are_exactly_as_long_as_asked_titled_levelled_and_listed(tmp_path: Path) -> None:
    files = made(tmp_path / "album", "--mood", "calm", "--mood", "0.5,0.5", "--pieces", "2", "--lufs", "-20")
    rows = json.loads(files["album.json"])["pieces"]
    assert [row["title"] for row in rows] == ["Calm No. 1", "Calm No. 2", "0.5,0.5 No. 1", "0.5,0.5 No. 2"]
    assert [(row["valence"], row["arousal"]) for row in rows][1:3] == [(1.0, -1.0), (0.5, 0.5)]
    assert len({row["seed"] for row in rows}) == 4
    for row in rows:
        path = tmp_path / "album" / f"{row['file']}.flac"
        info = soundfile.info(path)
        assert info.frames == 12 * info.samplerate
        assert row["lufs"] == pytest.approx(-20, abs=0.1) or row["lufs"] < -20, "less only where it would clip"
        midi = mido.MidiFile(path.with_suffix(".mid"))
        assert midi.length == pytest.approx(12, abs=0.6)
        assert row["notes"] == sum(message.type == "note_on" for track in midi.tracks for message in track)
        assert row["key"].endswith((" major", " minor"))
        assert {"onset_density", "register", "tempo", "model_sha256"} <= set(row)
    assert files["album.csv"].count(b"\n") == 5


def test_the_same_album_again_and_by_two_processes_is_the_same(tmp_path: Path) -> None:
    one = made(tmp_path / "one", "--pieces", "1", "--sound", "none")
    two = made(tmp_path / "two", "--pieces", "1", "--sound", "none", "--processes", "2")
    assert one == two
    assert len([name for name in one if name.endswith(".mid")]) == 4
    assert one != made(tmp_path / "three", "--pieces", "1", "--sound", "none", "--seed", "1")


def test_pieces_follow_a_journey_whoever_makes_them(tmp_path: Path) -> None:
    journey = tmp_path / "up.yaml"
    journey.write_text(
        "name: Up\nlimits: {loudness: [20, 90]}\npoints:\n- {at: 0, mood: sad}\n- {at: 12, mood: happy}\n"
    )
    one = made(tmp_path / "one", "--journey", str(journey), "--pieces", "2", "--sound", "none")
    two = made(tmp_path / "two", "--journey", str(journey), "--pieces", "2", "--sound", "none", "--processes", "2")
    assert one == two
    assert [row["title"] for row in json.loads(one["album.json"])["pieces"]] == ["Up No. 1", "Up No. 2"]


def test_what_is_there_is_not_made_again_unless_it_was_ordered_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    make = making.make

    def counted(order: Order) -> Made:
        asked.append(order.stem)
        return make(order)

    monkeypatch.setattr(making, "make", counted)
    more = ("--mood", "sad", "--pieces", "2", "--sound", "none")
    files = made(tmp_path / "album", *more)
    (tmp_path / "album" / "sad" / "00002 Sad No. 2.mid").unlink()
    assert made(tmp_path / "album", *more) == files
    assert asked == ["sad/00001 Sad No. 1", "sad/00002 Sad No. 2", "sad/00002 Sad No. 2"]
    made(tmp_path / "album", *more, "-o", "music.expression=0")
    assert len(asked) == 5


def test_a_list_names_pieces_and_says_which_line_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("title,mood,seconds,seed\nMorning,calm,10,7\n,sad,,\n")
    files = made(tmp_path / "album", "--list", str(listed), "--sound", "none")
    rows = json.loads(files["album.json"])["pieces"]
    assert [(row["title"], row["seconds"]) for row in rows] == [("Morning", 10.0), ("Sad No. 1", 12.0)]
    assert [row["seed"] for row in rows] == [7, seed_of(0, "sad", 1)]
    for text, sentence in (
        ("mood\nweird\n", "line 2: mood must be one of"),
        ("mood,seconds\ncalm,x\n", "line 2: seconds and seed are numbers"),
        ("mood,length\ncalm,3\n", "the first line names the columns"),
        ("mood,seconds\ncalm,3\n", "a piece lasts 10..3600 seconds, got 3"),
    ):
        listed.write_text(text)
        assert main(["album", str(tmp_path / "other"), "--list", str(listed), *HERE]) == 2
        assert sentence in capsys.readouterr().err


def test_one_piece_that_fails_costs_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def makers(orders: Sequence[Order]) -> Iterator[Made | Failed]:
        for order in orders:
            yield Failed(order, "for a reason") if order.number == 1 else making.make(order)

    lines: list[str] = []
    orders = [
        Order("A", number, "calm", CORNERS["calm"], None, 10.0, number, str(TINY), "{}", "", None) for number in (1, 2)
    ]
    failed = making.make_all(orders, tmp_path, makers, lines.append)
    assert [each.order.number for each in failed] == [1]
    assert "calm/00001 A could not be made: for a reason" in lines[0]
    assert [row["file"] for row in json.loads((tmp_path / "album.json").read_text())["pieces"]] == ["calm/00002 A"]


KILLED = """
import os, signal, sys
from pathlib import Path
from improv.app.album import making, piece

first = Path(sys.argv[1])
make = piece.make

def fatal(order):
    try:
        first.open("x").close()
    except FileExistsError:
        return make(order)
    os.kill(os.getpid(), signal.SIGKILL)

making.make = fatal
if __name__ == "__main__":
    from improv.app.cli import main
    sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_process_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    album = ["album", str(tmp_path / "album"), "--seconds", "10", "--sound", "none", "--processes", "2", *HERE]
    command = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "first"), *album]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first").exists(), "one was killed"
    assert "4 of 4 pieces" in done.stdout


CLUSTER = """
import os, signal, sys, threading
from pathlib import Path
from distributed import LocalCluster
from improv.app.cli import main
from tools.waiting import eventually

def kill_one(cluster, folder):
    eventually(lambda: len(list(folder.rglob("*.mid"))) >= 1, timeout_s=300)
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    print("killed", flush=True)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        killer = threading.Thread(target=kill_one, args=(cluster, folder))
        killer.start()
        code = main(["album", str(folder), "--cluster", cluster.scheduler_address, *sys.argv[2:]])
        killer.join()
    sys.exit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_worker_of_a_cluster_that_dies_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    (tmp_path / "cluster.py").write_text(CLUSTER)
    more = ["--seconds", "10", "--sound", "none", "--mood", "calm", "--pieces", "4", *HERE]
    command = [sys.executable, str(tmp_path / "cluster.py"), str(tmp_path / "cluster"), *more]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "killed" in done.stdout
    assert "4 of 4 pieces" in done.stdout
    assert main(["album", str(tmp_path / "local"), "--processes", "1", *more]) == 0
    for path in (tmp_path / "local").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "cluster" / path.relative_to(tmp_path / "local")).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--pieces", "0"], "--pieces must be in 1..1000000, got 0"),
        (["--lufs", "3"], "--lufs must be -50..-5, or 0, got 3"),
        (["--mood", "calm", "--list", "x.csv"], "exclude each other"),
        (["--cluster", "nonsense"], "expected the address of a Dask scheduler"),
        (["--seconds", "5"], "a piece lasts 10..3600 seconds, got 5"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["album", str(tmp_path / "album"), *arguments, *HERE]) == 2
    assert sentence in capsys.readouterr().err


def test_ctrl_c_leaves_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = making.make
    # A shell that starts the tests beside itself has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(order: Order) -> Made:
        if order.number == 2:
            signal.raise_signal(signal.SIGINT)
        return make(order)

    monkeypatch.setattr(making, "make", interrupted)
    more = ["--seconds", "10", "--sound", "none", "--mood", "calm", "--pieces", "2", "--processes", "1"]
    try:
        assert main(["album", str(tmp_path / "album"), *more, *HERE]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.name for path in tmp_path.rglob("*.mid")] == ["00001 Calm No. 1.mid"]
