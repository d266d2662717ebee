"""What must not be needed to play: read from the sources, tried in a fresh process. Who may import whom is kept by
`lint-imports` (pyproject.toml, make check).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

OFFLINE = ("torch", "music21", "symusic", "onnx", "onnxscript", "tqdm", "training")
HEAVY = ("onnxruntime", "pydantic", "rich", "yaml", "ruamel", "jinja2", "numpy", "PIL")

SOURCES = sorted((REPOSITORY / "improv").rglob("*.py"))


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_of_training_is_imported(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path.read_text())} & set(OFFLINE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_only_the_clock_asks_for_the_time(path: Path) -> None:
    if path == REPOSITORY / "improv" / "clock.py":
        return
    source = path.read_text()
    names = imported(source)
    assert not {"time", "sched"} & {name.split(".")[0] for name in names}
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}
    assert not {name for name in called if name.endswith((".now", ".today", ".utcnow")) and "datetime" in name}


WRITERS = {
    "improv/files.py": "the one way to write a file whole",
    "improv/app/supervision/lifeline.py": "memory that two processes share, which is a file without a name at once",
    "improv/player/drivers/file.py": "a file that grows with the music; the player imports of the rest only messages",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_are_put_in_their_place_in_one_way(path: Path) -> None:
    names = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    if str(path.relative_to(REPOSITORY)) not in WRITERS:
        assert not names & {"os.replace", "os.rename", "os.renames", "tempfile.mkstemp", "tempfile.NamedTemporaryFile"}


def test_the_rule_catches_a_breach() -> None:
    assert "torch.nn" in imported("from improv import clock\nimport torch.nn")


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
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
    [
        "improv.player.process.main",
        "improv.player.client",
        "improv.frontends.server.main",
        "improv.frontends.web.app",
        "improv.frontends.client",
    ],
)
def test_the_player_is_light(module: str) -> None:
    out = in_a_fresh_process(f"import sys, {module}; print(*sorted({{n.split('.')[0] for n in sys.modules}}))")
    loaded = set(out.split())
    assert "improv" in loaded
    assert not loaded & {*HEAVY, *OFFLINE}


def test_the_music_does_not_wait_for_the_frontends() -> None:
    out = in_a_fresh_process(
        "import sys, improv.frontends.client; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    )
    assert not set(out.split()) & {"asyncio", "starlette", "uvicorn", "websockets", "pythonosc"}


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("improv.app.supervision.supervisor", (*HEAVY, *OFFLINE, "mido", "asyncio", "improv.engine", "improv.config")),
        (
            "improv.app.supervision.engine_process",
            ("mido", "rich", "ruamel", "jinja2", "PIL", "soundfile", "asyncio", "starlette", "improv.takes.export"),
        ),
        ("improv.app.commands.render", ("rich", "ruamel", "jinja2", "PIL", "soundfile", "improv.takes.schema")),
    ],
)
def test_a_start_loads_nothing_that_it_does_not_need(module: str, unneeded: tuple[str, ...]) -> None:
    loaded = in_a_fresh_process(f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert not {name for name in loaded if name in unneeded}


def test_nothing_reports_to_anybody() -> None:
    out = in_a_fresh_process("import improv.model.onnx_model, os; print(os.environ['ORT_DISABLE_TELEMETRY'])")
    assert out.strip() == "1"
