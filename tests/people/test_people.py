"""People: what is kept of them, that nobody else can read it, and that deleting leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.cli import main
from improv.errors import InputError
from improv.people.folder import FILE, People
from improv.people.person_file import KINDS, MOST_PLANS, Note, Person, Plan, Session, dump, parse
from improv.takes.journal import SUFFIX, line_of

NOW = "2026-01-02T10:00:00+00:00"
TEXT = st.text(min_size=1, max_size=40)
PEOPLE = st.builds(
    Person,
    person_id=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    name=TEXT,
    since=st.just(NOW),
    plans=st.lists(st.builds(Plan, st.sampled_from(KINDS), TEXT), max_size=3).map(tuple),
    limits=st.dictionaries(
        st.just("tempo"), st.tuples(st.none() | st.floats(30, 100), st.none() | st.floats(101, 200)), max_size=1
    ),
    notes=st.lists(st.builds(Note, st.just(NOW), TEXT), max_size=3).map(tuple),
    sessions=st.lists(st.builds(Session, st.just(NOW), st.sampled_from(("", NOW))), max_size=3).map(tuple),
)


@given(PEOPLE)
def test_a_person_read_back_is_the_person(person: Person) -> None:
    assert parse(dump(person), "person.json") == person


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "p.json is no person's file"),
        ("[]", "p.json is no person's file"),
        ('{"format": 2}', "p.json is of format 2, this version reads 1"),
        ('{"format": 1, "id": "a", "name": 5, "since": ""}', "p.json: name: "),
        ('{"format": 1, "id": "a", "name": "A", "since": "", "plans": [["film", "x"]]}', "p.json: plans.0"),
        ('{"format": 1, "id": "a", "name": "A", "since": "", "limits": {"tempo": [200, 20]}}', "tempo "),
        ('{"format": 1, "id": "a", "name": "A", "since": "", "limits": {"joy": [2, 20]}}', "unknown limit 'joy'"),
    ],
)
def test_a_file_that_is_wrong_is_said(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse(text, "p.json")


def test_what_a_person_cannot_have() -> None:
    person = Person("a", "Ada", NOW)
    for wrong in (
        lambda: person.renamed(" "),
        lambda: person.renamed("a\nb\0"),
        lambda: person.noted(" ", NOW),
        lambda: person.noted("x" * 10_001, NOW),
        lambda: person.planning("film", "x"),
        lambda: person.planning("journey", ""),
        lambda: person.without_plan("journey", "iso"),
        lambda: person.without_note(NOW),
        lambda: person.limited("joy", 1, 2),
        lambda: person.limited("tempo", 100, 50),
    ):
        with pytest.raises(InputError):
            wrong()
    for number in range(MOST_PLANS):
        person = person.planning("journey", f"{number}")
    with pytest.raises(InputError, match="at most 50 plans"):
        person.planning("journey", "one more")
    assert person.planning("journey", "3") == person


def test_a_session_ends_once_and_limits_are_told_to_the_daemon() -> None:
    person = Person("a", "Ada", NOW).limited("tempo", 50, None).limited("loudness", None, 70).limited("tempo", 60, None)
    assert person.limited("loudness", None, None).limits == {"tempo": (60, None)}
    assert person.begun("1").ended("2").ended("3").sessions == (Session("1", "2"),)
    assert person.ended("2") == person
    assert person.commands() == [
        {"command": "session_start", "person": "a"},
        {"command": "limit", "name": "tempo", "low": 60, "high": None},
        {"command": "limit", "name": "loudness", "low": None, "high": 70},
    ]


def test_files_are_for_their_user_alone_and_deleting_leaves_nothing(tmp_path: Path) -> None:
    people = People(tmp_path / "takes")
    ada = people.add("  Ada   L. ", NOW)
    assert ada.name == "Ada L."
    people.keep(ada.noted("she hummed", NOW))
    folder = tmp_path / "takes" / "people" / ada.person_id
    assert [path.stat().st_mode & 0o777 for path in (folder.parent.parent, folder.parent, folder)] == [0o700] * 3
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    for name in (f"2026-01-02T10-00-00{SUFFIX}", "2026-01-02T10-00-00.mid", ".2026-01-02T10-00-00.png.x.partial"):
        (folder / name).write_text("")
    assert people.takes(ada) == ["2026-01-02T10-00-00"]
    assert people.delete(ada) == 1
    assert list((tmp_path / "takes").rglob("*")) == [folder.parent]
    with pytest.raises(InputError, match="was deleted"):
        people.keep(ada)


def test_finding_a_person(tmp_path: Path) -> None:
    people = People(tmp_path)
    with pytest.raises(InputError, match="there is no person 'Ada'; `improv people add` makes one"):
        people.find("Ada")
    ada, adam = people.add("Ada", NOW), people.add("Adam", NOW)
    assert people.find("Ada") == people.find(ada.person_id) == ada
    assert people.find("adam") == adam
    with pytest.raises(InputError, match="could be 2 people"):
        people.find("ad")
    with pytest.raises(InputError, match="already"):
        people.add("ADA", NOW)
    (tmp_path / "people" / ada.person_id / FILE).write_text("{")
    assert [one.name for one in people.all()[0]] == ["Adam"]
    assert "is no person's file" in people.all()[1][0]


def test_the_command_line_keeps_and_deletes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def improv(*words: str) -> str:
        assert main(["people", words[0], "-o", f"takes.folder={tmp_path}", *words[1:]]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    assert "nobody yet" in improv("list")
    person_id = improv("add", "Ada").split()[0]
    improv("plan", "Ada", "journey", "iso")
    improv("plan", "Ada", "scene", "quiet")
    improv("plan", "Ada", "scene", "quiet", "--remove")
    improv("limit", "Ada", "tempo", "50", "110")
    improv("limit", "Ada", "loudness", "free", "70")
    improv("note", "Ada", "she smiled")
    improv("begin", "Ada", "--only-note")
    improv("end", "Ada", "--only-note")
    improv("rename", "Ada", "A. L.")
    shown = improv("show", person_id)
    for words in ("A. L.", "journey iso", "tempo 50 to 110", "loudness free to 70", "she smiled", "session"):
        assert words in shown
    assert "quiet" not in shown
    take = tmp_path / f"2026-01-02T10-00-00{SUFFIX}"
    take.write_bytes(line_of({"k": "take", "format": 1}))
    take.with_suffix(".mid").write_text("")
    assert "is of A. L. now" in improv("give", "A. L.", "last")
    (told,) = json.loads(improv("list", "--json"))
    assert told["takes"] == [take.stem]
    assert told["sessions"][0]["ended"]
    assert main(["people", "begin", "-o", f"takes.folder={tmp_path}", "A. L."]) == 7, "nobody plays"
    assert "deleted A. L.: 1 takes and all notes" in improv("delete", "A. L.", "--yes")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
