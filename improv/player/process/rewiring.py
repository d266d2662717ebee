"""Which driver each output has, and how another one takes its place while the music plays."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from improv.clock import Clock
from improv.errors import PortError
from improv.player.drivers.base import Driver
from improv.player.drivers.null import NullDriver
from improv.player.drivers.probe import NO_SYSTEM, open_driver
from improv.player.drivers.rtmidi_port import find_port
from improv.player.process.ports import Connections
from improv.player.protocol import OutputSettings, PlayerSettings

Open = Callable[[PlayerSettings], Driver]


def each_output(settings: PlayerSettings) -> list[tuple[PlayerSettings, OutputSettings]]:
    """The settings of each output's driver, and its transform. The first driver has the input."""
    several = settings.outputs or (OutputSettings(settings.output_port),)
    remembered = settings.output_connections + ((),) * len(several)
    found = []
    for number, output in enumerate(several):
        suffix = f" {number + 1}" if number else ""
        file = Path(settings.file)
        one = settings._replace(
            output_port=output.port,
            virtual_port_name=settings.virtual_port_name + suffix,
            file=str(file.with_stem(file.stem + suffix)) if settings.file else "",
            with_input=number == 0,
            connections=remembered[number],
            input_connections=settings.input_connections if number == 0 else (),
        )
        found.append((one, output))
    return found


def finder(settings: PlayerSettings, open_: Open = open_driver) -> Callable[[Connections], Driver] | None:
    """How to look for an output's port again, with what its virtual port was connected to."""
    if settings.driver in NO_SYSTEM:
        return None

    def find(before: Connections) -> Driver:
        return open_(settings._replace(connections=before[0], input_connections=before[1]))

    return find


class Swapped(NamedTuple):
    """The driver that is there now. fault: why the one that was asked for is not, or empty."""

    driver: Driver
    fault: str = ""


class Swap:
    """Opens other ports in place of a driver's, by a thread of its own: that takes up to 0.2 s, and other outputs play
    on. The driver is not to be used meanwhile; all that it was told to send is out before it is closed.

    before, after: settings of the driver as it was opened, and as it is to be.
    """

    def __init__(
        self, driver: Driver, before: PlayerSettings, after: PlayerSettings, clock: Clock, open_: Open = open_driver
    ) -> None:
        self._driver, self._before, self._after = driver, before, after
        self._clock, self._open = clock, open_
        self._swapped: Swapped | None = None
        self._thread = threading.Thread(target=self._run, name="ports", daemon=True)
        self._thread.start()

    def ready(self) -> Swapped | None:
        """What came of it, None while it is under way."""
        if self._thread.is_alive():
            return None
        self._thread.join()
        return self._swapped

    def wait(self) -> Swapped:
        """What came of it, as soon as it is known."""
        self._thread.join()
        return self._swapped or Swapped(NullDriver(), "The MIDI ports could not be opened.")

    def _run(self) -> None:
        if hasattr(os, "sched_setscheduler"):  # of this thread alone, and so of those that a MIDI system starts
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        try:
            self._swapped = self._swap()
        except Exception as error:  # whatever a MIDI library makes of it: the loop waits for an answer
            self._swapped = Swapped(NullDriver(), f"The MIDI ports could not be opened: {error}")

    def _swap(self) -> Swapped:
        if self._after.driver in NO_SYSTEM:
            return Swapped(self._driver, _no_ports(self._after))
        if not self._is_here():  # in another MIDI system, or nowhere: nothing is closed for a port that is not there
            try:
                driver = self._open(self._after)
            except PortError as error:
                return Swapped(self._driver, str(error))
            self._close()
            return Swapped(driver)
        self._close()  # first, so that the new virtual ports can have its names
        try:
            return Swapped(self._open(self._after))
        except PortError as error:
            fault = str(error)
        try:
            return Swapped(self._open(self._before), fault)
        except PortError:
            return Swapped(NullDriver(), fault)

    def _is_here(self) -> bool:
        """Whether the ports that are asked for are in the MIDI system of the driver."""
        after, driver = self._after, self._driver
        if isinstance(driver, NullDriver):
            return False
        try:
            if after.output_port:
                find_port(driver.outputs(), after.output_port, "output")
            if after.input_port and after.with_input:
                find_port(driver.inputs(), after.input_port, "input")
        except PortError:
            return False
        return True

    def _close(self) -> None:
        self._clock.wait(self._clock.now() + self._driver.settle_s)
        self._driver.close()


def _no_ports(settings: PlayerSettings) -> str:
    wanted = settings.output_port or settings.input_port
    return f"There is no MIDI port {wanted!r} to choose: midi.driver is {settings.driver}."
