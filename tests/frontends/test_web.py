"""The page's server: what it gives, and to whom."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from improv.clock import ManualClock, SystemClock, wall_clock
from improv.control.command_table import COMMANDS
from improv.frontends.server import access, serving
from improv.frontends.server.access import ONE_TIME_TOKEN_LIVES_S, AccessControl, Credentials
from improv.frontends.server.paired_devices import Devices
from improv.frontends.server.rate_limit import Rates
from improv.frontends.web import app
from improv.frontends.web.app import DROPPED_AT_MOST, LONGEST_MESSAGE, MESSAGES_AT_ONCE
from improv.frontends.web.connection_limits import CONNECTIONS_OF_ONE_ADDRESS, patient_protocol
from tests.frontends.stage import LIMIT_S, Scene, scene, settings_with

Body = Callable[[Scene], Awaitable[None]]


def play(body: Body, **settings: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(3 * LIMIT_S), scene(**settings) as here:
            await body(here)

    asyncio.run(run())
    for thread in threading.enumerate():
        if type(thread).__name__ == "WorkerThread":  # read the files; was told to end with the loop
            thread.join(LIMIT_S)


def live(here: Scene, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{here.port}/live", proxy=None, **options)


async def of_kind(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["kind"] == kind:
            return message


def test_state_commands_health_and_numbers() -> None:
    async def body(here: Scene) -> None:
        assert json.loads((await here.http("/api/state"))[2])["tempo_bpm"] == 96
        table = json.loads((await here.http("/api/commands"))[2])
        assert [row["name"] for row in table["commands"]] == list(COMMANDS)
        assert (await here.http("/healthz"))[0] == (await here.http("/readyz"))[0] == 200
        numbers = (await here.http("/metrics"))[2].decode()
        assert "# TYPE brainmusic_tempo_bpm gauge\nbrainmusic_tempo_bpm 96\n" in numbers
        assert "\nbrainmusic_degraded 0\n" in numbers
        assert all(re.fullmatch(r"#.*|\w+(\{what=\"\w+\"\})? [-+.e\d]+", line) for line in numbers.splitlines())

    play(body)


def test_a_command_by_http() -> None:
    async def body(here: Scene) -> None:
        assert (await here.command(command="mood", name="sad", id=5)) | {"now_s": 0} == {
            "kind": "answer",
            "id": 5,
            "ok": True,
            "now_s": 0,
        }
        assert here.commands[0] | {"id": 0} == {"command": "mood", "name": "sad", "from": "http", "id": 0}
        here.refusal = "mood: name must be one of happy"
        answer = await here.http("/api/command", "POST", b'{"command": "mood", "name": "x"}')
        assert answer[0] == 422
        assert json.loads(answer[2])["error"] == here.refusal
        for wrong in (b"[]", b"{", b"\xff\xff", b'{"a": NaN}'):
            status = (await here.http("/api/command", "POST", wrong))[0]
            assert status in (400, 422)

    play(body)


def test_the_page_gets_everything_and_commands() -> None:
    async def body(here: Scene) -> None:
        await here.tell({"kind": "notes", "notes": [{"id": 1, "pitch": 60, "velocity": 70, "on_s": 1e9}]})
        await here.until(lambda: here.broker._notes)
        async with live(here) as socket:
            greeting = await of_kind(socket, "hello")
            assert [note["id"] for note in greeting["notes"]] == [1]
            await here.tell({"kind": "state", "state": {"bar": 4}})
            assert (await of_kind(socket, "state"))["state"] == {"bar": 4}
            await here.tell({"kind": "revoked", "from": 1, "kept": []})
            assert (await of_kind(socket, "revoked"))["from"] == 1
            await socket.send('{"command": "panic", "id": 3}')
            assert (await of_kind(socket, "answer"))["id"] == 3
            await socket.send("no json")
            assert "expected one JSON object" in (await of_kind(socket, "answer"))["error"]
            await socket.send(b"\x00")
            with pytest.raises(ConnectionClosed):
                await of_kind(socket, "never")
        assert here.commands[0]["command"] == "panic"
        assert here.commands[0]["from"] == "page"
        async with live(here) as socket:
            assert (await of_kind(socket, "hello"))["notes"] == []

    play(body)


def test_every_answer_is_sealed() -> None:
    async def body(here: Scene) -> None:
        for path in ("/", "/api/state", "/enter", "/static/enter.js", "/nothing"):
            _, headers, _ = await here.http(path)
            assert headers["content-security-policy"].startswith("default-src 'self';")
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers
            assert "server" not in headers

    play(body)


def test_foreign_names_and_pages_are_refused() -> None:
    async def body(here: Scene) -> None:
        own = f"127.0.0.1:{here.port}"
        for host in (
            "evil.example",
            f"evil.example:{here.port}",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[",
        ):
            assert (await here.http("/api/state", host=host))[0] == 403, host
        for host in (own, "localhost", f"localhost:{here.port}", "[::1]", "192.168.1.5:8765"):
            assert (await here.http("/api/state", host=host))[0] == 200, host
        order = b'{"command": "panic"}'
        for origin in (
            "https://evil.example",
            "null",
            f"http://{own}.evil.example",
            "http://127.0.0.1:1",
            "file://",
            "[",
        ):
            assert (await here.http("/api/command", "POST", order, Origin=origin))[0] == 403, origin
            with pytest.raises(InvalidStatus, match="403"):
                await live(here, additional_headers={"Origin": origin}).__aenter__()
        assert here.commands == []
        assert (await here.http("/api/command", "POST", order, Origin=f"http://{own}"))[0] == 200
        async with live(here, additional_headers={"Origin": f"http://{own}"}) as socket:
            await of_kind(socket, "hello")
        told = [text for text in here.logged if "was refused" in text]
        assert len(told) == 2, "each kind once a minute"

    play(body)


def test_a_request_with_two_names_or_none_is_refused() -> None:
    async def body(here: Scene) -> None:
        assert (await here.http("/api/state", host=f"127.0.0.1\r\nHost: 127.0.0.1:{here.port}"))[0] in (400, 403)
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET /api/state HTTP/1.0\r\n\r\n")
        assert b" 403 " in (await reader.read()).split(b"\r\n")[0]
        writer.close()

    play(body)


def test_too_long_messages_are_refused() -> None:
    async def body(here: Scene) -> None:
        ten_mb = b"x" * 10_000_000
        assert (await here.http("/api/command", "POST", ten_mb))[0] in (413, 0)  # 0: it hung up before we were done
        assert (await here.http("/api/command", "POST", b"x" * (LONGEST_MESSAGE + 1)))[0] == 413
        async with live(here, max_size=None) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(ten_mb.decode())
            await socket.wait_closed()
            assert socket.close_code in (1006, 1009)
        assert (await here.http("/" + "x" * 100_000))[0] in (400, 404, 414, 0)
        assert (await here.http("/healthz"))[0] == 200
        assert here.commands == []

    play(body)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes for the frontends: what may come in a second is so much, however long a busy machine takes."""
    monkeypatch.setattr(serving, "SystemClock", lambda: ManualClock(SystemClock().now()))


