"""Which lines and branches of the music's own packages the tests reach, told at the end of `make test`.

A pytest plugin (`-p tests.counted`). Counting costs nearly as much again as the test itself, so it goes on only in the
files of COUNTED, those that reach the most for their time, and there only in the first cases and examples of a test.
What they do not reach other tests may; `make coverage` counts everything. Not counted here are the packages that run
in other processes or talk to them (LEFT_OUT), and the modules beside the packages.
"""

from __future__ import annotations

import functools
import itertools
import json
import tempfile
from collections import Counter as Counting
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

from tools import REPOSITORY

LEAST_PERCENT = 90.0
"""Of the lines of all PACKAGES together."""
PACKAGES = (
    *("config", "control", "engine", "improviser", "listening"),
    *("midi", "model", "music", "people", "plan"),
)
LEFT_OUT = ("app", "frontends", "player", "takes")
COUNTED = {
    "config": ("config", "scene_file"),
    "control": ("commands", "controls", "journey", "local_hours", "locks", "plan_commands"),
    "engine": ("attendance", "beginnings", "engine_trouble", "failures", "led"),
    "improviser": ("duet", "guided_returns", "pedalling", "priming"),
    "listening": ("influence", "listener", "melody_chord", "primer_analysis"),
    "midi": ("fine_controls", "message_fields", "midifile", "reading"),
    "model": (
        *("conditioning", "cuda", "events", "guard", "habits", "hands", "integrity", "loader"),
        *("melody", "melody_repeats", "model", "patience", "plan_inputs", "roles"),
    ),
    "music": ("attributes", "limits", "mood", "parts", "transport"),
    "people": ("people",),
    "plan": ("mixed_counts",),
}
EXAMPLES = 10  # of each test with examples of hypothesis's making
CASES = 2  # of each test, whatever it is parametrised with
_FILES = {REPOSITORY / "tests" / room / f"test_{name}.py" for room, names in COUNTED.items() for name in names}


class Counter:
    """Counts while it is on; one that is off costs nothing."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(
            data_file=None,
            config_file=str(REPOSITORY / "pyproject.toml"),
            source=[str(REPOSITORY / "improv" / name) for name in PACKAGES],
        )
        self._on = False

    def turn(self, *, on: bool) -> None:
        if on != self._on:
            (self._coverage.start if on else self._coverage.stop)()
            self._on = on

    def summaries(self) -> dict[str, dict[str, Any]]:
        """By file: how many lines and branches there are, and how many were reached, as coverage.py's JSON has it."""
        self.turn(on=False)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "coverage.json"
            self._coverage.json_report(outfile=str(out))
            files = json.loads(out.read_text())["files"]
        return {name: file["summary"] for name, file in files.items()}


def table(summaries: dict[str, dict[str, Any]]) -> tuple[list[str], float]:
    """A line for each package and one for all, and the percentage of all lines that were reached."""
    kinds = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    rows = {name: [0, 0, 0, 0] for name in (*PACKAGES, "all")}
    for path, summary in summaries.items():
        package = Path(path).parts[Path(path).parts.index("improv") + 1]
        for name in (package, "all"):
            rows[name] = [so_far + summary[kind] for so_far, kind in zip(rows[name], kinds, strict=True)]
    lines = ["package       lines  reached   branches  reached"]
    for name, (reached, there, taken, branches) in rows.items():
        lines.append(
            f"{name:12}{there:7}{_percent(reached, there):8.1f}%{branches:11}{_percent(taken, branches):8.1f}%"
        )
    return lines, _percent(*rows["all"][:2])


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


_TOLD = pytest.StashKey[list[str]]()
"""What is printed at the end."""
_counter, _seen = Counter(), Counting[tuple[Path, str]]()
_counter.turn(on=True)  # what is run while modules are imported counts


def pytest_collection_finish() -> None:
    _counter.turn(on=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    test = (item.path, getattr(item, "originalname", item.name))
    _seen[test] += 1
    if on := item.path in _FILES and _seen[test] <= CASES:
        _count_first_examples(getattr(getattr(item, "obj", None), "hypothesis", None))
    _counter.turn(on=on)
    return (yield)


def _count_first_examples(handle: Any) -> None:
    """handle: hypothesis's, of a test with examples of its making: beyond the first EXAMPLES nothing is counted."""
    if handle is None or hasattr(handle.inner_test, "counted"):
        return
    inner, tried = handle.inner_test, itertools.count(1)

    @functools.wraps(inner)
    def counted(*arguments: Any, **named: Any) -> Any:
        if next(tried) > EXAMPLES:
            _counter.turn(on=False)
        return inner(*arguments, **named)

    counted.counted = True  # type: ignore[attr-defined]
    handle.inner_test = counted


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Before the runner's own summary, which stays the last line."""
    lines, percent = table(_counter.summaries())
    told = f"Asked for: {LEAST_PERCENT:g} % of all these lines. Counted in the first cases of {len(_FILES)} files."
    left = f"Left out: {', '.join(LEFT_OUT)} and the modules beside the packages; `make coverage` counts them too."
    session.config.stash[_TOLD] = [*lines, told, left]
    if percent < LEAST_PERCENT and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("lines and branches")
    for line in config.stash.get(_TOLD, []):
        terminalreporter.write_line(line)
