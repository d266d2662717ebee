"""The folder of takes: names, the list, finding one, notes written down afterwards, deleting for good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from improv.errors import InputError
from improv.takes import journal
from improv.takes.journal import SUFFIX, Record, is_locked, line_of, record_of

# The last record of a take that ended in order lies in this many bytes, however long the notes below it are.
TAIL_BYTES = 65_536
MADE_OF_A_TAKE = (".mid", ".wav", ".png", ".html")
CLOCK_IS_SET_FROM = "2020"
LONGEST_NOTE = 10_000  # characters


class Listed(NamedTuple):
    """One line of the list. started: local time, ISO 8601. state: ended, playing or cut short."""

    take_id: str
    started: str
    seconds: float
    state: str
    model: str
    megabytes: float


def free_path(folder: Path, now: datetime) -> Path:
    """A path of the second of the clock, with a number where that is taken."""
    stem = f"{now:%Y-%m-%dT%H-%M-%S}"
    stems = (stem, *(f"{stem}_{number}" for number in range(2, 1000)))
    return next(path for each in stems if not (path := folder / f"{each}{SUFFIX}").exists())


def paths(folder: Path) -> list[Path]:
    """All takes, the oldest first; their names sort by time.

    Those of a clock that was not set (a small computer without a battery begins in 1970) are taken for the newest: they
    may be, and the newest are the last to be deleted.
    """
    there = (path for path in folder.glob(f"*{SUFFIX}") if path.is_file())
    return sorted(there, key=lambda path: (path.stem < CLOCK_IS_SET_FROM, path.stem))


def keep_newest(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` takes, with what was made of them; never one that a daemon is recording."""
    there = paths(folder) if folder.is_dir() else []
    for path in there[: max(len(there) - keep, 0)]:
        if not is_locked(path):
            delete(path)


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
    for suffix in MADE_OF_A_TAKE:
        path.with_suffix(suffix).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def add_note(path: Path, text: str, now: datetime) -> None:
    """Append a person's note to a take; InputError when it is empty or too long."""
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        raise InputError(f"a note must have 1..{LONGEST_NOTE} characters (got {len(text)})")
    try:
        with path.open("r+b") as file:
            whole = _ends_whole(file.seek(0, os.SEEK_END), path)
        with path.open("ab") as file:  # a take that was cut short may end in the middle of a line
            file.write((b"" if whole else b"\n") + line_of({"k": "note", "wall": now.isoformat(), "text": text}))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"the note could not be written to {path}: {error.strerror}") from None


def _ends_whole(size: int, path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(size - 1, 0))
        return file.read(1) in (b"", b"\n")


def listed(folder: Path) -> Iterator[Listed]:
    """All takes, the newest first."""
    for path in reversed(paths(folder) if folder.is_dir() else []):
        try:
            yield _listed(path)
        except OSError:
            continue  # deleted in this moment


def _listed(path: Path) -> Listed:
    with path.open("rb") as file:
        head = record_of(file.readline()) or {}
    end = _end_of(path)
    seconds, state = (float(end["at"]), "ended") if end is not None else (_last_moment_s(path), "cut short")
    if is_locked(path):
        state = "playing"
    model = str((head.get("model") or {}).get("name", ""))
    return Listed(path.stem, str(head.get("started", "")), seconds, state, model, path.stat().st_size / 1e6)


def _end_of(path: Path) -> Record | None:
    with path.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
        records = [record for line in file if (record := record_of(line)) is not None]
    return next((record for record in reversed(records) if record["k"] == "end"), None)


def _last_moment_s(path: Path) -> float:
    return max((float(record["at"]) for record in journal.read(path) if record and "at" in record), default=0.0)
