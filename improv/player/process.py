"""The player process: opens the ports, runs the loop, leaves no note behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from improv.clock import SystemClock
from improv.errors import PortError
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.null import NullDriver
from improv.player.drivers.probe import open_driver
from improv.player.loop import Player
from improv.player.notelog import NoteLog
from improv.player.pipe import Pipe
from improv.player.ports import Ports
from improv.player.queue import all_off, note_off
from improv.player.realtime import become_realtime, freeze_garbage
from improv.player.wire import Failed, PlayerSettings, Ready

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# A terminal sends these to the whole process group. The engine decides; when it ends, the pipe closes.
LEFT_TO_THE_ENGINE = ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP")


def player_main(
    connection: Connection[Any, Any], settings: PlayerSettings, hung: tuple[tuple[int, int], ...] | None = None
) -> None:
    """Body of the player process, until Quit, SIGTERM or the end of the pipe.

    hung: None at the first start. After a restart the (channel, pitch) pairs that may still sound; then a port that is
    missing is waited for, too, instead of being an error.
    """
    ended = _listen_to_signals()
    pipe = Pipe(connection)
    try:
        driver, notice = open_ports(settings, insist=hung is None)
        note_log = NoteLog(settings.log_notes_to) if settings.log_notes_to else None
    except PortError as error:
        pipe.send(Failed(str(error)))
        return
    except OSError as error:
        driver.close()
        pipe.send(Failed(f"The note log {settings.log_notes_to} cannot be written: {error.strerror}."))
        return
    ports = Ports(driver, None if settings.driver == "null" else lambda: open_driver(settings))
    player = Player(pipe, ports, SystemClock(), settings, note_log=note_log)
    try:
        player.send_now(_end_hung(hung or ()))
        pipe.send(Ready(driver.name, driver.output_name, driver.input_name, notice, _prepare(settings)))
        while not ended() and player.run_once():
            pass
    finally:
        player.close()


def open_ports(settings: PlayerSettings, *, insist: bool) -> tuple[Driver, str]:
    """The driver, opened, and what the user should know about it (or "").

    Without a MIDI system the null driver stands in. A named port that is not there raises PortError if `insist`.
    """
    try:
        return open_driver(settings), ""
    except MidiSystemError as error:
        reason = str(error)
    except PortError as error:
        if insist:
            raise
        reason = str(error)
    return NullDriver(), f"{reason} BrainMusic plays without MIDI ports and looks for them every second."


def _end_hung(hung: tuple[tuple[int, int], ...]) -> list[bytes]:
    offs = [note_off(channel, pitch) for channel, pitch in hung]
    return offs + all_off(sorted({channel for channel, _ in hung}))


def _prepare(settings: PlayerSettings) -> str:
    """After the ports are open, so that the MIDI system's own threads do not inherit the priority."""
    if settings.realtime:
        return become_realtime()
    freeze_garbage()
    return "not asked for"


def _listen_to_signals() -> Callable[[], bool]:
    """Ignore what a terminal sends to everyone; returns a question: did SIGTERM come?"""
    came: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    for name in LEFT_TO_THE_ENGINE:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    return lambda: bool(came)
