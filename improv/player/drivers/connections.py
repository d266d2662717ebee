"""Which ports of other programs one of ours was connected to, and which of them are to be connected again."""

from __future__ import annotations

from collections.abc import Iterable


class Connections:
    """Remembers names. A program that ended is connected again when it is back; what a person undid stays undone."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self._wanted = set(wanted)
        self._absent = set(wanted)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of all that is connected or will be when it is there, in order."""
        return tuple(sorted(self._wanted))

    def look(self, connected: Iterable[str], there: Iterable[str], appeared: Iterable[str] = ()) -> list[str]:
        """Compare with the system; returns the names to connect now.

        connected: what our port is connected to. there: all ports it could be connected to. appeared: ports that came
        since the last look, so that a program that ended and came back between two looks is not taken for undone.
        """
        now, existing, fresh = set(connected), set(there), set(appeared)
        missing = (self._wanted - now) & existing
        again = missing & (self._absent | fresh)
        self._wanted = (self._wanted - (missing - again)) | now
        self._absent = self._wanted - existing
        return sorted(again)
