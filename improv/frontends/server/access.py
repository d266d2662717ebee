"""Who may come in by HTTP and WebSocket: this user on this computer, whoever has the token, devices that were paired;
never a foreign page.

A page on the web can make the user's own browser speak to 127.0.0.1. What gives it away: the name it uses for us (Host,
also after its DNS was turned to us) and where it was loaded from (Origin). See docs/protocol.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from improv.clock import Clock
from improv.frontends.server.paired_devices import BY_ADDRESS, SEEN_EVERY_S, Device, Devices
from improv.frontends.server.peer import Peer, is_users_own
from improv.frontends.server.rate_limit import Rates

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from improv.frontends.server.broker import Teller

COOKIE = "brainmusic"
ONE_TIME_TOKEN_LIVES_S = 600.0
REQUESTS_PER_S, REQUESTS_AT_ONCE = 100.0, 300.0  # of one address; the page loads about 30 files
OPEN_TO_ALL = ("/enter", "/healthz", "/static/enter.js", "/static/enter.css")
CURATORS_ALONE = "this is for the curator alone (visitors.curators, or the role of the device in the list of devices)"
FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip")
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
            b"base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Credentials:
    """The token, one-time tokens that pair a device once, and the devices that are paired."""

    def __init__(self, token: str, clock: Clock, devices: Devices) -> None:
        self._token, self._clock, self.devices = token, clock, devices
        self._one_time_tokens: dict[str, float] = {}
        self._seen_s: dict[str, float] = {}
        self._connected: dict[str, set[asyncio.Task[None]]] = {}

    def one_time_token(self) -> str:
        """A word that lets one browser in, once and within ten minutes."""
        self._drop_old()
        token = secrets.token_urlsafe(16)
        self._one_time_tokens[token] = self._clock.now() + ONE_TIME_TOKEN_LIVES_S
        return token

    def redeem(self, word: str, name: str, role: str = BY_ADDRESS) -> str:
        """The cookie of a new device for the token or a one-time token, which is used up by this; "" for other words.

        name, role: of the device in the list.
        """
        self._drop_old()
        if self._one_time_tokens.pop(word, None) is not None or self._is_token(word):
            return self.devices.add(name, role)
        return ""

    def fits(self, headers: dict[bytes, bytes]) -> bool:
        """Whether a request brings the token, or the cookie of a device that is paired."""
        scheme, _, word = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(word.strip()):
            return True
        return self.device_of(headers) is not None

    def device_of(self, headers: dict[bytes, bytes]) -> Device | None:
        """The paired device that a request comes from."""
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return None
        device = self.devices.known(cookies[COOKIE].value) if COOKIE in cookies else None
        if device is not None:
            now_s = self._clock.now()
            if now_s - self._seen_s.get(device.device_id, -SEEN_EVERY_S) >= SEEN_EVERY_S:
                self._seen_s[device.device_id] = now_s
                self.devices.seen(device.device_id)
        return device

    def role_of(self, headers: dict[bytes, bytes]) -> str:
        """The role that was given to the device that a request comes from."""
        device = self.device_of(headers)
        return BY_ADDRESS if device is None else device.role

    def connected(self, device_id: str) -> bool:
        """Whether the device has a page open."""
        return bool(self._connected.get(device_id))

    async def attached(self, device_id: str, talk: asyncio.Task[None]) -> bool:
        """Wait for the end of a device's connection; whether we ended it, as its rights are others now."""
        talks = self._connected.setdefault(device_id, set())
        talks.add(talk)
        try:
            await asyncio.wait((talk,))
        except asyncio.CancelledError:
            talk.cancel()
            raise
        finally:
            talks.discard(talk)
        if talk.cancelled():
            return True
        talk.result()
        return False

    def give_role(self, device_id: str, role: str) -> bool:
        """Another role for a device; its open pages connect anew under it. Whether the device was there."""
        there = self.devices.give_role(device_id, role)
        if there:
            self._hang_up(device_id)
        return there

    def _hang_up(self, device_id: str) -> None:
        for talk in self._connected.pop(device_id, ()):
            talk.cancel()

    def revoke(self, device_id: str) -> bool:
        """Shut a device out at once, its open pages too; whether it was there."""
        self._hang_up(device_id)
        self._seen_s.pop(device_id, None)
        return self.devices.remove(device_id)

    def _is_token(self, word: str) -> bool:
        return hmac.compare_digest(word.encode("utf-8", "replace"), self._token.encode())

    def _drop_old(self) -> None:
        now_s = self._clock.now()
        self._one_time_tokens = {token: until_s for token, until_s in self._one_time_tokens.items() if until_s > now_s}


def _nobody(client: str, role: str, method: str, path: str) -> bool:
    return False


class Refusal(NamedTuple):
    """Why somebody is not let in. kind: for the log, which says each once a minute."""

    status: int
    kind: str
    text: str