@pytest.mark.usefixtures("still")
def test_a_flood_of_commands_is_left_out_and_then_hung_up() -> None:
    async def body(here: Scene) -> None:
        async with live(here) as socket:
            with contextlib.suppress(ConnectionClosed):
                for number in range(10 * DROPPED_AT_MOST):
                    await socket.send(f'{{"command": "intensity", "value": 0.5, "id": {number}}}')
                    if number % 100 == 0 and here.broker.subscribers == 0:
                        break
            await here.until(lambda: here.broker.subscribers == 0)
            socket.transport.abort()
        await here.until(lambda: len(here.commands) >= MESSAGES_AT_ONCE)
        assert len(here.commands) == MESSAGES_AT_ONCE
        assert len([text for text in here.logged if "commands a second" in text]) == 1
        assert (await here.http("/healthz"))[0] == 200

    play(body)


PATH_TRICKS = (
    "/static/../web.py",
    "/static/%2e%2e/web.py",
    "/static/..%2fweb.py",
    "/static/....//web.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/..%5cweb.py",
    "/static/%00",
    "/static/enter.js%00.css",
    "//evil.example/static/enter.js/..",
)


def test_path_tricks_lead_nowhere() -> None:
    async def body(here: Scene) -> None:
        for path in PATH_TRICKS:
            status, _, content = await here.http(path)
            assert status in (400, 404, 405), path
            assert b"import" not in content
            assert b"root:" not in content

    play(body)


# -------------------------------------------------------------------------------------------- from another computer


def credentials(clock: ManualClock) -> Credentials:
    token = "a-token-of-some-length"
    return Credentials(token, clock, Devices(None, token, wall_clock))


