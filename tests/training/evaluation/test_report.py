"""The page that one looks at: whole, self-contained, the same each time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from improv.errors import InputError
from tests.training.corpora import tiny_corpus
from training.__main__ import main
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.dataset.prepare import prepare
from training.evaluation.reports import charts


def test_a_page_with_all_its_pictures(dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(dataset_folder), "--out", str(tmp_path / "one")]) == 0
    page = (tmp_path / "one" / "report.html").read_text()
    pictures = sorted((tmp_path / "one").glob("*.png"))
    assert len(pictures) == page.count("data:image/png;base64,") == 9
    assert not re.search(r'(src|href)=["\']?(http|/|\w+\.)', page), "the page needs nothing else"
    assert f"{len(Dataset(dataset_folder).pieces)}" in page
    assert main(["report", str(dataset_folder), "--out", str(tmp_path / "two")]) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_what_is_no_dataset_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == InputError.exit_code
    assert "is not a prepared dataset" in capsys.readouterr().err


def test_the_table_counts_every_file(dataset_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", str(dataset_folder)]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    pieces = len(Dataset(dataset_folder).pieces)
    assert last.startswith(f"| all | {pieces} | {pieces} | ")
    assert main(["summary", str(dataset_folder / "nothing")]) == InputError.exit_code


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Bach, J.S.", "Bach"),
        ("BachJS", "Bach"),
        ("BeethovenLv", "Beethoven"),
        ("Chopin, Fryderyk", "Chopin"),
        ("Mozart", "Mozart"),
        ("joplin", "Joplin"),
        ("schumann_clara", "Schumann"),
        ("", ""),
    ],
)
def test_a_composer_has_one_name(written: str, name: str) -> None:
    assert charts.family_name(written) == name


@pytest.mark.parametrize("family", ["performance", "pianist", "melody"])
def test_every_family_has_its_page(family: str, tmp_path: Path) -> None:
    prepare([str(tiny_corpus(tmp_path / "music"))], tmp_path / "data", Options(family=family))
    assert main(["report", str(tmp_path / "data")]) == 0
    page = (tmp_path / "data" / "report" / "report.html").read_text()
    assert f"tokens, {family}" in page
