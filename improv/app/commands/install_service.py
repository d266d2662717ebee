"""`improv install-service`: let systemd or launchd start the music with the computer, and again when all else fails."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from improv.errors import InputError
from improv.files import write_whole

NAME = "brainmusic"
LABEL = "org.brainmusic.improv"
SYSTEM_UNITS = Path("/etc/systemd/system")
WATCHDOG_S = 90  # fed while notes are made, or while the music rests because somebody said so

UNIT = """\
[Unit]
Description=BrainMusic improvises piano music
After=sound.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={folder}
Restart=always
RestartSec=1
WatchdogSec={watchdog}
TimeoutStartSec=180
TimeoutStopSec=20
LimitRTPRIO=80
LimitMEMLOCK=infinity
NoNewPrivileges=yes
{more}
[Install]
WantedBy={target}
"""

PLIST = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>{label}</string>
  <key>ProgramArguments</key>
  <array>{arguments}</array>
  <key>WorkingDirectory</key><string>{folder}</string>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ProcessType</key><string>Interactive</string>
</dict>
</plist>
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--system", action="store_true", help="for the whole computer, as root (systemd only)")
    parser.add_argument("--user-name", default="", help="with --system: the user that plays")
    parser.add_argument("--remove", action="store_true", help="delete the service's file")
    parser.add_argument("--print", action="store_true", dest="show", help="print the file instead of writing it")


def command(options: argparse.Namespace) -> int:
    """Write, print or delete the file, and say what to type next."""
    path, text = service(options, sys.platform)
    if options.show:
        print(text, end="")
        return 0
    if options.remove:
        if not path.exists():
            raise InputError(f"{path} is not there; nothing was removed")
        print(f"First: {_words(options, path)[1]}")
        path.unlink()
        print(f"Removed {path}.")
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text, permissions=0o644)
    print(f"Wrote {path}.\nNow: {_words(options, path)[0]}")
    return 0


def service(options: argparse.Namespace, platform: str) -> tuple[Path, str]:
    """The service's file and what stands in it. InputError where this system has neither systemd nor launchd."""
    arguments = [sys.executable, "-m", "improv", "run"]
    arguments += ["--config", str(options.config.resolve())] if options.config else []
    arguments += [word for override in options.overrides for word in ("-o", override)]
    folder = Path.cwd()
    if platform == "darwin":
        listed = "".join(f"<string>{escape(word)}</string>" for word in arguments)
        path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        return path, PLIST.format(label=LABEL, arguments=listed, folder=escape(str(folder)))
    if not platform.startswith("linux"):
        raise InputError("install-service knows systemd (Linux) and launchd (macOS); here is neither")
    more = f"User={options.user_name}\n" if options.user_name else ""
    target = "multi-user.target" if options.system else "default.target"
    words = " ".join(_quoted(word) for word in arguments)
    text = UNIT.format(command=words, folder=_quoted(str(folder)), watchdog=WATCHDOG_S, more=more, target=target)
    return _unit_folder(options) / f"{NAME}.service", text


def _unit_folder(options: argparse.Namespace) -> Path:
    if options.system:
        return SYSTEM_UNITS
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _quoted(word: str) -> str:
    """As systemd reads a command line: % and $ stand for themselves, spaces do not part."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if plain != word or " " in word else word


def _words(options: argparse.Namespace, path: Path) -> tuple[str, str]:
    """What to type to start the service, and to end it."""
    if path.suffix == ".plist":
        return f"launchctl load -w {path}", f"launchctl unload -w {path}"
    control = "sudo systemctl" if options.system else "systemctl --user"
    start = f"{control} daemon-reload && {control} enable --now {NAME}"
    return start, f"{control} disable --now {NAME}"
