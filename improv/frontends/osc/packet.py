"""From a datagram to OSC messages with their times, whatever it holds.

Bundles are taken apart here (python-osc follows an element of negative size in circles); messages by python-osc.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

BUNDLE = b"#bundle\0"
IMMEDIATELY = 1
NTP_TO_UNIX_S = 2208988800  # from 1900 to 1970
DEEPEST, MOST_MESSAGES = 8, 256
LONGEST_ADDRESS = 256
MOST_ARGUMENTS = 64
KNOWN = frozenset(b"ihfdsbrmtTFNIS[]")
ALIKE = bytes.maketrans(b"IS", b"Ts")


class OscError(ValueError):
    """A datagram that is no OSC packet."""


class TooLargeError(OscError):
    """More in one packet than is read: nothing of it is carried out."""


class Timed(NamedTuple):
    """A message. due_s: seconds since 1970, or None for now."""

    due_s: float | None
    address: str
    arguments: tuple[Any, ...]


def read(data: bytes) -> tuple[list[Timed], list[str]]:
    """All messages of a packet, in their order, and what was wrong with those that are left out.

    A message of a bundle that cannot be read costs the others nothing; where the size of one is wrong, those behind it
    cannot be found. OscError when it is no packet at all.
    """
    messages: list[Timed] = []
    faults: list[str] = []
    _take(data, None, 0, messages, faults)
    if faults and not messages:
        raise OscError(faults[0])
    return messages, faults


def _take(data: bytes, due_s: float | None, depth: int, messages: list[Timed], faults: list[str]) -> None:
    if not data.startswith(BUNDLE):
        if not data or len(data) % 4:
            raise OscError("a packet has a multiple of 4 bytes")
        if len(messages) >= MOST_MESSAGES:
            raise TooLargeError(f"a bundle holds at most {MOST_MESSAGES} messages")
        messages.append(_message(data, due_s))
        return
    if depth >= DEEPEST:
        raise TooLargeError(f"bundles stand in each other at most {DEEPEST} deep")
    if len(data) < 16:
        raise OscError("a bundle has a time tag")
    (tag,) = struct.unpack_from(">Q", data, 8)
    inner_s = None if tag == IMMEDIATELY else tag / 2**32 - NTP_TO_UNIX_S
    at = 16
    while at < len(data):
        # An element before may have had a size of its own, so that less than a number is left.
        (size,) = struct.unpack_from(">i", data, at) if at + 4 <= len(data) else (-1,)
        at += 4
        try:
            if not 0 <= size <= len(data) - at:
                raise OscError("an element of a bundle is longer than the bundle")
            _take(data[at : at + size], inner_s, depth + 1, messages, faults)
        except TooLargeError:
            raise
        except OscError as error:
            if len(faults) < MOST_MESSAGES:
                faults.append(str(error))
        at += size if size >= 0 else len(data)


def _message(data: bytes, due_s: float | None) -> Timed:
    if not data.startswith(b"/"):
        raise OscError("an address begins with /")
    at = (data.find(b"\0") // 4 + 1) * 4
    tags = data[at:].partition(b"\0")[0]
    if len(tags) > MOST_ARGUMENTS:
        raise OscError(f"a message has at most {MOST_ARGUMENTS} arguments")
    if tags and not tags.startswith(b","):
        raise OscError("the types of the arguments begin with a comma")
    if unknown := set(tags.removeprefix(b",")) - KNOWN:
        raise OscError(f"unknown types {bytes(sorted(unknown))!r}")
    # python-osc knows neither an impulse, where a button takes either, nor a symbol, which is a text.
    data = data[:at] + tags.translate(ALIKE) + data[at + len(tags) :]
    try:
        message = OscMessage(data)
        address, arguments = message.address, tuple(message.params)
    except Exception as error:  # the library raises what it stumbles over; all of it means the same here
        raise OscError(f"malformed message: {error}") from None
    if len(address) > LONGEST_ADDRESS:
        raise OscError(f"an address has at most {LONGEST_ADDRESS} characters")
    return Timed(due_s, address, arguments)


def write(address: str, *arguments: Any) -> bytes:
    """One message. Whole numbers as i, other numbers as f, texts as s, T, F and N."""
    builder = OscMessageBuilder(address=address)
    for argument in arguments:
        if isinstance(argument, int) and not isinstance(argument, bool) and not -(2**31) <= argument < 2**31:
            argument = float(argument)
        builder.add_arg(argument, "f" if isinstance(argument, float) else None)
    return bytes(builder.build().dgram)
