"""How long and how nested the code is: modules, classes, functions, and whatever is above what the house allows.

    python -m tools.sizes [FOLDER ...]

Prints one line of figures for each folder (improv and training by default); ends with 1 when a class or a function is
too long. Lines count from the definition to its last line, with its docstring. Cyclomatic complexity is ruff's (C901).
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LONGEST_CLASS, LONGEST_FUNCTION = 200, 60  # lines
FOLDERS = ("improv", "training")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Piece(NamedTuple):
    """A class or function: its lines and where it stands."""

    lines: int
    place: str
    is_class: bool

    @property
    def limit(self) -> int:
        return LONGEST_CLASS if self.is_class else LONGEST_FUNCTION


def pieces(source: str, name: str) -> Iterator[Piece]:
    """All classes and functions of a source, also inside each other."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Piece(lines, f"{name}:{node.lineno}: {node.name}", isinstance(node, ast.ClassDef))


def too_long(found: list[Piece]) -> list[str]:
    """A sentence for each piece above its limit."""
    return [f"{p.place} has {p.lines} lines, at most {p.limit} are allowed" for p in found if p.lines > p.limit]


def figures(folder: Path, found: list[Piece], modules: dict[str, int]) -> str:
    """One line about a folder. Empty package files do not count as modules."""
    long_module = max(modules, key=lambda name: modules[name])
    classes = max((p for p in found if p.is_class), default=Piece(0, "-", True))
    functions = max((p for p in found if not p.is_class), default=Piece(0, "-", False))
    at_top = sum(path.suffix == ".py" and path.stem != "__init__" for path in folder.iterdir())
    packages = sum((path / "__init__.py").is_file() for path in folder.iterdir())
    return (
        f"{folder}: {at_top} modules and {packages} packages at the top, {len(modules)} modules in all, "
        f"lines: median {statistics.median(modules.values()):g}, most {modules[long_module]} ({long_module}); "
        f"function: median {statistics.median(p.lines for p in found if not p.is_class):g}, "
        f"most {functions.lines} ({functions.place}); longest class {classes.lines} ({classes.place})"
    )


def main(folders: list[str]) -> int:
    faults: list[str] = []
    for folder in folders or FOLDERS:
        found: list[Piece] = []
        modules: dict[str, int] = {}
        for path in sorted(Path(folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            found += pieces(source, str(path))
            if path.stem != "__init__" or source.count("\n") > 2:
                modules[str(path)] = source.count("\n")
        print(figures(Path(folder), found, modules))
        faults += too_long(found)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
