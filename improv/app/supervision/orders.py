"""What a supervisor tells the engine's process, and that process's beginning: light, so that both can import it."""

from __future__ import annotations

import argparse
import importlib
import signal
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from improv.processes import LEFT_TO_THE_ENGINE

# How an engine begins after one that failed, from the first failure on: each time with less that could be at fault.
AS_BEFORE, NEW_PIECE, DEFAULT_MODEL, DEFAULT_CONFIG, NO_NETWORK = range(5)
SENTENCES = {
    AS_BEFORE: "it goes on where it was",
    NEW_PIECE: "it begins a new piece under the same commands",
    DEFAULT_MODEL: "it plays the default model",
    DEFAULT_CONFIG: "it plays under the default configuration, without page, OSC and ctl",
    NO_NETWORK: "it plays by rules alone, without a network",
}

# What the next engine is given again when all went well without it.
RETURNS = {
    NEW_PIECE: "the model of before is tried again",
    DEFAULT_MODEL: "the configuration of before is tried again, with page, OSC and ctl",
    DEFAULT_CONFIG: "a network is tried again",
}


class Orders(NamedTuple):
    """Play. fallback: None for the first engine, else one of those above."""

    fallback: int | None = None


def engine_main(orders: Connection[Any, Any], lifeline_path: str, options: argparse.Namespace, model: str) -> None:
    """Body of the engine's process. It imports all that it needs, waits for `Orders`, plays, and exits with the code
    that `improv run` would have.

    orders: the process ends when it closes before they come. options: the command line. model: to load meanwhile, by
    name, "" for none.
    """
    for name in LEFT_TO_THE_ENGINE:  # a terminal's signals go to the supervisor as well, which says what they mean
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Only here: model runtime and configuration cost half a second and 60 MB, which the supervisor does without.
    engine_process = importlib.import_module("improv.app.supervision.engine_process")
    engine_process.engine_main(orders, lifeline_path, options, model)
