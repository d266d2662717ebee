"""The middle of the frontends process: what the engine said goes to every frontend, their commands to the engine."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from improv.clock import Clock
from improv.frontends.jsonlines import LineBuffer, LineError, decode, encode

ANSWER_WITHIN_S = 5.0
UNREAD_BYTES = 1 << 18  # commands that the engine has not taken yet; beyond that they are refused
QUEUE = 512  # messages kept for a frontend that reads slowly; it misses the oldest then
SAY_EVERY_S = 60.0
READ_BYTES = 1 << 18
OLD_NOTE_S = 30.0
OF_NO_SENDER = ("kind", "visitor")  # nobody says of himself who he is


class Refusal(NamedTuple):
    """Why a command did not reach the engine. later: it may be taken in a moment."""

    sentence: str
    later: bool = False

    def answer(self) -> dict[str, Any]:
        """As whoever commanded gets it."""
        return {"ok": False, "error": self.sentence, **({"later": True} if self.later else {})}


BUSY = Refusal("the engine takes no more commands for the moment", later=True)
REPLACED = Refusal("another music engine takes the place of this one; ask again in a moment", later=True)


class Subscriber:
    """A frontend's queue of messages. A frontend that reads slowly misses the oldest."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(QUEUE)
        self.missed = 0

    def put(self, message: Mapping[str, Any]) -> None:
        if self._queue.full():
            self._queue.get_nowait()
            self.missed += 1
        self._queue.put_nowait(message)

    async def get(self) -> Mapping[str, Any]:
        return await self._queue.get()


SILENT_ENGINE_S = 5.0  # longer than the engine ever says nothing
OVERDUE_S = 20.0  # so long after a note was owed the music is not well


class Teller(Protocol):
    """Whoever a server tells what a person should know."""

    def say(self, kind: str, text: str, level: str = "warning") -> None:
        """A sentence; those of one kind are not repeated without end. level: warning, info or error."""
        ...


