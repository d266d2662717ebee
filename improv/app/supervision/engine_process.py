"""The engine's process: imports all that it needs, waits for its orders, plays. A supervisor starts it."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from improv.app import cli, daemon
from improv.app.commands import run
from improv.app.supervision.checkpoint import Checkpoint, Fallen
from improv.app.supervision.lifeline import Lifeline
from improv.app.supervision.orders import AS_BEFORE, DEFAULT_CONFIG, DEFAULT_MODEL, NEW_PIECE, NO_NETWORK, Orders
from improv.config import Config, find
from improv.errors import ConfigError, ModelError
from improv.model import onnx_model
from improv.model.plain_model import PLAIN
from improv.player.child import Child

log = logging.getLogger(__name__)


def engine_main(orders: Connection[Any, Any], lifeline_path: str, options: argparse.Namespace, model: str) -> None:
    """The rest of `improv.app.supervision.orders.engine_main`: exits with the code that `improv run` would have.

    orders: where `Orders` come from; the process ends when it closes before. options: the command line. model: to load
    while it waits, "" for none.
    """
    cli.set_up_logging(options)
    try:
        code = cli.carried_out(lambda: _play(orders, lifeline_path, options, model), debug=options.debug)
    finally:
        options.terminal.finish()
    sys.exit(code)


def _play(orders: Connection[Any, Any], lifeline_path: str, options: argparse.Namespace, model: str) -> int:
    models = _loaded(model)
    player = _spare_player() if model else None
    try:
        order: Orders = orders.recv()
    except EOFError:
        if player is not None:
            player.end()
        return 0
    with Lifeline.open(lifeline_path) as lifeline:
        checkpoint = Checkpoint.unpacked(lifeline.load()) if order.fallback is not None else None
        if checkpoint is None:
            return run.play(options, daemon.Supervised(lifeline, player=player))
        config, checkpoint, fallen = fallen_back(checkpoint, order.fallback or AS_BEFORE)
        if not options.debug:
            logging.getLogger().setLevel(config.log.level.upper())
        supervised = daemon.Supervised(lifeline, checkpoint, lifeline.keys(), models, player, fallen)
        path = options.config or _found()
        return daemon.run(config, path, options.overrides, None, options.terminal.console, supervised)


def _found() -> Path | None:
    """The file that is read again when it is saved; a folder that can no longer be looked into ends nothing."""
    try:
        return find()
    except ConfigError as error:
        log.warning("%s", error)
        return None


def fallen_back(checkpoint: Checkpoint, fallback: int) -> tuple[Config, Checkpoint, Fallen | None]:
    """Under which configuration and from where an engine begins, with less of what could be at fault; what that is."""
    controls, memory, config = checkpoint.controls, checkpoint.memory, checkpoint.config
    if fallback >= NEW_PIECE:
        memory = b""
    if fallback < DEFAULT_MODEL:
        return config, checkpoint._replace(memory=memory), None
    before = {name: controls[name] for name in ("model", "instead_of")}
    model = PLAIN if fallback >= NO_NETWORK else onnx_model.DEFAULT_MODEL
    controls = controls | {"model": model, "instead_of": None}
    instead = config.model_copy(update={"model": Config().model})
    if fallback >= DEFAULT_CONFIG:
        nobody: dict[str, Any] = {name: {"enabled": False} for name in ("web", "osc", "ctl")}
        hours = config.presence.model_copy(update={"idle_minutes": 0.0, "idle_mood": "", "idle_mode": ""})
        instead = Config(midi=config.midi, takes=config.takes, presence=hours, **nobody)  # at night it stays silent
    fallen = Fallen(config, instead, before, model, fallback)
    return instead, checkpoint._replace(controls=controls, memory=memory, config=instead), fallen


def _loaded(name: str) -> dict[str, onnx_model.OnnxModel]:
    """The model that the engine now playing plays, loaded before it is needed; the default one where that is gone."""
    if not name or name == PLAIN:
        return {}
    for one in (name, onnx_model.DEFAULT_MODEL):
        with contextlib.suppress(ModelError):  # told when it is needed
            return {one: daemon.opened(onnx_model.resolve(one))}
    return {}


def _spare_player() -> Child | None:
    try:
        return Child()
    except OSError:  # tried again when it is needed
        return None
