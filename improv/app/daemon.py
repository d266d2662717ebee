"""The life of the daemon on one page: start in order, play, stop in reverse."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from improv import __version__
from improv.app.display import Display, LogDisplay, PanelDisplay
from improv.app.reload import Reloader
from improv.app.scene_writer import SceneWriter
from improv.app.supervision.checkpoint import Checkpoint, CheckpointWriter, Fallen, Rest, from_the_beginning
from improv.app.supervision.lifeline import Lifeline
from improv.clock import Clock, SystemClock, wall_clock
from improv.config import Config, adapters, scene_file
from improv.control.journey import Plan
from improv.control.parse import Names
from improv.control.published_state import State
from improv.control.scene_book import Recalled, SceneBook
from improv.control.state import ControlState
from improv.engine.beginnings import told
from improv.engine.engine import Engine
from improv.engine.models import in_place
from improv.engine.port_choice import wiring
from improv.engine.transport import Before
from improv.errors import ModelError
from improv.frontends.bridge import Bridge
from improv.frontends.client import FrontendsClient
from improv.frontends.observer import FrontendsObserver
from improv.improviser.improviser import Improviser
from improv.improviser.snapshot_bytes import go_on, memory_of, unpacked
from improv.model.loader import ModelLoader
from improv.model.onnx_model import DEFAULT_MODEL, Model, OnnxModel, resolve
from improv.model.patience import BoundedModel, Patience
from improv.model.plain_model import PLAIN, PlainModel
from improv.music.primer import Primer
from improv.plan.planner import make_ready
from improv.player.child import Child
from improv.player.client import PlayerClient
from improv.player.protocol import PortsChanged, Ready, ToEngine
from improv.processes import LEFT_TO_THE_ENGINE
from improv.takes.recorder import OperationRecorder, Recording, attend, cannot_write
from improv.takes.schema import model_record

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

FORCED_EXIT_CODE = 130  # as a shell reports a program that was interrupted
TURN_S = 0.05
LEFT_TO_THE_FIRST = [getattr(signal, name) for name in LEFT_TO_THE_ENGINE if hasattr(signal, name)]


class Supervised(NamedTuple):
    """What a supervisor gives the engine: the memory that they share, and from the second engine on where the one
    before was. may_sound: (channel, pitch) that it may have left sounding. models, player: what is loaded and started
    already. fallen: what this engine is given less of.
    """

    lifeline: Lifeline
    checkpoint: Checkpoint | None = None
    may_sound: tuple[tuple[int, int], ...] = ()
    models: Mapping[str, OnnxModel] = MappingProxyType({})
    player: Child | None = None
    fallen: Fallen | None = None


def run(
    config: Config,
    path: Path | None,
    overrides: list[str],
    journey: Plan | None = None,
    console: Console | None = None,
    supervised: Supervised | None = None,
    primer: Primer | None = None,
) -> int:
    """Play until Ctrl-C or SIGTERM. Returns the exit code. path, overrides: to read the configuration again.

    journey: to set out on at once. console: of the terminal that shows a panel; None: there is none. supervised: None
    where nobody starts the engine again. primer: bars that the music goes on from.
    """
    clock, before = SystemClock(), supervised.checkpoint if supervised is not None else None
    with ExitStack() as stack:
        signals = Signals(supervised=supervised is not None)
        signals.install()
        pid = os.getpid() if supervised is None else os.getppid()  # one that stays
        frontends = FrontendsClient(adapters.frontends_settings(config, pid, path, overrides), clock)
        link = _player(config, clock, supervised)
        stack.callback(link.close)
        if supervised is not None and before is not None:  # its ports open while the model is loaded
            link.start(supervised.may_sound)
        controls = _first_controls(config, journey, before)
        # The model first: nothing is opened for a model that cannot play.
        patience = Patience(clock, watches=True)
        stack.callback(patience.close)
        model, controls = _model(config, controls, supervised, patience)
        loader = ModelLoader(lambda path: BoundedModel(opened(path, config.model.provider), patience))
        stack.callback(loader.close)
        stack.callback(frontends.close)  # after the player as well: nobody who looks on may delay the last note's end
        seed = _seed(config, before)
        recording = _recording(config, controls.model, model, seed, clock) if config.takes.enabled else None
        _look_on(link, frontends, recording, stack)
        if before is None:
            link.start()
        improviser, resumed = _improviser(model, config, controls, seed, recording, before, primer)
        ports = _ports(link.wait_ready())
        scene_writer = SceneWriter(config.scenes.path, book := _scenes(config))
        stack.callback(scene_writer.close)
        engine = _engine(improviser, link, clock, config, journey, recording, loader, resumed, patience, book)
        reloader = Reloader(config, path, overrides)
        stack.callback(reloader.close)
        keeper = _Keeper(supervised, engine, link, frontends, recording) if supervised is not None else None
        bridge = Bridge(frontends, clock, engine.act, lambda: _names(engine, loader), lambda: engine.controls)
        display = stack.enter_context(_display(model, config, console))
        while not signals.stopping:
            link.also = frontends.socket
            ports = _news(engine.turn(TURN_S)) or ports
            _keep(engine, scene_writer, recording)
            state = _whole(engine.status(), ports, link, recording, scene_writer)
            bridge.turn(state := _fallen(state, supervised, engine.controls.model, reloader.config))
            display.show(state, ports, clock.now())
            signals.carry_out(reloader, state)
            reloader.look(engine, clock.now())
            if keeper is not None:
                keeper.turn(reloader.config, state.overdue_s)
    log.info("ended")
    return 0


def _keep(engine: Engine, scene_writer: SceneWriter, recording: Recording | None) -> None:
    """What is kept on the disk of what was commanded in this turn."""
    scene_writer.keep(engine.scenes.kept.book)
    if recording is not None:
        attend(recording, engine.controls)


def _names(engine: Engine, loader: ModelLoader) -> Names:
    """What can be named in a command."""
    return engine.midi_map.names._replace(models=loader.names, scenes=tuple(engine.scenes.kept.book.scenes))


def _engine(
    improviser: Improviser,
    link: PlayerClient,
    clock: Clock,
    config: Config,
    journey: Plan | None,
    recording: Recording | None,
    loader: ModelLoader,
    resumed: Before | None,
    patience: Patience,
    book: SceneBook,
) -> Engine:
    return Engine(
        improviser,
        link,
        clock,
        adapters.initial_controls(config, journey=journey),
        config.controls.midi_map(config.mood.moods, adapters.read_journeys(config)),
        adapters.engine_settings(config),
        recording.commanded if recording is not None else None,
        loader,
        resumed,
        patience,
        book,
        adapters.beginnings(config),
    )


def _scenes(config: Config) -> SceneBook:
    """The scenes that were kept. What cannot be used is told of and left out."""
    book, warnings = scene_file.read(config.scenes.path)
    for warning in warnings:
        log.warning("%s", warning)
    return book


class _Keeper:
    """Keeps what an engine after this one needs."""

    def __init__(
        self,
        supervised: Supervised,
        engine: Engine,
        link: PlayerClient,
        frontends: FrontendsClient,
        recording: Recording | None,
    ) -> None:
        self._checkpoints = CheckpointWriter(supervised.lifeline, engine, supervised.fallen)
        self._link, self._frontends, self._recording = link, frontends, recording

    def turn(self, config: Config, overdue_s: float) -> None:
        """A sign of life, and a checkpoint where something changed. overdue_s: since a note should have begun."""
        settings, take_id = self._link.settings, self._recording.take_id if self._recording is not None else ""
        rest = Rest(config, settings.output_connections, settings.input_connections, take_id)
        pids = (self._link.pid or 0, self._frontends.pid or 0)
        self._checkpoints.turn(rest, self._link.may_sound(), overdue_s, pids)


def _look_on(link: PlayerClient, frontends: FrontendsClient, recording: Recording | None, stack: ExitStack) -> None:
    """Those who look on at what the player is told."""
    if recording is not None:
        stack.callback(recording.close)  # after the player has ended all notes: a disk may be slow
        stack.callback(link.close)
        stack.callback(recording.end)  # before the player's end
        link.observers.add(recording)
    link.observers.add(FrontendsObserver(frontends))


def _player(config: Config, clock: Clock, supervised: Supervised | None) -> PlayerClient:
    """With what the ports of the engine before were connected to. Nothing is started yet."""
    settings = adapters.player_settings(config)
    if supervised is None:
        return PlayerClient(settings, clock)
    if (before := supervised.checkpoint) is not None:
        ports = wiring(adapters.engine_settings(config), before.control_state())
        settings = settings._replace(
            outputs=ports.outputs,
            input_port=ports.input_port,
            output_connections=before.outputs,
            input_connections=before.inputs,
        )
    return PlayerClient(settings, clock, supervised.player, keeps_spare=True)


def _seed(config: Config, before: Checkpoint | None) -> int:
    chosen = config.music.seed if config.music.seed >= 0 else secrets.randbelow(2**31)
    seed = before.seed if before is not None else chosen
    log.info("seed %d", seed)
    return seed


def _first_controls(config: Config, journey: Plan | None, before: Checkpoint | None) -> ControlState:
    if before is not None:
        return before.control_state()
    return adapters.initial_controls(config, journey=journey)


def _model(
    config: Config, controls: ControlState, supervised: Supervised | None, patience: Patience
) -> tuple[Model, ControlState]:
    """The model that plays first. Where another engine played before, one whose file is gone does not end the music."""
    if controls.model == PLAIN:
        return PlainModel(), controls
    prepared = supervised.models if supervised is not None else {}
    try:
        model = prepared.get(controls.model) or opened(resolve(controls.model), config.model.provider)
    except ModelError as error:
        if supervised is None or supervised.checkpoint is None or controls.model in ("", DEFAULT_MODEL):
            raise
        log.error("%s; the model %s plays instead", error, DEFAULT_MODEL)
        controls = in_place(controls, DEFAULT_MODEL)
        model = prepared.get(DEFAULT_MODEL) or opened(resolve(DEFAULT_MODEL), config.model.provider)
    log.info("model %s, licence %s", model.describe(), model.contract.licence)
    return BoundedModel(model, patience), controls


def opened(path: Path, provider: str = "auto") -> OnnxModel:
    """A model with all that its first step needs: nothing is read once the music waits."""
    model = OnnxModel(path, provider)
    if model.encoding.planned:
        make_ready(model.contract.habits)
    return model


def _improviser(
    model: Model,
    config: Config,
    controls: ControlState,
    seed: int,
    recording: Recording | None,
    before: Checkpoint | None,
    primer: Primer | None,
) -> tuple[Improviser, Before | None]:
    """The improviser, and where its engine goes on; a piece that cannot be gone on with begins anew."""
    settings = adapters.improviser_settings(config)
    recorder = OperationRecorder(recording, controls, settings) if recording is not None else None
    improviser = Improviser(model, settings, controls, seed, recorder)
    log.info("seed %d", seed)
    if before is None:
        if primer is not None:
            improviser.apply(told(primer, controls.model, model))
        return improviser, None
    last = Recalled(*before.scene)
    try:
        memory = unpacked(before.memory, memory_of(improviser).models)
    except ValueError as error:
        log.warning("the piece begins anew under the same commands (%s)", error)
        return improviser, Before(from_the_beginning(controls, before.music_s), before.finished, last)
    go_on(improviser, memory)
    if recorder is not None:
        recorder.continues = before.take_id
    improviser.apply(memory.resumption)
    return improviser, Before(controls, before.finished, last)


def _whole(state: State, ports: str, link: PlayerClient, recording: Recording | None, scenes: SceneWriter) -> State:
    """The engine's state with what only the daemon knows."""
    degraded = list(state.degraded)
    if ports.startswith("none"):
        degraded.append("there is no MIDI system: the music goes on unheard, and its ports open when there is one")
    if recording is not None and cannot_write(recording):
        degraded.append("the take cannot be written: the music goes on, and another take is tried every 20 s")
    return replace(state, ports=ports, connected=link.connected, degraded=tuple(degraded), scenes_unkept=scenes.fault)


