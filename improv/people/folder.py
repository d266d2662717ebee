"""The folder of the people: each has one of their own, which only the user can read and which is deleted whole."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from improv.control.session_rows import PERSON_ID
from improv.errors import InputError
from improv.files import PRIVATE, read_text, write_whole
from improv.people.person_file import Person, dump, parse, person_name
from improv.takes import library
from improv.takes.journal import SUFFIX, is_locked

FILE = "person.json"
LARGEST_FILE = 1 << 24  # bytes; a thousand of the longest notes have 10 MB
OWN_FOLDER = 0o700
MOST_PEOPLE = 5000


class People:
    """folder: of the takes, in which the people have theirs."""

    def __init__(self, folder: Path) -> None:
        self._takes = folder
        self._folder = folder / library.PEOPLE

    def all(self) -> tuple[list[Person], list[str]]:
        """By name; and a sentence for each whose file cannot be used."""
        found, faults = [], []
        for path in sorted(self._folder.glob(f"*/{FILE}"))[:MOST_PEOPLE] if self._folder.is_dir() else []:
            try:
                found.append(parse(read_text(path, LARGEST_FILE), str(path)))
            except InputError as error:
                faults.append(str(error))
        return sorted(found, key=lambda person: person.name.casefold()), faults

    def find(self, who: str) -> Person:
        """By id, by name, or the only one whose name begins so. InputError."""
        people, faults = self.all()
        found = [one for one in people if who in (one.person_id, one.name)] or [
            one for one in people if who and one.name.casefold().startswith(who.casefold())
        ]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(f"{one.name} ({one.person_id})" for one in found[:5])
            raise InputError(f"{who!r} could be {len(found)} people: {named}; name the id")
        raise InputError(faults[0] if faults else f"there is no person {who!r}; `improv people add` makes one")

    def add(self, name: str, since: str) -> Person:
        """A new person. InputError where the name is taken."""
        name = person_name(name)
        if any(one.name.casefold() == name.casefold() for one in self.all()[0]):
            raise InputError(f"there is a person {name!r} already; choose another name or code")
        person = Person(secrets.token_hex(4), name, since)
        for folder in (self._takes, self._folder, self._of(person.person_id)):
            try:
                folder.mkdir(mode=OWN_FOLDER, parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"{folder} cannot be made: {error.strerror}") from None
        self.keep(person)
        return person

    def keep(self, person: Person) -> None:
        """Write a person's file, whole or not at all. InputError."""
        folder = self._of(person.person_id)
        if not folder.is_dir():
            raise InputError(f"{person.name} was deleted")
        write_whole(folder / FILE, dump(person), permissions=PRIVATE, durable=True)

    def takes(self, person: Person) -> list[str]:
        """Ids of their takes, the oldest first."""
        return sorted(path.stem for path in self._of(person.person_id).glob(f"*{SUFFIX}"))

    def is_recorded(self, person: Person) -> bool:
        """Whether a take of theirs is being written."""
        return any(map(is_locked, self._of(person.person_id).glob(f"*{SUFFIX}")))

    def delete(self, person: Person) -> int:
        """Delete all that is kept of a person, for good; returns how many takes were among it. InputError while one of
        them is being recorded.
        """
        folder, takes = self._of(person.person_id), self.takes(person)
        if self.is_recorded(person):
            raise InputError(f"a take of {person.name} is being recorded; end the session first")
        try:
            os.chmod(folder, OWN_FOLDER)
            shutil.rmtree(folder)
        except OSError as error:
            raise InputError(f"not all of {person.name} could be deleted: {error}") from None
        return len(takes)

    def _of(self, person_id: str) -> Path:
        if not PERSON_ID.fullmatch(person_id):
            raise InputError(f"{person_id[:60]!r} is no id of a person")
        return library.folder_of(self._takes, person_id)
