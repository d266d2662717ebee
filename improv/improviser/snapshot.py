"""All that decides what comes next, as one frozen value: keeping a reference is enough to go back to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from improv.improviser.feedback import Feedback
from improv.improviser.pedal_state import NO_FOOT, Foot
from improv.model import guard
from improv.model.onnx_model import Model, State
from improv.model.vocabulary import Encoding, StreamDecoder
from improv.music.attributes import Key
from improv.music.mood import NEUTRAL, Mood
from improv.music.position import Position
from improv.plan.plan import Plan

GUIDED_ROWS = 2  # one row with the commands, one without
LONG_AGO_TICKS = 1 << 30


class HeldNote(NamedTuple):
    """A note of ours that sounds. pitch: as the model chose it. sent: as it sounds. tick: of its onset."""

    note_id: int
    pitch: int
    sent: int
    on_s: float
    tick: int
    end_tick: int | None = None
    """Where it ends, in families that know it as it begins."""


class TimeShift(NamedTuple):
    """A shift of time that is under way. It is fed to the model only with the next choice, so it can still be cut.

    before: the decoder without it. tick: of its beginning. ticks: its length.
    """

    before: StreamDecoder
    tick: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the music stands before a step.

    state: the model's, after last_token was chosen and before it was fed. decoder: never fed in place, copied first.
    tempo_ratio: to the commanded tempo, as the tokens say. leaving: notes of the model before; they end with this step.
    pedalled: notes that the model let go and the pedal holds. onset_s: of the steps with a start, inside the window
    that biases look at. end_tick: where an ending that was asked for is over; end_key: in which it closes.
    answered: the mood that a note answered last. person_keys: keys of the person that the model has been told are down.
    person_onset_s: when they were struck, inside the window that counts. heard_until: number of the last of their
    strikes that the model was told of. plan: for models that are told.
    foot: on the sustain pedal. begun_from: number of the last beginning that the music went on from; 0: none.
    """

    model: Model
    state: State
    decoder: StreamDecoder
    last_token: int
    position: Position
    shift: TimeShift | None = None
    tempo_ratio: float = 1.0
    held: tuple[HeldNote, ...] = ()
    leaving: tuple[HeldNote, ...] = ()
    pedalled: tuple[HeldNote, ...] = ()
    silent_ticks: int = 0
    onset_s: tuple[float, ...] = ()
    last_onset_s: float = 0.0
    rest_until_tick: int = 0
    end_tick: int | None = None
    end_key: Key | None = None
    answered: Mood = NEUTRAL
    feedback: Feedback = field(default_factory=Feedback)
    person_keys: frozenset[int] = frozenset()
    person_onset_s: tuple[float, ...] = ()
    plan: Plan | None = None
    heard_until: int = 0
    foot: Foot = NO_FOOT
    begun_from: int = 0

    @property
    def encoding(self) -> Encoding:
        """The vocabulary of the model that plays."""
        return self.model.encoding

    @property
    def held_pitches(self) -> frozenset[int]:
        """Pitches of our notes that the model holds, as it chose them."""
        return frozenset(note.pitch for note in self.held)


def beginning(model: Model, position: Position, mood: Mood) -> Snapshot:
    """An empty memory; the first note answers to `mood`."""
    start_id = model.encoding.start_id
    decoder = model.encoding.decoder()
    decoder.feed(start_id)
    # A planned piece begins with a note: its first bar is whole.
    silent = LONG_AGO_TICKS if model.encoding.planned else 0
    state = guard.initial_state(model, GUIDED_ROWS)
    return Snapshot(model, state, decoder, start_id, position, answered=mood, silent_ticks=silent)


def anew(old: Snapshot, position: Position, mood: Mood) -> Snapshot:
    """A new piece by the same model; what was heard of the person, and what was begun from, is no news to it."""
    return replace(beginning(old.model, position, mood), heard_until=old.heard_until, begun_from=old.begun_from)


def taken_over(old: Snapshot, model: Model, tempo_bpm: float, mood: Mood) -> Snapshot:
    """Another model plays on, or the same one with an empty memory, in the key and pace of what was heard; what sounds
    ends here.

    tempo_bpm: that it begins in. mood: that its first note answers to. Elsewhere than on a bar line the bar goes on,
    unless the model has a plan to begin.
    """
    encoding, was = model.encoding, old.position
    rate = encoding.ticks_per_beat / was.ticks_per_beat
    goes_on = model is old.model and encoding.planned
    into = 0 if encoding.planned and not goes_on else (was.tick - was.bar_tick) % was.bar_ticks
    position = was._replace(
        bar_tick=was.tick - round(into * rate),
        ticks_per_beat=encoding.ticks_per_beat,
        tempo_bpm=tempo_bpm,
        rubato=1.0,
    )
    bars_left = None if old.end_tick is None else (old.end_tick - was.tick) / was.bar_ticks
    return replace(
        beginning(model, position, mood),
        leaving=(*old.leaving, *old.held, *old.pedalled),  # of one that never planned a step, too
        foot=old.foot,
        onset_s=old.onset_s,
        feedback=old.feedback.on_grid(rate),
        heard_until=old.heard_until,
        begun_from=old.begun_from,
        silent_ticks=LONG_AGO_TICKS,  # no gap: it starts with a note
        end_tick=None if bars_left is None else position.tick + round(bars_left * position.bar_ticks),
        plan=old.plan if goes_on else None,
    )
