"""Between the engine and its frontends: their commands become the engine's, its state becomes theirs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from improv.clock import Clock
from improv.control.command_table import table_as_json
from improv.control.commands import FILE, BeginFrom, Command
from improv.control.locks import OF_THE_CURATOR, refuse, yielding
from improv.control.parse import Names, parse
from improv.control.published_state import State, fields_as_json
from improv.control.state import ControlState
from improv.errors import BrainMusicError, CommandError
from improv.music.attributes import ATTRIBUTES

log = logging.getLogger(__name__)

STATE_EVERY_S = 0.05
START_AFTER_S = 1.0  # the music begins first; page and OSC may take a second of the machine after it
LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
LONGEST_LOG_LINE = 500
TURN_TAKES, TURN_TAKES_S = 100, 0.01
"""Commands, and seconds, that one turn of the engine gives to the frontends."""
OWN_USER = "ctl"
"""The frontend that only programs of the same user reach; others name files inside of the folder for them alone."""


class Client(Protocol):
    """What the bridge needs of improv.frontends.client."""

    @property
    def connected(self) -> bool: ...
    def start(self) -> None: ...
    def post(self, message: Mapping[str, Any]) -> None: ...
    def post_state(self, state: Mapping[str, Any]) -> None: ...
    def receive(self) -> list[dict[str, Any]]: ...
    def beat(self) -> str: ...


class Bridge:
    """Driven by `turn`; never waits. act: what carries a command out, as Engine.act; it may raise BrainMusicError.
    controls: what was commanded up to now.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        act: Callable[[Command, float], None],
        names: Callable[[], Names],
        controls: Callable[[], ControlState],
    ) -> None:
        self._client, self._clock, self._act, self._names, self._controls = client, clock, act, names, controls
        self._start_at_s = clock.now() + START_AFTER_S
        self._started = False
        self._next_state_s = 0.0
        self._shown: Mapping[str, Any] = {}
        self._waiting: deque[dict[str, Any]] = deque()

    def turn(self, state: State) -> None:
        """Carry out what the frontends command, and publish the state when it changed."""
        now_s = self._clock.now()
        if not self._started:
            if now_s < self._start_at_s:
                return
            self._started = True
            self._start()
            self._greet(state)
        if (notice := self._client.beat()) != "":
            log.warning("%s", notice)
            for message in self._waiting:  # of those that are gone: nobody waits for the answers
                message.pop("id", None)
            self._greet(state)
        self._take_some()
        if now_s >= self._next_state_s and self._client.connected:
            self._publish(state, now_s)

    def _take_some(self) -> None:
        """No more in one turn than the music has time for. What is left comes first in the next one and nothing is read
        before it, so that a flood waits in the frontends, which refuse what is too much.
        """
        self._waiting = self._waiting or deque(self._client.receive())
        until_s = self._clock.now() + TURN_TAKES_S
        for _ in range(min(len(self._waiting), TURN_TAKES)):
            self._take(self._waiting.popleft())
            if self._clock.now() >= until_s:
                break

    def _start(self) -> None:
        try:
            self._client.start()
        except OSError as error:
            log.warning("page, OSC and ctl cannot be started now (%s); the music goes on", error.strerror or error)

    def _publish(self, state: State, now_s: float) -> None:
        shown = state.as_json()
        if shown != self._shown:
            self._next_state_s = now_s + STATE_EVERY_S
            self._shown = shown
            self._client.post_state(shown)

    def _greet(self, state: State) -> None:
        names = self._names()
        self._client.post(
            {
                "kind": "hello",
                "commands": table_as_json(),
                "curators": list(OF_THE_CURATOR),
                "fields": fields_as_json(),
                "state": state.as_json(),
                "moods": {name: list(mood) for name, mood in names.moods.items()},
                "models": list(names.models),
                "journeys": list(names.journeys),
                "scenes": list(names.scenes),
                "attributes": {
                    one.name: {"low": one.low, "high": one.high, "unit": one.unit, "scale": one.scale, "text": one.text}
                    for one in ATTRIBUTES.values()
                },
            }
        )

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("kind") == "log":
            level = LEVELS.get(str(message.get("level")), logging.INFO)
            log.log(level, "%s", str(message.get("text"))[:LONGEST_LOG_LINE])
            return
        answer: dict[str, Any] = {"kind": "answer", "id": message.get("id"), "ok": True}
        try:
            command = parse(message, self._names())
            if message.get("from") != OWN_USER:
                _keep_inside(command)
            if message.get("visitor"):
                refuse(command, now := self._controls())
                command = yielding(command, now.lock)
            self._act(command, self._clock.now())
        except BrainMusicError as error:
            answer |= {"ok": False, "error": str(error)}
        except Exception:  # a fault of ours: whoever commanded must not end the music with it
            log.exception("unexpected error with the command %s", str(message)[:LONGEST_LOG_LINE])
            answer |= {"ok": False, "error": "unexpected error; see the log"}
        self._client.post(answer)


def _keep_inside(command: Command) -> None:
    """CommandError where a command names a file elsewhere than in the folder for it."""
    if not isinstance(command, BeginFrom) or command.source != FILE:
        return
    if any(sign in command.name for sign in ("..", "\\", ":", "~")) or command.name.startswith("/"):
        raise CommandError(
            "begin_from_file: name a file inside of the folder music.beginnings; paths are for improv ctl"
        )
