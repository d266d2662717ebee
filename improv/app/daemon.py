"""The life of the daemon on one page: start in order, play, stop in reverse."""

from __future__ import annotations

import logging
import os
import secrets
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from improv import __version__
from improv.app.display import Display, LogDisplay, PanelDisplay
from improv.app.reload import Reloader
from improv.clock import Clock, SystemClock, wall_clock
from improv.config import Config, adapters
from improv.control.journey import Plan
from improv.engine.engine import Engine
from improv.frontends.bridge import Bridge
from improv.frontends.client import FrontendsClient
from improv.frontends.observer import FrontendsObserver
from improv.improviser.improviser import Improviser
from improv.model.loader import ModelLoader
from improv.model.onnx_model import OnnxModel, resolve
from improv.player.client import PlayerClient
from improv.player.protocol import PortsChanged, Ready
from improv.takes.recorder import OperationRecorder, Recording
from improv.takes.schema import model_record

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

FORCED_EXIT_CODE = 130  # as a shell reports a program that was interrupted
TURN_S = 0.05


def run(
    config: Config,
    path: Path | None,
    overrides: list[str],
    journey: Plan | None = None,
    console: Console | None = None,
) -> int:
    """Play until Ctrl-C or SIGTERM. Returns the exit code. path, overrides: to read the configuration again.

    journey: to set out on at once. console: of the terminal that shows a panel; None: there is none.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        stopper = Stopper()
        stopper.install()
        # The model first: nothing is opened for a model that cannot play.
        model = OnnxModel(resolve(config.model.path), config.model.provider)
        log.info("model %s, licence %s", model.describe(), model.contract.licence)
        loader = ModelLoader(provider=config.model.provider)
        stack.callback(loader.close)
        frontends = FrontendsClient(adapters.frontends_settings(config), clock)
        stack.callback(frontends.close)  # after the player as well: nobody who looks on may delay the last note's end
        seed = config.music.seed if config.music.seed >= 0 else secrets.randbelow(2**31)
        log.info("seed %d", seed)
        recording = _recording(config, model, seed, clock) if config.takes.enabled else None
        if recording is not None:
            stack.callback(recording.close)  # after the player has ended all notes: a disk may be slow
        link = _player(config, clock, frontends, recording, stack)
        controls = adapters.initial_controls(config, journey=journey)
        settings = adapters.improviser_settings(config)
        observer = OperationRecorder(recording, controls, settings) if recording is not None else None
        ports = _ports(link.wait_ready())
        engine = Engine(
            Improviser(model, settings, controls, seed, observer),
            link,
            clock,
            controls,
            config.controls.midi_map(config.mood.moods, adapters.read_journeys(config)),
            adapters.engine_settings(config),
            recording.commanded if recording is not None else None,
            loader,
        )
        display = stack.enter_context(_display(model, config, console))
        bridge = Bridge(frontends, clock, engine.act, lambda: engine.midi_map.names._replace(models=loader.names))
        reloader = Reloader(config, path, overrides)
        stack.callback(reloader.close)
        while not stopper.stopping:
            link.also = frontends.socket
            for record in engine.turn(TURN_S):
                if isinstance(record, PortsChanged):
                    log.warning("%s", record.notice)
                    ports = _ports(record)
            state = replace(engine.status(), ports=ports, connected=link.connected)
            bridge.turn(state)
            display.show(state, ports, clock.now())
            reloader.look(engine, clock.now())
    log.info("ended")
    return 0


def _player(
    config: Config, clock: Clock, frontends: FrontendsClient, recording: Recording | None, stack: ExitStack
) -> PlayerClient:
    """Start the player, with those who look on at what it is told."""
    link = PlayerClient(adapters.player_settings(config), clock)
    stack.callback(link.close)
    if recording is not None:
        stack.callback(recording.end)  # before the player's end
        link.observers.add(recording)
    link.observers.add(FrontendsObserver(frontends))
    link.start()
    return link


def _ports(record: Ready | PortsChanged) -> str:
    """Driver and names for people; says the notice and what real-time rights were granted on the way."""
    if isinstance(record, Ready):
        if record.notice:
            log.warning("%s", record.notice)
        log.info("player: %s", record.realtime)
    names = f"{record.driver}: out {record.output_name or 'none'}, in {record.input_name or 'none'}"
    log.info("ports %s", names)
    return names


def _recording(config: Config, model: OnnxModel, seed: int, clock: Clock) -> Recording:
    """The record of this run; its first lines say all that is needed to make it again."""
    about = {
        "version": __version__,
        "model": model_record(config.model.path, model),
        "seed": seed,
        "config": config.model_dump(mode="json"),
    }
    section = config.takes
    return Recording(section.path, section.minutes, section.keep, clock, wall_clock, about)


def _display(model: OnnxModel, config: Config, console: Console | None) -> Display:
    web = config.web
    host = "127.0.0.1" if web.host in ("0.0.0.0", "::") else f"[{web.host}]" if ":" in web.host else web.host
    page = f"http://{host}:{web.port}" if web.enabled and web.port else ""
    return PanelDisplay(model.contract.name, page, console) if console is not None else LogDisplay()


class Stopper:
    """The first Ctrl-C or SIGTERM asks the daemon to end; the second ends the process at once.

    Even then no note hangs: the player sees the pipe close and ends all that sounds.
    """

    def __init__(self) -> None:
        self.stopping = False

    def install(self) -> None:
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            os._exit(FORCED_EXIT_CODE)
        self.stopping = True
