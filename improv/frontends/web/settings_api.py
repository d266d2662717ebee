"""Settings over HTTP: ports, the start and the map of controls, seen and kept in the user's own configuration file.

All of it is done by `improv config`, `improv ports` and `improv learn` in processes of their own; the daemon reads the
file again by itself.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.frontends.jsonlines import LineError, decode
from improv.frontends.web import answers
from improv.frontends.web.answers import failed
from improv.frontends.web.command_line import Body, CommandLine, Ran, refused

OF_ONE_OUTPUT = ("midi.output", "midi.channel", "midi.transpose")
KEYS = (*OF_ONE_OUTPUT, "midi.input", "model.path", "clock.source", "music.beats_per_bar", "music.key", "mood.start")
"""What is told to the page and kept from it; the network, its password and the files of this computer are not its
business.
"""
NAME_OF_A_MODEL = re.compile(r"[A-Za-z0-9_-]{0,60}")
CONTROL = re.compile(r"[0-9]{1,2}/[0-9]{1,2}|nrpn [0-9]{1,5}")
LONGEST_BYTES = 4096
MOST_KEYS = 20


class SettingsApi:
    """config_file: that the daemon was started with, or empty. overrides: of its command line."""

    def __init__(self, config_file: str, overrides: tuple[str, ...]) -> None:
        self._file = ("--config", config_file) if config_file else ()
        self._overrides = overrides
        self._line = CommandLine(1)  # one after the other: each reads the file and writes it

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def keep(request: Request) -> Response:
            return await self._keep(_table(await body(request, LONGEST_BYTES)))

        async def learn(request: Request) -> Response:
            return await self._learn(_table(await body(request, LONGEST_BYTES)))

        return [
            Route("/api/settings", self._told),
            Route("/api/settings", keep, methods=["POST"]),
            Route("/api/controls", self._bound),
            Route("/api/controls", learn, methods=["POST"]),
        ]

    async def _told(self, request: Request) -> Response:
        overrides = [word for override in self._overrides for word in ("-o", override)]
        config = await self._line.run("config", "--json", *self._file, *overrides)
        if (told := config.table) is None:
            return failed(config)
        ports = await self._line.run("ports", "--json", *self._file, *overrides)
        found = ports.table or {"inputs": [], "outputs": [], "fault": ports.sentence}
        keys = [key for key in KEYS if not (told["values"]["midi"]["outputs"] and key in OF_ONE_OUTPUT)]
        named = {override.partition("=")[0].strip() for override in self._overrides}
        answer = {
            "file": told["file"] if told["own"] else "",
            "values": {key: _at(told["values"], key) for key in keys},
        }
        return JSONResponse({**answer, "ports": found, "overridden": [key for key in keys if key in named]})

    async def _keep(self, values: dict[str, object] | None) -> Response:
        if not values or len(values) > MOST_KEYS:
            return refused(f"expected 1..{MOST_KEYS} keys with values")
        words = []
        for key, value in values.items():
            if key not in KEYS:
                return refused(f"{key[:80]!r} is not kept from the page")
            if key == "model.path" and not NAME_OF_A_MODEL.fullmatch(str(value)):
                return refused(f"a model's file is named in the configuration file alone (got {str(value)[:60]!r})")
            words += ["--set", f"{key}={json.dumps(value)}"]
        return _answer(await self._line.run("config", *self._file, *words))

    async def _bound(self, request: Request) -> Response:
        ran = await self._line.run("learn", "--json", *self._file)
        return answers.told(ran)

    async def _learn(self, values: dict[str, object] | None) -> Response:
        action, control = (values or {}).get("action"), (values or {}).get("control")
        if not isinstance(action, str) or not re.fullmatch(r"[a-z_]{1,40}", action) or not _is_control(control):
            return refused("expected an action and the number of a control")
        return _answer(await self._line.run("learn", *self._file, f"--control={control}", action))


def _is_control(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and bool(CONTROL.fullmatch(value)))


def _at(values: Any, key: str) -> Any:
    section, _, name = key.partition(".")
    return values[section][name]


def _table(body: bytes | None) -> dict[str, object] | None:
    try:
        return None if body is None else decode(body)
    except LineError:
        return None


def _answer(ran: Ran) -> Response:
    return failed(ran) if ran.code else JSONResponse({"ok": True, "said": ran.said.strip().splitlines()})
