"""The driver in use, and the way from one that failed to the next."""

from __future__ import annotations

from collections.abc import Callable

from improv.errors import PortError
from improv.player.drivers.base import Driver
from improv.player.drivers.null import NullDriver
from improv.player.protocol import PortsChanged

Connections = tuple[tuple[str, ...], tuple[str, ...]]
NO_CONNECTIONS: Connections = ((), ())


class Ports:
    """Holds an opened driver. While nothing better is there it is the null driver, and `find` is asked again and again.

    find: opens a driver or raises PortError; None to stay with the driver given. It is told what the virtual ports of
    the driver before were connected to.
    """

    def __init__(
        self,
        driver: Driver,
        find: Callable[[Connections], Driver] | None = None,
        connections: Connections = NO_CONNECTIONS,
    ) -> None:
        self.driver = driver
        self._find = find
        self._connections = connections

    @property
    def connections(self) -> Connections:
        """What the virtual ports are connected to, or were before the MIDI system went."""
        return self._connections if isinstance(self.driver, NullDriver) else self.driver.connections()

    def look_for(self, find: Callable[[Connections], Driver] | None) -> None:
        """Other ports were opened: this is how they are looked for, should they go."""
        self._find, self._connections = find, NO_CONNECTIONS

    def check(self) -> PortsChanged | None:
        """Look after the ports, about twice a second. Tells what changed; then all that sounded must be ended."""
        if self._find is not None and isinstance(self.driver, NullDriver):
            return self._look_again(self._find)
        try:
            notice = self.driver.check()
        except PortError as error:
            self._connections = self.driver.connections()
            self.driver.close()
            self.driver = NullDriver()
            notice = f"{error} BrainMusic goes on without MIDI ports until there are some again."
        return self._changed(notice) if notice else None

    def _look_again(self, find: Callable[[Connections], Driver]) -> PortsChanged | None:
        try:
            self.driver = find(self._connections)
        except PortError:
            return None
        return self._changed(f"MIDI ports are there now, through {self.driver.name}.")

    def _changed(self, notice: str) -> PortsChanged:
        return PortsChanged(self.driver.name, self.driver.output_name, self.driver.input_name, notice)
