"""No MIDI system: what is sent goes nowhere. Stands in while the real one is looked for."""

from __future__ import annotations

from improv.player.drivers.base import Portless


class NullDriver(Portless):
    """Implements `Driver` without any port."""

    name = "none"
    output_name = ""

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, message: bytes, due_s: float | None = None) -> None:
        pass

    def check(self) -> str:
        return ""
