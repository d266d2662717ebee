"""The player process: opens the ports, runs the loop, leaves no note behind."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from improv.clock import SystemClock
from improv.errors import PortError
from improv.player.drivers.base import Driver, MidiSystemError
from improv.player.drivers.null import NullDriver
from improv.player.drivers.probe import open_driver
from improv.player.drivers.rtmidi import load_rtmidi
from improv.player.pipe import Pipe
from improv.player.process.loop import Player
from improv.player.process.note_log import NoteLog
from improv.player.process.output import Output
from improv.player.process.output_transform import slowest_s
from improv.player.process.port_choice import described
from improv.player.process.ports import Ports
from improv.player.process.realtime import become_realtime, freeze_garbage
from improv.player.process.rewiring import each_output, finder
from improv.player.protocol import Failed, PlayerSettings, Ready
from improv.processes import LEFT_TO_THE_ENGINE, be_called

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def waiting_player_main(connection: Connection[Any, Any]) -> None:
    """Body of a player process that is told its settings (and `hung`, see `player_main`) by the pipe, when it is
    needed. It ends without a word when the pipe closes before.
    """
    for name in LEFT_TO_THE_ENGINE:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(MidiSystemError):
        load_rtmidi()
    try:
        settings, hung = connection.recv()
    except (EOFError, OSError):
        return
    be_called("brainmusic-player")
    player_main(connection, settings, hung)


def player_main(
    connection: Connection[Any, Any], settings: PlayerSettings, hung: tuple[tuple[int, int], ...] | None = None
) -> None:
    """Body of the player process, until Quit, SIGTERM or the end of the pipe.

    hung: None at the first start. After a restart the (channel, pitch) pairs that may still sound; then a port that is
    missing is waited for, too, instead of being an error.
    """
    ended = _listen_to_signals()
    pipe, clock = Pipe(connection), SystemClock()
    outputs: list[Output] = []
    notices: list[str] = []
    try:
        for one, transform in each_output(settings):
            driver, notice = open_ports(one, insist=hung is None and not settings.wait_for_ports)
            ports = Ports(driver, finder(one), (one.connections, one.input_connections))
            limit_s, sounds_s = settings.late_note_limit_s, slowest_s(settings.outputs)
            outputs.append(Output(ports, clock, transform, late_note_limit_s=limit_s, sounds_s=sounds_s))
            notices += [notice] if notice and notice not in notices else []
        note_log = NoteLog(settings.log_notes_to) if settings.log_notes_to else None
    except (PortError, OSError) as error:
        for output in outputs:
            output.close()
        pipe.send(Failed(_failure(error, settings)))
        return
    player = Player(pipe, outputs, clock, settings, note_log=note_log)
    try:
        player.start(hung or ())
        pipe.send(Ready(*described(outputs), " ".join(notices), _prepare(settings)))
        while not ended() and player.run_once():
            pass
    finally:
        player.close()


def _failure(error: OSError | PortError, settings: PlayerSettings) -> str:
    if isinstance(error, PortError):
        return str(error)
    return f"The note log {settings.log_notes_to} cannot be written: {error.strerror}."


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
    return NullDriver(), f"{reason} BrainMusic plays without MIDI ports and goes on looking for them."


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
