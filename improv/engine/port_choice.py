"""The ports that are commanded while the music plays, told to the player; and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from improv.control.commands import Command, SetInput, SetOutput, SetParts
from improv.control.state import ControlState
from improv.engine.settings import EngineSettings
from improv.errors import CommandError
from improv.music.parts import SPLITS, UNSPLIT, WHOLE, of_output
from improv.player.protocol import Link, OutputSettings, Rewire, Rewired


def wiring(settings: EngineSettings, controls: ControlState) -> Rewire:
    """Outputs and input: as commanded, the rest as the configuration says."""
    ports: Mapping[int, str] = controls.output_ports
    outputs = tuple(
        _parted(output, controls.output_parts.get(number))._replace(port=ports.get(number, output.port))
        for number, output in enumerate(settings.outputs, 1)
    )
    return Rewire(outputs, settings.input_port if controls.input_port is None else controls.input_port)


def _parted(output: OutputSettings, commanded: tuple[str, str, int] | None) -> OutputSettings:
    if commanded is None:
        return output
    split, part, channel = commanded
    only, second = of_output(part, split)
    return output._replace(
        part=only,
        second_part=second,
        second_channel=channel - 1 if channel else output.second_channel,
    )


def _split(output: OutputSettings) -> str:
    return next((split for split, (_, second) in SPLITS.items() if second == output.second_part), UNSPLIT)


def _way(output: OutputSettings) -> tuple[str, str, int]:
    """What the configuration says of an output's parts."""
    return output.part, output.second_part, output.second_channel


class PortChoice:
    """settings, controls: under which the player was started."""

    def __init__(self, link: Link, settings: EngineSettings, controls: ControlState) -> None:
        self.settings = settings
        self._link = link
        self._told = wiring(settings, controls)
        self._fault = ""

    def refuse(self, command: Command) -> None:
        """CommandError where there is no such output, or no port to choose."""
        if not isinstance(command, SetOutput | SetParts | SetInput):
            return
        number = len(self.settings.outputs)
        if not number:
            raise CommandError("no port can be chosen where there is no player")
        if not isinstance(command, SetInput) and command.number > number:
            name = "output" if isinstance(command, SetOutput) else "parts"
            raise CommandError(
                f"{name}: number must be 1..{number}, as many as there are outputs (got {command.number})"
            )

    @property
    def needs_parts(self) -> bool:
        """Whether an output asks which part of the music a note belongs to."""
        return any(output.part or output.second_part for output in self._told.outputs)

    def look(self, controls: ControlState) -> None:
        """Tell the player where something else is wanted than it was told last."""
        wanted = wiring(self.settings, controls)
        if wanted != self._told and wanted.outputs:
            self._told, self._fault = wanted, ""
            self._link.send(wanted)

    def hear(self, record: Rewired, controls: ControlState) -> ControlState:
        """What came of it; ports that could not be taken are not commanded any more."""
        self._fault = record.fault
        if not record.fault:
            return controls
        outputs = tuple(
            output._replace(port=port) for output, port in zip(self._told.outputs, record.output_ports, strict=False)
        )
        self._told = Rewire(outputs, record.input_port)
        ports = {
            number: port
            for number, (port, output) in enumerate(zip(record.output_ports, self.settings.outputs, strict=False), 1)
            if port != output.port
        }
        heard = record.input_port if record.input_port != self.settings.input_port else None
        return replace(controls, output_ports=MappingProxyType(ports), input_port=heard)

    def configure(self, settings: EngineSettings, controls: ControlState) -> ControlState:
        """Other settings, told to the player: a port or parts that they change are commanded no more.

        Another number of outputs waits for the next start.
        """
        before, self.settings = self.settings, settings
        if len(settings.outputs) != len(before.outputs):
            self.settings = replace(settings, outputs=before.outputs)
        each = list(enumerate(zip(before.outputs, self.settings.outputs, strict=True), 1))
        changed = {number for number, (old, new) in each if old.port != new.port}
        kept = {number: port for number, port in controls.output_ports.items() if number not in changed}
        elsewhere = {number for number, (old, new) in each if _way(old) != _way(new)}
        parts = {number: one for number, one in controls.output_parts.items() if number not in elsewhere}
        heard = controls.input_port if settings.input_port == before.input_port else None
        controls = replace(
            controls, output_ports=MappingProxyType(kept), output_parts=MappingProxyType(parts), input_port=heard
        )
        self.look(controls)
        return controls

    def fields(self) -> dict[str, Any]:
        """Fields of the published state."""
        ports = tuple(output.port for output in self._told.outputs)
        parts = tuple(
            (output.part or WHOLE, _split(output), output.channel + 1, output.second_channel + 1)
            for output in self._told.outputs
        )
        return {
            "output_ports": ports,
            "output_parts": parts,
            "input_port": self._told.input_port,
            "port_fault": self._fault,
        }
