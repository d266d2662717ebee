"""The examples for OSC programs speak of addresses, ranges and ports that are there."""

from __future__ import annotations

import json
import re

from improv.config import Config
from improv.frontends.osc.tree import Tree, find
from tests.conftest import REPOSITORY
from tests.frontends.stage import hello

EXAMPLES = REPOSITORY / "examples" / "osc"
TREE = Tree({**hello(), "moods": {name: list(mood) for name, mood in Config().mood.moods.items()}})
PUBLISHED = {"/brainmusic/note", "/brainmusic/person", "/brainmusic/error", "/brainmusic/subscribe"}


def test_the_open_stage_control_layout() -> None:
    session = json.loads((EXAMPLES / "open-stage-control.json").read_text())
    widgets = session["content"]["widgets"]
    assert len({widget["id"] for widget in widgets}) == len(widgets)
    described = TREE.described(hello()["state"])
    for widget in widgets:
        address = widget["address"]
        assert widget["target"] == f"127.0.0.1:{Config().osc.port}"
        if address in PUBLISHED or address.startswith("/brainmusic/state/"):
            assert address in PUBLISHED | TREE.fields.keys()
            continue
        node = find(described, address)
        assert node is not None, address
        ranges = [widget[key] for key in ("range", "rangeX", "rangeY") if key in widget]
        for one, allowed in zip(ranges, node.get("RANGE", []), strict=True):
            assert allowed["MIN"] <= one["min"] < one["max"] <= allowed["MAX"]
        assert {"xy": "ff", "fader": "f", "button": "I"}[widget["type"]] == node["TYPE"]


def test_the_pure_data_patch() -> None:
    text = (EXAMPLES / "brainmusic.pd").read_text()
    words = re.findall(r"oscformat brainmusic (\w+)", text)
    assert len(words) >= 5
    assert {f"/brainmusic/{word}" for word in words} <= TREE.commands.keys() | PUBLISHED
    assert f"connect 127.0.0.1 {Config().osc.port}" in text
    (moods,) = [re.findall(r"#X msg \d+ \d+ ([a-z]+);", text)]
    for mood in moods:
        assert TREE.message(TREE.commands["/brainmusic/mood"], (mood,))
    objects = [line for line in text.splitlines() if re.match(r"#X (obj|msg|text|floatatom)", line)]
    for line in re.findall(r"#X connect (\d+) \d+ (\d+) \d+;", text):
        assert all(int(number) < len(objects) for number in line)


def test_the_supercollider_script() -> None:
    text = (EXAMPLES / "brainmusic.scd").read_text()
    assert f'NetAddr("127.0.0.1", {Config().osc.port})' in text
    addresses = set(re.findall(r"'(/brainmusic/[\w/]+)'", text))
    assert len(addresses) >= 6
    assert addresses <= TREE.commands.keys() | TREE.fields.keys() | PUBLISHED
    for address, arguments in re.findall(r"'(/brainmusic/[\w/]+)', ([^\]\)]+)[\]\)]", text):
        if address in TREE.commands:
            assert TREE.message(TREE.commands[address], tuple(json.loads(f"[{arguments}]")))