def _fallen(state: State, supervised: Supervised | None, model: str, config: Config) -> State:
    """The state with what this engine was given less of. model, config: in force now."""
    if supervised is None or (fallen := supervised.fallen) is None:
        return state
    return replace(state, degraded=(*state.degraded, *fallen.degraded(model, config)), fallback=fallen.level)


def _news(records: list[ToEngine]) -> str:
    """What the player says of its ports; "" where they are as before."""
    names = ""
    for record in records:
        if isinstance(record, PortsChanged):
            log.warning("%s", record.notice)
            names = _ports(record)
    return names


def _ports(record: Ready | PortsChanged) -> str:
    """Driver and names for people; says the notice and what real-time rights were granted on the way."""
    if isinstance(record, Ready):
        if record.notice:
            log.warning("%s", record.notice)
        log.info("player: %s", record.realtime)
    names = f"{record.driver}: out {record.output_name or 'none'}, in {record.input_name or 'none'}"
    log.info("ports %s", names)
    return names


def _recording(config: Config, asked: str, model: Model, seed: int, clock: Clock) -> Recording:
    """The record of this run; its first lines say all that is needed to make it again."""
    about = {
        "version": __version__,
        "model": model_record(asked, model),
        "seed": seed,
        "config": config.model_dump(mode="json"),
    }
    section = config.takes
    return Recording(section.path, section.minutes, section.keep, clock, wall_clock, about)


