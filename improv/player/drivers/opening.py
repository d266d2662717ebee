"""What every driver needs while it opens: its module, silence on the terminal, and sentences for what fails."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from improv.errors import PortError
from improv.player.drivers.base import Driver, MidiSystemError


def load_optional(module: str, package: str) -> Any:
    """A module that need not be installed, imported late: it needs a library of its system. package: for people."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise MidiSystemError(f"{package} cannot be loaded ({error}).") from error


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what ALSA and JACK write to file descriptor 2 while they are tried off the terminal."""
    if sys.stderr is not None:
        sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        # A process without a terminal may have no stderr, one that has run out of file handles gets no others.
        with contextlib.suppress(OSError):
            saved = os.dup(2)
            stack.callback(os.close, saved)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
            stack.callback(os.dup2, saved, 2)
        yield


@contextlib.contextmanager
def opening(driver: Driver, *errors: type[Exception]) -> Iterator[None]:
    """Open a driver inside, quietly. Whatever fails, it is closed again; `errors` of its library become a sentence."""
    try:
        with quiet_stderr():
            yield
    except PortError:
        driver.close()
        raise
    except errors as error:
        driver.close()
        raise MidiSystemError(f"{driver.name} cannot be used: {error}") from error
