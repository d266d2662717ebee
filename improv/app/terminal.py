"""Standard output and error of a program that must not wait for whoever reads them.

A pipe that nobody reads, a terminal that Ctrl-S holds, an ssh that is dead: a write to them blocks for ever. Here a
thread writes, from a bounded queue; what has no room is left out, counted, and told of when there is room again.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections import deque
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rich.console import Console

MOST_UNREAD = 1 << 17  # characters: a quarter of an hour of the log, some sixty drawings of the panel
LAST_WORDS_S = 1.0  # so long the end of the program waits for a reader


class UnblockedText(io.TextIOBase):
    """A text stream that never blocks and never fails. descriptor: of the file that is written to.

    What its encoding lacks becomes a question mark. Starts its thread with the first write.
    """

    def __init__(self, descriptor: int, encoding: str | None = None) -> None:
        self._descriptor, self._encoding = descriptor, encoding or "utf-8"
        self._waiting: deque[str] = deque()
        self._unread = 0  # characters in `_waiting` and in the write that goes on
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False
        self.left_out = 0
        """Writes that had no room since the last one that had."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._changed:
            if self._ended:
                return len(text)
            if self._unread + len(text) > MOST_UNREAD:
                self.left_out += 1
                return len(text)
            if self.left_out:
                text = f"({self.left_out} lines were left out: nobody read them)\n{text}"
                self.left_out = 0
            self._waiting.append(text)
            self._unread += len(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"output {self._descriptor}", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread writes as soon as it can."""

    def finish(self) -> None:
        """Let the thread write what is left and end; give a reader that does not read LAST_WORDS_S."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unread, LAST_WORDS_S)
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(LAST_WORDS_S if not self._unread else 0.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._ended)
                if not self._waiting:
                    return
                text = self._waiting.popleft()
            written = self._written(text.encode(self._encoding, "replace"))
            with self._changed:
                self._unread -= len(text)
                if not written or self._ended:
                    self._ended = True
                    self._waiting.clear()
                    self._unread = 0
                self._changed.notify_all()

    def _written(self, data: bytes) -> bool:
        """False when nobody will ever read: the other end is closed."""
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except BlockingIOError:
            return True  # somebody made the descriptor non-blocking: that much is lost
        except OSError:
            return False
        return True


LINE = "%(asctime)s %(levelname)s %(message)s"


class Terminal:
    """What a daemon writes to: `error` for log lines, `console` for panel and log lines where it runs in a terminal."""

    def __init__(self) -> None:
        self.output = UnblockedText(1, getattr(sys.stdout, "encoding", None))
        self.error = UnblockedText(2, getattr(sys.stderr, "encoding", None))
        self.console: Console | None = None
        if self.output.isatty():
            from rich.console import Console

            self.console = Console(file=cast(IO[str], self.output))

    def log_handler(self) -> logging.Handler:
        """Writes log lines without ever waiting."""
        if self.console is None:
            handler: logging.Handler = logging.StreamHandler(self.error)
            handler.setFormatter(logging.Formatter(LINE))
        else:
            from rich.logging import RichHandler

            handler = RichHandler(console=self.console, show_path=False, omit_repeated_times=False)
            handler.setFormatter(logging.Formatter("%(message)s"))  # leaves the panel in its place
        return handler

    def finish(self) -> None:
        """Let what is left be read."""
        self.output.finish()
        self.error.finish()
