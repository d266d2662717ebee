"""The answers of a study: one CSV file that only grows, a row an answer, never half a line."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from improv.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nobody is told that the file is in use
    fcntl = None  # type: ignore[assignment]


class Answer(NamedTuple):
    """A row. listener: a random code, no name. number: of the question in this listener's order, 0 for the consent.

    first, second: the stimuli as the listener heard them, A before B. valence, arousal: -1..1, of rate. answer: of
    consent how long the listener has made music, of human "human" or "machine", of pair "first" or "second". plays: how
    often the listener began to listen. took_s: from the question to the answer. answered: date and time, ISO 8601.
    """

    listener: str
    number: int
    task: str
    first: str = ""
    second: str = ""
    valence: float | None = None
    arousal: float | None = None
    answer: str = ""
    plays: int = 0
    took_s: float = 0.0
    answered: str = ""


COLUMNS = Answer._fields


class Answers:
    """The file while a study is served. Used as a context manager; InputError where another server has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.given: dict[str, dict[int, Answer]] = {}
        """Listener -> number of the question -> answer."""

    def __enter__(self) -> Self:
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from None
        try:
            self._begin()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def add(self, answer: Answer) -> None:
        """Append a row and wait until it is on the disk. OSError: nothing of it was kept."""
        self._append(line_of(answer))
        self.given.setdefault(answer.listener, {})[answer.number] = answer

    def _begin(self) -> None:
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{self.path} is in use: this study is served already") from None
        text = self.path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):  # the power failed while a row was written
            os.ftruncate(self._file, whole)
        if not whole:
            self._append(_line(COLUMNS))
        for answer in read(self.path):
            self.given.setdefault(answer.listener, {})[answer.number] = answer

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) < len(line):
                raise OSError("the disk is full")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise


def line_of(answer: Answer) -> bytes:
    """The row as it is written."""
    return _line(["" if value is None else value for value in answer])


def read(path: Path) -> list[Answer]:
    """Every answer of a file. InputError names the line that is none."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    rows = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
    try:
        if tuple(next(rows, COLUMNS)) != COLUMNS:
            raise InputError(f"{path}: the first line must be {','.join(COLUMNS)}")
        return [_answer(row, f"{path}, line {rows.line_num}") for row in rows]
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}") from None


def _answer(row: list[str], where: str) -> Answer:
    try:
        listener, number, task, first, second, valence, arousal, answer, plays, took_s, answered = row
        return Answer(
            listener,
            int(number),
            task,
            first,
            second,
            float(valence) if valence else None,
            float(arousal) if arousal else None,
            answer,
            int(plays),
            float(took_s),
            answered,
        )
    except ValueError:
        raise InputError(f"{where}: expected {','.join(COLUMNS)}, got {','.join(row)[:100]}") from None


def _line(values: object) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)  # type: ignore[arg-type]
    return text.getvalue().encode()
