"""Keeps what was played and writes it as MIDI files, a new one every so many minutes, the oldest deleted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from improv import midifile
from improv.errors import InputError
from improv.improviser import PlannedStep

log = logging.getLogger(__name__)

FILE_PATTERN = "take-*.mid"


class Recorder:
    """Takes planned steps; what is planned anew replaces what was not heard.

    minutes: music per file. keep: files that stay. wall_clock: for file names.
    """

    def __init__(
        self, folder: Path, minutes: float, keep: int, wall_clock: Callable[[], datetime], channel: int = 0
    ) -> None:
        self._folder, self._minutes, self._keep, self._channel = folder, minutes, keep, channel
        self._wall_clock = wall_clock
        self._steps: list[PlannedStep] = []
        self._writer: threading.Thread | None = None
        self._said_failure = False

    def add(self, step: PlannedStep) -> None:
        """The next planned step; writes a file when the present one is full, beside the music, in a thread."""
        self._steps.append(step)
        if step.position.music_s - self._steps[0].position.music_s >= 60 * self._minutes:
            self._write_beside()

    def forget(self, tick: int) -> None:
        """Steps from `tick` on were revoked before they sounded."""
        while self._steps and self._steps[-1].position.tick >= tick:
            self._steps.pop()

    def close(self) -> None:
        """Write what there is. Never raises: a full disk must not keep the daemon from ending well."""
        if self._writer is not None:
            self._writer.join()
        steps, self._steps = self._steps, []
        self._write(steps, self._path())

    def _write_beside(self) -> None:
        steps, self._steps = self._steps, []
        if self._writer is not None:
            self._writer.join()
        self._writer = threading.Thread(target=self._write, args=(steps, self._path()), name="recorder")
        self._writer.start()

    def _path(self) -> Path:
        """A name that is free: the second of the clock, and a number where that is taken."""
        name = f"take-{self._wall_clock():%Y-%m-%dT%H-%M-%S}"
        names = (f"{name}.mid", *(f"{name}_{number}.mid" for number in range(2, 1000)))
        return next(path for each in names if not (path := self._folder / each).exists())

    def _write(self, steps: list[PlannedStep], path: Path) -> None:
        if not any(step.started for step in steps):
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            midifile.save(midifile.music_file(steps, self._channel), path)
            for old in sorted(self._folder.glob(FILE_PATTERN))[: -self._keep]:
                old.unlink(missing_ok=True)
            log.info("recorded %s", path)
        except (InputError, OSError) as error:
            log.log(logging.DEBUG if self._said_failure else logging.ERROR, "the take was not recorded: %s", error)
            self._said_failure = True
