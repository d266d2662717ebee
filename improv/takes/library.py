"""The folder of takes: names, the list, finding one, notes written down afterwards, deleting for good."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from improv.errors import InputError
from improv.takes import journal
from improv.takes.journal import SUFFIX, Record, is_locked, line_of, record_of

log = logging.getLogger(__name__)

# The last record of a take that ended in order lies in this many bytes, however long the notes below it are.
TAIL_BYTES = 65_536
PEOPLE = "people"
"""The folder inside that of the takes with a folder for each person; what is of a person is deleted with it."""
CLOCK_IS_SET_FROM = "2020"
LONGEST_NOTE = 10_000  # characters
LONGEST_TITLE = 100  # characters


class Listed(NamedTuple):
    """One line of the list. started: local time, ISO 8601. state: ended, playing or cut short.

    title: that a person gave it, or empty. person: id of whose it is, or empty.
    """

    take_id: str
    started: str
    seconds: float
    state: str
    model: str
    megabytes: float
    title: str = ""
    person: str = ""


def free_path(folder: Path, now: datetime, person: str = "") -> Path:
    """A path of the second of the clock, with a number where that is taken; in the person's folder, if it is there."""
    stem = f"{now:%Y-%m-%dT%H-%M-%S}"
    taken = {path.stem for where in (stem, f"{PEOPLE}/*/{stem}") for path in folder.glob(f"{where}*{SUFFIX}")}
    free = next(each for each in (stem, *(f"{stem}_{number}" for number in range(2, 1000))) if each not in taken)
    theirs = folder_of(folder, person)
    return (theirs if person and theirs.is_dir() else folder) / f"{free}{SUFFIX}"


def folder_of(folder: Path, person: str) -> Path:
    """Where all that is of a person lies. folder: of the takes. person: an id."""
    return folder / PEOPLE / person


def person_of(path: Path) -> str:
    """Id of the person whose take this is, or empty."""
    return path.parent.name if path.parent.parent.name == PEOPLE else ""


def another(path: Path, take_id: str) -> Path:
    """The path of another take of the same folder of takes, whoever's it is."""
    folder = path.parent.parent.parent if person_of(path) else path.parent
    found = (each for each in paths(folder) if each.stem == take_id)
    return next(found, path.with_name(f"{take_id}{SUFFIX}"))


def paths(folder: Path) -> list[Path]:
    """All takes, people's as well, the oldest first; their names sort by time.

    Those of a clock that was not set (a small computer without a battery begins in 1970) are taken for the newest: they
    may be, and the newest are the last to be deleted.
    """
    return _sorted([*folder.glob(f"*{SUFFIX}"), *folder.glob(f"{PEOPLE}/*/*{SUFFIX}")])


def _sorted(there: list[Path]) -> list[Path]:
    return sorted(filter(Path.is_file, there), key=lambda path: (path.stem < CLOCK_IS_SET_FROM, path.stem))


