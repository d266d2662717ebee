"""A file's music before any grid, the same `improv.music.score.Score` as in playing, and the verdict on a file."""

from __future__ import annotations

from improv.music.score import DEFAULT_TEMPO_BPM, NOTE, FloatArray, Score, bars, merged, notes_of, seconds, sort

__all__ = [
    "DEFAULT_TEMPO_BPM",
    "NOTE",
    "FloatArray",
    "Rejected",
    "Score",
    "bars",
    "first_line",
    "merged",
    "notes_of",
    "seconds",
    "sort",
]


class Rejected(Exception):  # noqa: N818 - a verdict on a file, no fault of the program
    """A file that cannot be used; the text says why."""


def first_line(error: Exception) -> str:
    """An error in at most 120 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
