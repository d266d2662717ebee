"""One JSON object a line: how the engine, the frontends and `improv ctl` speak with each other."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

LONGEST_LINE = 1 << 20  # bytes; the greeting with all tables takes about 15 kB


class LineError(ValueError):
    """What arrived is no line of JSON with an object in it."""


def encode(message: Mapping[str, Any]) -> bytes:
    """One line. Raises ValueError for what JSON cannot say (NaN, infinity); halves of letters become question marks."""
    text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def decode(line: bytes | str) -> dict[str, Any]:
    """The object of one line, all its numbers finite: each can be said again. LineError when there is none."""
    try:
        message = json.loads(line, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise LineError("expected one JSON object") from None
    if not isinstance(message, dict):
        raise LineError("expected one JSON object")
    return message


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number that JSON has")
    return number


class LineBuffer:
    """Bytes in, whole lines out."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest, self._rest = longest, b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now. LineError when a line grows longer than is allowed."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._longest or any(len(line) > self._longest for line in whole):
            self._rest = b""
            raise LineError(f"a line must have at most {self._longest} bytes")
        return [line for line in whole if line.strip()]
