"""The devices that were let in: a list that a person sees, and takes single ones out of.

Each has a secret of its own, which its browser keeps in a cookie. The file holds only what proves it, so that who reads
the file cannot come in with it.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from improv.errors import InputError
from improv.files import PRIVATE, read_text, write_whole

MOST_DEVICES = 100
LARGEST_FILE = 1 << 18  # bytes
LONGEST_NAME = 60
SEEN_EVERY_S = 3600.0  # what a device does is not written down more closely than that
SYSTEMS = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("CrOS", "Chromebook"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac or iPad"),  # an iPad says that it is a Mac
    ("Linux", "Linux"),
)
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),  # as the next one, others say it as well, so it comes late
    ("Safari", "Safari"),
)
"""What stands in the name that a browser gives itself, and what we call it: the first that is found counts."""


CURATOR, VISITOR = ROLES = ("curator", "visitor")
BY_ADDRESS = ""
"""The role of a device about which nobody said anything: its address decides (Visitors)."""


class Device(NamedTuple):
    """name: in words. paired, seen: local time, ISO 8601; seen is at most an hour old news. proof: hexadecimal.

    role: one of ROLES, or BY_ADDRESS.
    """

    device_id: str
    name: str
    paired: str
    seen: str
    proof: str
    role: str = BY_ADDRESS


def name_of(user_agent: str) -> str:
    """What a browser says of itself, in two words: "iPad, Safari"."""
    found = [next((word for mark, word in table if mark in user_agent), "") for table in (SYSTEMS, BROWSERS)]
    return ", ".join(word for word in found if word) or "another program"


class Devices:
    """path: of the file; None: the list ends with this process. token: with another one every device is a stranger.

    Several daemons may share the file: it is read again when it is another one.
    """

    def __init__(self, path: Path | None, token: str, wall_clock: Callable[[], datetime]) -> None:
        self._path, self._token, self._wall_clock = path, token, wall_clock
        self._devices: dict[str, Device] = {}
        self._signature: tuple[int, int, int] | None = None
        self.fault = ""
        """Why the list is not on the disk, or empty."""

    def all(self) -> list[Device]:
        """Those that may come in, the latest first."""
        self._look()
        return sorted(self._devices.values(), key=lambda device: device.paired, reverse=True)

    def add(self, name: str, role: str = BY_ADDRESS) -> str:
        """Let a new device in; returns its cookie."""
        self._look()
        device_id, now = secrets.token_hex(4), self._now()
        cookie = f"{device_id}.{secrets.token_urlsafe(24)}"
        self._devices[device_id] = Device(device_id, name[:LONGEST_NAME], now, now, self._proof(cookie), role)
        for old in sorted(self._devices.values(), key=lambda device: device.seen)[:-MOST_DEVICES]:
            del self._devices[old.device_id]
        self._write()
        return cookie

    def known(self, cookie: str) -> Device | None:
        """The device whose cookie this is."""
        self._look()
        device = self._devices.get(cookie.partition(".")[0])
        if device is None or not hmac.compare_digest(device.proof, self._proof(cookie)):
            return None
        return device

    def seen(self, device_id: str) -> None:
        """The device was here just now."""
        if (device := self._devices.get(device_id)) is not None:
            self._devices[device_id] = device._replace(seen=self._now())
            self._write()

    def give_role(self, device_id: str, role: str) -> bool:
        """The device is a curator's or a visitor's from now on; whether it was there. role: one of ROLES."""
        self._look()
        if (device := self._devices.get(device_id)) is None:
            return False
        self._devices[device_id] = device._replace(role=role)
        self._write()
        return True

    def remove(self, device_id: str) -> bool:
        """Shut a device out; whether it was there."""
        self._look()
        if self._devices.pop(device_id, None) is None:
            return False
        self._write()
        return True

    def _proof(self, cookie: str) -> str:
        return hmac.new(self._token.encode(), cookie.encode("utf-8", "replace"), sha256).hexdigest()

    def _now(self) -> str:
        return self._wall_clock().isoformat(timespec="seconds")

    def _look(self) -> None:
        """Read the file where it changed. One that cannot be read lets nobody in."""
        if self._path is None or (signature := _signature_of(self._path)) == self._signature:
            return
        self._signature, self._devices = signature, {}
        if signature is None:
            return
        try:
            table = json.loads(read_text(self._path, LARGEST_FILE))
            devices = [_device(row) for row in table["devices"]]
        except (InputError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            self.fault = f"the list of paired devices cannot be read ({error}); they must be paired again"
            return
        self._devices = {device.device_id: device for device in devices if device is not None}

    def _write(self) -> None:
        if self._path is None:
            return
        rows = [device._asdict() for device in self._devices.values()]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps({"format": 1, "devices": rows}, indent=1) + "\n", permissions=PRIVATE)
            self.fault = ""
        except (OSError, InputError) as error:
            self.fault = f"the list of paired devices is not kept: {error}"
        self._signature = _signature_of(self._path)


def _device(row: Any) -> Device | None:
    values: list[Any] = [row.get(name) for name in Device._fields[:-1]]
    if not all(isinstance(value, str) for value in values):
        return None
    role = row.get("role", BY_ADDRESS)  # the first lists have none
    return Device(*values)._replace(role=role if role in (BY_ADDRESS, *ROLES) else VISITOR)


def _signature_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
