"""The reports in every language: whole, and written in it from the title to the last line."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from improv.app.cli import main
from improv.frontends.web import texts as pages
from improv.frontends.web.takes_api import _spoken
from improv.model.onnx_model import OnnxModel
from improv.takes import take
from improv.takes.export.report import html
from improv.takes.export.texts import FIRST, counted, languages, number
from tests.frontends.test_texts import PLACEHOLDER, leaves
from tests.takes.test_takes import made, only

PACKAGES = ("improv.takes.export", "improv.app.study")
ALIKE = {"BrainMusic", "r", "α", "R²", "Tempo", "min", "p", "ICC(2,1)", "ICC(2,k)", "95 %"}


@pytest.mark.parametrize("package", PACKAGES)
def test_reports_speak_every_language_of_the_page(package: str) -> None:
    assert list(languages(package)) == list(pages.languages())


@pytest.mark.parametrize("code", [code for code in pages.languages() if code != FIRST])
@pytest.mark.parametrize("package", PACKAGES)
def test_every_language_has_the_same_keys_and_values_to_put_in(package: str, code: str) -> None:
    first, other = (dict(leaves(dict(languages(package)[each]))) for each in (FIRST, code))
    assert list(first) == list(other)
    for key, text in first.items():
        assert other[key].strip(), key
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(other[key])), key


def test_every_word_of_a_template_is_in_the_texts() -> None:
    for package in PACKAGES:
        folder = Path(*package.split("."))
        written = (folder / "templates" / "report.html").read_text()
        asked = set(re.findall(r"""words(?:\.|\[["'])(\w+)""", written))
        assert len(asked) > 10
        assert asked <= set(languages(package)[FIRST]), package
        said = re.sub(r"{[{%#].*?[}%#]}", "", written, flags=re.DOTALL)
        assert set(spoken(said)) <= ALIKE, package


class _Spoken(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.said += [line.strip() for line in data.splitlines() if re.search(r"[^\W\d_]{2}|[rp]$", line)]


def spoken(page: str) -> list[str]:
    """Every line of text that a page shows."""
    reader = _Spoken()
    reader.feed(page)
    return reader.said


def test_a_report_in_spanish_says_nothing_in_english(tiny: OnnxModel, tmp_path: Path) -> None:
    made(tmp_path, tiny, 12.0)
    read = take.read(only(tmp_path))
    english, spanish = spoken(html(read)), spoken(html(read, "es", whose="Ada"))
    assert "Duración" in spanish
    commands = {command.text for command in read.commands}
    assert set(english) & set(spanish) <= {*ALIKE, *commands, "0:12 min", "0 min"}
    assert any(re.search(r"[+−]\d,\d\d / [+−]\d,\d\d", line) for line in spanish)
    assert any(re.search(r"[+−]\d\.\d\d / [+−]\d\.\d\d", line) for line in english)


def test_numbers_and_counts_are_written_as_the_language_does() -> None:
    texts: dict[str, Any] = {"decimal": ",", "note": {"one": "{count} nota", "other": "{count} notas"}}
    assert [counted(texts, "note", count) for count in (0, 1, 2)] == ["0 notas", "1 nota", "2 notas"]
    assert [number(texts, value) for value in (-0.5, 1.0, float("nan"))] == ["−0,50", "+1,00", "–"]


def test_the_language_is_an_option_of_every_command_that_writes_a_report(
    tiny: OnnxModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, tiny)
    here = ["-o", f"takes.folder={tmp_path}"]
    for command in ("report", "export"):
        out = tmp_path / f"{command}.html"
        assert main(["takes", command, "last", str(out), "--language", "es", *here]) == 0
        assert '<html lang="es">' in out.read_text()
    with pytest.raises(SystemExit):
        main(["takes", "report", "last", "--language", "xx", *here])
    assert "invalid choice: 'xx'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "kind", "expected"),
    [
        ((b"accept-language", b"es-MX,en;q=0.5"), "html", ("--language", "es")),
        ((b"cookie", f"{pages.COOKIE}=es".encode()), "html", ("--language", "es")),
        ((b"accept-language", b"de"), "html", ("--language", "en")),
        ((b"accept-language", b"es"), "mid", ()),
    ],
)
def test_the_page_asks_for_its_own_language(header: tuple[bytes, bytes], kind: str, expected: tuple[str, ...]) -> None:
    assert _spoken(Request({"type": "http", "headers": [header]}), kind) == expected