class AccessControl:
    """An ASGI application in front of another. networks: who else may come in without a token.

    way_in: the page to which a browser without a token is led; empty: there is none. address: at which a server in
    front gives us to others, who are nobody on this computer even where that server does not say so. kept_from: whether
    a request is none for a visitor, by its address, the role of its device, method and path.
    """

    def __init__(
        self,
        inside: ASGIApp,
        broker: Teller,
        clock: Clock,
        credentials: Credentials,
        names: Iterable[str] = (),
        networks: Iterable[str] = (),
        way_in: str = "",
        address: str = "",
        kept_from: Callable[[str, str, str, str], bool] = _nobody,
    ) -> None:
        self._inside, self._broker, self._credentials, self._way_in = inside, broker, credentials, way_in
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own}.local", *(name.lower() for name in names)}
        self._public = urlsplit(address).hostname or ""
        self._kept_from = kept_from
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._rates = Rates(clock, REQUESTS_PER_S, REQUESTS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        refusal = self._refusal(scope)
        if refusal is None:
            if scope["type"] == "websocket":
                await self._talk(scope, receive, send)
            else:
                await self._inside(scope, receive, _with_headers(send))
            return
        self._broker.say(f"refused_{refusal.kind}", f"{_client(scope)} was refused: {refusal.text}.")
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.text[:100]})
            return
        status, body = refusal.status, refusal.text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if refusal.kind == "token" and self._way_in and _is_person(scope):
            status = 303
            headers.append((b"location", _relative(self._way_in, scope["path"]).encode()))
        await _with_headers(send)({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _talk(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket; that of a device that is shut out meanwhile, or has another role, ends."""
        headers = dict(scope["headers"])
        device = self._credentials.device_of(headers)
        if device is None:
            await self._inside(scope, receive, send)
            return
        talk = asyncio.ensure_future(self._inside(scope, receive, send))
        if await self._credentials.attached(device.device_id, talk):
            is_out = self._credentials.device_of(headers) is None
            reason = "this device was removed from the list" if is_out else "this device has another role now"
            with contextlib.suppress(RuntimeError):  # it was gone already
                await send({"type": "websocket.close", "code": 1008, "reason": reason})

    def _refusal(self, scope: Scope) -> Refusal | None:
        client = _client(scope)
        if not self._rates.allow(client):
            return Refusal(429, "rate", "too many requests")
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return Refusal(403, "host", "the name in the address is none of this computer's (web.names)")
        origin = headers.get(b"origin")
        if origin is not None and not _same(origin, hosts[0]):
            return Refusal(403, "origin", "a page from elsewhere may not speak to BrainMusic")
        if _from_another_page(scope, headers):
            return Refusal(403, "site", "a page from elsewhere may not ask BrainMusic for anything")
        local = _is_loopback(client) and not any(name in headers for name in FORWARDED)
        local = local and not (self._public and _name_in(hosts[0]) == self._public)
        local = local and is_users_own(Peer(*scope["client"][:2]), "tcp")
        if (
            not local
            and not lies_in(client, self._networks)
            and scope["path"] not in OPEN_TO_ALL
            and not self._credentials.fits(headers)
        ):
            return Refusal(401, "token", "from another device a link is needed; `improv link` makes one")
        if self._kept_from(client, self._credentials.role_of(headers), scope.get("method", "GET"), scope["path"]):
            return Refusal(403, "visitor", CURATORS_ALONE)
        return None

    def _is_ours(self, host: bytes) -> bool:
        """Names that others may give to their own pages are refused; a bare IP address cannot be one."""
        name = _name_in(host)
        if name in self._names or (name and name == self._public):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *((name, value) for name, value in SECURITY_HEADERS if name not in present),
                *(() if b"cache-control" in present else ((b"cache-control", b"no-cache"),)),
            ]
        await send(message)

    return sending


def _client(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else "?"


def _name_in(host: bytes) -> str:
    """The name or address in `Host`, in small letters; empty where there is none."""
    try:
        return (urlsplit(f"//{host.decode('ascii')}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _is_person(scope: Scope) -> bool:
    """Whether a browser asks for a page to be shown, not a program for data."""
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return scope.get("method") == "GET" and b"text/html" in accepted and not scope["path"].startswith("/api/")


def _relative(address: str, path: str) -> str:
    """The address as one asks for it who is at `path`: what lies before both is known to a server in front of us."""
    return "../" * (path.count("/") - 1) + address.removeprefix("/")


def _from_another_page(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """What browsers say of who asks (Sec-Fetch-*, W3C): others may lead to the page, and to nothing else."""
    if headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin"):
        return False
    leads_here = headers.get(b"sec-fetch-mode") == b"navigate" and scope.get("method") == "GET"
    return not (leads_here and scope["path"] in ("/", "/enter"))


def _is_loopback(client: str) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    return unmapped(address).is_loopback


def lies_in(host: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address, as a socket tells it, belongs to one of some networks; False for what is no address."""
    try:
        address = unmapped(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return False
    return any(address in network for network in networks)


def unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """::ffff:127.0.0.1, as a socket for both families calls this computer, is 127.0.0.1."""
    return getattr(address, "ipv4_mapped", None) or address


def _same(origin: bytes, host: bytes) -> bool:
    parts = urlsplit(origin.decode("latin-1"))
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.decode("latin-1").lower()
