"""What is kept of a person, as one value and as the text of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from improv.errors import InputError
from improv.music.limits import LIMITED, problem
from improv.takes.library import LONGEST_NOTE

FORMAT = 1
LONGEST_NAME = 60
MOST_PLANS, MOST_NOTES, MOST_SESSIONS = 50, 1000, 5000
KINDS = ("journey", "scene")


class Plan(NamedTuple):
    """What is meant to be played for a person: a journey or a scene, by its name."""

    kind: Literal["journey", "scene"]
    name: str


class Note(NamedTuple):
    """when: local time, ISO 8601."""

    when: str
    text: str


class Session(NamedTuple):
    """began, ended: local time, ISO 8601; ended is empty while it runs, and where nobody ended it."""

    began: str
    ended: str = ""


@dataclass(frozen=True)
class Person:
    """name: a name or a code. limits: floor and ceiling by name, None: free. Notes and sessions: the oldest first."""

    person_id: str
    name: str
    since: str
    plans: tuple[Plan, ...] = ()
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    sessions: tuple[Session, ...] = ()

    def renamed(self, name: str) -> Person:
        """With another name. InputError."""
        return replace(self, name=person_name(name))

    def noted(self, text: str, when: str) -> Person:
        """With a note more. InputError."""
        text = text.strip()
        if not text or len(text) > LONGEST_NOTE:
            raise InputError(f"a note must have 1..{LONGEST_NOTE} characters (got {len(text)})")
        _checked("notes", len(self.notes) + 1, MOST_NOTES)
        return replace(self, notes=(*self.notes, Note(when, text)))

    def without_note(self, when: str) -> Person:
        """Without the notes of a moment. InputError where there are none."""
        left = tuple(note for note in self.notes if note.when != when)
        if len(left) == len(self.notes):
            raise InputError(f"there is no note of {when}")
        return replace(self, notes=left)

    def planning(self, kind: str, name: str) -> Person:
        """With a plan more. InputError."""
        if kind not in KINDS:
            raise InputError(f"a plan is one of {', '.join(KINDS)} (got {kind!r})")
        if not name or len(name) > LONGEST_NAME:
            raise InputError(f"the name of a {kind} has 1..{LONGEST_NAME} characters (got {len(name)})")
        plan = Plan("journey" if kind == "journey" else "scene", name)
        if plan in self.plans:
            return self
        _checked("plans", len(self.plans) + 1, MOST_PLANS)
        return replace(self, plans=(*self.plans, plan))

    def without_plan(self, kind: str, name: str) -> Person:
        """Without a plan. InputError where it is none of theirs."""
        if (kind, name) not in self.plans:
            raise InputError(f"{kind} {name!r} is not planned for {self.name}")
        return replace(self, plans=tuple(plan for plan in self.plans if plan != (kind, name)))

    def limited(self, name: str, low: float | None, high: float | None) -> Person:
        """With a limit of theirs; both None: without it. InputError."""
        if name not in LIMITED:
            raise InputError(f"unknown limit {name!r}; allowed: {', '.join(LIMITED)}")
        kind = LIMITED[name]
        if text := problem(name, kind.low if low is None else low, kind.high if high is None else high):
            raise InputError(f"{name} {text}")
        limits = {**self.limits, name: (low, high)}
        return replace(self, limits={key: band for key, band in limits.items() if band != (None, None)})

    def begun(self, when: str) -> Person:
        """With a session that begins now."""
        _checked("sessions", len(self.sessions) + 1, MOST_SESSIONS)
        return replace(self, sessions=(*self.sessions, Session(when)))

    def ended(self, when: str) -> Person:
        """With the last session ended, if it runs."""
        if not self.sessions or self.sessions[-1].ended:
            return self
        return replace(self, sessions=(*self.sessions[:-1], self.sessions[-1]._replace(ended=when)))

    def commands(self) -> list[dict[str, object]]:
        """What a daemon is told at the beginning of a session of theirs."""
        told: list[dict[str, object]] = [{"command": "session_start", "person": self.person_id}]
        for name, (low, high) in self.limits.items():
            told.append({"command": "limit", "name": name, "low": low, "high": high})
        return told


_PERSON = TypeAdapter(Person)


def person_name(text: str) -> str:
    """A name or code, blanks put in order. InputError says what is allowed."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"a name or code has 1..{LONGEST_NAME} printable characters (got {text[:LONGEST_NAME]!r})")
    return name


def dump(person: Person) -> str:
    """The text of a person's file."""
    return json.dumps({"format": FORMAT, **as_json(person)}, indent=1, ensure_ascii=False) + "\n"


def as_json(person: Person) -> dict[str, Any]:
    """Plain values; plans, notes and sessions as tables with the names of their fields."""
    tables = {name: [row._asdict() for row in getattr(person, name)] for name in ("plans", "notes", "sessions")}
    limits = {name: list(band) for name, band in person.limits.items()}
    return {"id": person.person_id, "name": person.name, "since": person.since, "limits": limits, **tables}


def parse(text: str, source: str) -> Person:
    """A person from the text of their file. InputError names the first thing that is wrong."""
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise InputError(f"{source} is of format {table['format']!r}, this version reads {FORMAT}")
        values = {key: value for key, value in table.items() if key not in ("format", "id")}
        person = _PERSON.validate_python({"person_id": table["id"], **values})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{source}: {where}: {first['msg']}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{source} is no person's file: {error}") from None
    for name, (low, high) in person.limits.items():
        person.limited(name, low, high)
    return person


def _checked(what: str, number: int, most: int) -> None:
    if number > most:
        raise InputError(f"at most {most} {what} of a person are kept")
