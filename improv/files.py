"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic_write(
    path: Path, mode: str = "w", *, permissions: int | None = None, durable: bool = False
) -> Iterator[IO[Any]]:
    """A file to write to that takes the place of `path` when the block ends, and is gone when the block fails.

    mode: "w" (UTF-8 text, line ends as written) or "wb". permissions: of the new file, such as 0o600; None: those of
    the file that it replaces, or what the process grants new files. durable: on the disk before it takes the place, so
    that a power cut leaves the old or the new file. A symbolic link is followed. OSError as from `open`.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode must be 'w' or 'wb', got {mode!r}")
    target = Path(os.path.realpath(path))
    text: dict[str, Any] = {"encoding": "utf-8", "newline": ""} if mode == "w" else {}
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent)
    try:
        with os.fdopen(handle, mode, **text) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(name, _granted(target) if permissions is None else permissions)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _granted(target: Path) -> int:
    """The rights of the file that is replaced; for a new one what the process's mask leaves of 0666."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
