"""Takes over what changed in config.yaml and in the journeys while the music plays."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from pathlib import Path

from improv.config import Config, adapters, is_shipped, of_the_user
from improv.config.reading_process import LiveReader, Reading
from improv.control.commands import SetModel
from improv.engine.engine import Engine
from improv.errors import BrainMusicError

log = logging.getLogger(__name__)

CONFIG_POLL_S = 1.0
MISSING_LOOKS = 5  # an editor that replaces the file needs less: it is gone, or a link that leads nowhere
KEPT_UNTIL_RESTART = (
    "model.provider",
    "mood.start",
    "music.seed",
    "music.beats_per_bar",
    "midi.driver",
    "midi.file",
    "midi.wait_for_ports",
    "midi.name",
    "clock.source",
    "clock.offset_ms",
    "timing.late_note_limit_ms",
    "timing.realtime",
    "web",
    "osc",
    "ctl",
    "visitors",
    "takes",
    "scenes",
    "log",
)
LIVE_CONTROLS = ("glide_s", "intensity", "temperature", "standing_limits", "key")


class Reloader:
    """Has config.yaml read again when it was saved; the files are read by a process beside, never by the engine's."""

    def __init__(self, config: Config, path: Path | None, overrides: list[str]) -> None:
        self._config, self._path = config, path
        self._reader = LiveReader(path, overrides)
        self._ships = path is None or is_shipped(path)
        self._missed = 0  # looks in a row at which there was no file
        self._modified_ns, self._journeys_ns = self._stamp(), self._journeys_stamp()
        self._next_s = 0.0

    @property
    def config(self) -> Config:
        """As it was read last."""
        return self._config

    def _stamp(self) -> int:
        """When the file was changed; 0 where it cannot be found, which is said once it lasts."""
        if self._path is None:
            return 0
        try:
            stamp = self._path.stat().st_mtime_ns
        except OSError as error:
            self._missed += 1
            if self._missed == MISSING_LOOKS:
                why = error.strerror or type(error).__name__
                log.warning("%s cannot be found any more (%s); what was read last holds", self._path, why)
            return 0
        if self._missed >= MISSING_LOOKS:
            self._modified_ns = 0  # whatever its age, it is another one: it is read, and that is said
        self._missed = 0
        return stamp

    def _journeys_stamp(self) -> int:
        """Of the folder: it changes when a file in it comes, goes, or is replaced whole."""
        try:
            return self._config.journey.path.stat().st_mtime_ns
        except OSError:
            return 0

    def request(self) -> None:
        """Read everything again, whether or not it was saved."""
        self._reader.request()

    def look(self, engine: Engine, now_s: float) -> None:
        """Called every turn; looks at the file once a second, takes over what was read."""
        if (reading := self._reader.ready()) is not None:
            self._take(engine, reading, now_s)
        if now_s < self._next_s:
            return
        self._next_s = now_s + CONFIG_POLL_S
        self._adopt()
        stamp, journeys = self._stamp(), self._journeys_stamp()
        if stamp not in (0, self._modified_ns) or journeys != self._journeys_ns:
            self._modified_ns, self._journeys_ns = stamp or self._modified_ns, journeys
            self._reader.request()

    def _adopt(self) -> None:
        """A file of the user's own that was made meanwhile goes before the one that came with BrainMusic, or none."""
        with contextlib.suppress(OSError):  # a folder that may not be looked into
            if self._ships and (mine := of_the_user()).is_file():
                self._ships, self._path, self._modified_ns = False, mine, 0
                self._reader.path = mine

    def close(self) -> None:
        """Wait for what is being read."""
        self._reader.close()

    def _take(self, engine: Engine, reading: Reading, now_s: float) -> None:
        name = self._path or "the configuration"
        for warning in reading.warnings:
            log.warning("%s", warning)
        if reading.config is None:
            log.error("%s does not count yet; the music goes on as before:\n%s", name, reading.failure)
            return
        try:
            later = self._apply(engine, reading.config, reading, now_s)
        except Exception:  # a fault of ours: what was saved must not end the music with it
            log.exception("%s was taken over in part; the music goes on", name)
            return
        log.info("%s was read again%s", name, f"; at the next start: {', '.join(later)}" if later else "")

    def _apply(self, engine: Engine, config: Config, reading: Reading, now_s: float) -> list[str]:
        """Returns the names of what changed and has to wait for the next start."""
        before, self._config = self._config, config
        fresh, old = adapters.initial_controls(config), adapters.initial_controls(before)
        engine.reconfigure(
            adapters.improviser_settings(config),
            adapters.engine_settings(config),
            config.controls.midi_map(config.mood.moods, reading.journeys),
            fresh,
        )
        # A value that the file did not change stays as a knob may have set it since.
        changed = {name: getattr(fresh, name) for name in LIVE_CONTROLS if getattr(fresh, name) != getattr(old, name)}
        engine.controls = replace(engine.controls, **changed)
        if fresh.model != old.model:
            _change_model(engine, fresh.model, now_s)
        later = [name for name in KEPT_UNTIL_RESTART if _at(before, name) != _at(config, name)]
        more = len(before.midi.all_outputs) != len(config.midi.all_outputs)
        return [*later, "the number of midi.outputs"] if more else later


def _change_model(engine: Engine, name: str, now_s: float) -> None:
    try:
        engine.act(SetModel(name), now_s)
    except BrainMusicError as error:
        log.error("%s; the music goes on as before", error)


def _at(config: Config, name: str) -> object:
    value: object = config
    for part in name.split("."):
        value = getattr(value, part)
    return value
