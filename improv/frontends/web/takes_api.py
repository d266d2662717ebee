"""Takes over HTTP: the list, files made of a take, notes, deleting.

All of it is done by `improv takes` in a process of its own: an export may take a second of computing, and neither the
page nor the music waits for it.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.frontends.web import texts
from improv.frontends.web.answers import failed, told
from improv.frontends.web.command_line import Body, CommandLine, Ran

# As takes are named: the second they began, and a number where two began in one.
TAKE_ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(_\d{1,3})?")
LONGEST_NOTE_BYTES = 40_000
KINDS = {
    "mid": ("audio/midi", ["export"]),
    "musicxml": ("application/vnd.recordare.musicxml+xml", ["export"]),
    "flac": ("audio/flac", ["export"]),
    "png": ("image/png", ["export"]),
    "html": ("text/html; charset=utf-8", ["report"]),
}

SEALED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


class TakesApi:
    """Runs `improv takes` for the page. folder: where the takes are."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._line = CommandLine()

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def listed(request: Request) -> Response:
            ran = await self._run("list", "--json", "--limit", "0")
            return told(ran)

        async def file(request: Request) -> Response:
            kind = request.path_params["kind"]
            return await self._file(request.path_params["take_id"], kind, *_spoken(request, kind))

        async def report(request: Request) -> Response:
            return await self._file(request.path_params["take_id"], "html", *_spoken(request, "html"), shown=True)

        async def strip(request: Request) -> Response:
            return await self._file(request.path_params["take_id"], "png", "--strip")

        async def title(request: Request) -> Response:
            text = await body(request, LONGEST_NOTE_BYTES)
            if text is None:
                return JSONResponse({"ok": False, "error": f"a name may have {LONGEST_NOTE_BYTES} bytes"}, 413)
            return await self._change("rename", request.path_params["take_id"], "--", text.decode(errors="replace"))

        async def delete(request: Request) -> Response:
            return await self._change("delete", request.path_params["take_id"], "--yes")

        async def note(request: Request) -> Response:
            text = await body(request, LONGEST_NOTE_BYTES)
            if text is None:
                return JSONResponse({"ok": False, "error": f"a note may have {LONGEST_NOTE_BYTES} bytes"}, 413)
            return await self._change("note", request.path_params["take_id"], "--", text.decode(errors="replace"))

        return [
            Route("/api/takes", listed),
            Route("/api/takes/{take_id}.{kind}", file),
            Route("/api/takes/{take_id}/report", report),
            Route("/api/takes/{take_id}/strip", strip),
            Route("/api/takes/{take_id}/title", title, methods=["POST"]),
            Route("/api/takes/{take_id}", delete, methods=["DELETE"]),
            Route("/api/takes/{take_id}/note", note, methods=["POST"]),
        ]

    async def _file(self, take_id: str, kind: str, *options: str, shown: bool = False) -> Response:
        """shown: by the browser, as a page that may do nothing but be looked at; else it is kept as a file."""
        if not TAKE_ID.fullmatch(take_id) or kind not in KINDS:
            return JSONResponse({"ok": False, "error": "there is no such take or kind of file"}, 404)
        media, action = KINDS[kind]
        with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
            out = Path(folder) / f"{take_id}.{kind}"
            ran = await self._run(*action, take_id, str(out), *options)
            if ran.code:
                return failed(ran)
            if shown:
                sealed = {"Content-Security-Policy": SEALED}
                return Response(out.read_bytes(), media_type=media, headers=sealed)
            kept = {"Content-Disposition": f'attachment; filename="{out.name}"'}
            return Response(out.read_bytes(), media_type=media, headers=kept)

    async def _change(self, action: str, take_id: str, *more: str) -> Response:
        if not TAKE_ID.fullmatch(take_id):
            return JSONResponse({"ok": False, "error": "there is no such take"}, 404)
        ran = await self._run(action, take_id, *more)
        return failed(ran) if ran.code else JSONResponse({"ok": True})

    async def _run(self, *arguments: str) -> Ran:
        """`improv takes ...` on the daemon's folder."""
        action, *rest = arguments
        return await self._line.run("takes", action, "-o", f"takes.folder={json.dumps(self._folder)}", *rest)


def _spoken(request: Request, kind: str) -> tuple[str, ...]:
    """A report is written in the language of the page that asks for it."""
    return ("--language", texts.asked_for(request)) if kind == "html" else ()
