"""Where `improv ctl` finds the daemons of this user: sockets in the user's runtime folder, one for each daemon."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

UNIX_SOCKETS = sys.platform != "win32"
SUFFIX = ".sock" if UNIX_SOCKETS else ".door"  # holds loopback port and token, in a file that only the user reads
LONGEST_NAME = 32  # characters: the path of a Unix socket holds about 100


class Place(NamedTuple):
    """A daemon that can be spoken to. name: midi.name. pid: the engine's."""

    name: str
    pid: int
    path: Path


def folder() -> Path:
    """A folder that only this user can enter; made when it is missing. Raises PermissionError when it is another's."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir():
        place = Path(base) / "brainmusic"
    elif UNIX_SOCKETS:
        place = Path(tempfile.gettempdir()) / f"brainmusic-{os.getuid()}"
    else:
        place = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "brainmusic" / "run"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if UNIX_SOCKETS:
        status = place.lstat()
        if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
            raise PermissionError(f"{place} belongs to somebody else")
        place.chmod(0o700)
    return place


def place_of(name: str, pid: int) -> Place:
    """Where the daemon with this name and process id can be met."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:LONGEST_NAME] or "_"
    return Place(word, pid, folder() / f"{word}.{pid}{SUFFIX}")


def places() -> list[Place]:
    """Every daemon of this user; what a dead one left behind is swept away."""
    found = []
    for path in sorted(folder().glob(f"*{SUFFIX}")):
        name, _, pid = path.name.removesuffix(SUFFIX).rpartition(".")
        if not pid.isdigit():
            continue
        if _lives(int(pid)):
            found.append(Place(name, int(pid), path))
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return found


def _lives(pid: int) -> bool:
    if not UNIX_SOCKETS:
        return True  # asking would end the process there; connecting tells
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
