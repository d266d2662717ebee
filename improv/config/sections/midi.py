"""The sections `midi`, `timing` and `clock`: ports, outputs, deadlines, time with others."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from improv.config.sections.section import Section, TableError
from improv.player.protocol import DriverName, PlayerSettings

LONGEST_LATENCY_MS = 500
LONGEST_OFFSET_MS = 200
PLAYER = PlayerSettings()
"""What the player does where nobody says otherwise."""


def _null_is_a_name(value: object) -> object:
    """YAML reads the driver `null` as nothing."""
    return "null" if value is None else value


def _off_is_a_word(value: object) -> object:
    """YAML reads `off` as false."""
    return "off" if value is False else value


Split = Annotated[Literal["off", "hands", "melody"], BeforeValidator(_off_is_a_word)]
Row = TypeVar("Row", int, float)


def _velocities(table: dict[int, Row], low: float, high: float, unit: str) -> dict[int, Row]:
    """The table, ascending; every key a velocity, every value in low..high."""
    for velocity, value in table.items():
        if not 1 <= velocity <= 127:
            raise TableError((velocity,), f"a velocity must be 1..127 (got {velocity})")
        if not low <= value <= high:
            raise TableError((velocity,), f"must be {low:g}..{high:g}{unit} (got {value:g})")
    return dict(sorted(table.items()))


class OutputSection(Section):
    """One of several outputs."""

    port: str = ""
    channel: int = Field(1, ge=1, le=16)
    transpose: int = Field(0, ge=-60, le=60)
    velocity_curve: dict[int, int] = {}
    latency_ms: float = Field(0, ge=0, le=LONGEST_LATENCY_MS)
    program: int = Field(-1, ge=-1, le=127)
    velocity_delay_ms: dict[int, float] = {}
    clock: bool = False
    metronome: int = Field(0, ge=0, le=16)
    part: Literal["all", "right", "left", "melody", "rest"] = "all"
    split: Split = "off"
    split_channel: int = Field(0, ge=0, le=16)

    @field_validator("velocity_curve")
    @classmethod
    def _curve(cls, table: dict[int, int]) -> dict[int, int]:
        return _velocities(table, 1, 127, "")

    @field_validator("velocity_delay_ms")
    @classmethod
    def _delays(cls, table: dict[int, float]) -> dict[int, float]:
        return _velocities(table, 0, LONGEST_LATENCY_MS, " ms")


SIMPLE = ("output", "channel", "transpose", "program", "clock", "metronome", "split", "split_channel")
"""Keys of the one output, where there is no list of several."""


class MidiSection(Section):
    driver: Annotated[DriverName, BeforeValidator(_null_is_a_name)] = "auto"
    file: str = ""
    output: str = ""
    input: str = ""
    wait_for_ports: bool = False
    name: str = Field(PLAYER.virtual_port_name, min_length=1, max_length=60)
    channel: int = Field(1, ge=1, le=16)
    transpose: int = Field(0, ge=-60, le=60)
    program: int = Field(-1, ge=-1, le=127)
    clock: bool = False
    metronome: int = Field(0, ge=0, le=16)
    split: Split = "off"
    split_channel: int = Field(0, ge=0, le=16)
    outputs: tuple[OutputSection, ...] = Field((), strict=False, max_length=16)

    @field_validator("outputs")
    @classmethod
    def _alone(cls, outputs: tuple[OutputSection, ...], info: ValidationInfo) -> tuple[OutputSection, ...]:
        simple = {key: cls.model_fields[key].default for key in SIMPLE}
        if outputs and (given := [key for key, default in simple.items() if info.data.get(key, default) != default]):
            keys = " and ".join(f"midi.{key}" for key in given)
            raise ValueError(
                "each output has a port, channel, transpose, program, clock, metronome and split of its own; "
                f"leave {keys} out"
            )
        return outputs

    @property
    def all_outputs(self) -> tuple[OutputSection, ...]:
        """The outputs, also where only the simple form is given."""
        return self.outputs or (
            OutputSection(
                port=self.output,
                channel=self.channel,
                transpose=self.transpose,
                program=self.program,
                clock=self.clock,
                metronome=self.metronome,
                split=self.split,
                split_channel=self.split_channel,
            ),
        )


class TimingSection(Section):
    look_ahead_ms: float = Field(250, ge=20, le=5000)
    late_note_limit_ms: float = Field(1000 * PLAYER.late_note_limit_s, ge=5, le=1000)
    realtime: bool = True


class ClockSection(Section):
    """Time with others."""

    source: Literal["internal", "midi"] = "internal"
    offset_ms: float = Field(0, ge=-LONGEST_OFFSET_MS, le=LONGEST_OFFSET_MS)
    tempo_change: Literal["glide", "bar"] = "glide"
    count_in_bars: int = Field(0, ge=0, le=4)
