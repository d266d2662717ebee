"""What every section of the configuration has in common."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

APP = "brainmusic"


class Section(BaseModel):
    """A part of the configuration: immutable, no key beside those named."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TableError(ValueError):
    """Something is wrong inside a table. at: the keys from the table to the place."""

    def __init__(self, at: tuple[object, ...], text: str) -> None:
        super().__init__(text)
        self.at = tuple(str(key) for key in at)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f", did you mean {close[0]!r}?" if close else ""
