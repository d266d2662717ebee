"""Commands of `improv` that run beside the page's server: neither the page nor the music waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST_AT_ONCE = 2
LONGEST_S = 600.0  # the sound of half an hour takes some minutes


Body = Callable[[Request, int], Awaitable[bytes | None]]
"""Reads a request's body up to so many bytes, None beyond."""


class Ran(NamedTuple):
    """code: the exit code. said: what it printed, where it failed to stderr. later: it may work in a moment."""

    code: int
    said: str
    later: bool = False

    @property
    def table(self) -> Any:
        """What it printed as JSON; None where it failed, or printed something else."""
        with contextlib.suppress(ValueError):
            return None if self.code else json.loads(self.said)
        return None

    @property
    def sentence(self) -> str:
        """Why it failed, in one line."""
        lines = self.said.strip().splitlines() if self.code else []
        lines = lines or ["it failed without a word"]
        return lines[-1].removeprefix("improv: ")


class CommandLine:
    """At most so many at once; the others wait."""

    def __init__(self, most_at_once: int = MOST_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(most_at_once)

    async def run(self, *words: str) -> Ran:
        """`improv WORDS`, given up after ten minutes."""
        async with self._free:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "improv",
                    *words,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
            except OSError as error:  # no handles, no processes, no memory
                return Ran(1, f"improv: this cannot be done now: {error.strerror or error}", later=True)
            except ValueError as error:  # such as a null character in a name
                return Ran(1, f"improv: {error}")
            try:
                out, wrong = await asyncio.wait_for(process.communicate(), LONGEST_S)
            except TimeoutError:
                process.kill()
                await process.wait()
                return Ran(1, f"it took longer than {LONGEST_S:g} s")
            assert process.returncode is not None
            return Ran(process.returncode, (wrong if process.returncode else out).decode(errors="replace"))


def refused(sentence: str) -> Response:
    """The answer where something cannot be done."""
    return JSONResponse({"ok": False, "error": sentence}, 422)
