"""What is planned ahead of the clock and has gone to the player: sent, ended, taken back, planned anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence

from improv.clock import Clock
from improv.engine.note_parts import NoteParts
from improv.engine.settings import EngineSettings
from improv.engine.timeline import Timeline
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Release, Rewind
from improv.improviser.planned_step import PlannedStep
from improv.midi.messages import DEEPEST_PEDAL, PEDAL_KEY
from improv.player.protocol import Link, MoveOff, PlannedNote, Schedule, Silence, StopClock

# A note travels with this provisional end; the true one follows. If the engine dies it still ends.
PROVISIONAL_NOTE_S = 10.0
RENEW_BEFORE_S = 5.0
# Knobs send hundreds of messages a second: the music is planned anew at most this often.
REPLAN_EVERY_S = 0.02
# A knob that is turned takes nothing back that sounds so soon: chosen anew, it could not be on the wire in time.
SETTLED_S = 0.03
# Where planning anew takes long (a large model, a busy machine) it takes this share of the time at most, and what is
# settled reaches twice as far as it took; within bounds, so that a turn of the mood is still answered in time.
REPLAN_SHARE, LONGEST_REPLAN_EVERY_S, LONGEST_SETTLED_S = 0.25, 0.08, 0.06
PLANNED_STEPS = 512
# A step may be planned (and a plan be made anew) so much before its time: more than the rounding of a sum of seconds,
# less than anyone hears.
PLAN_EARLY_S = 1e-4


class Replanning:
    """When what is planned must be chosen anew, and how much of it stays."""

    def __init__(self) -> None:
        self.changed_s: float | None = None
        """When the oldest command came that the plan does not know yet."""
        self.settled_s = SETTLED_S
        """What is due within that time stays as it is."""
        self._last_s = -1.0
        self._every_s = REPLAN_EVERY_S

    def ask(self, at_s: float) -> None:
        """Something was commanded that the plan does not know yet."""
        if self.changed_s is None:
            self.changed_s = at_s

    def due_s(self) -> float | None:
        """When the plan is to be made anew; None while nothing asks for it."""
        return None if self.changed_s is None else self._last_s + self._every_s

    def is_due(self, now_s: float) -> bool:
        """Whether it is time to plan anew."""
        return self.changed_s is not None and now_s - self._last_s >= self._every_s - PLAN_EARLY_S

    def begin(self, now_s: float) -> float:
        """The plan is made anew now; returns when the oldest of the commands came that asked for it."""
        asked_s = now_s if self.changed_s is None else self.changed_s
        self.changed_s, self._last_s = None, now_s
        return asked_s

    def took(self, seconds: float) -> None:
        """Plan anew the less often, and the further ahead, the longer it takes."""
        self._every_s = min(max(REPLAN_EVERY_S, seconds / REPLAN_SHARE), LONGEST_REPLAN_EVERY_S)
        self.settled_s = min(max(SETTLED_S, 2 * seconds), LONGEST_SETTLED_S)


class LookAhead:
    """The steps that are planned, as far as they may still be taken back, and the notes of theirs at the player."""

    def __init__(
        self, improviser: Improviser, link: Link, clock: Clock, timeline: Timeline, settings: EngineSettings
    ) -> None:
        self.settings = settings
        self.notes_planned = 0
        """Notes since the start; those that were taken back do not count."""
        self.last_note_s = clock.now()
        """When the last note that was planned is due; before the first one, when all this began."""
        self._improviser, self._link, self._clock, self._timeline = improviser, link, clock, timeline
        self.tells_parts = False
        """Whether notes say which part they belong to; for good once asked for, as what is queued may go that way."""
        self._steps: deque[PlannedStep] = deque(maxlen=PLANNED_STEPS)
        self._provisional_off_s: dict[int, float] = {}
        self._parts = NoteParts()

    # ------------------------------------------------------------------------------------------------- looking

    def due_s(self, music_s: float, step: PlannedStep | None = None) -> float:
        """When a moment of the music is due; it belongs to a planned step, or to the next one to be planned."""
        return self._timeline.due_s(step.position if step else self._improviser.position, music_s)

    @property
    def next_due_s(self) -> float:
        """When the next step to be planned is due."""
        return self.due_s(self._improviser.position.music_s)

    @property
    def plan_due_s(self) -> float:
        """When the next step must be planned."""
        return self.next_due_s - self.settings.look_ahead_s

    @property
    def last(self) -> PlannedStep | None:
        """The step that was planned last."""
        return self._steps[-1] if self._steps else None

    @property
    def steps(self) -> Sequence[PlannedStep]:
        """The steps that are remembered, ascending."""
        return self._steps

    def heard(self, now_s: float) -> PlannedStep | None:
        """The step that is heard at a moment of the clock."""
        return next((s for s in reversed(self._steps) if self.due_s(s.position.music_s, s) <= now_s), None)

    def begun(self, from_tick: int, to_tick: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """(ticks since from_tick, pitches) of what begins in the steps from from_tick to before to_tick."""
        return tuple(
            (step.position.tick - from_tick, tuple(sorted({note.pitch for note in step.started})))
            for step in self._steps
            if from_tick <= step.position.tick < to_tick and step.started
        )

    @property
    def remembered_tick(self) -> int:
        """Of the oldest step that is remembered."""
        return self._steps[0].position.tick if self._steps else self._improviser.position.tick

    # ------------------------------------------------------------------------------------------------- sending

    def send(self, step: PlannedStep) -> None:
        """Hand a step that was just planned to the player."""
        self._steps.append(step)
        notes = self._notes(step)
        self._parts.remember(step, self._provisional_off_s)
        if notes:
            self._link.send(Schedule(tuple(notes)))
        if step.started:
            self.last_note_s = max(note.on_s for note in notes if not note.is_pedal)
        step_due_s = self.due_s(step.position.music_s, step)
        if self.settings.pulses and not step.finished:
            self._link.send(self._timeline.pulses(step.position, self._improviser.position))
        self.notes_planned += len(step.started)
        self._provisional_off_s |= {note.note_id: note.off_s for note in notes}
        self._end([(ended.note_id, self.due_s(ended.off_s, step)) for ended in step.ends])
        self._renew(step_due_s)
        if step.finished:
            self._link.send(StopClock(step_due_s))

    def _notes(self, step: PlannedStep, without: Container[int] = ()) -> list[PlannedNote]:
        """Notes and pedal of a step as they go to the player, but for those ids; what would be late is due now."""
        now_s, channel = self._clock.now(), self.settings.channel
        parts: list[tuple[str, ...]] = [()] * len(step.started)
        if self.tells_parts:
            parts = self._parts.of(step, self._provisional_off_s)
        begun = [(note.note_id, note.pitch, note.velocity, note.on_s) for note in step.started]
        if step.pedal_down is not None:
            begun.append((step.pedal_down.note_id, PEDAL_KEY, DEEPEST_PEDAL, step.pedal_down.on_s))
            parts.append(())
        notes = []
        for (note_id, pitch, velocity, on_s), part in zip(begun, parts, strict=True):
            if note_id not in without:
                due_s = max(self.due_s(on_s, step), now_s)
                until_s = due_s + PROVISIONAL_NOTE_S
                notes.append(PlannedNote(note_id, channel, pitch, velocity, due_s, until_s, step.revision, part))
        return notes

    def _end(self, offs: list[tuple[int, float]]) -> None:
        if offs:
            self._link.send(MoveOff(tuple(offs)))
        for note_id, _ in offs:
            self._provisional_off_s.pop(note_id, None)

    def _renew(self, due_s: float) -> None:
        """Notes that are held for long get a later provisional end."""
        ids = [note_id for note_id, off_s in self._provisional_off_s.items() if off_s < due_s + RENEW_BEFORE_S]
        self._sound_on(ids, due_s + PROVISIONAL_NOTE_S)

    def _sound_on(self, note_ids: list[int], off_s: float) -> None:
        if note_ids:
            self._link.send(MoveOff(tuple((note_id, off_s) for note_id in note_ids)))
            self._provisional_off_s |= dict.fromkeys(note_ids, off_s)

    # --------------------------------------------------------------------------------------------- taking back

    def go_back(self, settled_s: float = 0.0) -> None:
        """Take back all planned steps of which nothing was sent, and let the improviser forget them.

        settled_s: what is due within that time stays, and what the player has handed over by now in any case.
        """
        tick = self.first_unheard(self._clock.now() + max(settled_s, self._link.statistics.lead_s))
        back = [step for step in self._steps if step.position.tick >= tick]
        first_id = next((note_id for step in back for note_id in step.begun_ids), None)
        sent = frozenset(self._link.revoke(first_id)) if first_id is not None else frozenset()
        kept = 0
        for index, step in enumerate(back):
            if any(note_id in sent for note_id in step.begun_ids):
                kept = index + 1  # the player was quicker than the revocation: this step has begun and stays
        self._send_again(back[:kept], sent)
        if back[kept:]:
            self._forget(back[kept].position.tick)

    def keep_sounding(self) -> None:
        """Notes whose end was taken back sound on until the new plan says otherwise."""
        self._sound_on([note_id for note_id, _ in self._improviser.held], self._clock.now() + PROVISIONAL_NOTE_S)

    def release(self, note_ids: Sequence[int]) -> None:
        """Take back what is planned, and end these notes now, gently: nothing else of ours sounds."""
        self.go_back()
        # The player may be about to begin others, which are as good as sent: nobody would end them any more.
        if ended := dict.fromkeys((*note_ids, *self._provisional_off_s), self._clock.now()):
            self._link.send(MoveOff(tuple(ended.items())))
        self._improviser.apply(Release())
        self._provisional_off_s.clear()

    def silence(self) -> None:
        """End every note now and take back what is planned."""
        self.go_back()
        self._end_all()

    def start_over(self) -> None:
        """The player lost what it had: plan from here on anew; what sounded has been ended by the player."""
        try:
            self._forget(self.first_unheard(self._clock.now()))
        finally:  # whatever went wrong: what sounds ends
            self._end_all()

    def _end_all(self) -> None:
        self._link.send(Silence())
        self._improviser.apply(Release())
        self._provisional_off_s.clear()

    def first_unheard(self, after_s: float) -> int:
        """Tick of the first planned step that begins after `after_s` of the clock, or the next one to be planned."""
        tick = self._improviser.position.tick
        for step in reversed(self._steps):
            if self.due_s(step.position.music_s, step) <= after_s or step.finished:
                break
            tick = step.position.tick
        return tick

    def _forget(self, tick: int) -> None:
        """The steps from `tick` on will not be heard."""
        while self._steps and self._steps[-1].position.tick >= tick:
            step = self._steps.pop()
            self.notes_planned -= len(step.started)
            for note_id in step.begun_ids:
                self._provisional_off_s.pop(note_id, None)
        self._improviser.apply(Rewind(tick))

    def _send_again(self, steps: list[PlannedStep], sent: frozenset[int]) -> None:
        """Notes of a step that had half begun when it was revoked: the other half must sound as well."""
        missing = [note for step in steps for note in self._notes(step, sent)]
        if missing:
            self._link.send(Schedule(tuple(missing)))
        again = {note.note_id for note in missing}
        offs = [(ended, step) for step in steps for ended in step.ends if ended.note_id in again]
        if offs:
            self._link.send(MoveOff(tuple((ended.note_id, self.due_s(ended.off_s, step)) for ended, step in offs)))
