"""The record of a training run: log.jsonl, one line an evaluation, and the same curves for TensorBoard.

tensorboard --logdir runs
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from improv.errors import InputError
from improv.files import atomic_write

NAME = "log.jsonl"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder of a run, until the process dies at the latest. InputError when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder}: another process trains into it; stop it or name another --out") from None
    try:
        yield
    finally:
        lock.release()


class RunLog:
    """Appends to the record in a folder. `after`: what an interrupted run wrote after this iteration is dropped, so
    that the record shows the run as if it had never been interrupted; None begins a new one.
    """

    def __init__(self, folder: Path, after: int | None, *, tensorboard: bool) -> None:
        self._path = folder / NAME
        folder.mkdir(parents=True, exist_ok=True)
        if after is None:
            self._path.unlink(missing_ok=True)
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
        else:
            self._drop_after(after)
        self._writer = _writer(folder, after) if tensorboard else None

    def _drop_after(self, iteration: int) -> None:
        if not self._path.exists():
            return
        kept = [line for line in self._path.read_text().splitlines(keepends=True) if _is_kept(line, iteration)]
        with atomic_write(self._path) as file:
            file.write("".join(kept))

    def write(self, line: dict[str, Any]) -> None:
        """Add one evaluation: its iteration and numbers."""
        with self._path.open("a") as log:
            log.write(json.dumps(line) + "\n")
        if self._writer:
            for name, value in line.items():
                if name != "iteration":
                    self._writer.add_scalar(name, value, line["iteration"])
            self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()


def _is_kept(line: str, iteration: int) -> bool:
    """Whether it is a whole line of that iteration or before."""
    try:
        return line.endswith("\n") and int(json.loads(line)["iteration"]) <= iteration
    except (ValueError, KeyError, TypeError):
        return False


def _writer(folder: Path, after: int | None) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # a second of imports: only for runs that want it

    writer: Any = SummaryWriter
    return writer(str(folder), purge_step=None if after is None else after + 1)
