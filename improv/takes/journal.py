"""The journal: a file of checksummed lines that only grows, so that a crash costs the last second at most.

A line is eight hexadecimal digits (CRC-32 of what follows the space), a space, a JSON object, a line feed. The object's
"k" says what kind of record it is. A line whose checksum is wrong was torn by a crash or damaged later: it is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from improv.clock import SystemClock

try:
    import fcntl
except ImportError:  # Windows: takes that are being written are not told apart there
    fcntl = None  # type: ignore[assignment]

Record = dict[str, Any]
FORMAT = 1
"""Of takes; the first record of each names it."""

# Between two syncs of the disk. A sync takes 1-20 ms here; after a power failure at most this much is missing.
SYNC_EVERY_S = 0.5
# A disk that stands still for long must not fill the memory: about a minute of dense music.
LONGEST_QUEUE = 20_000
SUFFIX = ".take"


def line_of(record: Record) -> bytes:
    """One record as a line. Floats keep all their digits."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _line_or_nothing(record: Record) -> bytes:
    """A record that JSON cannot say (NaN, infinity) is left out: one line less, and the take goes on."""
    try:
        return line_of(record)
    except (ValueError, TypeError):
        return b""


def record_of(line: bytes) -> Record | None:
    """The record of a line, or None when it is torn or damaged."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    try:
        if not line.endswith(b"\n") or int(checksum, 16) != zlib.crc32(text):
            return None
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "k" in record else None


def read(path: Path) -> Iterator[Record | None]:
    """Every record of a file in order, None in place of a line that cannot be trusted. Raises OSError."""
    with path.open("rb") as file:
        for line in file:
            yield record_of(line)


def is_locked(path: Path) -> bool:
    """Whether a daemon is writing the file now."""
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class JournalWriter:
    """Appends records to a new file from a thread of its own; `append` never waits and never raises.

    place: the file's path, or what finds it: called in that thread, for a disk may take its time; OSError as a disk
    raises it. on_failure: called once, from that thread, with a sentence when the disk refuses; nothing is written
    after it. head: called in that thread once the file is open, with its name without the suffix; returns the first
    record.
    """

    def __init__(
        self,
        place: Path | Callable[[], Path],
        on_failure: Callable[[str], None],
        head: Callable[[str], Record] | None = None,
    ) -> None:
        self.path = place if isinstance(place, Path) else None
        """None until it is found."""
        self.placed = threading.Event()
        """Set once the file is there, or cannot be."""
        self._place, self._head, self._on_failure = place, head, on_failure
        self._queue: queue.Queue[Record | None] = queue.Queue(LONGEST_QUEUE)
        self.failed = False
        """Nothing is written any more."""
        self._clock, self._synced_s = SystemClock(), 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def take_id(self) -> str:
        """The file's name without its suffix, "" before it is found."""
        return "" if self.path is None else self.path.stem

    def append(self, record: Record) -> None:
        """Keep a record; the caller must not change it any more."""
        if self.failed:
            return
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.fail("the disk does not keep up")

    def close_beside(self) -> None:
        """Let the thread write what is left and end, without waiting for it."""
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then `_closing` tells, once the queue is empty
            self._queue.put_nowait(None)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is left and wait for the end of the thread."""
        self.close_beside()
        self._thread.join(timeout_s)

    def fail(self, reason: str) -> None:
        """Write nothing any more, and say why; the first time only."""
        if not self.failed:
            self.failed = True
            name = "" if self.path is None else f" {self.path.name}"
            self._on_failure(f"the take{name} is not recorded any further: {reason}")

    def _run(self) -> None:
        try:
            self.path = path = self._place if isinstance(self._place, Path) else self._place()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            self.fail(error.strerror or str(error))
            return
        except Exception as error:  # a thread that dies unsaid would record nothing for hours
            self.fail(f"unexpected error, {type(error).__name__}: {error}")
            return
        finally:
            self.placed.set()
        try:
            _lock(handle)
            _sync_folder(path.parent)
            if self._head is not None and not self.failed:
                _write_all(handle, line_of(self._head(self.take_id)))
            while self._write(handle):
                pass
        except OSError as error:
            self.fail(error.strerror or str(error))
        except Exception as error:  # a thread that dies unsaid would record nothing for hours
            self.fail(f"unexpected error, {type(error).__name__}: {error}")
        finally:
            with contextlib.suppress(OSError):
                os.close(handle)

    def _arrived(self) -> list[Record | None]:
        """What waits to be written, [] after a while without; None ends it, or tells that nothing more comes."""
        records: list[Record | None] = []
        try:
            records.append(self._queue.get(timeout=SYNC_EVERY_S))
            while records[-1] is not None:
                records.append(self._queue.get_nowait())
        except queue.Empty:  # there may have been no room left in the queue to say that it ends
            return records if records or not self._closing.is_set() else [None]
        return records

    def _write(self, handle: int) -> bool:
        """Wait for records and write them at once, so that a process that is killed takes none along; let the disk
        sync from time to time, for the case of a power failure. False: that was all.
        """
        records = self._arrived()
        _write_all(handle, b"".join(_line_or_nothing(record) for record in records if record is not None))
        ends = bool(records) and records[-1] is None
        now_s = self._clock.now()
        if ends or now_s - self._synced_s >= SYNC_EVERY_S:
            self._synced_s = now_s
            os.fsync(handle)
            if not os.fstat(handle).st_nlink:
                self.fail("its file was deleted")
                return False
        return not ends


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _lock(handle: int) -> None:
    """Say to whoever looks that the file is being written.

    Waits: whoever looks at this very moment (`is_locked`) holds the lock for some microseconds. A disk that knows no
    locks (some network shares) records all the same; there a take that is being written is not told apart.
    """
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)


def _sync_folder(folder: Path) -> None:
    """A new file's name survives a power failure only once its folder is on the disk as well."""
    with contextlib.suppress(OSError):  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
