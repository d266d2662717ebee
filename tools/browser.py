"""A real daemon and a real browser without a screen, for tests and measurements of the page."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from tools import REPOSITORY, TINY
from tools.waiting import PATIENCE_S, eventually, whole_lines

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# What a page complains of while its daemon is away; 503 is the answer to what was under way as it went.
AWAY = re.compile(r"net::ERR_\w*(CONNECT|EMPTY|SOCKET)|WebSocket (connection|is closed)|with a status of 503 ")
NOT_GIVEN = (20_000, 32_000)  # below the ports that Linux (32768), macOS and Windows (49152) give to whoever takes any
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]


def missing() -> str:
    """Why no browser can be driven here, or empty."""
    if CHROMIUM is None:
        return "no Chromium (apt install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "no playwright (pip install playwright)"
    return ""


def free_port() -> int:
    """A TCP port that nobody uses now, and that the system gives to nobody who takes any."""
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(*NOT_GIVEN))) as probe:
            return int(probe.getsockname()[1])


class Daemon:
    """`improv run` with the tiny model, no MIDI ports, and its page. It rests until it is told to play."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", settings: Mapping[str, object] | None = None) -> None:
        self._host, self._settings = host, settings or {}
        self.port = free_port()
        """Of the page, whichever engine or frontends open it, now and after a failure."""
        self.starts = 0
        self.sent, self.takes = folder / "sent.jsonl", folder / "takes"
        self._log = folder / "log.txt"
        self.own_config = folder / "brainmusic" / "config.yaml"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until its page answers and the music rests."""
        settings = {
            "model.path": TINY,
            "midi.driver": "null",
            "web.host": self._host,
            "web.port": self.port,
            "osc.enabled": "false",
            "ctl.enabled": "false",
            "takes.folder": self.takes,
            "scenes.file": self.sent.parent / "scenes.json",
            "timing.realtime": "false",
            "log.notes": self.sent,
            "music.seed": 1,
            **self._settings,
        }
        options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "improv", "run", *options],
                cwd=self._log.parent,
                env={
                    **os.environ,
                    "PYTHONPATH": str(REPOSITORY),
                    "XDG_CONFIG_HOME": str(self._log.parent),
                    "XDG_DATA_HOME": str(self._log.parent),
                },
                stdout=log,
                stderr=log,
            )
        self.starts += 1
        eventually(self._ready, PATIENCE_S, 0.1)
        self.command("pause")
        return self

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return bool(self._ask("/readyz") == b"ok")
        return False

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text()

    @property
    def was_away(self) -> bool:
        """Whether its page could not be reached for a while: it was started again, or a process of it failed on a
        machine that stood still.
        """
        return self.starts > 1 or any(words in self.log for words in ("takes its place", "was restarted"))

    def stop(self) -> None:
        """As Ctrl-C, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def command(self, command: str, /, **values: object) -> None:
        body = json.dumps({"command": command, **values}).encode()
        headers = {"Content-Type": "application/json", "Origin": self.address}
        self._answer("/api/command", urllib.request.Request(f"{self.address}/api/command", body, headers))

    def ask(self, path: str, method: str) -> Any:
        """What the page's server answers to a request without a body."""
        return json.loads(self._answer(path, urllib.request.Request(f"{self.address}{path}", method=method)))

    def way_in(self) -> str:
        """The first link that lets another device in."""
        return str(self.ask("/api/pair", "POST")["links"][0]["link"])

    @property
    def state(self) -> dict[str, Any]:
        """What the engine publishes."""
        return dict(json.loads(self._answer("/api/state")))

    def notes_sent(self) -> int:
        """How many note-ons the player has sent since the start."""
        return len(whole_lines(self.sent))

    def revision_sent(self) -> int:
        """How many times the mood had turned when the last note was chosen that the player has sent."""
        lines = whole_lines(self.sent)
        return int(json.loads(lines[-1])["tag"]) if lines else -1

    def _answer(self, path: str, request: urllib.request.Request | None = None) -> bytes:
        """However long the engine takes for it on a busy machine, or the one that takes its place. What it has not
        answered in time is asked again: twice the same is the same.
        """

        def answered() -> tuple[bytes] | None:
            try:
                return (self._ask(path, request),)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE and b"did not answer" not in error.read():
                    raise
            except (urllib.error.URLError, ConnectionError):
                if self._process is None or self._process.poll() is not None:
                    raise
            return None

        return bytes(eventually(answered, PATIENCE_S, 0.1)[0])

    def _ask(self, path: str, request: urllib.request.Request | None = None) -> bytes:
        with urllib.request.urlopen(request or f"{self.address}{path}", timeout=PATIENCE_S) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def running_daemon(host: str = "127.0.0.1", settings: Mapping[str, object] | None = None) -> Iterator[Daemon]:
    """settings: of the configuration, beside those that every such daemon has."""
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(Path(folder), host, settings)
        try:
            yield daemon.start()
        finally:
            daemon.stop()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def been_here(context: Any) -> None:
    """The pages of this context are no first visits: no tour begins."""
    context.add_init_script("try { localStorage.setItem('brainmusic-toured', 'yes'); } catch { /* a blank page */ }")


@contextlib.contextmanager
def opened(browser: Any, daemon: Daemon, *, been_before: bool = True, **options: Any) -> Iterator[Any]:
    """The page, connected. been_before: it is not the first visit. Fails when it complains on the console or asks
    another computer for anything.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **options)
    context.set_default_timeout(1000 * PATIENCE_S)
    if been_before:
        been_here(context)
    page, complaints, said = context.new_page(), [], len(daemon.log)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(f"{line.text} {line.location['url']}") if line.type == "error" else None,
    )
    page.on("request", lambda one: complaints.append(one.url) if not _ours(one.url, daemon) else None)
    try:
        page.goto(daemon.address)
        page.wait_for_selector("#link[data-link=open]", state="attached")
        yield page
        wrong = [line for line in complaints if not (daemon.was_away and AWAY.search(line))]
        assert not wrong, wrong
    finally:
        print(daemon.log[said:])  # seen where a test fails
        context.close()


def _ours(url: str, daemon: Daemon) -> bool:
    own = (daemon.address, daemon.address.replace("http", "ws"), f"blob:{daemon.address}", "data:")
    return url.startswith(own)
