"""No MIDI system: swallows and counts. Stands in while the real one is looked for."""

from __future__ import annotations


class NullDriver:
    """Implements `Driver` without any port."""

    name = "none"
    output_name = ""
    input_name = ""
    settle_s = 0.0
    lead_s = 0.0
    arrivals = -1
    gone = False

    def __init__(self) -> None:
        self.swallowed = 0

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, message: bytes, due_s: float | None = None) -> None:
        self.swallowed += 1

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        return []

    def outputs(self) -> list[str]:
        return []

    def inputs(self) -> list[str]:
        return []

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()

    def check(self) -> str:
        return ""
