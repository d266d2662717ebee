"""No MIDI system: what would have been sent is written to a MIDI file, at the times at which it was sent."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path
from typing import BinaryIO

from improv.clock import Clock, SystemClock
from improv.errors import PortError
from improv.midi.messages import FIRST_REAL_TIME
from improv.player.drivers.base import Portless
from improv.player.protocol import PlayerSettings

TICKS_PER_BEAT, BEAT_US = 20_000, 1_000_000  # a beat a second, a tick of 0.05 ms
HEADER = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_BEAT) + b"MTrk"
TEMPO = b"\x00\xff\x51\x03" + BEAT_US.to_bytes(3, "big")
END_OF_TRACK = b"\x00\xff\x2f\x00"


def free_path(wanted: Path) -> Path:
    """`wanted`, or with a number behind its name where a file stands already: none is ever overwritten."""
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_stem(f"{wanted.stem} {number}")
    return path


def variable_length(number: int) -> bytes:
    """A number as MIDI files write times: seven bits a byte, the last byte without the eighth."""
    found = bytes((number & 0x7F,))
    while number := number >> 7:
        found = bytes((number & 0x7F | 0x80,)) + found
    return found


class FileDriver(Portless):
    """Implements `Driver`. The file appears, whole, when the driver is closed.

    Until then what was sent stands in a hidden file beside it (a session of hours need not fit into memory, nor be
    written within the two seconds that a player is given to end); the next start replaces one that a player which was
    killed left behind.
    """

    name = "file"

    def __init__(self, settings: PlayerSettings, clock: Clock | None = None) -> None:
        self._wanted = Path(settings.file).expanduser()
        self._part = self._wanted.with_name(f".{self._wanted.name}.part") if settings.file else Path()
        self._named = bool(settings.file)
        self._clock = clock or SystemClock()
        self._file: BinaryIO | None = None
        self._began_s = 0.0
        self._tick = 0
        self._failure = ""

    @property
    def output_name(self) -> str:
        return str(self._wanted) if self._file else ""

    def open(self) -> None:
        if not self._named:
            raise PortError("midi.driver is file, but midi.file does not say which: -o midi.file=improvised.mid")
        try:
            self._file = self._part.open("wb")
            self._file.write(HEADER + struct.pack(">I", 0) + TEMPO)
        except OSError as error:
            raise PortError(f"midi.file {str(self._wanted)!r} cannot be written: {error.strerror}.") from error
        self._began_s, self._tick, self._failure = self._clock.now(), 0, ""

    def close(self) -> None:
        """Give the file its name, a free one."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with file:
                file.write(END_OF_TRACK)
                length = file.tell() - len(HEADER) - 4
                file.seek(len(HEADER))
                file.write(struct.pack(">I", length))
            os.rename(self._part, free_path(self._wanted))
        except OSError:
            self._part.unlink(missing_ok=True)

    def send(self, message: bytes, due_s: float | None = None) -> None:
        if self._file is None or message[0] >= FIRST_REAL_TIME:  # a MIDI clock has no place in a file
            return
        tick = round((self._clock.now() - self._began_s) * TICKS_PER_BEAT)
        try:
            self._file.write(variable_length(tick - self._tick) + message)
        except OSError as error:  # no room: half a piece is not kept
            self._give_up(error.strerror or "unknown error")
        self._tick = tick

    def check(self) -> str:
        failure, self._failure = self._failure, ""
        return failure

    def _give_up(self, reason: str) -> None:
        file, self._file = self._file, None
        with contextlib.suppress(OSError):
            if file is not None:
                file.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)
        self._failure = f"The MIDI file {self._wanted} cannot be written ({reason}); it is given up, nothing is kept."
