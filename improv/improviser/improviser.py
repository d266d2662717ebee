"""The improviser: controls + model + sampling + decoder -> notes. No ports, no threads, no clock.

The same object serves the live daemon, `improv render` and the tests. It plans one grid step at a time and can go back
to the beginning of any step that is still inside the look-ahead, so that what was never heard is never remembered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from improv.control.state import ControlState
from improv.improviser import ending
from improv.improviser.advance import advance
from improv.improviser.composer import Composer
from improv.improviser.operations import (
    Begin,
    Configure,
    Follow,
    FollowTempo,
    Hear,
    Locate,
    Observer,
    Offer,
    Operation,
    Plan,
    Prime,
    Release,
    Replace,
    Resume,
    Rewind,
    Shorten,
)
from improv.improviser.pedal_state import NO_FOOT, tread
from improv.improviser.performer import perform
from improv.improviser.planned_step import PlannedStep
from improv.improviser.priming import asked_for, begun, due
from improv.improviser.request import Circumstances, commanded_attributes, request_for
from improv.improviser.settings import Settings
from improv.improviser.snapshot import Snapshot, anew, beginning, taken_over
from improv.improviser.step_chooser import choose
from improv.improviser.variation import phases
from improv.model.onnx_model import Model
from improv.music.mood import Mood
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.music.position import Position
from improv.plan.phrase_memory import PhraseMemory, Recall

REMEMBERED_STRIKES = 64  # of the person: of more than the look-ahead
REMEMBERED_STEPS = 512  # how far back `Rewind` can go; the look-ahead is never longer


class Improviser:
    """Plans step after step, for ever. Everything random comes from `seed` and the step's tick alone.

    Other models than the first can be offered; which one plays is a control (`ControlState.model`). A change lands on
    the next bar line: there the old model's notes end and the new one begins. All that is done to it goes through
    `apply`; observer: told of each operation once it is done.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        controls: ControlState,
        seed: int,
        observer: Observer | None = None,
    ) -> None:
        self.settings, self.seed = settings, seed
        self._observer = observer
        self.around = Circumstances(phases(seed))
        """What reaches it from outside beside the controls; only operations change it."""
        self._models = {controls.model: model}
        self._next_note_id = 1
        self._strikes = 0  # of the person, so far
        encoding = model.encoding
        tempo_bpm = encoding.tempo_bpm or self.attributes(controls.mood(0.0), controls)["tempo"]
        position = Position(0, 0.0, tempo_bpm, 0, settings.beats_per_bar, encoding.ticks_per_beat)
        self._snapshot = beginning(model, position, controls.glide.target)
        self._phrases, self._composer = PhraseMemory(), Composer(seed)
        # Of each step what was before it; what remembers is one object until another model or piece begins.
        self._past: deque[tuple[Snapshot, PhraseMemory, Composer]] = deque(maxlen=REMEMBERED_STEPS)

    # ------------------------------------------------------------------------------------------------ looking

    @property
    def snapshot(self) -> Snapshot:
        """All that decides the next step, beside what is commanded."""
        return self._snapshot

    @property
    def model(self) -> Model:
        """The one that plans the next step."""
        return self._snapshot.model

    @property
    def position(self) -> Position:
        """Where the next step begins."""
        return self._snapshot.position

    @property
    def held(self) -> tuple[tuple[int, float], ...]:
        """Notes that sound when the next step begins, and the pedal that is down: (note_id, on_s)."""
        now = self._snapshot
        notes = ((note.note_id, note.on_s) for note in (*now.leaving, *now.pedalled, *now.held))
        return (*notes, *now.foot.held)

    @property
    def model_name(self) -> str:
        """The name under which it was offered; empty when another one has that name by now."""
        return next((name for name, model in self._models.items() if model is self.model), "")

    def has(self, name: str) -> bool:
        """Whether a model can be asked for by this name."""
        return name in self._models

    def attributes(self, mood: Mood, controls: ControlState) -> dict[str, float]:
        """What is commanded of the music, in the units of the attributes, inside the limits; the tempo as another
        program gives it.
        """
        return commanded_attributes(mood, controls, self.settings, self.around.tempo_bpm)

    # ---------------------------------------------------------------------------------------------- operations

    def apply(self, operation: Operation) -> PlannedStep | None:
        """Carry out an operation and tell the observer. Returns the step that `Plan` chose, else None.

        When it raises, nothing was done.
        """
        step = self._carry_out(operation)
        if self._observer is not None:
            self._observer(operation, step)
        return step

    def plan_step(self, controls: ControlState) -> PlannedStep:
        """Choose and return the next grid step under the controls."""
        step = self.apply(Plan(controls))
        assert step is not None
        return step

    def _carry_out(self, operation: Operation) -> PlannedStep | None:  # noqa: C901 (a flat table of cases)
        match operation:
            case Plan(controls):
                return self._plan_step(controls)
            case Rewind(tick):
                self._rewind(tick)
            case Begin(controls):
                self._begin(controls)
            case Hear(keys, struck):
                self.around, self._strikes = _heard(self.around, keys, struck, self._strikes)
            case Follow(influence):
                self.around = replace(self.around, influence=influence)
            case FollowTempo(tempo_bpm):
                self.around = replace(self.around, tempo_bpm=tempo_bpm)
                if tempo_bpm is not None and self.model.encoding.tempo_bpm is None:
                    self._move(self.position._replace(tempo_bpm=tempo_bpm))
            case Prime():
                known = self.around.beginning
                self.around = replace(self.around, beginning=asked_for(operation, self._snapshot, known, self._models))
            case Locate(beat):
                self._move(self.position.at_beat(beat))
                self._snapshot = replace(self._snapshot, end_tick=None)
            case Shorten(music_s):
                if music_s < self.position.music_s:
                    self._move(self.position._replace(music_s=music_s))
            case Release():
                self._snapshot = replace(self._snapshot, held=(), leaving=(), pedalled=(), foot=NO_FOOT)
            case Offer(name, model):
                self._models[name] = model
            case Replace(controls):
                self._snapshot = self._over_to(self._models.get(controls.model, self.model), controls)
                self._phrases = PhraseMemory()
                if self._snapshot.plan is None:  # what was played lies on another plan's bars
                    self._composer = Composer(self.seed)
            case Resume(tick, next_note_id):
                self._rewind(tick)
                self._next_note_id = next_note_id
                self.around = replace(self.around, beginning=None)  # the other one was not told of it
            case Configure(settings):
                self.settings = settings
        return None

    def _move(self, position: Position) -> None:
        self._snapshot = replace(self._snapshot, position=position)

    def _plan_step(self, controls: ControlState) -> PlannedStep:
        before = self._snapshot
        snapshot = self._with_model(before, controls)
        # Another model's ticks and bars are others.
        phrases, composer = self._phrases, self._composer
        if snapshot is not before:
            phrases, composer = PhraseMemory(), Composer(self.seed)
        if (beginning := due(self.around.beginning, snapshot)) is not None:
            phrases, composer = PhraseMemory(), Composer(self.seed + snapshot.position.tick)
            snapshot = begun(snapshot, beginning, controls)
            snapshot = composer.begun_from(beginning.primer, snapshot, controls, self.settings, self.around)
        snapshot = ending.updated(snapshot, ending=controls.ending, ending_bars=self.settings.ending_bars)
        snapshot = composer.planned(snapshot, controls, self.settings, self.around)
        recall = _recalled(phrases, snapshot, controls.mood(snapshot.position.music_s), self.settings)
        place = composer.place(snapshot, controls, self.around.influence.person_hand)
        asked = request_for(snapshot, controls, self.settings, self.around, recall, place)
        # One generator a step: a step that is planned again meets the same chances, so only the controls change it.
        rng = np.random.default_rng((self.seed, snapshot.position.tick))
        choice = choose(snapshot, asked, self.settings, rng, stopping=controls.stopping)
        played = perform(choice.after, choice.grid, asked, self.settings.expression, self._next_note_id, rng)
        dry = PlannedStep(snapshot.position, *played[1:], asked.mood, controls.revision, choice.finished)
        free_id, stays = self._next_note_id + len(played.started), ending.is_held(snapshot)
        planned, foot = tread(dry, played.after, asked, self.settings.pedal, self.seed, free_id, stays=stays)
        following = advance(replace(played.after, foot=foot), planned, choice.grid, asked, self.settings)
        # From here on nothing can fail.
        self._past.append((before, self._phrases, self._composer))
        self._next_note_id += len(planned.begun_ids)
        self._phrases, self._composer = phrases, composer
        self._composer.remember(snapshot.plan, snapshot.position.tick, choice.grid)
        self._phrases.remember(snapshot.position, frozenset(choice.grid.started), asked.mood)
        self._snapshot = following
        return planned

    def _with_model(self, snapshot: Snapshot, controls: ControlState) -> Snapshot:
        """On a bar line: the model that the controls ask for begins."""
        model = self._models.get(controls.model, snapshot.model)
        if model is snapshot.model or snapshot.position.ticks_to_bar_line:
            return snapshot
        return self._over_to(model, controls)

    def _over_to(self, model: Model, controls: ControlState) -> Snapshot:
        snapshot = self._snapshot
        target, tempo_bpm = controls.glide.target, snapshot.position.tempo_bpm
        if snapshot.encoding.tempo_bpm is not None:
            tempo_bpm = self.attributes(target, controls)["tempo"]
        return taken_over(snapshot, model, model.encoding.tempo_bpm or tempo_bpm, target)

    def _rewind(self, tick: int) -> None:
        if tick >= self._snapshot.position.tick:
            return
        back = next((index for index, (one, *_) in enumerate(self._past) if one.position.tick == tick), None)
        if back is None:
            raise ValueError(f"step {tick} is no longer remembered")
        self._snapshot, self._phrases, self._composer = self._past[back]
        while len(self._past) > back:
            self._past.pop()
        self._phrases.forget(tick)
        self._composer.forget(tick)

    def _begin(self, controls: ControlState) -> None:
        position = self._snapshot.position
        mood = controls.mood(position.music_s)
        tempo_bpm = self.model.encoding.tempo_bpm or self.attributes(mood, controls)["tempo"]
        line = position._replace(bar_tick=position.tick, bar=1, rubato=1.0, tempo_bpm=tempo_bpm)
        self._snapshot = anew(self._snapshot, line, controls.glide.target)
        self._past.clear()
        self._phrases, self._composer = PhraseMemory(), Composer(self.seed + position.tick)


def _recalled(phrases: PhraseMemory, snapshot: Snapshot, mood: Mood, settings: Settings) -> Recall | None:
    """What an earlier phrase would bring back now: nothing while an ending is made, or without a beat."""
    has_beat = snapshot.encoding.tempo_bpm is None
    if not settings.recall_pull or snapshot.end_tick is not None or not has_beat:
        return None
    return phrases.recall(snapshot.position, mood)


def _heard(
    around: Circumstances, keys: Sequence[int], struck: Sequence[tuple[int, int]], strikes: int
) -> tuple[Circumstances, int]:
    """With the keys that somebody else holds, and those that they struck, which are numbered on from `strikes`."""
    heard = frozenset(key for key in keys if LOWEST_PIANO_PITCH <= key <= HIGHEST_PIANO_PITCH)
    inside = [(pitch, velocity) for pitch, velocity in struck if LOWEST_PIANO_PITCH <= pitch <= HIGHEST_PIANO_PITCH]
    numbered = tuple((strikes + at, *strike) for at, strike in enumerate(inside, start=1))
    late = (*around.strikes, *numbered)[-REMEMBERED_STRIKES:]
    return replace(around, person_keys=heard, strikes=late), strikes + len(inside)