class Visitor:
    """An ASGI request that claims to come from another address."""

    def __init__(self, address: str = "192.168.1.7", public: str = "") -> None:
        self.clock = ManualClock()
        self.credentials = credentials(self.clock)
        self.address = address
        self.let_in = 0
        self.told: list[str] = []
        known = self.credentials
        self.access = AccessControl(self._inside, self, self.clock, known, ["studio.lan"], (), "/enter", public)  # type: ignore[arg-type]

    def say(self, kind: str, text: str) -> None:
        self.told.append(text)

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        self.let_in += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def get(self, path: str = "/api/state", host: str = "192.168.1.2:8765", **headers: str) -> int:
        return asyncio.run(self.asked(path, host, **headers))

    async def asked(self, path: str = "/api/state", host: str = "192.168.1.2:8765", **headers: str) -> int:
        pairs = [(b"host", host.encode()), *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items())]
        scope = {"type": "http", "method": "GET", "path": path, "headers": pairs, "client": (self.address, 5000)}
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await self.access(scope, None, send)  # type: ignore[arg-type]
        return int(sent[0]["status"])


def test_from_elsewhere_only_with_the_token() -> None:
    visitor = Visitor()
    assert visitor.get() == 401
    assert visitor.get(authorization="Bearer wrong") == 401
    assert visitor.get(authorization="Bearer a-token-of-some-length") == 200
    assert visitor.get(authorization="Basic a-token-of-some-length") == 401
    cookie = visitor.credentials.redeem("a-token-of-some-length", "iPad")
    assert visitor.get(cookie=f"brainmusic={cookie}") == 200
    assert visitor.get(cookie=f"brainmusic={cookie}x") == visitor.get(cookie=f"brainmusic={cookie[:9]}") == 401
    assert visitor.get(cookie="brainmusic=wrong") == visitor.get(cookie="\xff=;;=,") == 401
    assert visitor.get("/enter") == visitor.get("/healthz") == 200
    assert visitor.get("/metrics") == visitor.get("/live") == visitor.get("/") == 401
    assert visitor.get(host="studio.lan") == 401
    assert visitor.get(host="evil.example", authorization="Bearer a-token-of-some-length") == 403
    assert not any("a-token" in text for text in visitor.told)


def test_what_came_through_another_server_counts_as_from_elsewhere() -> None:
    visitor = Visitor("127.0.0.1")
    assert visitor.get() == 200
    assert visitor.get(x_forwarded_for="10.0.0.9") == visitor.get(forwarded="for=10.0.0.9") == 401
    assert Visitor("::ffff:127.0.0.1").get() == Visitor("::1").get() == 200
    assert Visitor("::ffff:10.0.0.1").get() == Visitor("nonsense").get() == 401


def test_who_comes_by_the_name_of_a_proxy_is_from_elsewhere_whatever_the_proxy_says_of_it() -> None:
    visitor = Visitor("127.0.0.1", "https://museum.example/piano/")
    assert visitor.get(host="museum.example") == visitor.get(host="MUSEUM.example.:443") == 401
    token = "Bearer a-token-of-some-length"
    assert visitor.get(host="museum.example", authorization=token, origin="https://museum.example") == 200
    assert visitor.get(host="museum.example", authorization=token, origin="https://evil.example") == 403
    assert visitor.get(host="evil.example", authorization=token) == 403
    assert visitor.get() == 200  # the user's own browser, past the proxy


@pytest.mark.parametrize(
    ("path", "way"), [("/", "enter"), ("/takes", "enter"), ("/a/b", "../enter"), ("//evil.example/x", "../../enter")]
)
def test_the_way_in_is_found_below_any_path(path: str, way: str) -> None:
    assert access._relative("/enter", path) == way


PROXIED = {"address": "https://museum.example/piano/", "token": "a-token-of-some-length"}
BELIEVED = pytest.mark.parametrize(
    ("proxies", "believed"), [(("127.0.0.0/8",), True), (("10.0.0.9",), False), ((), False)]
)


@BELIEVED
def test_whether_it_came_by_https_is_believed_from_the_proxy_alone(proxies: tuple[str, ...], believed: bool) -> None:
    async def body(here: Scene) -> None:
        said = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"}
        _, headers, _ = await here.http("/enter", "POST", b"a-token-of-some-length", "museum.example", **said)
        assert ("; Secure" in headers["set-cookie"]) == believed
        assert "Path" not in headers["set-cookie"]  # below the path of the way in, as browsers read it

    play(body, **PROXIED, proxies=proxies)


@BELIEVED
def test_visitors_behind_the_proxy_do_not_share_what_one_of_them_may(proxies: tuple[str, ...], believed: bool) -> None:
    async def body(here: Scene) -> None:
        guesses = []
        for number in range(8):
            answer = await here.http("/enter", "POST", b"guess", "museum.example", X_Forwarded_For=f"192.0.2.{number}")
            guesses.append(answer[0])
        assert (guesses == 8 * [401]) == believed

    play(body, **PROXIED, proxies=proxies)


