"""One player process, from its start to its end, as the engine's side holds it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from improv.player.pipe import Pipe
from improv.player.protocol import PlayerSettings, ToEngine, ToPlayer
from improv.processes import be_called, end, spawn

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection


def _player_main(pipe: Connection[Any, Any]) -> None:
    """The life of the process. What the player alone needs is loaded there, not by the engine."""
    from improv.player.process.main import waiting_player_main

    be_called("brainmusic-spare")
    waiting_player_main(pipe)


class Child:
    """The process and its pipe: it imports what it needs and waits for `begin`. OSError when there are no handles, no
    processes, no memory for one.
    """

    def __init__(self) -> None:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        try:
            self.process = spawn(_player_main, (theirs,), "brainmusic-player")
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()  # else the pipe would not close with the player
        self._pipe: Pipe | None = Pipe(ours)

    def begin(self, settings: PlayerSettings, hung: tuple[tuple[int, int], ...] | None) -> None:
        """Open the ports and play. hung: (channel, pitch) that a predecessor may have left sounding; None: there was
        none.
        """
        if self._pipe is not None:
            self._pipe.send((settings, hung))

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def listens(self) -> bool:
        """Whether records still pass; the pipe closes with the process."""
        return self._pipe is not None

    def send(self, record: ToPlayer) -> None:
        if self._pipe is not None:
            self._pipe.send(record)

    def receive(self, timeout_s: float, also: socket.socket | None = None) -> Iterator[ToEngine]:
        """What has arrived, waiting at most timeout_s for the first record (or for `also`)."""
        try:
            while self._pipe is not None and self._pipe.poll(timeout_s, also):
                timeout_s = 0.0
                yield self._pipe.receive()
        except EOFError:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the pipe: the player ends what sounds, then itself."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def end(self, timeout_s: float = 0.0) -> None:
        """Leave no process: wait so long for it to end by itself, then kill it."""
        if timeout_s > 0:
            self.process.join(timeout_s)
        end(self.process)
        self.hang_up()
