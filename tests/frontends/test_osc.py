"""OSC: patterns, packets, the tree of addresses, and a server that a test speaks to over UDP."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from improv.clock import ManualClock, wall_clock
from improv.control.command_table import COMMANDS
from improv.control.commands import SetChords, SetPhraseBars
from improv.control.parse import parse
from improv.control.published_state import FIELDS, State
from improv.frontends.osc.packet import BUNDLE, NTP_TO_UNIX_S, OscError, read, write
from improv.frontends.osc.pattern import matching
from improv.frontends.osc.server import (
    FURTHEST_S,
    MESSAGES_AT_ONCE,
    MESSAGES_PER_S,
    MOST_WAITING,
    PATTERNS_AT_ONCE,
    PATTERNS_PER_S,
)
from improv.frontends.osc.tree import Tree, WrongArgumentsError, find
from improv.frontends.server.rate_limit import Rates
from tests.frontends.stage import LIMIT_S, Scene, hello, scene
from tools.spoil import spoilt

# -------------------------------------------------------------------------------------------------------- patterns

NAMES = ["/a/mood", "/a/mode", "/a/m", "/a/play", "/a/pause", "/b/mood", "/a/mood/sad"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/a/mood", ["/a/mood"]),
        ("/a/m*", ["/a/mood", "/a/mode", "/a/m"]),
        ("/*/mood", ["/a/mood", "/b/mood"]),
        ("/a/mo?e", ["/a/mode"]),
        ("/a/mo[a-e]e", ["/a/mode"]),
        ("/a/mo[!a-c]*", ["/a/mood", "/a/mode"]),
        ("/a/{play,pause}", ["/a/play", "/a/pause"]),
        ("/a/p{l,au}*", ["/a/play", "/a/pause"]),
        ("/a/*/*", ["/a/mood/sad"]),
        ("/a", []),
        ("*", []),
        ("/a/[mood", []),
        ("/a/mood]", []),
        ("/a/{play", []),
        ("/a/[-o]", []),
        ("/a/" + "*" * 500, []),
    ],
)
def test_patterns(pattern: str, found: list[str]) -> None:
    assert list(matching(pattern, NAMES)) == found


@given(st.text("ab*?[]{}!,-/", max_size=60))
def test_no_pattern_is_too_much(pattern: str) -> None:
    assert set(matching(pattern, ["/a/b", "a" * 40, ""])) <= {"/a/b", "a" * 40, ""}


def test_many_stars_take_no_time() -> None:
    assert list(matching("/" + "*a" * 120, ["/" + "a" * 119 + "b"])) == []


# --------------------------------------------------------------------------------------------------------- packets


def bundle(tag: int, *elements: bytes) -> bytes:
    return BUNDLE + struct.pack(">Q", tag) + b"".join(struct.pack(">i", len(one)) + one for one in elements)


def at(wall_s: float) -> int:
    return int((wall_s + NTP_TO_UNIX_S) * 2**32)


def test_messages_and_bundles() -> None:
    assert read(write("/a", 1, 0.5, "x", True, None))[0] == [(None, "/a", (1, 0.5, "x", True, None))]
    assert read(b"/{a,b}\0\0,I\0\0")[0] == [(None, "/{a,b}", (True,))]
    inner = bundle(at(1000.5), write("/b", 2))
    packet = bundle(1, write("/a"), inner, write("/c"))
    assert [(one.due_s, one.address) for one in read(packet)[0]] == [(None, "/a"), (1000.5, "/b"), (None, "/c")]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"/a",
        b"abcd",
        b"\xff" * 8,
        b"/a\0\0,i\0\0",
        b"/a\0\0,s\0\0abcd",
        b"/a\0\0,[[[",
        b"/a\0\0,Q\0\0",
        b"/abc",
        b"/a\0\0," + b"i" * 99 + b"\0" * 4,
        b"/" + b"a" * 299 + b"\0" * 4,
        BUNDLE + bytes(4),
        bundle(1) + struct.pack(">i", -4) + bytes(8),
        bundle(1) + struct.pack(">i", 400) + bytes(8),
        bundle(1) + struct.pack(">i", 0) + bytes(8),
        bundle(1, *[write("/a")] * 300),
    ],
)
def test_malformed_packets(packet: bytes) -> None:
    with pytest.raises(OscError):
        read(packet)


def test_a_message_that_cannot_be_read_costs_the_rest_of_its_bundle_nothing() -> None:
    unknown = b"/other/app\0\0,c\0\0" + struct.pack(">i", 65)
    messages, faults = read(bundle(1, write("/a", 1), unknown, bundle(1, b"/abc", write("/b")), write("/c")))
    assert [one.address for one in messages] == ["/a", "/b", "/c"]
    assert faults[0] == "unknown types b'c'"
    assert len(faults) == 2


@pytest.mark.parametrize("size", [-(2**31), -4, 40, 2**31 - 1])
def test_a_wrong_size_costs_only_what_stands_behind_it(size: int) -> None:
    good = bundle(1, write("/a", 1), bundle(1, write("/b")))
    messages, faults = read(good + struct.pack(">i", size) + write("/c"))
    assert [one.address for one in messages] == ["/a", "/b"]
    assert faults == ["an element of a bundle is longer than the bundle"]


@pytest.mark.parametrize("left", [1, 2, 3])
def test_bytes_too_many_at_the_end_of_a_bundle_cost_nothing(left: int) -> None:
    messages, faults = read(bundle(1, write("/a", 1)) + bytes(left))
    assert [one.address for one in messages] == ["/a"]
    assert len(faults) == 1


def test_a_symbol_is_a_text_and_types_begin_with_a_comma() -> None:
    assert read(b"/a\0\0,Si\0sad\0\0\0\0\1")[0] == [(None, "/a", ("sad", 1))]
    with pytest.raises(OscError, match="begin with a comma"):
        read(b"/a\0\0" + struct.pack(">f", 0.5))


STRANGE = [  # of a type that nobody knows, cut, without a text's end, no message at all
    b"/other/app\0\0,c\0\0" + struct.pack(">i", 65),
    b"/a\0\0,i\0\0",
    b"/a\0\0,s\0\0abcd",
    b"/abc",
    b"abcd",
    b"",
]


@given(st.lists(st.none() | st.sampled_from(STRANGE), max_size=20).map(lambda some: [*some, None]))
def test_any_messages_of_a_bundle_are_read_beside_any_strange_ones(elements: list[bytes | None]) -> None:
    messages, faults = read(bundle(1, *[write("/a", n) if one is None else one for n, one in enumerate(elements)]))
    assert [one.arguments for one in messages] == [(n,) for n, one in enumerate(elements) if one is None]
    assert len(faults) == sum(one is not None for one in elements)


def test_bundles_in_bundles_end() -> None:
    packet = write("/a")
    for _ in range(9):
        packet = bundle(1, packet)
    with pytest.raises(OscError, match="deep"):
        read(packet)


def test_spoilt_packets_are_read_or_refused() -> None:
    """benchmarks/attack.py sends 100,000 of them to a daemon."""
    chance = random.Random(7)
    refused = 0
    for _ in range(3000):
        try:
            read(spoilt(chance))
        except OscError:
            refused += 1
    assert 1000 < refused < 2900


# ------------------------------------------------------------------------------------------------------------ tree

TREE = Tree(hello())


def command(address: str, *arguments: Any) -> Any:
    return TREE.message(TREE.commands[f"/brainmusic/{address}"], arguments)


def test_every_command_has_an_address() -> None:
    assert {node.command for node in TREE.commands.values()} == set(COMMANDS)
    assert {address.rpartition("/")[2] for address in TREE.fields} == set(FIELDS)


@pytest.mark.parametrize(
    ("address", "arguments", "message"),
    [
        ("mood", ("sad",), {"command": "mood", "name": "sad"}),
        ("mood", ("sad", 2), {"command": "mood", "name": "sad", "glide_s": 2.0}),
        ("mood/sad", (), {"command": "mood", "name": "sad"}),
        ("mood/sad", (1.0,), {"command": "mood", "name": "sad"}),
        ("mood/sad", (0.0,), None),
        ("point", (0.5, -1), {"command": "point", "valence": 0.5, "arousal": -1.0}),
        ("play", (), {"command": "play"}),
        ("play", (1,), {"command": "play"}),
        ("play", (0,), None),
        ("play", (True,), {"command": "play"}),
        ("attribute", ("tempo", 96), {"command": "attribute", "name": "tempo", "value": 96.0}),
        ("attribute/tempo", (96.0,), {"command": "attribute", "name": "tempo", "value": 96.0}),
        ("attribute/tempo", (None,), {"command": "attribute", "name": "tempo", "value": None}),
        ("temperature", (0.699999988079071,), {"command": "temperature", "value": 0.7}),
        ("key", ("D minor",), {"command": "key", "name": "D minor"}),
        ("key", ("auto",), {"command": "key", "name": None}),
        ("chords", ("Am F | C G",), {"command": "chords", "loop": "Am F | C G"}),
        ("chords", ("off",), {"command": "chords", "loop": None}),
        ("chord", ("C/E",), {"command": "chord", "name": "C/E"}),
        ("phrase_bars", (4,), {"command": "phrase_bars", "bars": 4.0}),
        ("phrase_bars", (4.0,), {"command": "phrase_bars", "bars": 4.0}),
        ("reach", (-1,), {"command": "reach", "fifths": -1.0}),
        ("reach", ("auto",), {"command": "reach", "fifths": None}),
        ("form/off", (), {"command": "form", "state": "off"}),
    ],
)
def test_messages_become_commands(address: str, arguments: tuple[Any, ...], message: Any) -> None:
    assert command(address, *arguments) == message
    if message is not None:
        parse(message)


@pytest.mark.parametrize(
    ("address", "arguments", "sentence"),
    [
        ("mood", (), r"takes name \(one of happy, sad\), glide_s .* \(got 0 arguments\)"),
        ("mood", ("angry",), "name must be one of happy, sad"),
        ("point", (0.5, 2.0), r"arousal must be -1..1 \(got 2.0\)"),
        ("point", (0.5, float("nan")), "arousal must be"),
        ("point", (0.5, "1"), "arousal must be"),
        ("point", (0.5, 0.5, 1.0, 1.0), r"\(got 4 arguments\)"),
        ("attribute", ("tempo", 10), "value must be"),
        ("attribute/tempo", (10,), "value must be 40..200"),
        ("play", ("now",), "takes no arguments"),
        ("intensity", (b"\0",), "value must be 0..1"),
        ("key", (3,), "name must be such as D minor"),
        ("phrase_bars", (2.5,), "bars must be 0..16"),
        ("reach", (7,), "fifths must be -1..6"),
    ],
)
def test_arguments_that_do_not_fit(address: str, arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(WrongArgumentsError, match=sentence):
        command(address, *arguments)


def test_the_tree_as_tools_discover_it() -> None:
    root = TREE.described(hello()["state"] | {"attributes": {"tempo": 96.0}, "intensity": 0.6})
    json.dumps(root)
    intensity = find(root, "/brainmusic/intensity")
    assert intensity is not None
    assert intensity["FULL_PATH"] == "/brainmusic/intensity"
    assert (intensity["TYPE"], intensity["ACCESS"], intensity["VALUE"]) == ("f", 3, [0.6])
    assert intensity["RANGE"] == [{"MIN": 0, "MAX": 1}]
    mood = find(root, "/brainmusic/mood")
    assert mood is not None
    assert mood["RANGE"] == [{"VALS": ["happy", "sad"]}]
    tempo, play = find(root, "/brainmusic/attribute/tempo"), find(root, "/brainmusic/play")
    assert tempo is not None
    assert play is not None
    assert (tempo["RANGE"], tempo["VALUE"]) == ([{"MIN": 40, "MAX": 200}], [96.0])
    assert (play["TYPE"], play["ACCESS"]) == ("I", 2)
    playing = find(root, "/brainmusic/state/playing")
    assert playing is not None
    assert (playing["TYPE"], playing["VALUE"], playing["ACCESS"]) == ("i", [0], 1)
    assert find(root, "/") is root
    assert find(root, "/nothing/here") is None


# ---------------------------------------------------------------------------------------------------------- server


class Player:
    """A program that speaks OSC."""

    def __init__(self, here: Scene) -> None:
        self._here = here
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def send(self, packet: bytes) -> None:
        assert self._here.frontends.osc is not None
        self._socket.sendto(packet, ("127.0.0.1", self._here.frontends.osc.port))

    async def receive(self, address: str) -> tuple[Any, ...]:
        """The arguments of the next message to an address."""
        loop = asyncio.get_running_loop()
        while True:
            data = await asyncio.wait_for(loop.sock_recv(self._socket, 65536), LIMIT_S)
            ((message,), _) = read(data)
            if message.address == address:
                return message.arguments

    def close(self) -> None:
        self._socket.close()


def play(body: Callable[[Scene, Player], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        osc = {"web": False, "osc": True, "osc_port": 0, "osc_query_port": 0, **settings}
        async with asyncio.timeout(3 * LIMIT_S), scene(**osc) as here:
            await here.until(lambda: here.frontends.query_port)
            player = Player(here)
            try:
                await body(here, player)
            finally:
                player.close()

    asyncio.run(run())


def test_commands_by_osc() -> None:
    async def body(here: Scene, player: Player) -> None:
        player.send(write("/brainmusic/mood", "sad"))
        player.send(write("/brainmusic/{pause,play}"))
        player.send(write("/brainmusic/intensity", 7.0))
        assert "value must be 0..1 (got 7.0)" in (await player.receive("/brainmusic/error"))[0]
        player.send(write("/brainmusic/nothing"))
        assert "unknown OSC address '/brainmusic/nothing'" in (await player.receive("/brainmusic/error"))[0]
        player.send(b"\xff" * 16)
        assert "malformed" in (await player.receive("/brainmusic/error"))[0]
        player.send(write("/brainmusic/panic", 1))
        await here.until(lambda: len(here.commands) == 4)
        assert [one["command"] for one in here.commands] == ["mood", "play", "pause", "panic"]
        assert {one["from"] for one in here.commands} == {"osc"}
        assert any("malformed packet or message" in text for text in here.logged)

    play(body)


def test_while_one_patches_each_refused_message_is_logged_as_it_came() -> None:
    async def body(here: Scene, player: Player) -> None:
        for value in (7.0, 8.0):
            player.send(write("/brainmusic/intensity", value))
        player.send(write("/brainmusic/nothing", "a", 1))
        await here.until(lambda: sum("OSC from" in text for text in here.logged) >= 3)
        said = [text for text in here.logged if "OSC from" in text]
        assert "value must be 0..1 (got 7.0); got /brainmusic/intensity f 7.0." in said[0]
        assert "got /brainmusic/intensity f 8.0." in said[1]
        assert "unknown OSC address '/brainmusic/nothing'; got /brainmusic/nothing s 'a', i 1." in said[2]

    play(body, osc_verbose=True)


def test_a_scene_that_is_kept_has_an_address() -> None:
    async def body(here: Scene, player: Player) -> None:
        server = here.frontends.osc
        assert server is not None
        await here.tell({"kind": "state", "state": State(scenes=("Bridge", "Two words"), scene="Bridge").as_json()})
        await here.until(lambda: server.tree and "/brainmusic/scene/Bridge" in server.tree.commands)
        assert server.tree is not None
        assert "/brainmusic/scene/Two words" not in server.tree.commands  # no OSC address has a blank
        assert find(server.tree.described(server._state), "/brainmusic/scene")["VALUE"] == ["Bridge"]
        player.send(write("/brainmusic/scene/Bridge", 1.0))
        player.send(write("/brainmusic/scene", "Two words", "bar", 8.0))
        player.send(write("/brainmusic/scene_next", 1))
        player.send(write("/brainmusic/scene_next", 0))
        player.send(write("/brainmusic/undo"))
        await here.until(lambda: len(here.commands) == 4)
        told = [{key: one[key] for key in one if key not in ("id", "from")} for one in here.commands]
        assert told == [
            {"command": "scene", "name": "Bridge"},
            {"command": "scene", "name": "Two words", "at": "bar", "glide_s": 8.0},
            {"command": "scene_next"},
            {"command": "undo"},
        ]

    play(body)


def test_the_plan_is_commanded_and_told_by_osc() -> None:
    async def body(here: Scene, player: Player) -> None:
        player.send(write("/brainmusic/subscribe", player.port))
        assert await player.receive("/brainmusic/state/plan_key") == ("",)
        player.send(write("/brainmusic/chords", "Am F C G"))
        player.send(write("/brainmusic/phrase_bars", 8))
        await here.until(lambda: len(here.commands) == 2)
        assert [parse(one) for one in here.commands] == [SetChords("Am F C G"), SetPhraseBars(8)]
        ahead = ((12.0, "bar", "F", "", "", ""),)
        state = State(has_plan=True, plan_key="A minor", plan_chord="Am", plan_next_chord="F", plan_ahead=ahead)
        await here.tell({"kind": "state", "state": state.as_json()})
        assert await player.receive("/brainmusic/state/plan_key") == ("A minor",)
        assert await player.receive("/brainmusic/state/plan_next_chord") == ("F",)
        changed = replace(state, plan_chord="F", plan_next_chord="C", plan_next_in_beats=4.0)
        await here.tell({"kind": "state", "state": changed.as_json()})
        assert await player.receive("/brainmusic/state/plan_chord") == ("F",)
        assert await player.receive("/brainmusic/state/plan_next_in_beats") == (4.0,)

    play(body)


def test_time_tags_are_honoured() -> None:
    async def body(here: Scene, player: Player) -> None:
        now_s = wall_clock().timestamp()
        player.send(bundle(at(now_s + 0.2), write("/brainmusic/intensity", 1.0)))
        player.send(bundle(at(now_s - 5), write("/brainmusic/intensity", 0.25)))
        player.send(bundle(at(now_s + FURTHEST_S + 60), write("/brainmusic/panic")))
        assert "a time tag may lie" in (await player.receive("/brainmusic/error"))[0]
        await here.until(lambda: len(here.commands) == 2)
        assert wall_clock().timestamp() >= now_s + 0.2
        assert {one["value"] for one in here.commands} == {0.25, 1.0}
        assert here.frontends.osc is not None
        here.frontends.osc._waiting = MOST_WAITING
        player.send(bundle(at(now_s + 30), write("/brainmusic/panic")))
        assert "a time tag may lie" in (await player.receive("/brainmusic/error"))[0]

    play(body)


def test_subscribers_are_told_state_and_notes() -> None:
    async def body(here: Scene, player: Player) -> None:
        player.send(write("/brainmusic/subscribe", player.port))
        assert await player.receive("/brainmusic/subscribed") == (60,)
        assert await player.receive("/brainmusic/state/tempo_bpm") == (96.0,)
        assert await player.receive("/brainmusic/state/bar") == (3,)
        await here.tell({"kind": "state", "state": here.broker.state | {"bar": 77}})
        assert await player.receive("/brainmusic/state/bar") == (77,)
        now_s = here.broker.clock.now()
        notes = [{"id": i, "pitch": 60 + i, "velocity": 70, "on_s": now_s + i / 20} for i in (1, 2, 3)]
        await here.tell({"kind": "notes", "notes": notes})
        await here.tell({"kind": "ends", "ends": [[1, now_s + 0.12]]})
        await here.tell({"kind": "revoked", "from": 2, "kept": [3]})
        assert await player.receive("/brainmusic/note") == (61, 70)
        assert here.broker.clock.now() >= now_s + 0.045
        assert await player.receive("/brainmusic/note") == (61, 0)
        assert await player.receive("/brainmusic/note") == (63, 70)
        await here.tell({"kind": "silence"})
        assert await player.receive("/brainmusic/note") == (63, 0)
        await here.tell({"kind": "person", "pitch": 48, "velocity": 33, "at_s": now_s})
        assert await player.receive("/brainmusic/person") == (48, 33)
        player.send(write("/brainmusic/unsubscribe"))
        assert here.frontends.osc is not None
        await here.until(lambda: not here.frontends.osc._subscribers)  # type: ignore[union-attr]
        player.send(write("/brainmusic/subscribe", 0))
        assert "subscribe takes a port" in (await player.receive("/brainmusic/error"))[0]
        player.send(write("/brainmusic/subscribe", here.frontends.osc.port))
        assert "not this one" in (await player.receive("/brainmusic/error"))[0]

    play(body)


def test_a_subscription_ends_by_itself() -> None:
    async def body(here: Scene, player: Player) -> None:
        player.send(write("/brainmusic/subscribe"))
        await player.receive("/brainmusic/subscribed")
        assert here.frontends.osc is not None
        here.frontends.osc._subscribers = dict.fromkeys(here.frontends.osc._subscribers, here.broker.clock.now() - 1)
        await here.tell({"kind": "state", "state": {"bar": 5}})
        await here.until(lambda: not here.frontends.osc._subscribers)  # type: ignore[union-attr]

    play(body)


def test_a_flood_is_left_out() -> None:
    async def body(here: Scene, player: Player) -> None:
        server = here.frontends.osc
        assert server is not None
        # The flood comes in one moment, however long a busy machine takes for it.
        server._messages = Rates(ManualClock(), MESSAGES_PER_S, MESSAGES_AT_ONCE)
        server._patterns = Rates(ManualClock(), PATTERNS_PER_S, PATTERNS_AT_ONCE)
        packet = write("/brainmusic/intensity", 0.5)
        for _ in range(10_000):
            server.datagram_received(packet, ("127.0.0.1", 5000))
        await here.until(lambda: here.commands)
        assert here.broker.counts["commands_osc"] == MESSAGES_AT_ONCE
        for _ in range(1000):
            server.datagram_received(write("/brainmusic/*", 1), ("127.0.0.2", 5000))
        assert here.broker.counts["osc_patterns"] == 1000 - PATTERNS_AT_ONCE

    play(body)


def test_who_may_send() -> None:
    async def body(here: Scene, player: Player) -> None:
        server = here.frontends.osc
        assert server is not None
        server.datagram_received(write("/brainmusic/play"), ("192.168.1.9", 5000))
        assert "commands_osc" not in here.broker.counts
        await here.until(lambda: any("192.168.1.9 was refused" in text for text in here.logged))

    play(body)


def test_who_sends_is_known_also_where_the_port_is_open_to_both_families() -> None:
    """A socket for both families calls an address of four numbers ::ffff:1.2.3.4."""

    async def body(here: Scene, player: Player) -> None:
        server = here.frontends.osc
        assert server is not None
        for host in ("::ffff:127.0.0.1", "::ffff:10.0.0.7", "fd00::7%eth0"):
            server.datagram_received(write("/brainmusic/intensity", 0.5), (host, 5000))
        assert here.broker.counts["commands_osc"] == 3
        for host in ("::ffff:10.0.1.7", "fd01::7", "nonsense"):
            server.datagram_received(write("/brainmusic/intensity", 0.5), (host, 5000))
        assert here.broker.counts["commands_osc"] == 3

    play(body, osc_allow=("10.0.0.0/24", "fd00::/64"))


def test_oscquery() -> None:
    async def body(here: Scene, player: Player) -> None:
        here.frontends._page = ("127.0.0.1", here.frontends.query_port)  # the scene's requests go there
        root = json.loads((await here.http("/"))[2])
        assert set(root["CONTENTS"]) == {"brainmusic"}
        host = json.loads((await here.http("/?HOST_INFO"))[2])
        assert here.frontends.osc is not None
        assert (host["OSC_PORT"], host["OSC_TRANSPORT"]) == (here.frontends.osc.port, "UDP")
        assert json.loads((await here.http("/brainmusic/state/tempo_bpm?VALUE"))[2]) == {"VALUE": [96.0]}
        assert json.loads((await here.http("/brainmusic/intensity"))[2])["RANGE"] == [{"MIN": 0, "MAX": 1}]
        assert (await here.http("/brainmusic/play?VALUE"))[0] == 204
        assert (await here.http("/brainmusic/play?COLOUR"))[0] == 400
        assert (await here.http("/brainmusic/nothing"))[0] == 404
        assert (await here.http("/", host="evil.example"))[0] == 403
        async with connect(f"ws://127.0.0.1:{here.frontends.query_port}/", proxy=None) as listener:
            await listener.send('{"COMMAND": "LISTEN", "DATA": "/brainmusic/state/bar"}')
            await listener.send("nonsense")
            hearing = asyncio.create_task(listener.recv())
            for bar in itertools.count(10):  # the first may come before it listens
                await here.tell({"kind": "state", "state": {"bar": bar, "beat": 1}})
                if (await asyncio.wait([hearing], timeout=0.01))[0]:
                    break
            ((heard,), _) = read(await hearing)  # type: ignore[arg-type]
            assert heard.address == "/brainmusic/state/bar"

    play(body)
