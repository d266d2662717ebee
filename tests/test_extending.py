"""The pages about drivers, families and frontends of one's own: what they show works as it stands there."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from improv.model.vocabulary import FAMILIES
from improv.music.note import Note
from improv.player.drivers.base import Driver
from tests.conftest import REPOSITORY
from tests.fakes import ENCODING
from tests.frontends.stage import LIMIT_S, scene

PAGES = REPOSITORY / "docs" / "extending"


def shown(page: str, tmp_path: Path) -> ModuleType:
    """The module that a page shows, imported."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (PAGES / f"{page}.md").read_text(), re.DOTALL | re.MULTILINE)
    path = tmp_path / f"shown_{page}.py"
    path.write_text(code)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`((?:improv|tests|training)/[\w/]+\.(?:py|yaml))`", page.read_text()))
    own = re.search(r"Put it into\s+`([^`]+)`", page.read_text())
    assert own is not None
    missing = {name for name in named - {own[1]} if not (REPOSITORY / name).is_file()}
    assert not missing


def test_a_driver(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    driver: Driver = shown("driver", tmp_path).PrintingDriver()
    driver.send(b"\x90\x3c\x40")
    driver.open()
    driver.send(b"\x90\x3c\x40")
    assert (driver.check(), driver.outputs(), driver.receive(0.0)) == ("", [], [])
    driver.close()
    driver.close()
    driver.send(b"\x90\x3c\x40")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" 90 3c 40"), "sent once, while it was open"


def test_a_family(tmp_path: Path) -> None:
    encoding = shown("family", tmp_path).ToccataEncoding()
    notes = [Note(0, 60, 3, 73), Note(0, 64, 12, 73), Note(6, 67, 6, 105)]
    assert encoding.decode(encoding.encode(notes)) == notes
    assert encoding.family not in FAMILIES
    assert encoding.fingerprint != ENCODING.fingerprint
    presets = (REPOSITORY / "training" / "models" / "presets.yaml").read_text()
    given = yaml.safe_load(f"{presets}\ntoccata: {{tiny: *tiny, base: *base}}\n")
    assert given["toccata"]["tiny"] == given["polyphony"]["tiny"], "the line that the page shows"


def test_a_frontend(tmp_path: Path) -> None:
    async def talk() -> list[dict[str, object]]:
        async with scene(web=False) as here:
            server = shown("frontend", tmp_path).LineServer(here.broker)
            serving = asyncio.create_task(server.serve(0))
            await here.until(lambda: any(text.startswith("lines: ") for text in here.logged))
            port = int(next(text for text in here.logged if text.startswith("lines: ")).rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b'{"command": "mood", "name": "calm"}\n[]\nnothing\n')
            answers = [json.loads(await asyncio.wait_for(reader.readline(), LIMIT_S)) for _ in range(3)]
            assert [command["name"] for command in here.commands] == ["calm"]
            writer.close()
            serving.cancel()
            await asyncio.wait([serving])
            return answers

    carried_out, *refused = asyncio.run(talk())
    assert carried_out["ok"]
    assert all("expected a JSON object" in str(answer["error"]) for answer in refused)
