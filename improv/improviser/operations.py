"""Everything that can be done to an improviser, as records: what was done, in order, makes the same music again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from improv.control.state import ControlState
from improv.improviser.planned_step import PlannedStep
from improv.improviser.priming import Told
from improv.improviser.settings import Settings
from improv.listening.influence import Influence
from improv.model.onnx_model import Model
from improv.music.primer import Primer


class Plan(NamedTuple):
    """Choose the next grid step under the controls."""

    controls: ControlState


class Rewind(NamedTuple):
    """Forget every step from `tick` on. ValueError when that lies further back than is remembered."""

    tick: int


class Begin(NamedTuple):
    """A new piece begins with the next step, in bar 1, with an empty memory, in its own tempo: not in an ending's."""

    controls: ControlState


class Hear(NamedTuple):
    """The keys that somebody else holds down from now on, 0..127, and (pitch, velocity) of those that they struck since
    this was said last, in order, also where they are up again. The model takes them for part of its music, they are not
    played; those beyond the piano are not heard.
    """

    keys: tuple[int, ...]
    struck: tuple[tuple[int, int], ...] = ()


class Follow(NamedTuple):
    """What the person's playing asks of the next steps, until it is said anew."""

    influence: Influence


class FollowTempo(NamedTuple):
    """Another program gives the tempo from now on, whatever the mood and the ending say; None: no more."""

    tempo_bpm: float | None


class Prime(NamedTuple):
    """From the next bar line on a new piece goes on from these bars, as if they had been played before it.

    model: the name of the one that was told them (improv.improviser.priming.tell); empty: none could be. told: as it
    came out; None: it is told now, which takes a while.
    """

    primer: Primer
    model: str = ""
    told: Told | None = None


class Locate(NamedTuple):
    """The next step stands so many beats after the song's beginning: its bar and its place in the bar."""

    beat: float


class Shorten(NamedTuple):
    """The next step begins at `music_s` if it would begin later: the step before it becomes shorter."""

    music_s: float


class Release(NamedTuple):
    """Forget what sounds: someone ended it. The model may go on as if it did not know."""


class Offer(NamedTuple):
    """From now on this model can be asked for by name (ControlState.model)."""

    name: str
    model: Model


class Replace(NamedTuple):
    """The commanded model plays from the next step on with an empty memory, wherever in the bar that is: the one before
    failed.
    """

    controls: ControlState


class Resume(NamedTuple):
    """Go on from step `tick`, which is the next one to be planned or was planned already, with this id for the next
    note: an improviser in another process takes over from one that was lost.
    """

    tick: int
    next_note_id: int


class Configure(NamedTuple):
    """Other settings from the next step on."""

    settings: Settings


Operation = (
    Plan
    | Rewind
    | Begin
    | Hear
    | Follow
    | FollowTempo
    | Prime
    | Locate
    | Shorten
    | Release
    | Offer
    | Replace
    | Resume
    | Configure
)

Observer = Callable[[Operation, PlannedStep | None], None]
"""Told of each operation once it is done, and of the step that it planned."""
