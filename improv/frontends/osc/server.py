"""OSC over UDP: commands in, state and notes out to whoever subscribed."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from improv.clock import wall_clock
from improv.frontends.osc.packet import OscError, Timed, read, write
from improv.frontends.osc.pattern import is_pattern, matching
from improv.frontends.osc.tree import ROOT, Tree, WrongArgumentsError
from improv.frontends.server.access import unmapped
from improv.frontends.server.broker import Broker
from improv.frontends.server.peer import Peer as PeerAddress
from improv.frontends.server.peer import is_users_own
from improv.frontends.server.rate_limit import Rates
from improv.frontends.server.visitors import NO_VISITORS, Visitors
from improv.midi.messages import DEEPEST_PEDAL, PEDAL_KEY

MESSAGES_PER_S, MESSAGES_AT_ONCE = 2000.0, 4000.0  # of one sender
PATTERNS_PER_S, PATTERNS_AT_ONCE = 50.0, 100.0  # each is compared with every address
ERRORS_PER_S, ERRORS_AT_ONCE = 5.0, 10.0
FURTHEST_S = 60.0  # a time tag may lie so far ahead
MOST_WAITING = 1000
KNOWN_S = 2.0  # so long a port of this computer is believed to be the same program's
SUBSCRIBED_S, MOST_SUBSCRIBERS = 60.0, 16

Peer = tuple[str, int]


class Notes:
    """Tells of each note when it sounds, not when it is planned. tell: gets pitch and velocity, 0 at the end; of the
    sustain pedal PEDAL_KEY in the place of the pitch.
    """

    def __init__(self, broker: Broker, tell: Callable[[int, int], None]) -> None:
        self._broker, self._tell = broker, tell
        self._coming: dict[int, asyncio.TimerHandle] = {}
        self._sounding: dict[int, tuple[int, asyncio.TimerHandle | None]] = {}
        self._off_s: dict[int, float] = {}

    def take(self, kind: str, message: Mapping[str, Any]) -> None:
        """What the engine says."""
        match kind:
            case "notes":
                for note in message["notes"]:
                    self._coming[note["id"]] = self._at(note["on_s"], self._on, note)
            case "pedals":
                for pedal in message["pedals"]:
                    pressed = {**pedal, "pitch": PEDAL_KEY, "velocity": DEEPEST_PEDAL}
                    self._coming[pedal["id"]] = self._at(pedal["on_s"], self._on, pressed)
            case "ends":
                for note_id, off_s in message["ends"]:
                    if note_id in self._coming or note_id in self._sounding:
                        self._off_s[note_id] = off_s
                        self._plan_off(note_id)
            case "revoked":
                for note_id in [i for i in self._coming if i >= message["from"] and i not in message["kept"]]:
                    self._coming.pop(note_id).cancel()
                    self._off_s.pop(note_id, None)
            case "silence":
                self.clear()

    def clear(self) -> None:
        """Forget what was to come, end what sounds."""
        for handle in self._coming.values():
            handle.cancel()
        self._coming.clear()
        for note_id in list(self._sounding):
            self._off(note_id)
        self._off_s.clear()

    def _at(self, when_s: float, act: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle:
        delay_s = max(0.0, when_s - self._broker.clock.now())
        return asyncio.get_running_loop().call_later(delay_s, act, *arguments)

    def _on(self, note: Mapping[str, Any]) -> None:
        self._coming.pop(note["id"], None)
        self._sounding[note["id"]] = (note["pitch"], None)
        self._tell(note["pitch"], note["velocity"])
        self._plan_off(note["id"])

    def _plan_off(self, note_id: int) -> None:
        if note_id in self._sounding and note_id in self._off_s:
            pitch, before = self._sounding[note_id]
            if before is not None:
                before.cancel()
            self._sounding[note_id] = (pitch, self._at(self._off_s[note_id], self._off, note_id))

    def _off(self, note_id: int) -> None:
        pitch, handle = self._sounding.pop(note_id)
        self._off_s.pop(note_id, None)
        if handle is not None:
            handle.cancel()
        self._tell(pitch, 0)


class Refusals:
    """What was wrong with messages. verbose: each is written into the log as it came, at most ERRORS_PER_S a second;
    else each kind once a minute.
    """

    def __init__(self, broker: Broker, *, verbose: bool) -> None:
        self.verbose = verbose
        self.of = "nothing could be read"
        """What is being read or carried out, for people."""
        self._broker = broker
        self._errors = Rates(broker.clock, ERRORS_PER_S, ERRORS_AT_ONCE)

    def tell(self, peer: Peer, text: str, kind: str) -> bool:
        """Log it; returns whether the sender may be told as well."""
        allowed = self._errors.allow(peer)
        if self.verbose and allowed:
            self._broker.count(kind)
            self._broker.tell(f"OSC from {peer[0]}:{peer[1]}: {text}; {self.of}.")
        else:
            self._broker.say(kind, f"OSC from {peer[0]}: {text}.")
        return allowed


def _port_of(arguments: tuple[Any, ...], peer: Peer) -> int:
    port = arguments[0] if arguments else peer[1]
    if isinstance(port, bool) or not isinstance(port, int | float) or not 0 < port < 65536:
        return 0
    return int(port)  # Pure Data knows floats only


class OscServer(asyncio.DatagramProtocol):
    """allow: networks that may send, beside this computer. verbose: see Refusals."""

    def __init__(
        self, broker: Broker, allow: Iterable[str] = (), *, verbose: bool = False, visitors: Visitors = NO_VISITORS
    ) -> None:
        self._broker, self._visitors = broker, visitors
        self._allow = tuple(ipaddress.ip_network(network) for network in allow)
        self._transport: asyncio.DatagramTransport | None = None
        self._tree: Tree | None = None
        self._subscribers: dict[Peer, float] = {}
        self._waiting = 0
        self._own: dict[Peer, tuple[bool, float]] = {}  # senders on this computer: whether they are the user's
        self._state, self._hello = dict[str, Any](), cast(Mapping[str, Any], {})
        self._messages = Rates(broker.clock, MESSAGES_PER_S, MESSAGES_AT_ONCE)
        self._patterns = Rates(broker.clock, PATTERNS_PER_S, PATTERNS_AT_ONCE)
        self._refusals = Refusals(broker, verbose=verbose)
        self._notes = Notes(broker, self._tell_note)
        broker.changed.append(self.take)
        if broker.hello:
            self.take("hello", {**broker.hello, "state": broker.state})

    @property
    def tree(self) -> Tree | None:
        """Every address; None until the engine has spoken."""
        return self._tree

    @property
    def port(self) -> int:
        """The UDP port that is listened at."""
        return int(self._transport.get_extra_info("sockname")[1]) if self._transport else 0

    # ----------------------------------------------------------------------------------------------------- arriving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        peer: Peer = (str(addr[0]), int(addr[1]))
        if not self._may_send(peer):
            self._broker.say("osc_foreign", f"OSC from {peer[0]} was refused; osc.allow names who may send.")
            return
        try:
            messages, faults = read(data)
        except OscError as error:
            messages, faults = [], [str(error)]
        self._refusals.of = f"{len(messages)} other messages of the packet count, {len(data)} bytes"
        for fault in faults if self._refusals.verbose else faults[:1]:
            self._wrong(peer, f"a malformed packet or message was left out: {fault}", "osc_malformed")
        for message in messages:
            if not self._messages.allow(peer[0]):
                self._broker.say("osc_flood", f"{peer[0]} sends more than {MESSAGES_PER_S:g} OSC messages a second.")
                return
            self._in_time(message, peer)

    def error_received(self, exc: Exception) -> None:
        """A subscriber's port is closed: its subscription runs out."""
        self._broker.count("osc_unreachable")

    def _may_send(self, peer: Peer) -> bool:
        try:
            address = unmapped(ipaddress.ip_address(peer[0].partition("%")[0]))
        except ValueError:
            return False
        if any(address in network for network in self._allow):
            return True
        return address.is_loopback and self._is_users_own(peer)

    def _is_users_own(self, peer: Peer) -> bool:
        """Asked once for each sender of a while: a tracker sends hundreds of messages a second."""
        now_s = self._broker.clock.now()
        known, until_s = self._own.get(peer, (False, 0.0))
        if now_s < until_s:
            return known
        if len(self._own) >= MOST_WAITING:
            self._own.clear()
        known = is_users_own(PeerAddress(*peer), "udp")
        self._own[peer] = (known, now_s + KNOWN_S)
        return known

    def _in_time(self, message: Timed, peer: Peer) -> None:
        delay_s = 0.0 if message.due_s is None else message.due_s - wall_clock().timestamp()
        if delay_s <= 0:
            self._carry_out(message, peer)
        elif delay_s > FURTHEST_S or self._waiting >= MOST_WAITING:
            limit = f"at most {FURTHEST_S:g} s ahead, {MOST_WAITING} messages at a time"
            self._wrong(peer, f"a time tag may lie {limit}", "osc_too_far")
        else:
            self._waiting += 1
            asyncio.get_running_loop().call_later(delay_s, self._now_due, message, peer)

    def _now_due(self, message: Timed, peer: Peer) -> None:
        self._waiting -= 1
        self._carry_out(message, peer)

    def _carry_out(self, message: Timed, peer: Peer) -> None:
        tree, address, self._refusals.of = self._tree, message.address, told(message)
        if tree is None:
            self._wrong(peer, "the music engine has not answered yet", "osc_early")
        elif address == f"{ROOT}/subscribe":
            self._subscribe(message.arguments, peer)
        elif address == f"{ROOT}/unsubscribe":
            self._subscribers.pop((peer[0], _port_of(message.arguments, peer)), None)
        elif address == f"{ROOT}/query":
            self._tell_state(self._state, [peer])
        elif is_pattern(address):
            self._carry_out_all(tree, message, peer)
        elif address in tree.commands:
            self._command(tree, address, message.arguments, peer)
        else:
            self._wrong(peer, f"unknown OSC address {address[:80]!r}", "osc_unknown")

    def _carry_out_all(self, tree: Tree, message: Timed, peer: Peer) -> None:
        if not self._patterns.allow(peer[0]):
            self._wrong(peer, f"at most {PATTERNS_PER_S:g} address patterns a second", "osc_patterns")
            return
        found = list(matching(message.address, tree.commands))
        if not found:
            self._wrong(peer, f"no OSC address matches {message.address[:80]!r}", "osc_unknown")
        for address in found:
            self._command(tree, address, message.arguments, peer)

    def _command(self, tree: Tree, address: str, arguments: tuple[Any, ...], peer: Peer) -> None:
        try:
            command = tree.message(tree.commands[address], arguments)
        except WrongArgumentsError as error:
            self._wrong(peer, str(error), "osc_arguments")
            return
        visitor = self._visitors.by_osc(peer[0])
        if command is not None and (error_text := self._broker.send(command, "osc", visitor=visitor)):
            self._wrong(peer, error_text, "osc_busy")

    def _wrong(self, peer: Peer, text: str, kind: str) -> None:
        if self._refusals.tell(peer, text, kind):
            self._send(peer, f"{ROOT}/error", text)

    # -------------------------------------------------------------------------------------------------- subscribers

    def _subscribe(self, arguments: tuple[Any, ...], peer: Peer) -> None:
        subscriber = (peer[0], _port_of(arguments, peer))
        self._drop_old()
        if not subscriber[1] or subscriber[1] == self.port:
            self._wrong(peer, "subscribe takes a port, 1..65535, and not this one", "osc_arguments")
        elif subscriber not in self._subscribers and len(self._subscribers) >= MOST_SUBSCRIBERS:
            self._wrong(peer, f"at most {MOST_SUBSCRIBERS} may subscribe", "osc_subscribers")
        else:
            new = subscriber not in self._subscribers
            self._subscribers[subscriber] = self._broker.clock.now() + SUBSCRIBED_S
            self._send(subscriber, f"{ROOT}/subscribed", int(SUBSCRIBED_S))
            if new:
                self._tell_state(self._state, [subscriber])

    def _drop_old(self) -> None:
        now_s = self._broker.clock.now()
        self._subscribers = {peer: until_s for peer, until_s in self._subscribers.items() if until_s > now_s}
        if not self._subscribers:
            self._notes.clear()

    # ------------------------------------------------------------------------------------------------------ telling

    def take(self, kind: str, message: Mapping[str, Any]) -> None:
        """What the engine says goes to the subscribers."""
        if kind == "hello":
            self._tree = Tree(message)
            self._hello, self._state = message, dict(message["state"])
        if kind == "state" and self._hello and message["state"].get("scenes") != self._state.get("scenes"):
            self._tree = Tree({**self._hello, "scenes": message["state"].get("scenes", ())})
        told, self._state = self._state, dict(message["state"]) if kind == "state" else self._state
        if not self._subscribers:
            return
        self._drop_old()
        if kind == "state":
            changed = {name: value for name, value in self._state.items() if told.get(name) != value}
            self._tell_state(changed, self._subscribers)
        elif kind == "person":
            self._publish(f"{ROOT}/person", message["pitch"], message["velocity"])
        else:
            self._notes.take(kind, message)

    def _tell_note(self, pitch: int, velocity: int) -> None:
        address, *what = (f"{ROOT}/pedal",) if pitch == PEDAL_KEY else (f"{ROOT}/note", pitch)
        self._publish(address, *what, velocity)

    def _tell_state(self, state: Mapping[str, Any], peers: Iterable[Peer]) -> None:
        peers = list(peers)
        for name, value in state.items():
            for address, shown in flat(f"{ROOT}/state/{name}", value):
                for peer in peers:
                    self._send(peer, address, shown)

    def _publish(self, address: str, *arguments: Any) -> None:
        for peer in self._subscribers:
            self._send(peer, address, *arguments)

    def _send(self, peer: Peer, address: str, *arguments: Any) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(write(address, *arguments), peer)


def told(message: Timed) -> str:
    """A message as it came: /brainmusic/point f 0.5, s "loud"."""
    kinds = {bool: "T/F", int: "i", float: "f", str: "s", bytes: "b"}
    parts = (f"{kinds.get(type(one), '?')} {one!r}"[:60] for one in message.arguments[:8])
    return f"got {message.address[:80]} {', '.join(parts) or 'without arguments'}"


def flat(address: str, value: Any) -> list[tuple[str, Any]]:
    """A value with its address; a table as one address for each of its entries; lists are for JSON only.

    Flags are 0 and 1: Pure Data knows no T and F.
    """
    if isinstance(value, Mapping):
        return [(f"{address}/{word}", inner) for word, inner in value.items() if not isinstance(inner, list | Mapping)]
    if isinstance(value, list):
        return []
    return [(address, int(value) if isinstance(value, bool) else value)]
