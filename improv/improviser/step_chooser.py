"""Tokens, one after the other, until a grid step is whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from improv.improviser import biases, ending, request, sampling
from improv.improviser.feedback import classes_of
from improv.improviser.request import Request
from improv.improviser.settings import Settings
from improv.improviser.snapshot import Snapshot, TimeShift
from improv.improviser.step_biases import Bass, Closing, StepBiases
from improv.listening.influence import NO_INFLUENCE
from improv.model import conditioning, guard, plan_inputs
from improv.model.vocabulary import Constraints, Encoding, GridStep
from improv.model.vocabulary.base import BoolArray
from improv.model.vocabulary.hands import LEFT, LENGTHS, RIGHT, HandsDecoder
from improv.plan.plan import AUTHENTIC, HALF, PlannedBar

PLANNED_TEMPERATURE = 0.84
"""Of the commanded one, for models that are told a plan: at .8 their rhythms, figures and cadences are people's
(docs/measured/composition.md), at .95 they scatter.
"""
PLANNED_GUIDANCE = 2.6
"""Of the commanded one, for models that are told a plan, up to the strongest: no pull drives them into the mood. Of 24
pieces of the same seeds the second judge names .88 at 1.6, .83 at 1, .75 without (docs/measured/composition.md).
"""


class Choice(NamedTuple):
    """What a step brings. after: the snapshot with what the model was fed. finished: this ends the music."""

    after: Snapshot
    grid: GridStep
    finished: bool = False


def choose(
    snapshot: Snapshot, asked: Request, settings: Settings, rng: np.random.Generator, *, stopping: bool
) -> Choice:
    """Choose the step that begins at the snapshot's position. stopping: the music ends with this bar.

    The model is asked only where something may begin: a rest or a long shift of time that is under way goes on by
    itself, unless the moment asks for a note.
    """
    position = snapshot.position
    if stopping and position.ticks_to_bar_line == 0:
        sounding = tuple(note.pitch for note in snapshot.held)
        return Choice(snapshot, GridStep(position.tick, sounding, (), last=True), finished=True)
    person = bool(asked.struck) or asked.person_keys != snapshot.person_keys
    interrupted = asked.must_start or ending.is_over(snapshot) or person
    going_on = 0 if interrupted else _ticks_going_on(snapshot, asked)
    if going_on > 0:
        return Choice(
            snapshot,
            GridStep(position.tick, (), (), last=False, ticks=going_on, tempo=snapshot.tempo_ratio),
        )
    snapshot = _without_shift(snapshot)
    if ending.is_over(snapshot):
        decoder = snapshot.decoder.copy()
        grid = decoder.feed(snapshot.encoding.end_id)
        assert grid is not None
        return Choice(replace(snapshot, decoder=decoder), grid, finished=True)
    return StepChooser(snapshot, asked, settings, rng).choose()


def _ticks_going_on(snapshot: Snapshot, asked: Request) -> int:
    """How long the rest or the shift of time that is under way goes on; 0 without one."""
    tick, shift = snapshot.position.tick, snapshot.shift
    if tick < snapshot.rest_until_tick:
        return snapshot.rest_until_tick - tick
    if shift is not None and not request.too_long(snapshot, asked, snapshot.decoder.sounding):
        return shift.tick + shift.ticks - tick
    return 0


def _without_shift(snapshot: Snapshot) -> Snapshot:
    """A shift of time that is under way ends here: the model is told what has really passed."""
    if snapshot.shift is None:
        return snapshot
    passed = snapshot.position.tick - snapshot.shift.tick
    decoder = snapshot.shift.before.copy()
    last_token = snapshot.encoding.shifts.start + passed - 1
    decoder.feed(last_token)
    return replace(snapshot, decoder=decoder, last_token=last_token, shift=None)


class StepChooser:
    """Chooses one step, then is thrown away. The model, the decoder and what the step has begun so far are its own."""

    def __init__(self, snapshot: Snapshot, asked: Request, settings: Settings, rng: np.random.Generator) -> None:
        person_keys = asked.person_keys
        begun = (snapshot.position.music_s for _ in (person_keys - snapshot.person_keys) | asked.struck)
        # A key that was struck again is gone and there anew, also where the stream has it sounding on.
        self._gone = ((snapshot.person_keys - person_keys) | asked.struck) - snapshot.held_pitches
        self._snapshot = replace(
            snapshot,
            person_keys=person_keys,
            person_onset_s=(*snapshot.person_onset_s, *begun),
            heard_until=asked.heard_until,
        )
        self._asked, self._settings, self._rng = asked, settings, rng
        self._forbidden = sorted(asked.influence.forbidden)
        quote = asked.influence.quote
        # Where a loop is locked: the pitches that begin here, and how far the next ones are.
        self._locked = quote.at(snapshot.position.tick) if quote is not None and quote.locked else None
        self._encoding: Encoding = snapshot.encoding
        self._decoder = snapshot.decoder.copy()
        if isinstance(self._decoder, HandsDecoder):
            self._decoder.person_hand = asked.influence.person_hand
        self._last_token, self._rest_until_tick = snapshot.last_token, snapshot.rest_until_tick
        self._rows = request.conditioning_rows(self._snapshot, asked)
        self._state = guard.with_rows(snapshot.state, len(self._rows))
        self._guidance = _guidance(snapshot, asked, settings)
        self._clashing = request.clashing(snapshot, asked)
        self._biases = step_biases(self._snapshot, asked, settings)
        self._ended: tuple[int, ...] = ()

    def choose(self) -> Choice:
        """Draw tokens until the step is whole."""
        while True:
            self._last_token = self._next_token()
            before = self._decoder.copy() if self._is_shift(self._last_token) else None
            step = self._decoder.feed(self._last_token)
            if step is None:
                continue
            if not step.last:
                shift = None if before is None else TimeShift(before, self._snapshot.position.tick, step.ticks)
                return self._whole(step._replace(ended=self._ended + step.ended), shift)
            self._begin_again()
            tick = self._snapshot.position.tick
            if tick < self._rest_until_tick:
                return self._whole(step._replace(tick=tick, last=False), None)
            self._ended = step.ended

    def _next_token(self) -> int:
        """Ask the model, and choose among what is legal."""
        if isinstance(self._decoder, HandsDecoder):
            plan_inputs.tell_context(self._rows[:, conditioning.SIZE :], self._decoder.context)
        logits, self._state = guard.step(self._snapshot.model, self._last_token, self._rows, self._state)
        legal = self._decoder.legal(self._constraints())
        self._limit(legal)
        guided = sampling.guide(self._decoder.merge_synonyms(logits), self._guidance)
        self._biases.lay_on(guided, legal, self._decoder.chord)
        temperature = self._asked.temperature * (PLANNED_TEMPERATURE if self._encoding.planned else 1.0)
        weights = sampling.probabilities(guided, legal, temperature, self._settings.top_p)
        chosen = sampling.choose(weights, self._rng)
        token_id = self._decoder.required_before(chosen, self._asked.person_keys, self._gone, self._asked.velocities)
        if token_id == chosen and self._encoding.starts_note(token_id):
            self._biases.chose(token_id)
        return token_id

    def _constraints(self) -> Constraints:
        """What the moment asks of the next token: a start, the end of what is held for too long, or a cadence: the
        dominant half a bar before the last bar, then a chord of the tonic triad, the tonic lowest, held to the end.
        """
        asked, snapshot = self._asked, self._snapshot
        too_long = request.too_long(snapshot, asked, self._decoder.sounding)
        return Constraints(
            must_start=asked.must_start
            and asked.may_start
            and not self._biases.started
            and not (self._locked is not None and not self._locked[0]),
            too_long=too_long + self._clashing,
            # A piece has at least one step, else this could go on for ever. A plan knows itself where pieces end.
            may_end=self._last_token != self._encoding.start_id
            and snapshot.end_tick is None
            and not self._encoding.planned
            and not asked.resting,
            final_chord=ending.chord(snapshot),
            hold=ending.is_held(snapshot),
            foreign=asked.person_keys | self._gone,
        )

    def _limit(self, legal: BoolArray) -> None:
        """Take the starts that the limits forbid from the grammar, in place, unless nothing would be left."""
        encoding, allowed = self._encoding, legal.copy()
        if (band := self._asked.limits.bands.get("register")) is not None:
            allowed[encoding.starts] &= (encoding.start_pitches >= band.low) & (encoding.start_pitches <= band.high)
        if self._forbidden:
            allowed[encoding.starts] &= ~np.isin(encoding.start_pitches, self._forbidden)
        if not self._asked.may_start:
            allowed[encoding.starts] = False
        if not allowed[encoding.starts].any():
            allowed[encoding.announcements] = False
        if self._locked is not None:
            self._lock(legal, allowed, *self._locked)
        if allowed.any():
            legal[:] = allowed

    def _lock(self, legal: BoolArray, allowed: BoolArray, pitches: frozenset[int], ticks_to_next: int | None) -> None:
        """Only what the loop has here may begin, in the order of the stream, and no rest passes over its next onset."""
        encoding, shifts = self._encoding, self._encoding.shifts
        started = {int(encoding.start_pitches[token - encoding.starts.start]) for token in self._biases.started}
        left = sorted(pitches - started)
        allowed[encoding.starts] &= np.isin(encoding.start_pitches, left)
        # Where every step names what sounds on as well, what begins finds its place between.
        for pitch in left if self._decoder.chord is None else ():
            wanted = legal[encoding.starts] & (encoding.start_pitches == pitch)
            if wanted.any():
                allowed[:] = False
                allowed[encoding.starts] = wanted
                return
        if not allowed[encoding.starts].any():
            allowed[encoding.announcements] = False
        if ticks_to_next is not None:
            allowed[shifts.start + ticks_to_next : shifts.stop] = False

    def _is_shift(self, token_id: int) -> bool:
        shifts = self._encoding.shifts
        return bool(shifts.start <= token_id < shifts.stop)

    def _begin_again(self) -> None:
        """The piece ended by itself: the next one begins on the bar line, the model's state kept."""
        _, self._state = guard.step(self._snapshot.model, self._last_token, self._rows, self._state)
        self._last_token = self._encoding.start_id
        self._decoder.feed(self._last_token)
        position = self._snapshot.position
        self._rest_until_tick = position.tick + position.ticks_to_bar_line

    def _whole(self, grid: GridStep, shift: TimeShift | None) -> Choice:
        """The step without the notes that somebody else plays."""
        kept = [index for index, pitch in enumerate(grid.started) if pitch not in self._asked.person_keys]

        def own(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(values[index] for index in kept) if values else ()

        grid = grid._replace(
            started=own(grid.started),
            velocities=own(grid.velocities),
            durations=own(grid.durations),
            hands=own(grid.hands),
        )
        if isinstance(self._decoder, HandsDecoder):
            self._decoder.forget(self._clashing)
            grid = grid._replace(ended=grid.ended + self._clashing, tempo=self._tempo())
        after = replace(
            self._snapshot,
            state=self._state,
            decoder=self._decoder,
            last_token=self._last_token,
            rest_until_tick=self._rest_until_tick,
            shift=shift,
            answered=self._asked.target if self._biases.started else self._snapshot.answered,
        )
        return Choice(after, grid)

    def _tempo(self) -> float:
        """How the plan lets the tempo breathe; another program's is left alone."""
        place = self._asked.place
        return 1.0 if place is None or self._asked.tempo_bpm is not None else place.tempo_factor


def _guidance(snapshot: Snapshot, asked: Request, settings: Settings) -> float:
    """How strongly commands weigh against what the network would play without them."""
    commanded = biases.guidance(asked.intensity, settings.strongest_guidance)
    return min(PLANNED_GUIDANCE * commanded, settings.strongest_guidance) if snapshot.encoding.planned else commanded


def step_biases(snapshot: Snapshot, asked: Request, settings: Settings) -> StepBiases:
    """What turns the network in this step."""
    if snapshot.encoding.planned:
        settings = settings.for_planned(journey=asked.on_journey)
    feedback, register = snapshot.feedback, asked.attributes["register"]
    if asked.key is not None:
        place = biases.commanded_key_bias(asked.key, asked.intensity, settings.key_pull)
    else:
        place = biases.key_bias(
            feedback.histogram, asked.attributes["mode"], asked.intensity, settings.key_pull, feedback.mode_owed
        )
    if feedback.register is None:
        place = place + biases.opening_bias(register, settings.register_pull)
    else:
        place = place + biases.register_bias(feedback.register, register, settings.register_pull)
    if feedback.melody_pitch is not None:
        place = place + biases.repeat_bias(feedback.melody_pitch, settings.repeat_pull)
    for nats in ending.place_biases(snapshot):
        place = place + nats
    if asked.influence is not NO_INFLUENCE:
        place = place + asked.influence.biases()
    return StepBiases(
        snapshot.encoding,
        settings,
        feedback,
        place,
        density=_density_bias(snapshot, asked, settings),
        dissonance=asked.attributes["dissonance"],
        intensity=asked.intensity,
        recall=asked.recall,
        sounding=classes_of([*(note.pitch for note in snapshot.held), *snapshot.person_keys]),
        last_chord=snapshot.decoder.sounding,
        planned_chord=_planned_chord(snapshot, asked),
        **_of_hands(snapshot, asked),
    )


class OfPlan(NamedTuple):
    """What the plan asks of the hands in a step: closing and bass of `StepBiases`."""

    closing: Closing | None
    bass: Bass | None


def at_plan(bar: PlannedBar, place: int) -> OfPlan:
    """What a planned bar asks of the hands. place: ticks since its bar line."""
    chord = bar.chord_at(place)
    arrives = place == chord.tick
    closes = bar.bars_left == 0 and chord is bar.chords[-1] and bar.cadence in (HALF, AUTHENTIC)
    early = place < bar.metre.bar_ticks // 2 - biases.CLOSING_EARLY_TICKS
    rest_ticks = _closing_end(bar) - place
    return OfPlan(
        closing=Closing(arrives, rest_ticks) if closes and rest_ticks > 0 and not early else None,
        bass=Bass(chord.chord.bass, biases.CLOSING_BASS_BIAS if closes else biases.BASS_BIAS) if arrives else None,
    )


def _closing_end(bar: PlannedBar) -> int:
    """Ticks of a phrase's last bar until the hands go on: after a half cadence people lead on in its last beat."""
    metre = bar.metre
    leads_on = bar.cadence == HALF and metre.bar_ticks > 2 * metre.pulse_ticks
    return metre.bar_ticks - metre.pulse_ticks if leads_on else metre.bar_ticks


def _of_hands(snapshot: Snapshot, asked: Request) -> dict[str, Any]:
    """What the hands did last and what the plan asks of them, fields of `StepBiases`; nothing for other families."""
    if not isinstance(snapshot.decoder, HandsDecoder):
        return {}
    context = snapshot.decoder.context
    left, right = (LENGTHS[index] for index in context.lengths)
    figure = context.last[LEFT] if left <= biases.FIGURE_TICKS else None
    place = asked.place
    of_plan = {} if place is None else at_plan(place.bar, snapshot.position.tick - place.bar.tick)._asdict()
    return {"line": context.last[RIGHT], "figure": figure, "lengths": (left, right), **of_plan}


def _planned_chord(snapshot: Snapshot, asked: Request) -> tuple[int, ...] | None:
    """Pitch classes of the chord that is planned for the step, None without a plan."""
    if asked.place is None:
        return None
    bar = asked.place.bar
    return bar.chord_at(snapshot.position.tick - bar.tick).chord.classes


def _density_bias(snapshot: Snapshot, asked: Request, settings: Settings) -> float:
    position = snapshot.position
    window_s = biases.density_window_s(position.tempo_bpm)
    past_s = min(position.music_s, window_s)
    if past_s < window_s / 2:
        return 0.0  # too little was heard yet to judge by
    recent = sum(at_s > position.music_s - window_s for at_s in snapshot.onset_s)
    commanded = request.onsets_per_s(snapshot, asked)
    return biases.density_bias(recent, past_s, commanded, snapshot.feedback.pace_owed_s, settings.density_pull)
