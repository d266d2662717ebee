"""The checks of the analysis run on small archives, and agree where everything agrees."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from improv.errors import InputError
from tests.training.corpora import meter, write_midi
from training.__main__ import main
from training.experiments.check_bars import fit, known

HEAD = "**function\t**harm\t**kern\t**kern\n*M4/4\t*M4/4\t*M4/4\t*M4/4\n*C:\t*C:\t*C:\t*C:\n"
CHORDS = {"I": ("4C", "4e 4g 4cc"), "IV": ("4F", "4f 4a 4cc"), "V": ("4G", "4d 4g 4b"), "V7": ("4G", "4f 4g 4b")}
PHRASES = {"a": ["I", "IV", "I", "V"], "b": ["V7", "I", "V7", "I"]}


def _phrase(chords: list[str]) -> str:
    rows = []
    for number, chord in enumerate(chords, start=1):
        low, high = CHORDS[chord]
        rows.append(f"={number}\t" * 3 + f"={number}")
        rows.append(f"1T\t1{chord}\t{low}\t{high}")
        rows.extend([f".\t.\t{low}\t{high}"] * 3)
    return HEAD + "\n".join(rows) + "\n*-\t*-\t*-\t*-\n"


def _tavern(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for work in ("B001", "M002"):
            for number, letter in enumerate("abab", start=1):
                for annotator in "ab":
                    archive.writestr(
                        f"X/{work}/Joined/{work}_00_{number:02}{letter}_{annotator}.krn", _phrase(PHRASES[letter])
                    )
    return path


def test_a_plain_piece_is_read_as_its_annotators_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-analysis", str(_tavern(tmp_path / "joined.zip"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 works, 2 themes and variations")
    cells = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in lines[4:]}
    for row in (
        "key stated",
        "root",
        "root and quality",
        "bass",
        "phrase ends: F",
        "close of a phrase",
        "phrases alike: F",
    ):
        assert cells[row] == "100.0 [100.0, 100.0]", row


@pytest.mark.parametrize("content", [None, "no analyses"])
def test_what_is_no_such_archive_is_said(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "joined.zip"
    if content:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", content)
    assert main(["check-analysis", str(path)]) == InputError.exit_code
    assert str(path) in capsys.readouterr().err


def _waltz(pickup: int, bars: int) -> list[tuple[float, float, int]]:
    tune = [72, 76, 79, 77, 74, 71]
    rows = [(float(n), 1.0, tune[n]) for n in range(pickup)]
    for bar in range(bars):
        at, low = float(pickup + 3 * bar), (36, 43, 41, 43)[bar % 4]
        rows += [(at, 1.0, low), (at, 2.0, tune[bar % 6]), (at + 2, 1.0, tune[(bar + 2) % 6])]
        rows += [(at + beat, 1.0, low + above) for beat in (1, 2) for above in (16, 19)]
    return rows


def _kern(notes: list[tuple[float, float, int]], pickup: int) -> str:
    """The notes as one spine of quarters: enough to say how many there are and where bar lines stand."""
    names = ["c", "c#", "d", "e-", "e", "f", "f#", "g", "a-", "a", "b-", "b"]
    lines = ["**kern", "*M3/4"]
    last = int(max(onset for onset, _, _ in notes))
    for beat in range(last + 1):
        if beat >= pickup and (beat - pickup) % 3 == 0:
            lines.append("=")
        here = [pitch for onset, _, pitch in notes if onset == beat]
        lines.append(" ".join("4" + names[pitch % 12] for pitch in here) or "4r")
    return "\n".join([*lines, "*-"]) + "\n"


@pytest.fixture
def waltzes(tmp_path: Path) -> Path:
    archive = tmp_path / "waltzes.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for number in range(8):
            notes, pickup = _waltz(number % 3, 16), number % 3
            midi = write_midi(tmp_path / f"{number}.mid", notes, meta=[(0, meter(3, 4))])
            zipped.write(midi, f"midi/waltz{number}.mid")
            zipped.writestr(f"kern/waltz{number}.krn", _kern(notes, pickup))
    return archive


def test_bar_lines_are_checked_against_scores(waltzes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pieces = list(known([waltzes]))
    assert [int(piece.lines[0]) for piece in pieces] == [12 * (number % 3) for number in range(8)]
    assert 0 < sum(piece.held_out for piece in pieces) < 8
    assert main(["check-bars", str(waltzes)]) == 0
    rows = {
        line.split("|")[1].strip(): line.split("|")[3].strip()
        for line in capsys.readouterr().out.splitlines()
        if "|" in line
    }
    assert rows["searched"] == "1.000"
    assert rows["as drawn, with a pickup"] == "0.000"


def test_weights_of_bar_lines_can_be_learned_again(waltzes: Path) -> None:
    weights, bias = fit(list(known([waltzes])))
    assert weights.shape == (3, 6)
    assert bias < 0  # most places are no bar lines
    assert weights[0, 2] > 0  # the lowest notes stand on them
