"""Visitors of the page and by OSC: what the curator locked is refused to them, and to nobody else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.control.commands import SetLock, SetMood
from improv.frontends.bridge import START_AFTER_S
from improv.frontends.server.visitors import OF_ALL, Visitors
from tests.frontends import test_bridge, test_osc, test_web
from tests.frontends.stage import Scene

SAD = {"command": "mood", "name": "sad"}


@pytest.fixture
def scene() -> test_bridge.Scene:
    scene = test_bridge.Scene()
    scene.turn(after_s=START_AFTER_S)
    return scene


def test_a_visitor_is_refused_what_is_locked_and_the_curator_is_not(scene: test_bridge.Scene) -> None:
    scene.frontends.saying = [{"command": "lock", "what": "mood"}, {**SAD, "visitor": True, "id": 1}]
    scene.turn()  # both came at once: the lock holds for what comes after it
    assert scene.acted == [SetLock("mood")]
    answer = scene.frontends.of_kind("answer")[-1]
    assert answer["error"] == "the curator has locked mood, journeys, limits and what shapes the notes"
    scene.frontends.saying = [SAD, {"command": "lock", "what": "off"}, {**SAD, "visitor": True}]
    scene.turn()
    assert scene.acted[1:] == [SetMood(-1.0, -1.0), SetLock("off"), SetMood(-1.0, -1.0)]


def test_a_visitor_commands_what_is_free_and_never_locks(scene: test_bridge.Scene) -> None:
    scene.frontends.saying = [{**SAD, "visitor": True}, {"command": "lock", "what": "all", "visitor": True}]
    scene.turn()
    assert scene.acted == [SetMood(-1.0, -1.0)]
    assert "for the curator alone" in scene.frontends.of_kind("answer")[1]["error"]


@pytest.mark.parametrize(("curators", "visitor"), [((), True), (("127.0.0.1",), False)])
def test_pages_of_visitors_say_so_to_the_engine(curators: tuple[str, ...], visitor: bool) -> None:
    async def body(here: Scene) -> None:
        await here.command(**SAD, visitor=False)  # what a sender says of himself counts for nothing
        async with test_web.live(here) as socket:
            await socket.send(json.dumps({**SAD, "id": 3, "visitor": not visitor}))
            assert (await test_web.of_kind(socket, "answer"))["ok"]
        assert [one.get("visitor", False) for one in here.commands] == [visitor, visitor]

    test_web.play(body, visiting_pages=True, curators=curators)


def test_osc_of_visitors_says_so_to_the_engine() -> None:
    async def body(here: Scene, player: test_osc.Player) -> None:
        player.send(test_osc.write("/brainmusic/mood", "sad"))
        await here.until(lambda: here.commands)
        assert here.commands[0]["visitor"] is True

    test_osc.play(body, visiting_osc=True)


def test_visitors_read_the_page_and_neither_people_nor_settings() -> None:
    async def body(here: Scene) -> None:
        assert (await here.http("/"))[0] == 200
        assert (await here.http("/api/state"))[0] == 200
        for path, method in (("/api/people", "GET"), ("/api/devices", "GET"), ("/api/journeys/x", "PUT")):
            status, _, text = await here.http(path, method)
            assert (status, text) == (403, b"this is for the curator alone (visitors.curators)")

    test_web.play(body, visiting_pages=True)


@given(st.ip_addresses().map(str), st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from(["/", *OF_ALL]))
def test_nobody_is_a_visitor_where_the_owner_says_nothing(host: str, method: str, path: str) -> None:
    assert not Visitors().by_page(host)
    assert not Visitors().by_osc(host)
    assert not Visitors().kept_from(host, method, path)
    assert not Visitors(pages=True, osc=True, curators=["0.0.0.0/0", "::/0"]).by_osc(host)
    assert Visitors(pages=True).kept_from(host, "DELETE", "/api/takes/x")
