"""Controls of 14 bits: pairs of control changes (n and n + 32), and non-registered parameters (NRPN).

After the MIDI 1.0 specification: the coarse half comes first; 98 and 99 choose a parameter, 6 and 38 give its value,
100 and 101 choose a registered one instead, 127 and 127 none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ControlKey = int | str
"""0..127 for a control change, "20/52" for a pair, "nrpn 260" for a parameter, 0..16383."""

COARSE, LARGEST = 128, (1 << 14) - 1
MIDDLE = 64 * COARSE
DATA, DATA_FINE = 6, 38
NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE = 98, 99, 100, 101
ADDRESSES = (NRPN_FINE, NRPN_COARSE, RPN_FINE, RPN_COARSE)
NONE_CHOSEN = (127, 127)
ALLOWED = "0..127, a pair such as 20/52 (0..31 and 32 more), or nrpn 0..16383"


class Turned(NamedTuple):
    """A control that was turned. value: 0..127, 64 in the middle, with the fractions that 14 bits give. coarse: its
    seven upper bits. first: this message brought the upper bits. last: no finer half of it is awaited.
    """

    control: ControlKey
    value: float
    coarse: int
    first: bool = True
    last: bool = True


def control_key(told: object) -> ControlKey:
    """A control as people write it, a number or a text. ValueError says what is allowed."""
    text = " ".join(str(told).lower().split())
    if re.fullmatch(r"-?[0-9]{1,9}", text):
        if 0 <= int(text) <= 127:
            return int(text)
        raise ValueError(f"a control number must be 0..127 (got {int(text)})")
    if (pair := re.fullmatch(r"([0-9]{1,2}) ?/ ?([0-9]{1,2})", text)) and int(pair[1]) < 32:
        if int(pair[2]) == int(pair[1]) + 32:
            return f"{int(pair[1])}/{int(pair[2])}"
        raise ValueError(f"the finer half of control {int(pair[1])} is {int(pair[1]) + 32} (got {text[:40]!r})")
    if (parameter := re.fullmatch(r"nrpn ?([0-9]{1,5})", text)) and int(parameter[1]) <= LARGEST:
        return f"nrpn {int(parameter[1])}"
    raise ValueError(f"a control must be {ALLOWED} (got {text[:40]!r})")


def control_words(control: ControlKey) -> str:
    """For people: CC 20, CC 20/52, NRPN 260."""
    return control.upper() if isinstance(control, str) and control.startswith("nrpn") else f"CC {control}"


def halves(control: ControlKey) -> tuple[int, ...]:
    """The plain controls that a pair is made of; none for anything else."""
    return tuple(map(int, control.split("/"))) if isinstance(control, str) and "/" in control else ()


def seven_bits(value: int) -> float:
    """0..16383 -> 0..127, the middle exactly 64; ascending."""
    if value <= MIDDLE:
        return value / COARSE
    return 64 + (value - MIDDLE) * 63 / (LARGEST - MIDDLE)


class FineControls:
    """Remembers the halves that came, by channel 0..15."""

    def __init__(self) -> None:
        self._coarse: dict[tuple[int, ControlKey], int] = {}
        self._paired: set[tuple[int, ControlKey]] = set()
        self._chosen: dict[int, tuple[int, int]] = {}

    def clear(self) -> None:
        """Another device is listened to."""
        for remembered in (self._coarse, self._paired, self._chosen):
            remembered.clear()

    def hear(self, channel: int, control: int, value: int) -> tuple[Turned, ...]:
        """What a control change may mean, the finest meaning first and itself last."""
        plain = Turned(control, float(value), value)
        if control in ADDRESSES:
            self._choose(channel, control, value)
            return (plain,)
        found = []
        if control in (DATA, DATA_FINE) and (parameter := self._parameter(channel)) is not None:
            found.append(self._half(channel, f"nrpn {parameter}", value, coarse=control == DATA))
        if control < 64:
            upper = control % 32
            found.append(self._half(channel, f"{upper}/{upper + 32}", value, coarse=control < 32))
        return (*(one for one in found if one is not None), plain)

    def is_fine(self, channel: int, control: ControlKey) -> bool:
        """Whether both halves of it have come."""
        return (channel, control) in self._paired

    def _half(self, channel: int, control: ControlKey, value: int, *, coarse: bool) -> Turned | None:
        place = channel, control
        if coarse:
            self._coarse[place] = value
            return Turned(control, seven_bits(value * COARSE), value, True, place not in self._paired)
        if (upper := self._coarse.get(place)) is None:
            return None
        self._paired.add(place)
        return Turned(control, seven_bits(upper * COARSE + value), upper, False, True)

    def _choose(self, channel: int, control: int, value: int) -> None:
        if control in (RPN_FINE, RPN_COARSE):
            self._chosen.pop(channel, None)
            return
        upper, lower = self._chosen.get(channel, NONE_CHOSEN)
        self._chosen[channel] = (value, lower) if control == NRPN_COARSE else (upper, value)

    def _parameter(self, channel: int) -> int | None:
        chosen = self._chosen.get(channel, NONE_CHOSEN)
        return None if chosen == NONE_CHOSEN else chosen[0] * COARSE + chosen[1]
