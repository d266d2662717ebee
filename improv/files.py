"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from improv.errors import InputError

PRIVATE = 0o600  # for what tells of a person: takes, what was made of them, tokens


@contextlib.contextmanager
def atomic_write(
    path: Path, mode: str = "w", *, permissions: int | None = None, durable: bool = False
) -> Iterator[IO[Any]]:
    """A file to write to that takes the place of `path` when the block ends, and is gone when the block fails.

    mode: "w" (UTF-8 text, line ends as written) or "wb". permissions: of the new file, such as 0o600; None: those of
    the file that it replaces, or what the process grants new files. durable: on the disk before it takes the place, so
    that a power cut leaves the old or the new file. A symbolic link is followed. OSError as from `open`. The file's
    `name` is its path, for those who read it before it takes the place or write it themselves.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode must be 'w' or 'wb', got {mode!r}")
    target = Path(os.path.realpath(path))
    text: dict[str, Any] = {"encoding": "utf-8", "newline": ""} if mode == "w" else {}
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent)
    try:
        os.close(handle)
        with open(name, mode, **text) as file:
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


def read_text(path: Path, longest: int) -> str:
    """The text of a file of at most `longest` bytes, UTF-8. InputError says why it cannot be had.

    Never waits: what is no ordinary file (a FIFO, a device) is refused.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            kind = os.fstat(handle).st_mode
            if stat.S_ISDIR(kind):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(kind):
                raise InputError(f"{path} is not an ordinary file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(longest + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > longest:
        raise InputError(f"{path} is larger than {longest} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None


def write_whole(path: Path, content: str | bytes, *, permissions: int | None = None, durable: bool = False) -> None:
    """A file with this content, whole or not at all. InputError says what went wrong; nothing is left behind then."""
    with (
        saving(path),
        atomic_write(path, "w" if isinstance(content, str) else "wb", permissions=permissions, durable=durable) as file,
    ):
        file.write(content)


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """An OSError inside becomes the InputError that says that `path` could not be written."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a file and cannot be replaced by one")
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror or error}; nothing was left behind") from None


def _granted(target: Path) -> int:
    """The rights of the file that is replaced; for a new one what the process's mask leaves of 0666."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
