"""Journeys over HTTP: the list with paths, a preview of a form, writing one's own, deleting it.

All of it is done by `improv journey` in processes of their own, what writes one after the other; the daemon reads the
folder again by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.frontends.web.answers import failed, told
from improv.frontends.web.command_line import Body, CommandLine, Ran, refused

LONGEST_BYTES = 60_000  # less than a word of a command line may have


class JourneysApi:
    """config_file: that the daemon was started with, or empty. overrides: of its command line. here: where the mood
    is now, valence and arousal.
    """

    def __init__(self, config_file: str, overrides: tuple[str, ...], here: Callable[[], tuple[float, float]]) -> None:
        self._here = here
        file = ("--config", config_file) if config_file else ()
        self._options = (*file, *(word for override in overrides for word in ("-o", override)))
        self._line, self._writing = CommandLine(), CommandLine(1)

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def listed(request: Request) -> Response:
            return told(await self._run("list", "--json", self._from()))

        async def preview(request: Request) -> Response:
            text = await _text(request, body)
            return (
                refused("a journey is too long")
                if text is None
                else told(await self._run("preview", self._from(), "--", text))
            )

        async def keep(request: Request) -> Response:
            name, text = request.path_params["name"], await _text(request, body)
            return (
                refused("a journey is too long") if text is None else _done(await self._run("keep", "--", name, text))
            )

        async def delete(request: Request) -> Response:
            return _done(await self._run("delete", "--", request.path_params["name"]))

        return [
            Route("/api/journeys", listed),
            Route("/api/journeys", preview, methods=["POST"]),
            Route("/api/journeys/{name}", keep, methods=["POST"]),
            Route("/api/journeys/{name}", delete, methods=["DELETE"]),
        ]

    def _from(self) -> str:
        valence, arousal = self._here()
        return f"--here={valence:.4f},{arousal:.4f}"

    async def _run(self, action: str, *words: str) -> Ran:
        line = self._writing if action in ("keep", "delete") else self._line
        return await line.run("journey", action, *self._options, *words)


async def _text(request: Request, body: Body) -> str | None:
    """A journey as JSON; never the name of a file."""
    content = await body(request, LONGEST_BYTES)
    return None if content is None else " " + content.decode(errors="replace").replace("\0", "")


def _done(ran: Ran) -> Response:
    return failed(ran) if ran.code else JSONResponse({"ok": True, "said": ran.said.strip()})
