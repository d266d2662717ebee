"""The words of the pages: every language is whole, and no word stands outside of their files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from improv.frontends.web import texts
from improv.music.attributes import ATTRIBUTES

STATIC = texts.STATIC
FROM_THE_DAEMON = {"about", "attribute_hints"}
"""Groups that are English in the daemon's own tables, and stand in the files of other languages alone."""
NAMES = {"BrainMusic", "bpm", "Am F C G", "improv link"}
READ = ("aria-label", "title", "placeholder", "content", "alt", "label")
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def leaves(table: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """(key, text) of every text, the forms of a plural under one key each."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def common(code: str) -> dict[str, str]:
    table = {group: value for group, value in texts.languages()[code].items() if group not in FROM_THE_DAEMON}
    return dict(leaves(table))


OTHERS = [code for code in texts.languages() if code != texts.FIRST]


@pytest.mark.parametrize("code", OTHERS)
def test_every_language_has_the_same_keys_and_values_to_put_in(code: str) -> None:
    first, other = common(texts.FIRST), common(code)
    assert set(first) == set(other)
    for key, text in first.items():
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(other[key])), key
        assert other[key].strip(), key
    assert set(texts.languages()[code]["attribute_hints"]) == set(ATTRIBUTES)


def asked_keys() -> set[str]:
    """Keys that pages and scripts ask for by name."""
    pages = "".join(path.read_text() for path in [*STATIC.glob("*.html"), *STATIC.glob("js/*.js")])
    return set(re.findall(r"""\bt\(["'](\w+\.\w+)["']""", pages)) - {"group.name"}


def test_every_key_that_is_asked_for_is_there() -> None:
    there = {f"{group}.{name}" for group, table in texts.languages()[texts.FIRST].items() for name in table}
    assert len(asked_keys()) > 100
    assert asked_keys() <= there


class Read(HTMLParser):
    """What a person reads of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        meta = tag == "meta" and dict(attrs).get("name") != "description"
        self.words += [value or "" for name, value in attrs if name in READ and not meta]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_every_address_of_the_pages_is_relative() -> None:
    """They may lie below a path of another server, which is known to the browser alone."""
    absolute = re.compile(r"""["'`(]/(?:static|api|live|enter)\b|(?:href|src)="/""")
    files = [path for path in STATIC.rglob("*") if path.suffix in (".html", ".js", ".css")]
    assert len(files) > 20
    assert [path.name for path in files if absolute.search(path.read_text())] == []


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_a_page_has_no_words_of_its_own(path: Path) -> None:
    reader = Read()
    reader.feed(path.read_text())
    own = [re.sub(r"\{\{.*?\}\}", "", words).replace("&nbsp;", "").strip() for words in reader.words]
    assert [words for words in own if re.search(r"[A-Za-z]{2}", words) and words not in NAMES] == []


# Strings of scripts that nobody reads: classes, selectors, roles, fonts, keys of the keyboard, media types, headers.
UNREAD = re.compile(
    r"""class: (?:"[^"]*"|`[^`]*`)|class="[^"]*"|(?:querySelector(?:All)?|matches|closest|matchMedia)\([^)]*\)|"""
    r"""font = "[^"]*"|"""
    r"""key(?:\.toLowerCase\(\))? [!=]==? "\w+"|tagName [!=]==? "\w+"|"(?:use strict|Content-Type|application/json)"|"""
    r"""console\.\w+\([^)]*\)|preserveAspectRatio: "[^"]*"|\["Escape"\]|on\("\w+"|"(?:GET|POST|DELETE|PUT)\""""
)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`')
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:.]? [a-z]{2,}|^[A-Z][a-z]{2,}\b")


def words_of(script: str) -> list[str]:
    """Strings of a script that look like words for a person."""
    code = UNREAD.sub("", COMMENT.sub("", script))
    found = (literal[1:-1] for literal in STRING.findall(code))
    plain = (re.sub(r"\$\{[^}]*\}?", "", literal) for literal in found)
    return [words for words in plain if SENTENCE.search(words) and words not in NAMES]


def test_words_in_a_script_are_found() -> None:
    assert words_of('say("That cannot be done."); // a comment with words') == ["That cannot be done."]
    assert words_of("write(one, `${count} of them`); button('Undo', {})") == [" of them", "Undo"]
    assert words_of('t("scenes.undo"); make("p", { class: "button icon" }); event.key === "Escape"') == []


@pytest.mark.parametrize("path", sorted(STATIC.glob("**/*.js")), ids=lambda path: path.name)
def test_a_script_has_no_words_of_its_own(path: Path) -> None:
    assert words_of(path.read_text()) == []


def test_the_files_are_plain_tables() -> None:
    for path in (STATIC / "texts").glob("*.json"):
        assert path.read_text() == json.dumps(json.loads(path.read_text()), ensure_ascii=False, indent=2) + "\n"