def keep_newest(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` takes, with what was made of them; never one that a daemon is recording, and
    none of a person: those go when somebody deletes them.
    """
    there = _sorted(list(folder.glob(f"*{SUFFIX}"))) if folder.is_dir() else []
    for path in there[: max(len(there) - keep, 0)]:
        if not is_locked(path):
            delete(path)


def make_room(folder: Path, keep: int) -> None:
    """As `keep_newest`; what cannot be deleted is told in the log and stays."""
    try:
        keep_newest(folder, keep)
    except OSError as error:
        log.error("old takes in %s could not be deleted: %s", folder, error.strerror)


def find(folder: Path, take_id: str) -> Path:
    """The take with this id, the only one whose id begins so, or the newest for `last`; else InputError."""
    there = paths(folder)
    if not there:
        raise InputError(f"there are no takes in {folder}")
    if take_id == "last":
        return there[-1]
    found = [path for path in there if path.stem == take_id] or [p for p in there if p.stem.startswith(take_id)]
    if len(found) == 1 and take_id:
        return found[0]
    if found and take_id:
        named = ", ".join(path.stem for path in found[:5])
        raise InputError(f"{take_id!r} could be {len(found)} takes: {named}{' ...' if len(found) > 5 else ''}")
    raise InputError(
        f"there is no take {take_id!r} in {folder}; the newest is {there[-1].stem}, `last` names it as well"
    )


def delete(path: Path) -> None:
    """Delete a take and everything that was made of it beside it, for good."""
    for made in _made_of(path):
        made.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def move(path: Path, person: str) -> Path:
    """Make a take that has ended a person's, with what was made of it; returns where it is. InputError."""
    folder = path.parent.parent.parent if person_of(path) else path.parent
    theirs = folder_of(folder, person)
    if not theirs.is_dir():
        raise InputError(f"there is no person {person!r}")
    if is_locked(path):
        raise InputError(f"take {path.stem} is being recorded; it can be given to a person when it has ended")
    if theirs != path.parent:
        for one in (*_made_of(path), path):
            one.rename(theirs / one.name)
    return theirs / path.name


def _made_of(path: Path) -> list[Path]:
    """What exports and renders left beside a take, half-written files included."""
    begins = (f"{path.stem}.", f"{path.stem}-", f".{path.stem}.", f".{path.stem}-")
    return [each for each in path.parent.iterdir() if each.name.startswith(begins) and each != path and each.is_file()]


def add_note(path: Path, text: str, now: datetime) -> None:
    """Append a person's note to a take; InputError when it is empty or too long."""
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise InputError(f"a note must have 1..{LONGEST_NOTE} characters (got {len(text)})")
    title = _title_in(_tail(path)) if path.exists() else ""
    _append(path, {"k": "note", "wall": now.isoformat(), "text": text})
    if title:  # stays among the last lines, where the list looks for it
        _append(path, {"k": "title", "text": title})


def rename(path: Path, title: str) -> None:
    """Give a take that has ended a title, or none; InputError."""
    title = " ".join(title.split())
    if len(title) > LONGEST_TITLE:
        raise InputError(f"a title may have {LONGEST_TITLE} characters (got {len(title)})")
    if is_locked(path):
        raise InputError(f"take {path.stem} is being recorded; it can be given a name when it has ended")
    _append(path, {"k": "title", "text": title})


def _append(path: Path, record: Record) -> None:
    try:
        with path.open("r+b") as file:
            whole = _ends_whole(file.seek(0, os.SEEK_END), path)
        with path.open("ab") as file:  # a take that was cut short may end in the middle of a line
            file.write((b"" if whole else b"\n") + line_of(record))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"it could not be written to {path}: {error.strerror}") from None


def _ends_whole(size: int, path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(size - 1, 0))
        return file.read(1) in (b"", b"\n")


def listed(folder: Path) -> Iterator[Listed]:
    """All takes in which music was made, the newest first."""
    for path in reversed(paths(folder) if folder.is_dir() else []):
        try:
            if (row := _listed(path)) is not None:
                yield row
        except OSError:
            continue  # deleted in this moment


def _listed(path: Path) -> Listed | None:
    with path.open("rb") as file:
        head = record_of(file.readline()) or {}
    tail = _tail(path)
    end = next((record for record in reversed(tail) if record["k"] == "end"), None)
    seconds, state = (float(end["at"]), "ended") if end is not None else (_last_moment_s(path), "cut short")
    if is_locked(path):
        state = "playing"
    elif tail and tail[0]["k"] == "take" and not any(record["k"] in ("step", "carried") for record in tail):
        return None  # a session ended while the music rested
    model = str((head.get("model") or {}).get("name", ""))
    megabytes, started = path.stat().st_size / 1e6, str(head.get("started", ""))
    return Listed(path.stem, started, seconds, state, model, megabytes, _title_in(tail), person_of(path))


def _tail(path: Path) -> list[Record]:
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
        return [record for line in file if (record := record_of(line)) is not None]


def _title_in(records: list[Record]) -> str:
    return next((str(record.get("text", "")) for record in reversed(records) if record["k"] == "title"), "")


def _last_moment_s(path: Path) -> float:
    return max((float(record["at"]) for record in journal.read(path) if record and "at" in record), default=0.0)
