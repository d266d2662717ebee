"""Who looks on at a link: told of every record in turn, and left out for good when it fails."""

from __future__ import annotations

import logging

from improv.player.protocol import Instruction, Observer, ToEngine

log = logging.getLogger(__name__)


class Observers:
    """The observers of one link, in the order in which they are told."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """From now on it is told everything."""
        self._observers.append(observer)

    def tell(self, record: Instruction | ToEngine) -> None:
        """Show a record to all of them. Whoever looks on must not end the music: one that raises is told no more."""
        for observer in tuple(self._observers):
            try:
                observer.observe(record)
            except Exception:
                log.exception("%s failed and is told nothing any more; the music goes on", type(observer).__name__)
                self._observers.remove(observer)
