"""MIDI files that a page gives, for music to begin from: kept in a folder where the engine finds them by name."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from improv.files import atomic_write
from improv.frontends.web.command_line import Body, refused
from improv.midi.packed import MIDI_SUFFIXES

FROM_PAGES = "from pages"
"""The folder inside, so that what people put there themselves is never touched."""
LARGEST_BYTES = 1 << 20
MOST_FILES = 20  # the oldest go
LONGEST_NAME = 60
_OTHER, _DOTS = re.compile(r"[^\w .()+-]"), re.compile(r"\.{2,}")


class BeginningsApi:
    """folder: that `begin_from_file` looks in."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) / FROM_PAGES
        self._keeping = asyncio.Lock()

    def routes(self, body: Body) -> list[Route]:
        """body: reads a request's body up to so many bytes, None beyond."""

        async def give(request: Request) -> Response:
            content = await body(request, LARGEST_BYTES)
            if content is None:
                return JSONResponse({"ok": False, "error": f"a file may have {LARGEST_BYTES} bytes"}, 413)
            return await self._give(str(request.path_params["name"]), content)

        return [Route("/api/beginnings/{name}", give, methods=["POST"])]

    async def _give(self, given: str, content: bytes) -> Response:
        path = Path(_DOTS.sub(".", _OTHER.sub("_", given)))
        if path.suffix.lower() not in MIDI_SUFFIXES or not path.stem.strip(" ."):
            return refused(f"a MIDI file's name ends with {', '.join(MIDI_SUFFIXES)} (got {given[:LONGEST_NAME]!r})")
        name = f"{path.stem.strip(' .')[:LONGEST_NAME]}{path.suffix.lower()}"
        async with self._keeping:
            try:
                await asyncio.to_thread(self._keep, name, content)
            except OSError as error:
                return refused(f"the file cannot be kept in {self._folder}: {error.strerror or error}")
        return JSONResponse({"ok": True, "file": f"{FROM_PAGES}/{name}"})

    def _keep(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._folder / name, "wb") as file:
            file.write(content)
        there = sorted(
            (path for path in self._folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime
        )
        for path in there[:-MOST_FILES]:
            path.unlink(missing_ok=True)
