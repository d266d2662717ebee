"""Other ports chosen while the music plays: which outputs change, what came of it, and what the engine is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from improv.player.process.output import Output
from improv.player.process.output_transform import slowest_s
from improv.player.process.rewiring import each_output
from improv.player.protocol import PlayerSettings, PortsChanged, Rewire, Rewired, ToEngine


class Names(NamedTuple):
    """For people: of all outputs together."""

    driver: str
    output_name: str
    input_name: str


def described(outputs: Sequence[Output]) -> Names:
    """The drivers in use and the names of the ports."""
    drivers = [output.ports.driver for output in outputs]
    names = ", ".join(driver.output_name for driver in drivers if driver.output_name)
    return Names(" + ".join(dict.fromkeys(driver.name for driver in drivers)), names, drivers[0].input_name)


class PortChoice:
    """Carries out one `Rewire` after the other. settings: with which the outputs were opened."""

    def __init__(self, outputs: Sequence[Output], settings: PlayerSettings) -> None:
        self._outputs, self._settings, self._before = outputs, settings, settings
        self._waits: Rewire | None = None
        self._faults: list[str] = []

    @property
    def under_way(self) -> bool:
        """Whether other ports are being opened."""
        return any(output.swapping for output in self._outputs)

    def rewire(self, record: Rewire) -> list[ToEngine]:
        """Begin; what the engine is told of it now. While other ports are still being opened it waits, the last alone
        counts.
        """
        if self.under_way:
            self._waits = record
            return []
        if len(record.outputs) != len(self._outputs):
            number = len(self._outputs)
            return [self._answer(f"{number} outputs are open; another number of them counts from the next start.")]
        before, after = self._settings, self._settings.rewired(record.outputs, record.input_port)
        self._settings, self._before = after, before
        sounds_s = slowest_s(record.outputs)
        each = zip(self._outputs, each_output(before), each_output(after), strict=True)
        for output, (old, _), (new, transform) in each:
            if old.output_port != new.output_port or (new.with_input and old.input_port != new.input_port):
                output.swap(old, new)
            output.transform_by(transform, sounds_s)
        return [] if self.under_way else [self._answer()]

    def look(self) -> list[ToEngine]:
        """Called in every turn: what the engine is told of ports that are open now."""
        if not self.under_way:
            return []
        for number, output in enumerate(self._outputs):
            if (swapped := output.swapped()) is not None and swapped.fault:
                self._faults.append(swapped.fault)
                self._keep(number)
        return [] if self.under_way else self._told()

    def _keep(self, number: int) -> None:
        """The output `number` has the ports that it had before."""
        before, now = self._before, self._settings
        port = each_output(before)[number][1].port
        outputs = tuple(one._replace(port=port) if i == number else one for i, one in enumerate(now.outputs))
        self._settings = now.rewired(outputs, before.input_port if number == 0 else now.input_port)

    def _told(self) -> list[ToEngine]:
        fault, self._faults = " ".join(dict.fromkeys(self._faults)), []
        names = described(self._outputs)
        notice = fault or f"MIDI ports now: out {names.output_name or 'none'}, in {names.input_name or 'none'}."
        lost = self._settings.input_port != self._before.input_port
        told: list[ToEngine] = [PortsChanged(*names, notice, goes_on=True, input_lost=lost), self._answer(fault)]
        if (waits := self._waits) is not None:
            self._waits = None
            told += self.rewire(waits)
        return told

    def _answer(self, fault: str = "") -> Rewired:
        ports = tuple(output.port for _, output in each_output(self._settings))
        return Rewired(ports, self._settings.input_port, fault)
