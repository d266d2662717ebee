"""What systemd is told (sd_notify): the music has begun, it goes on, it ends. Nothing where systemd does not ask."""

from __future__ import annotations

import contextlib
import os
import socket

FEED_EVERY = 3  # times in the watchdog's span


class Notifier:
    """Reads NOTIFY_SOCKET and WATCHDOG_USEC, as systemd sets them for a service of Type=notify."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._every_s = 0.0
        with contextlib.suppress(ValueError):
            self._every_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / FEED_EVERY
        self._fed_s = float("-inf")
        self._ready = False

    def alive(self, now_s: float) -> None:
        """Music is made, or rests because somebody wants it so."""
        if not self._ready:
            self._ready = True
            self._tell("READY=1\nSTATUS=playing")
        if self._every_s and now_s - self._fed_s >= self._every_s:
            self._fed_s = now_s
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), address)
