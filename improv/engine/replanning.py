"""When to plan: ahead of the clock, and anew what is not yet heard when something was commanded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from improv.clock import Clock
from improv.control.state import ControlState
from improv.engine.look_ahead import PLAN_EARLY_S, LookAhead, Replanning
from improv.engine.models import Cast
from improv.engine.owed_notes import Overdue
from improv.engine.own_notes import OwnNotes
from improv.engine.say_once import SayOnce
from improv.engine.settings import EngineSettings
from improv.engine.timeline import Timeline
from improv.engine.transport import Transport
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Shorten
from improv.improviser.planned_step import PlannedStep
from improv.music.mood import Mood, nearest_name

log = logging.getLogger(__name__)

# A turn of the mood is heard within a sixteenth or 150 ms, whichever is longer; planned for this much less.
ANSWER_WITHIN_S, ANSWER_MARGIN_S = 0.150, 0.012
# After a step that nobody could plan the next attempt is made so much later.
REST_AFTER_FAILURE_S, SAY_AGAIN_S = 1.0, 60.0
# Where planning does not catch up with the clock, what arrives is looked at in between, and a sign of life is given.
LONGEST_TURN_S = 0.25


class Planner:
    """Keeps the plan a look-ahead before the clock. What changes the controls returns them as they are then."""

    def __init__(
        self,
        improviser: Improviser,
        ahead: LookAhead,
        transport: Transport,
        cast: Cast,
        clock: Clock,
        timeline: Timeline,
        settings: EngineSettings,
        own: OwnNotes,
    ) -> None:
        self.settings = settings
        self.replanning = Replanning()
        self.arrive: Callable[[ControlState], ControlState] = lambda controls: controls
        """What is commanded for the step that is planned next, when that is reached."""
        self._improviser, self._ahead, self._transport, self._cast = improviser, ahead, transport, cast
        self._clock, self._timeline = clock, timeline
        self._overdue = Overdue(improviser, ahead, transport, own, clock)
        self._resting_until_s = 0.0
        self._said = SayOnce(SAY_AGAIN_S)

    def wait_s(self, timeout_s: float, controls: ControlState) -> float:
        """How long nothing has to be planned, at most timeout_s."""
        now_s = self._clock.now()
        if (due_s := self.replanning.due_s()) is not None:
            timeout_s = min(timeout_s, max(due_s, self._resting_until_s) - now_s)
        if controls.playing:
            timeout_s = min(timeout_s, max(self._ahead.plan_due_s, self._resting_until_s) - now_s)
        return max(timeout_s, 0.0)

    def turn(self, controls: ControlState, moods: Mapping[str, Mood]) -> ControlState:
        """Plan anew what was turned, then ahead of the clock. moods: by the names that the log gives them."""
        controls = self._planned(controls, moods)
        self._overdue.look(controls)
        return controls

    def counts(self, now_s: float) -> dict[str, Any]:
        """What is published of the music that is made, or is not."""
        return {
            "notes_planned": self._ahead.notes_planned,
            "stalls": self._transport.stalls,
            "note_age_s": int(max(0.0, now_s - self._ahead.last_note_s)),
            "overdue_s": int(self._overdue.seconds),
        }

    def _planned(self, controls: ControlState, moods: Mapping[str, Mood]) -> ControlState:
        if self._clock.now() < self._resting_until_s:
            return controls
        try:
            return self._plan(controls, moods)
        except Exception:  # whatever it is, the music must go on
            self._recover()
            return controls

    def _plan(self, controls: ControlState, moods: Mapping[str, Mood]) -> ControlState:
        began_s = self._clock.now()
        anew = self.replanning.is_due(began_s)
        if anew:
            asked_s = self.replanning.begin(began_s)
            if controls.playing:
                controls = self._replan(controls, asked_s, moods)
        if controls.playing:
            now_s = self._clock.now()
            self._transport.catch_up(now_s)
            while controls.playing and self._ahead.plan_due_s <= now_s + PLAN_EARLY_S:
                _, controls = self.plan_step(controls)
                if self._clock.now() - now_s > LONGEST_TURN_S:
                    break
        if anew:
            self.replanning.took(self._clock.now() - began_s)
        return controls

    def plan_step(self, controls: ControlState) -> tuple[PlannedStep, ControlState]:
        """Plan the next step and hand it to the player."""
        step, controls = self._cast.plan_step(self.arrive(controls).reached(self._improviser.position.music_s))
        self._ahead.send(step)
        return step, self._transport.finish(controls) if step.finished else controls

    def _replan(self, controls: ControlState, received_s: float, moods: Mapping[str, Mood]) -> ControlState:
        """What is planned but not yet heard is chosen anew; a turn of the mood is answered in time."""
        last = self._ahead.last
        turned = last is not None and controls.revision != last.revision
        self._ahead.go_back(self.replanning.settled_s)
        self._ahead.keep_sounding()
        if not turned:
            return controls
        sixteenth_s = 15.0 / self._improviser.position.tempo_bpm
        answer_s = received_s + max(ANSWER_WITHIN_S, sixteenth_s) - ANSWER_MARGIN_S
        if not (self._timeline.synced or self.settings.pulses):  # else others count on the grid
            due_s = max(answer_s, self._clock.now())
            self._improviser.apply(Shorten(self._timeline.music_s(self._improviser.position, due_s)))
        step, controls = self.plan_step(controls)
        due_s = self._ahead.due_s(step.started[0].on_s if step.started else step.position.music_s, step)
        target = controls.glide.target
        log.info(
            "mood %s (%.2f, %.2f) revision %d: first note %.0f ms after the command (a sixteenth is %.0f ms)",
            nearest_name(target, moods),
            target.valence,
            target.arousal,
            step.revision,
            1000 * (max(due_s, self._clock.now()) - received_s),
            1000 * sixteenth_s,
        )
        return controls

    def _recover(self) -> None:
        """A step could not be planned, by nobody: all is silent for a moment, then retrying."""
        now_s = self._clock.now()
        if self._said.is_new("planning", now_s):
            log.exception("no step could be planned; retrying every %g s", REST_AFTER_FAILURE_S)
        self._resting_until_s = now_s + REST_AFTER_FAILURE_S
        try:
            self._ahead.start_over()
        except Exception:
            log.debug("what was planned could not be taken back", exc_info=True)
