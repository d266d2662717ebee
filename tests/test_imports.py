"""Who may import whom, and what must not be needed to play: read from the sources, tried in a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# One room a line, the lowest first. A module may import what stands before it, in its own room as well, nothing after.
ROOMS = (
    ("notes", "errors", "spawn"),
    ("clock", "attributes", "encodings"),
    ("limits",),
    (
        "conditioning",
        "mood",
        "breath",
        "journey",
        "transport",
        "contract",
        "sampling",
        "steering",
        "controls",
        "commands",
        "state",
        "expression",
        "form",
        "heard",
        "pulls",
        "model",
        "shelf",
        "config",
        "journey_file",
    ),
    ("improviser", "player", "faces", "tap"),
    ("timeline", "master"),
    ("engine", "midifile", "journey_drawing", "calibrate"),
    ("takes",),
    ("ensemble", "render"),
    ("display", "bridge", "daemon", "doctor", "replay"),
    ("takes_command", "calibrate_command", "ctl", "protocol", "cli", "__main__"),
)
ORDER = tuple(module for room in ROOMS for module in room)
PLAYER_MAY_IMPORT = {"player", "clock", "errors", "spawn"}
FACES_MAY_IMPORT = {"faces", "player", "clock", "errors", "spawn"}  # numpy and the model's runtime stay out
FACES_OF_THE_PLAYER = {"improv.player.wire"}  # what all others may know of it
KNOW_THE_PLAYER = {"daemon", "doctor", "replay", "calibrate_command", "cli"}  # who may start it
OFFLINE = ("torch", "music21", "symusic", "onnx", "onnxscript", "tqdm", "training")
HEAVY = ("onnxruntime", "pydantic", "rich", "yaml", "numpy", "PIL")

SOURCES = sorted((REPOSITORY / "improv").rglob("*.py"))


def module_of(path: Path) -> str:
    """improv/player/wire.py -> wire's room, player; improv/__init__.py -> empty."""
    inside = path.relative_to(REPOSITORY / "improv")
    if len(inside.parts) > 1:
        return inside.parts[0]
    return "" if inside.name == "__init__.py" else inside.stem


def imported(source: str) -> set[str]:
    """Full names of all that is imported anywhere in the source, `from improv import x` as improv.x."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full here"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms_of(names: set[str]) -> set[str]:
    """The modules of improv among full names."""
    return {name.split(".")[1] for name in names if name.startswith("improv.")} & set(ORDER)


def test_every_module_has_its_room() -> None:
    assert {module_of(path) for path in SOURCES} == {*ORDER, ""}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_go_downward_only(path: Path) -> None:
    module, names = module_of(path), imported(path.read_text())
    if module == "":
        assert not rooms_of(names), "improv/__init__.py imports nothing: every process pays for it"
        return
    below = set(ORDER[: ORDER.index(module) + 1])
    assert rooms_of(names) <= below
    if module == "player":
        assert rooms_of(names) <= PLAYER_MAY_IMPORT
    elif module == "faces":
        assert rooms_of(names) <= FACES_MAY_IMPORT
    elif module not in KNOW_THE_PLAYER:
        of_the_player = {name for name in names if name.startswith("improv.player.")}
        assert all(name.startswith(tuple(FACES_OF_THE_PLAYER)) for name in of_the_player)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_of_training_is_imported(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path.read_text())} & set(OFFLINE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_only_the_clock_asks_for_the_time(path: Path) -> None:
    if module_of(path) == "clock":
        return
    source = path.read_text()
    names = imported(source)
    assert not {"time", "sched"} & {name.split(".")[0] for name in names}
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}
    assert not {name for name in called if name.endswith((".now", ".today", ".utcnow")) and "datetime" in name}


def test_the_rules_catch_a_breach() -> None:
    names = imported("from improv import engine\nfrom improv.player.link import PlayerLink\nimport torch.nn")
    assert rooms_of(names) == {"engine", "player"}
    assert "torch.nn" in names


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def test_every_module_imports_without_what_training_needs() -> None:
    modules = [dotted(path) for path in SOURCES if path.stem != "__main__"]
    out = in_a_fresh_process(f"""
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OFFLINE!r}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
for name in {OFFLINE!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    raise SystemExit(name + " was not blocked")
for name in {modules!r}:
    importlib.import_module(name)
print(len({modules!r}))
""")
    assert int(out) == len(SOURCES) - 1


@pytest.mark.parametrize(
    "module",
    ["improv.player.process", "improv.player.link", "improv.faces.process", "improv.faces.web", "improv.faces.link"],
)
def test_the_player_is_light(module: str) -> None:
    out = in_a_fresh_process(f"import sys, {module}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))")
    loaded = set(out.split())
    assert "improv" in loaded
    assert not loaded & {*HEAVY, *OFFLINE}


def test_the_music_does_not_wait_for_the_faces() -> None:
    out = in_a_fresh_process("import sys, improv.faces.link; print(*sorted({n.split('.')[0] for n in sys.modules}))")
    assert not set(out.split()) & {"asyncio", "starlette", "uvicorn", "websockets", "pythonosc"}