class Broker:
    """engine: the socket to the engine's process, not blocking."""

    def __init__(self, engine: socket.socket, clock: Clock) -> None:
        self._engine, self.clock = engine, clock
        self._subscribers: set[Subscriber] = set()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._outbox = bytearray()
        self._lost = False
        self._notes: dict[int, dict[str, Any]] = {}
        self._pedals: dict[int, dict[str, Any]] = {}
        self._said: dict[str, tuple[float, int]] = {}
        self.hello: dict[str, Any] = {}
        """The greeting with all tables; empty until the engine sent it."""
        self.state: dict[str, Any] = {}
        self.heard_s = clock.now()
        """When the engine said something last; it does at least once a second."""
        self.counts: dict[str, int] = {}
        """What happened how often, for /metrics."""
        self.changed: list[Callable[[str, Mapping[str, Any]], None]] = []
        """Called with the kind and the message of whatever the engine says."""

    # ---------------------------------------------------------------------------------------------- to the frontends

    @contextlib.contextmanager
    def subscribed(self) -> Any:
        """A Subscriber that first gets the greeting and the notes that sound or are to come, then all that follows."""
        subscriber = Subscriber()
        if self.hello:
            subscriber.put(self._greeting())
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    @property
    def subscribers(self) -> int:
        """How many frontends listen."""
        return len(self._subscribers)

    def _greeting(self) -> dict[str, Any]:
        known = {"notes": list(self._notes.values()), "pedals": list(self._pedals.values())}
        return {**self.hello, "state": self.state, **known, "now_s": self.clock.now()}

    def people_changed(self) -> None:
        """What is kept of the people is another: who shows it reads it again."""
        for subscriber in self._subscribers:
            subscriber.put({"kind": "people", "now_s": self.clock.now()})

    def say(self, kind: str, text: str, level: str = "warning") -> None:
        """Log a sentence with the engine, each kind once a minute; what was left out is counted."""
        self.count(kind)
        now_s = self.clock.now()
        said_s, left_out = self._said.get(kind, (-SAY_EVERY_S, 0))
        if now_s - said_s < SAY_EVERY_S:
            self._said[kind] = (said_s, left_out + 1)
            return
        self._said[kind] = (now_s, 0)
        more = f" ({left_out} more since)" if left_out else ""
        self._send({"kind": "log", "level": level, "text": text + more})

    def tell(self, text: str, level: str = "warning") -> None:
        """Log a sentence with the engine, however often it is said: whoever asks limits it."""
        self._send({"kind": "log", "level": level, "text": text})

    def count(self, kind: str, number: int = 1) -> None:
        """Count what happened, for /metrics."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    # --------------------------------------------------------------------------------------------- to the engine

    def send(self, message: Mapping[str, Any], frontend: str, *, visitor: bool = False) -> str:
        """Hand a command over without waiting for the answer. Returns what is wrong with that, or ""."""
        refusal = self._hand_over({**message, "id": 0}, frontend, visitor)
        return refusal.sentence if refusal is not None else ""

    async def command(self, message: Mapping[str, Any], frontend: str, *, visitor: bool = False) -> dict[str, Any]:
        """Hand a command over; returns the answer, with the id of the message. visitor: whom a lock holds off."""
        number = next(self._ids)
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            refusal = self._hand_over({**message, "id": number}, frontend, visitor)
            answer = refusal.answer() if refusal is not None else await asyncio.wait_for(future, ANSWER_WITHIN_S)
        except TimeoutError:
            answer = Refusal(f"the engine did not answer within {ANSWER_WITHIN_S:g} s", later=True).answer()
        finally:
            self._answers.pop(number, None)
        return {"kind": "answer", **answer, "id": message.get("id")}

    def _hand_over(self, message: dict[str, Any], frontend: str, visitor: bool) -> Refusal | None:
        if self._lost:
            return REPLACED
        message = {key: value for key, value in message.items() if key not in OF_NO_SENDER}
        message |= {"from": frontend, **({"visitor": True} if visitor else {})}
        try:
            line = encode(message)
        except (ValueError, RecursionError):
            return Refusal("a number must be finite")
        if len(self._outbox) + len(line) > UNREAD_BYTES:
            self.say("busy", "The engine takes no more commands for the moment; some were refused.")
            return BUSY
        self.count(f"commands_{frontend}")
        self._write(line)
        return None

    def _send(self, message: Mapping[str, Any]) -> None:
        if len(self._outbox) < UNREAD_BYTES:
            self._write(encode(message))

    def _write(self, line: bytes) -> None:
        waiting = bool(self._outbox)
        self._outbox += line
        if not waiting:
            self._flush()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._outbox:
                del self._outbox[: self._engine.send(self._outbox)]
        except BlockingIOError:
            loop.add_writer(self._engine, self._flush)
            return
        except OSError:
            self._outbox.clear()  # the engine is gone: reading tells
        loop.remove_writer(self._engine)

    # ------------------------------------------------------------------------------------------- from the engine

    async def run(self) -> None:
        """Take what the engine says, until it is gone."""
        loop, buffer = asyncio.get_running_loop(), LineBuffer()
        while True:
            try:
                data = await loop.sock_recv(self._engine, READ_BYTES)
                lines = buffer.feed(data)
            except (OSError, LineError):
                return
            if not data:
                return
            for line in lines:
                self._take(decode(line))

    def lose(self) -> None:
        """The engine is gone: whoever waits for its answer, or asks it now, is told so."""
        self._lost = True
        for future in (one for one in self._answers.values() if not one.done()):
            future.set_result(REPLACED.answer())

    def trouble(self) -> str:
        """Why no music is made although it should be, or "": what a watchman asks."""
        silent_s = self.clock.now() - self.heard_s
        if not self.hello:
            return "the music engine has not answered yet"
        if silent_s > SILENT_ENGINE_S:
            return f"the music engine has not answered for {silent_s:.0f} s"
        if (overdue_s := self.state.get("overdue_s", 0)) > OVERDUE_S:
            return f"nothing was played for {overdue_s} s although something should have been"
        return ""

    def _take(self, message: dict[str, Any]) -> None:
        self.heard_s = self.clock.now()
        kind = str(message.get("kind"))
        if kind == "answer":
            future = self._answers.get(int(message.get("id") or 0))
            if future is not None and not future.done():
                future.set_result(message)
            elif not message["ok"]:
                self.say("refused", f"A command was refused: {message['error']}")
            return
        if kind == "hello":
            self.hello, self.state = message, message["state"]
        elif kind == "state":
            self.state = message["state"]
        self._remember(kind, message)
        for subscriber in self._subscribers:
            subscriber.put(message)
        for tell in self.changed:
            tell(kind, message)

    def _remember(self, kind: str, message: Mapping[str, Any]) -> None:
        """Keep the notes that sound or are to come, and the pedal, for frontends that join."""
        planned = {"notes": self._notes, "pedals": self._pedals}
        if kind in planned:
            kept, now_s = planned[kind], self.clock.now()
            kept |= {one["id"]: dict(one) for one in message[kind]}
            for one in [i for i, n in kept.items() if n.get("off_s", n["on_s"] + OLD_NOTE_S) <= now_s]:
                del kept[one]
        for kept in planned.values():
            if kind == "ends":
                for one, off_s in message["ends"]:
                    if one in kept:
                        kept[one]["off_s"] = off_s
            elif kind == "revoked":
                for one in [i for i in kept if i >= message["from"] and i not in message["kept"]]:
                    del kept[one]
            elif kind == "silence":
                kept.clear()
