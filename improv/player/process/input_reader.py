"""The player's ear: what arrives at the input, how often one looks, and what of it the engine is told."""

from __future__ import annotations

from improv.midi.messages import CLOCK_MESSAGES, is_channel_message
from improv.player.process.clock_in import ClockFollower
from improv.player.process.input_limit import InputLimit
from improv.player.process.ports import Ports
from improv.player.protocol import Received, ToEngine

# Waking costs 0.03 to 0.1 ms of CPU, whatever is done then: polled every 3 ms, the input alone took 3.3 % of a core.
RESTS_AFTER_S, RESTING_FACTOR = 2.0, 2


class InputReader:
    """Reads the input of the first output's driver. poll_s: how often one looks at a driver that wakes nobody."""

    def __init__(self, ports: Ports, poll_s: float, now_s: float) -> None:
        self._ports, self._poll_s = ports, poll_s
        self._next_s = self._rests_s = now_s
        self._follower = ClockFollower()
        self._limit = InputLimit()

    @property
    def arrivals(self) -> int:
        """File descriptor that wakes the loop when something arrives, or below 0."""
        return self._ports.driver.arrivals

    def wake_s(self) -> float | None:
        """When to look again, or None: the driver wakes the loop, or there is no input."""
        return self._next_s if self._limit.waits or (self._ports.driver.input_name and self.arrivals < 0) else None

    def read(self, now_s: float) -> list[ToEngine]:
        """What the engine is to be told. A driver that must be polled is looked at less often while nobody plays."""
        driver = self._ports.driver
        polled = driver.arrivals < 0 or self._limit.waits
        if not driver.input_name or (polled and now_s < self._next_s):
            return []
        arrived = driver.receive(now_s)
        if arrived:
            self._rests_s = now_s + RESTS_AFTER_S
        self._next_s = now_s + self._poll_s * (RESTING_FACTOR if now_s >= self._rests_s else 1)
        for at_s, message in arrived:
            if message[0] in CLOCK_MESSAGES:
                self._follower.feed(message, at_s)
            elif is_channel_message(message):
                self._limit.feed(message, min(at_s, now_s))
        passed = [Received(one.message, one.at_s) for one in self._limit.pop_due(now_s)]
        return [*passed, *self._follower.news(now_s)]
