"""Keeps the scenes on the disk: a thread writes what the engine has, so that no slow disk holds the music up."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path

from improv.config import scene_file
from improv.control.scene_book import SceneBook
from improv.errors import InputError
from improv.files import write_whole

log = logging.getLogger(__name__)

END_WITHIN_S = 2.0


class SceneWriter:
    """book: as the file has it. Used by one thread, which never waits until `close`."""

    def __init__(self, path: Path, book: SceneBook) -> None:
        self._path, self._kept = path, book
        self._books: queue.SimpleQueue[SceneBook | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._fault = ""

    @property
    def fault(self) -> str:
        """Why what is kept is not on the disk, or empty."""
        return self._fault

    def keep(self, book: SceneBook) -> None:
        """Have a book written, where it is another one. Called every turn of the engine."""
        if book is self._kept:
            return
        self._kept = book
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="scenes", daemon=True)
            self._thread.start()
        self._books.put(book)

    def close(self) -> None:
        """Wait until all is written."""
        if self._thread is not None:
            self._books.put(None)
            self._thread.join(END_WITHIN_S)

    def _write(self) -> None:
        while (book := self._books.get()) is not None:
            try:
                while (newer := self._books.get_nowait()) is not None:
                    book = newer
            except queue.Empty:
                newer = book
            self._save(book)
            if newer is None:
                return

    def _save(self, book: SceneBook) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, scene_file.dump(book), durable=True)
            self._fault = ""
        except (OSError, InputError) as error:
            self._fault = f"the scenes are not kept: {error}"
            log.error("%s", self._fault)
