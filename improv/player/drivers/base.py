"""What the player needs of a MIDI system."""

from __future__ import annotations

from typing import Protocol

from improv.errors import PortError
from improv.midi.messages import CLOCK_MESSAGES, is_channel_message, kind_of


def is_wanted(message: bytes) -> bool:
    """Whether a message is taken in: channel messages and MIDI clock; a long SysEx arrives in pieces of neither."""
    return is_channel_message(message) or kind_of(message) in CLOCK_MESSAGES


class MidiSystemError(PortError):
    """There is no MIDI system, or it went away (in contrast to a single port that is missing)."""


class Driver(Protocol):
    """One output and one input port. Used by a single thread."""

    name: str
    """Kind of driver, for people: "ALSA", "JACK", "none" ..."""
    settle_s: float
    """How long the system needs from send() until a message is really out; to wait before close()."""
    lead_s: float
    """How long before its deadline a message must be handed over to be on time; 0: it is sent when handed over."""
    arrivals: int
    """A file descriptor that is readable while something waits to be received, or -1: the input must be polled."""
    gone: bool
    """The MIDI system told that it ended: `check()` is to be called at once."""

    @property
    def output_name(self) -> str:
        """Name of the output as other programs show it, or empty."""
        ...

    @property
    def input_name(self) -> str:
        """Name of the input, or empty when there is none to poll."""
        ...

    def open(self) -> None:
        """Open both ports. Raises MidiSystemError without a MIDI system, PortError when a named port is not there."""
        ...

    def close(self) -> None:
        """Close both ports. May be called twice; nothing is sent afterwards."""
        ...

    def send(self, message: bytes, due_s: float | None = None) -> None:
        """Send one whole MIDI message: now, or at due_s if the driver can (`lead_s`). Does nothing when closed."""
        ...

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        """The whole messages that arrived since the last call, each with the time of its arrival; never waits.

        Where the system does not stamp them, that is now_s.
        """
        ...

    def outputs(self) -> list[str]:
        """Names of the ports that could be sent to."""
        ...

    def inputs(self) -> list[str]:
        """Names of the ports that could be received from."""
        ...

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What virtual ports of ours are connected to, output and input: to be restored by the next driver."""
        ...

    def check(self) -> str:
        """Look whether ports went or came back, about twice a second; reopens what came back.

        Returns a sentence when something changed, else "". Raises MidiSystemError when the MIDI system is gone; then
        the driver is to be closed.
        """
        ...


class Portless:
    """What a driver without ports of a MIDI system says of them."""

    input_name = ""
    settle_s = 0.0
    lead_s = 0.0
    arrivals = -1
    gone = False

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        return []

    def outputs(self) -> list[str]:
        return []

    def inputs(self) -> list[str]:
        return []

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()