def test_a_page_that_only_the_proxy_gives_is_linked_by_the_proxy_s_address() -> None:
    async def body(here: Scene) -> None:
        (link,) = here.frontends.pairing.links()["links"]
        assert link["address"] == "https://museum.example/piano"
        assert link["link"].startswith("https://museum.example/piano/enter#")
        assert any("for others https://museum.example/piano/" in text for text in here.logged)

    play(body, **PROXIED)


def test_a_browser_without_a_token_is_led_to_the_way_in_and_a_program_is_told() -> None:
    visitor = Visitor()
    page = "text/html,application/xhtml+xml"
    assert visitor.get("/", accept=page) == visitor.get("/static/index.html", accept=page) == 303
    assert visitor.get("/api/state", accept=page) == visitor.get("/", accept="*/*") == 401
    assert visitor.get("/", host="evil.example", accept=page) == 403


def test_a_one_time_token_opens_once_and_not_for_ever() -> None:
    clock = ManualClock()
    known = credentials(clock)
    token, late = known.one_time_token(), known.one_time_token()
    assert known.redeem("", "iPad") == known.redeem("wrong", "iPad") == ""
    assert known.redeem(token, "iPad")
    assert known.redeem(token, "iPad") == ""
    clock.wait(ONE_TIME_TOKEN_LIVES_S + 1)
    assert known.redeem(late, "iPad") == ""
    assert known.redeem("a-token-of-some-length", "iPad")
    assert [device.name for device in known.devices.all()] == ["iPad", "iPad"]


@pytest.mark.usefixtures("still")
def test_the_way_in() -> None:
    async def body(here: Scene) -> None:
        port = here.frontends._page
        assert b"static/enter.js" in (await here.http("/enter"))[2]
        assert "open to this computer only" in here.frontends.pairing.links()["trouble"]
        here.frontends._page = ("192.168.1.2", 8765)
        (link,) = here.frontends.pairing.links()["links"]
        address, _, token = link["link"].partition("#")
        assert (address, link["address"]) == ("http://192.168.1.2:8765/enter", "http://192.168.1.2:8765")
        here.frontends._page = port
        status, headers, _ = await here.http("/enter", "POST", token.encode())
        assert status == 200
        assert re.match(r"brainmusic=[\w.-]+; HttpOnly; Max-Age=\d+; SameSite=strict", headers["set-cookie"])
        guesses = [(await here.http("/enter", "POST", b"guess"))[0] for _ in range(6)]
        assert guesses == [401, 401, 401, 401, 429, 429]
        assert not any(token in text for text in here.logged)

    play(body)


def test_a_code_for_each_address_the_list_and_shutting_out(tmp_path: Path) -> None:
    async def body(here: Scene) -> None:
        status, _, answer = await here.http("/api/pair", "POST")
        assert (status, json.loads(answer)["error"][:40]) == (422, "the page is open to this computer only, ")
        port = here.frontends._page
        here.frontends._page = ("0.0.0.0", port[1])
        made = json.loads((await here.http("/api/pair", "POST"))[2])
        here.frontends._page = port
        assert [link["address"] for link in made["links"]][-1] == f"http://studio.lan:{port[1]}"
        assert len({link["link"].partition("#")[2] for link in made["links"]}) == 1
        assert all(link["picture"].startswith("data:image/svg+xml") for link in made["links"])
        token = made["links"][0]["link"].partition("#")[2]
        agent = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605 Version/17 Safari/604"
        _, headers, _ = await here.http("/enter", "POST", token.encode(), User_Agent=agent)
        cookie = headers["set-cookie"].partition(";")[0]
        async with live(here, additional_headers={"Cookie": cookie}) as socket:
            await of_kind(socket, "hello")
            (device,) = json.loads((await here.http("/api/devices"))[2])["devices"]
            assert (device["name"], device["connected"]) == ("iPad, Safari", True)
            assert (await here.http(f"/api/devices/{device['id']}", "DELETE"))[0] == 200
            with pytest.raises(ConnectionClosed):
                await of_kind(socket, "never")
            assert socket.close_code == 1008
        assert json.loads((await here.http("/api/devices"))[2])["devices"] == []
        assert (await here.http(f"/api/devices/{device['id']}", "DELETE"))[0] == 422
        assert here.frontends._credentials.fits({b"cookie": cookie.encode()}) is False

    play(body, data_folder=str(tmp_path), names=("studio.lan",))


