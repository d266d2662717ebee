"""What an exported model says about itself: the metadata inside the ONNX file, written by the exporter, read here.

inputs   token (batch,) int64; conditioning (batch, conditioning.width(encoding)) float32;
         state_h, state_c (rows, batch, hidden) float32, each with rows of its own number: zeros before the first token,
         after it what the step before gave back, whatever it means to the network
         role (batch, roles.SIZE) float32, only of models that learned to play beside a person (improv.model.roles)
outputs  logits (batch, vocabulary) float32; new_state_h, new_state_c like the inputs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from improv.errors import ModelError
from improv.model import conditioning, habits
from improv.model.vocabulary import FAMILIES, Encoding, encoding_for

FORMAT_VERSION = 1
STATE_INPUTS = ("state_h", "state_c")
INPUTS = ("token", "conditioning", *STATE_INPUTS)
OUTPUTS = ("logits", *(f"new_{name}" for name in STATE_INPUTS))
_PREFIX = "brainmusic."


@dataclass(frozen=True, slots=True)
class Contract:
    """The metadata, every value as text in the file.

    created: ISO 8601 date. held_out_loss: nats per token of held-out works, all commands hidden. split: hash over which
    piece was trained on and which held out; "" where a file does not tell it. habits: of a composer (see
    `improv.model.habits`); "": it plays as everybody does.
    """

    format_version: int
    name: str
    family: str
    fingerprint: str
    ticks_per_beat: int
    conditioning: str
    training_data: str
    licence: str
    created: str
    held_out_loss: float
    split: str = ""
    habits: str = ""

    def to_metadata(self) -> dict[str, str]:
        """Key -> text as stored in the file."""
        return {_PREFIX + field.name: str(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], source: str) -> Contract:
        """Read it back; ModelError names what is missing or of another kind than it must be."""
        values: dict[str, Any] = {}
        kinds = {"format_version": int, "ticks_per_beat": int, "held_out_loss": float}
        for field in fields(cls):
            text = metadata.get(_PREFIX + field.name)
            if text is None and field.default is not MISSING:
                continue
            if text is None:
                raise ModelError(f"{source} is not a BrainMusic model: its metadata has no {_PREFIX + field.name!r}")
            try:
                values[field.name] = kinds.get(field.name, str)(text)
            except ValueError:
                raise ModelError(f"{source}: {_PREFIX + field.name} must be a number, got {text!r}") from None
            if field.name == "format_version":  # first of all: another format may have other fields
                _same(source, "format version", values[field.name], FORMAT_VERSION)
        return cls(**values)

    def check(self, source: str) -> Encoding:
        """The encoding to use with the model; ModelError names both values where they do not match."""
        _same(source, "format version", self.format_version, FORMAT_VERSION)
        if self.family not in FAMILIES:
            raise ModelError(f"{source} is of family {self.family!r}; this version knows: {', '.join(FAMILIES)}")
        encoding = encoding_for(self.family)
        _same(source, f"{self.family} vocabulary", self.fingerprint, encoding.fingerprint)
        _same(source, "ticks per beat", self.ticks_per_beat, encoding.ticks_per_beat)
        _same(source, "conditioning", self.conditioning, conditioning.specification_for(encoding))
        habits.check(self.habits, source)
        return encoding


def _same(source: str, what: str, there: object, here: object) -> None:
    if there != here:
        raise ModelError(f"{source} does not match this version: its {what} is {there}, expected is {here}")
