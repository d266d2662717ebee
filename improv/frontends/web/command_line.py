"""Commands of `improv` that run beside the page's server: neither the page nor the music waits for them."""

from __future__ import annotations

import asyncio
import sys
from typing import NamedTuple

from starlette.responses import JSONResponse, Response

MOST_AT_ONCE = 2
LONGEST_S = 600.0  # the sound of half an hour takes some minutes


class Ran(NamedTuple):
    """code: the exit code. said: what it printed, where it failed to stderr."""

    code: int
    said: str

    @property
    def sentence(self) -> str:
        """Why it failed, in one line."""
        lines = self.said.strip().splitlines() or ["it failed without a word"]
        return lines[-1].removeprefix("improv: ")


class CommandLine:
    """At most so many at once; the others wait."""

    def __init__(self, most_at_once: int = MOST_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(most_at_once)

    async def run(self, *words: str) -> Ran:
        """`improv WORDS`, given up after ten minutes."""
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "improv",
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                out, error = await asyncio.wait_for(process.communicate(), LONGEST_S)
            except TimeoutError:
                process.kill()
                await process.wait()
                return Ran(1, f"it took longer than {LONGEST_S:g} s")
            assert process.returncode is not None
            return Ran(process.returncode, (error if process.returncode else out).decode(errors="replace"))


def refused(sentence: str) -> Response:
    """The answer where something cannot be done."""
    return JSONResponse({"ok": False, "error": sentence}, 422)
