"""What is done without at present, in sentences for people: each a stated step, that is taken back when it can be."""

from __future__ import annotations

from improv.control.commands import INTERNAL
from improv.control.state import ControlState
from improv.engine.external_clock import ExternalClock
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.plain_model import PLAIN


def degraded(controls: ControlState, external: ExternalClock) -> tuple[str, ...]:
    """Of the engine; ports and disk are the daemon's."""
    found = []
    commanded = controls.model if controls.instead_of is None else controls.instead_of
    if controls.model == PLAIN != commanded:
        found.append(f"the last bars are varied by rule instead of the model {commanded or DEFAULT_MODEL}")
    elif controls.instead_of is not None:
        found.append(f"the model {controls.model or DEFAULT_MODEL} plays instead of {commanded or DEFAULT_MODEL}")
    if not controls.guided and controls.model != PLAIN:
        found.append(f"the model {controls.model or DEFAULT_MODEL} is too slow here: it plays without guidance")
    if controls.clock_source != INTERNAL and external.state == "lost":
        found.append("the MIDI clock is lost: its last tempo goes on")
    return tuple(found)
