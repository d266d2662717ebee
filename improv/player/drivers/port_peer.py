"""What is on the other side of our ports: which was connected to ours, and which is to be connected again."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from improv.player.protocol import PlayerSettings


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


class PortPeer:
    """The other side of one port of ours: the port that was asked for by name, or whatever people connect to ours.

    is_output: of our output or our input. wanted: what our virtual port was connected to before.
    """

    def __init__(self, *, is_output: bool, wanted: Iterable[str] = ()) -> None:
        self.is_output = is_output
        self.name = ""
        """The port that was asked for, empty for a virtual port."""
        self._direction = "output" if is_output else "input"
        self._connections = Connections(wanted)
        self._lost = False

    def choose(self, name: str) -> None:
        """This port was asked for: it alone is wanted."""
        self.name, self._connections = name, Connections((name,))

    def virtual(self) -> tuple[str, ...]:
        """What our virtual port is connected to; nothing where a port was asked for by name."""
        return () if self.name else self._connections.wanted

    def look(self, connected: Iterable[str], there: Collection[str], appeared: Iterable[str]) -> tuple[list[str], str]:
        """The names to connect now (see `Connections.look`); a sentence when the port asked for went or is back."""
        again = self._connections.look(connected, there, appeared)
        lost = bool(self.name) and self.name not in there
        before, self._lost = self._lost, lost
        if lost and not before:
            return again, f"The MIDI {self._direction} {self.name!r} is gone; it is used again as soon as it is back."
        # What went and came between two looks has missed the ends of notes, too.
        back = not lost and (before or (bool(self.name) and self.name in again))
        return again, f"The MIDI {self._direction} {self.name!r} is back." if back else ""


def peers_of(settings: PlayerSettings) -> dict[bool, PortPeer]:
    """The other side of our output (True) and of our input (False), with what each was connected to before."""
    wanted = {True: settings.connections, False: settings.input_connections}
    return {is_output: PortPeer(is_output=is_output, wanted=names) for is_output, names in wanted.items()}