def test_the_same_browser_let_in_again_is_one_device() -> None:
    async def body(here: Scene) -> None:
        token = here.frontends._credentials.one_time_token
        _, headers, _ = await here.http("/enter", "POST", token().encode())
        cookie = headers["set-cookie"].partition(";")[0]
        assert (await here.http("/enter", "POST", token().encode(), Cookie=cookie))[0] == 200
        assert len(here.frontends.pairing.devices()) == 1

    play(body)


def test_many_requests_of_one_address_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "is_users_own", lambda *_: True)  # read from /proc at each request
    visitor = Visitor("127.0.0.1")

    async def many() -> list[int]:
        return [await visitor.asked() for _ in range(400)]

    answers = asyncio.run(many())
    assert answers.count(200) == 300
    assert answers[-1] == 429
    visitor.clock.wait(1.0)
    assert visitor.get() == 200


def test_buckets_are_forgotten_when_there_are_too_many() -> None:
    rates = Rates(ManualClock(), 1.0, 1.0)
    assert all(rates.allow(name) for name in range(5000))
    assert len(rates._buckets) <= 1024


def test_a_port_that_is_taken_is_said_and_the_rest_goes_on() -> None:
    async def taken() -> None:
        async with scene() as here:
            other = Scene(settings_with(port=here.port, osc=False, ctl=False))
            tasks = [asyncio.create_task(other.frontends.run()), asyncio.create_task(other.engine())]
            await other.until(lambda: other.logged)
            assert f"web: 127.0.0.1:{here.port} cannot be opened" in other.logged[0]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            other._ours.close()
            other._theirs.close()

    asyncio.run(taken())


def test_a_page_from_elsewhere_may_lead_here_and_do_nothing_else() -> None:
    visitor = Visitor("127.0.0.1")
    assert visitor.get("/api/state", sec_fetch_site="same-origin") == 200
    assert visitor.get("/api/state", sec_fetch_site="none", sec_fetch_mode="navigate") == 200
    for site in ("cross-site", "same-site"):
        assert visitor.get("/api/takes/last/export", sec_fetch_site=site, sec_fetch_mode="no-cors") == 403
        assert visitor.get("/api/takes/last/export", sec_fetch_site=site, sec_fetch_mode="navigate") == 403
        assert visitor.get("/", sec_fetch_site=site, sec_fetch_mode="navigate") == 200


def test_another_user_of_this_computer_needs_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "is_users_own", lambda *_: False)
    visitor = Visitor("127.0.0.1")
    assert visitor.get() == visitor.get("/") == 401
    assert visitor.get(authorization="Bearer a-token-of-some-length") == visitor.get("/enter") == 200


def test_half_sent_requests_of_one_address_do_not_keep_others_out() -> None:
    async def body(here: Scene) -> None:
        writers = []
        for _ in range(CONNECTIONS_OF_ONE_ADDRESS + 20):
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.")
            writers.append((reader, writer))
        ended = [asyncio.create_task(reader.read()) for reader, _ in writers]

        async def closed() -> int:
            await asyncio.sleep(0.02)
            return sum(one.done() for one in ended)

        while await closed() < 20:
            pass
        for one in ended:
            one.cancel()
        for _, writer in writers:
            writer.close()
        await asyncio.gather(*ended, return_exceptions=True)
        async with asyncio.timeout(LIMIT_S):
            while (await here.http("/api/state"))[0] != 200:
                await asyncio.sleep(0.02)

    play(body)


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHo", b"POST /api/command HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_request_that_is_never_finished_is_given_up(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "patient_protocol", lambda: patient_protocol(within_s=0.2))

    async def body(here: Scene) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(begun)
        async with asyncio.timeout(LIMIT_S):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()

    play(body)


def test_readiness_means_that_the_notes_that_are_owed_are_made() -> None:
    async def body(here: Scene) -> None:
        state = here.broker.state
        # Where somebody is waited for no note is owed, however long ago the last one was.
        for overdue_s, age_s, answer in ((0, 3, 200), (0, 3600, 200), (60, 70, 503), (3, 9, 200)):
            told = {**state, "playing": True, "overdue_s": overdue_s, "note_age_s": age_s}
            await here.tell({"kind": "state", "state": told})
            await here.until(lambda a=age_s: here.broker.state["note_age_s"] == a)
            assert (await here.http("/readyz"))[0] == (await here.http("/healthz"))[0] == answer
        here.broker.heard_s -= 60.0
        status, _, text = await here.http("/readyz")
        assert (status, text.split(b" for ")[0]) == (503, b"the music engine has not answered")

    play(body)
