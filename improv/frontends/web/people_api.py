"""People and their sessions over HTTP: the list, what is kept of each, beginning and ending a session, deleting.

All of it is done by `improv people` in processes of their own, one after the other: each reads a person's file and
writes it. The daemon is told of a session by its commands.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.frontends.jsonlines import LineError, decode
from improv.frontends.server.broker import Broker
from improv.frontends.web.answers import answered, failed, told
from improv.frontends.web.command_line import Body, CommandLine, Ran, refused

LONGEST_BYTES = 65_536
ARGUMENTS = {
    "rename": ("name",),
    "note": ("text",),
    "note_remove": ("text",),
    "plan": ("kind", "name"),
    "plan_remove": ("kind", "name"),
    "limit": ("limit", "low", "high"),
    "give": ("take",),
}
"""What can be done with a person, and the texts that it takes, as `improv people` has them."""


class PeopleApi:
    """takes_folder: where people's folders lie. broker: to the engine."""

    def __init__(self, takes_folder: str, broker: Broker) -> None:
        self._folder, self._broker = takes_folder, broker
        self._line = CommandLine(1)

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def listed(request: Request) -> Response:
            ran = await self._run("list", "--json")
            return told(ran)

        async def add(request: Request) -> Response:
            values = _texts(await body(request, LONGEST_BYTES), ("name",))
            return refused("expected a name") if values is None else await self._changed("add", "--", *values)

        async def change(request: Request) -> Response:
            return await self._change(request.path_params["who"], await body(request, LONGEST_BYTES))

        async def delete(request: Request) -> Response:
            return await self._delete(request.path_params["who"])

        async def begin(request: Request) -> Response:
            return await self._begin(request.path_params["who"])

        async def end(request: Request) -> Response:
            return await self._end()

        return [
            Route("/api/people", listed),
            Route("/api/people", add, methods=["POST"]),
            Route("/api/people/{who}", change, methods=["POST"]),
            Route("/api/people/{who}", delete, methods=["DELETE"]),
            Route("/api/people/{who}/session", begin, methods=["POST"]),
            Route("/api/session", end, methods=["DELETE"]),
        ]

    async def _change(self, who: str, body: bytes | None) -> Response:
        action = (_table(body) or {}).get("action")
        if not isinstance(action, str) or action not in ARGUMENTS:
            return refused(f"expected one of the actions {', '.join(ARGUMENTS)}")
        if (texts := _texts(body, ARGUMENTS[action])) is None:
            return refused(f"{action} takes the texts {', '.join(ARGUMENTS[action])}")
        verb, _, removes = action.partition("_")
        return await self._changed(verb, *(("--remove",) if removes else ()), "--", who, *texts)

    async def _delete(self, who: str) -> Response:
        if (person := await self._person(who)) is None:
            return refused(f"there is no person {who[:60]!r}")
        if self._broker.state.get("session") == person["id"]:
            return refused(f"a session of {person['name']} runs; end it first")
        return await self._changed("delete", "--yes", "--", person["id"])

    async def _begin(self, who: str) -> Response:
        if (person := await self._person(who)) is None:
            return refused(f"there is no person {who[:60]!r}")
        if self._broker.state.get("session"):
            await self._end()
        for message in person["commands"]:
            answer = await self._broker.command(message, "page")
            if not answer["ok"]:
                return answered(answer)
        return await self._changed("begin", "--only-note", "--", person["id"])

    async def _end(self) -> Response:
        who = self._broker.state.get("session")
        answer = await self._broker.command({"command": "session_end"}, "page")
        if not answer["ok"]:
            return answered(answer)
        if not who:
            return refused("no session runs")
        return await self._changed("end", "--only-note", "--", who)

    async def _person(self, who: str) -> Any:
        people = (await self._run("list", "--json")).table
        return next((person for person in people or () if person["id"] == who), None)

    async def _changed(self, *words: str) -> Response:
        """Do it, and tell every page that shows it."""
        ran = await self._run(*words)
        if ran.code:
            return failed(ran)
        self._broker.people_changed()
        return JSONResponse({"ok": True, "said": ran.said.strip()})

    async def _run(self, *words: str) -> Ran:
        """`improv people ...` on the daemon's folder."""
        action, *rest = words
        return await self._line.run("people", action, "-o", f"takes.folder={json.dumps(self._folder)}", *rest)


def _table(body: bytes | None) -> dict[str, Any] | None:
    try:
        return None if body is None else decode(body)
    except LineError:
        return None


def _texts(body: bytes | None, names: tuple[str, ...]) -> list[str] | None:
    values = [(_table(body) or {}).get(name) for name in names]
    return [str(value) for value in values] if all(isinstance(value, str) for value in values) else None