def _display(model: Model, config: Config, console: Console | None) -> Display:
    web = config.web
    host = "127.0.0.1" if web.host in ("0.0.0.0", "::") else f"[{web.host}]" if ":" in web.host else web.host
    page = f"http://{host}:{web.port}" if web.enabled and web.port else ""
    return PanelDisplay(model.contract.name, page, console) if console is not None else LogDisplay()


class Signals:
    """SIGINT or SIGTERM asks the daemon to end; the second ends the process at once. SIGHUP: read the configuration
    again. SIGUSR1: write the state into the log.

    Even at a forced end no note hangs: the player sees the pipe close and ends all that sounds. supervised: what a
    terminal sends goes to the supervisor, which passes on what it means; where it is gone, the daemon ends.
    """

    def __init__(self, *, supervised: bool = False) -> None:
        self._parent_pid = os.getppid() if supervised else 0
        self._stop_asked = self._reread = self._tell = False

    @property
    def stopping(self) -> bool:
        """Whether the daemon is to end."""
        return self._stop_asked or (self._parent_pid != 0 and os.getppid() != self._parent_pid)

    def carry_out(self, reloader: Reloader, state: State) -> None:
        """Read the configuration again, write the state into the log: once for each time that it was asked for."""
        if self._reread:
            self._reread = False
            reloader.request()
        if self._tell:
            self._tell = False
            log.info("state %s", json.dumps(state.as_json()))

    def install(self) -> None:
        """In the main thread only."""
        if not self._parent_pid:
            signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._ask_to_reread)
        if hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, self._ask_to_tell)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, LEFT_TO_THE_FIRST)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop_asked:
            os._exit(FORCED_EXIT_CODE)
        self._stop_asked = True

    def _ask_to_reread(self, number: int, frame: FrameType | None) -> None:
        self._reread = True

    def _ask_to_tell(self, number: int, frame: FrameType | None) -> None:
        self._tell = True
