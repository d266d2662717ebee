"""Visitors of the page and by OSC: what the curator locked is refused to them, and to nobody else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from improv.control.command_table import COMMANDS
from improv.control.commands import SetLock, SetMood
from improv.control.locks import OF_THE_CURATOR
from improv.frontends.bridge import START_AFTER_S
from improv.frontends.server.access import CURATORS_ALONE
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


def let_in(here: Scene) -> tuple[str, str]:
    """The cookie and the id of a new device."""
    cookie = here.frontends._credentials.devices.add("iPad")
    return f"brainmusic={cookie}", cookie.partition(".")[0]


PRIVATE = (("/api/devices", "GET"), ("/api/people", "GET"), ("/api/takes", "GET"), ("/api/settings", "GET"))
FILES = (("/api/journeys/x", "PUT"), ("/api/beginnings/x", "POST"), ("/api/session", "DELETE"), ("/api/pair", "POST"))


@pytest.mark.parametrize("visiting", [False, True])
def test_the_role_of_a_device_goes_before_its_address(visiting: bool) -> None:
    async def body(here: Scene) -> None:
        cookie, number = let_in(here)
        for role in ("visitor", "curator"):
            if visiting:  # only a curator gives roles, here by the terminal
                assert here.frontends.pairing.give_role(number, role) == ""
            else:
                assert (await here.http(f"/api/devices/{number}/role", "PUT", role.encode()))[0] == 200
            private = (*PRIVATE, *FILES, (f"/api/devices/{number}/role", "PUT"))
            for path, method in private if role == "visitor" else private[:1]:  # others start programs
                status, _, text = await here.http(path, method, Cookie=cookie)
                assert (status == 403) is (role == "visitor"), path
                assert status != 403 or b"the role of the device" in text
            await here.http("/api/command", "POST", json.dumps(SAD).encode(), Cookie=cookie)
            assert here.commands[-1].get("visitor", False) is (role == "visitor")
            assert f'data-role="{role}"'.encode() in (await here.http("/", Cookie=cookie))[2]

    test_web.play(body, visiting_pages=visiting)


def test_an_open_page_connects_anew_under_another_role_and_is_not_told_of_people() -> None:
    async def body(here: Scene) -> None:
        cookie, number = let_in(here)
        state = {**here.broker.state, "session": "ada"}
        async with test_web.live(here, additional_headers={"Cookie": cookie}) as socket:
            assert (await test_web.of_kind(socket, "hello"))["role"] == "curator"
            assert here.frontends.pairing.give_role(number, "visitor") == ""
            with pytest.raises(ConnectionClosed):
                await test_web.of_kind(socket, "never")
            assert socket.close_reason == "this device has another role now"
        async with test_web.live(here, additional_headers={"Cookie": cookie}) as socket:
            hello = await test_web.of_kind(socket, "hello")
            assert (hello["role"], hello["state"]["session"]) == ("visitor", "")
            offered = {row["name"] for row in hello["commands"]}
            assert offered == set(COMMANDS) - set(OF_THE_CURATOR)
            here.broker.people_changed()
            await here.tell({"kind": "state", "state": state})
            assert (await test_web.of_kind(socket, "state"))["state"]["session"] == ""
        assert json.loads((await here.http("/api/state", Cookie=cookie))[2])["session"] == ""
        assert json.loads((await here.http("/api/state"))[2])["session"] == "ada"

    test_web.play(body)


def test_the_same_browser_let_in_again_keeps_its_role_and_no_other_word_is_one() -> None:
    async def body(here: Scene) -> None:
        cookie, number = let_in(here)
        assert here.frontends.pairing.give_role(number, "visitor") == ""
        token = here.frontends._credentials.one_time_token()
        assert (await here.http("/enter", "POST", token.encode(), Cookie=cookie))[0] == 200
        (device,) = here.frontends.pairing.devices()
        assert device["role"] == "visitor"
        status, _, text = await here.http(f"/api/devices/{device['id']}/role", "PUT", b"owner")
        assert (status, json.loads(text)["error"]) == (422, "a role must be curator or visitor (got 'owner')")
        assert (await here.http("/api/devices/nobody/role", "PUT", b"visitor"))[0] == 422

    test_web.play(body)


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
            assert (status, text) == (403, CURATORS_ALONE.encode())

    test_web.play(body, visiting_pages=True)


@given(st.ip_addresses().map(str), st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from(["/", *OF_ALL]))
def test_nobody_is_a_visitor_where_the_owner_says_nothing(host: str, method: str, path: str) -> None:
    assert not Visitors().by_page(host, "")
    assert not Visitors().by_osc(host)
    assert not Visitors().kept_from(host, "", method, path)
    assert not Visitors(pages=True, osc=True, curators=["0.0.0.0/0", "::/0"]).by_osc(host)
    assert Visitors(pages=True).kept_from(host, "", "DELETE", "/api/takes/x")
