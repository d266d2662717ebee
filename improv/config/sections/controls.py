"""The section `controls`: which control change means what."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator

from improv.config.sections.section import Section, TableError, did_you_mean
from improv.control.journey import Plan
from improv.control.midi_map import CONTROL_ACTIONS, MidiMap
from improv.midi.fine_controls import ControlKey, control_key, halves
from improv.music.mood import CORNERS, Mood

# None of 120 to 127: what an instrument says of its own notes is no command to us. A Roland piano sends 123 with every
# last key that is let go, a DAW 121 and a program when it connects.
DEFAULT_CONTROLS: dict[ControlKey, str] = {
    20: "valence",
    21: "arousal",
    22: "mood",
    23: "intensity",
    24: "temperature",
    25: "onset_density",
    26: "register",
    27: "loudness",
    28: "tempo",
    29: "glide",
    85: "play_pause",
    86: "end",
    87: "tap",
    102: "journey_start",
    103: "journey_hold",
    104: "journey_resume",
    105: "journey_abort",
    106: "journey_jump",
    107: "scene_back",
    108: "scene_next",
    109: "scene_place",
    110: "undo",
    111: "redo",
    118: "reset",
    119: "all_notes_off",
}


UNBOUND = "none"
"""What a control is mapped to that shall do nothing, whatever the default map says."""


def _key(control: object) -> ControlKey:
    try:
        return control_key(control)
    except ValueError as error:
        raise TableError((control if isinstance(control, int | str) else str(control),), str(error)) from None


class ControlsSection(Section):
    """map: what is given joins the default map; `none` takes a control out of it. A pair of 14 bits takes the place of
    its halves there.
    """

    channel: Literal["all"] | int = "all"
    chord_channel: int = Field(0, ge=0, le=16)
    map: dict[ControlKey, str] = DEFAULT_CONTROLS
    programs: dict[int, str] = {}
    set_list_program: int = Field(-1, ge=-1, le=127)

    @field_validator("channel", mode="before")
    @classmethod
    def _channel(cls, channel: object) -> object:
        if channel != "all" and not (type(channel) is int and 1 <= channel <= 16):
            raise ValueError(f"must be 1..16 or all (got {channel!r})")
        return channel

    @field_validator("map", mode="before")
    @classmethod
    def _joined(cls, table: object) -> object:
        if not isinstance(table, dict):
            return table
        given = {_key(control): UNBOUND if action is None else action for control, action in table.items()}
        taken = {half for control, action in given.items() if action != UNBOUND for half in halves(control)}
        joined = DEFAULT_CONTROLS | given
        return {
            control: action
            for control, action in joined.items()
            if control not in taken or action != DEFAULT_CONTROLS.get(control)
        }

    @field_validator("map")
    @classmethod
    def _actions(cls, table: dict[ControlKey, str]) -> dict[ControlKey, str]:
        for control, action in table.items():
            if action not in (*CONTROL_ACTIONS, UNBOUND):
                hint = did_you_mean(action, CONTROL_ACTIONS)
                allowed = ", ".join((*CONTROL_ACTIONS, UNBOUND))
                raise TableError((control,), f"unknown action {action!r}{hint}; allowed: {allowed}")
        return table

    @field_validator("programs")
    @classmethod
    def _programs(cls, table: dict[int, str]) -> dict[int, str]:
        for program in table:
            if not 0 <= program <= 127:
                raise TableError((program,), f"a program must be 0..127 (got {program})")
        return table

    def midi_map(
        self,
        moods: Mapping[str, Mood] = MappingProxyType(CORNERS),
        journeys: Mapping[str, Plan] = MappingProxyType({}),
    ) -> MidiMap:
        """The table as the controls use it. moods, journeys: what names mean."""
        bound = {control: action for control, action in self.map.items() if action != UNBOUND}
        channel = 0 if self.channel == "all" else self.channel
        return MidiMap(bound, self.programs, channel, self.chord_channel, moods, journeys, self.set_list_program)
