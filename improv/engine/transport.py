"""Whether the music runs, and in whose time: play, pause, our own clock or another program's."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import NamedTuple

from improv.clock import Clock
from improv.control.commands import INTERNAL
from improv.control.scene_book import Recalled
from improv.control.state import ControlState
from improv.engine.external_clock import ExternalClock
from improv.engine.look_ahead import LookAhead
from improv.engine.settings import EngineSettings
from improv.engine.timeline import Timeline
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Begin, FollowTempo, Locate, Release
from improv.player.protocol import ClockIn, Link, Pulses, StopClock

log = logging.getLogger(__name__)


class Before(NamedTuple):
    """Where an engine before this one was. finished: its piece was over; play begins a new one. last: the scene that
    was recalled last."""

    controls: ControlState
    finished: bool = False
    last: Recalled = Recalled()


# Time from the start to the first note: the player needs the notes before they are due.
LEAD_S = 0.05
# The machine stood still: beyond this the music goes on later, instead of in a burst.
STALLED_S = 0.03
# What is planned is moved when the external clock's beats turn out to be elsewhere by more than this.
WORTH_MOVING_S = 0.0003
WAITING = "waiting for the MIDI clock's start"


class Transport:
    """Starts, stops and moves the music. What changes the controls returns them as they are then."""

    def __init__(
        self,
        improviser: Improviser,
        ahead: LookAhead,
        link: Link,
        clock: Clock,
        timeline: Timeline,
        settings: EngineSettings,
    ) -> None:
        self.settings = settings
        self.external = ExternalClock()
        self.stalls = 0
        """How often the machine stood still."""
        self.by_person = False
        """Whether the beat of the person who plays along gives the time."""
        self.begins_s = 0.0
        """When the first step is due after the music was begun, gone on with or joined to another clock."""
        self._improviser, self._ahead, self._link = improviser, ahead, link
        self._clock, self._timeline = clock, timeline
        self._finished = False  # a piece is over; play begins a new one

    def start(self, controls: ControlState) -> ControlState:
        """The music begins, or waits for the external clock."""
        if controls.clock_source == INTERNAL:
            self._begin(anew=True)
            return controls
        return _waiting(controls)

    @property
    def finished(self) -> bool:
        """Whether a piece is over."""
        return self._finished

    def resume(self, before: Before) -> ControlState:
        """The music of an engine before this one goes on, without a count-in: what sounded has been ended."""
        controls, self._finished = before.controls, before.finished
        self._improviser.apply(Release())
        if controls.clock_source != INTERNAL:
            return _waiting(controls) if controls.playing else controls
        self._begin(anew=False, counts_in=False)
        return controls

    def finish(self, controls: ControlState) -> ControlState:
        """The piece has ended."""
        self._finished = True
        log.info("the piece has ended; play begins a new one")
        return replace(controls, playing=False, ending=False, stopping=False)

    def pause(self) -> None:
        """All is silent, what was planned is taken back."""
        self._ahead.silence()
        self._link.send(StopClock(self._clock.now()))
        log.info("paused")

    def play(self, controls: ControlState) -> ControlState:
        """The music goes on where it was paused, or a new piece begins."""
        synced = controls.clock_source != INTERNAL
        if synced and not self.external.running:
            return _waiting(controls)
        anew, self._finished = self._finished, False
        if anew:
            self._improviser.apply(Begin(controls))
        if synced:
            self._join(to_bar=anew)
        else:
            self._begin(anew=anew)
        log.info("playing")
        return controls

    def catch_up(self, now_s: float) -> None:
        """When the machine stood still, the music goes on later, or where the external clock is now."""
        late_s = now_s - self._ahead.next_due_s
        if late_s <= STALLED_S:
            return
        self.stalls += 1
        if self._timeline.synced:
            self._join()
            log.info("the computer stood still for a moment: the bars of the external clock meanwhile are skipped")
        else:
            self._timeline.anchor_s += late_s + LEAD_S
            log.info("the computer stood still: the music goes on %.0f ms later", 1000 * (late_s + LEAD_S))

    def _begin(self, *, anew: bool, counts_in: bool = True) -> None:
        """In our own time: the next step is due at once, or after the count-in."""
        due_s, position = self._clock.now() + LEAD_S, self._improviser.position
        beat_s = 60.0 / position.tempo_bpm
        beats_per_bar = math.ceil(position.beats_per_bar)
        beats = self.settings.count_in_bars * beats_per_bar if counts_in else 0
        for beat in range(beats):
            self._link.send(Pulses(0, 0, due_s + beat * beat_s, beat_s, 1 if beat % beats_per_bar else 2))
        self._improviser.apply(FollowTempo(None))
        self.by_person = False
        self.begins_s = due_s + beats * beat_s
        self._timeline.begin_at(position, self.begins_s, anew=anew)

    # ----------------------------------------------------------------------------------------- external clock

    def hear(self, news: ClockIn, controls: ControlState) -> ControlState:
        """What the player says of the MIDI clock that comes in. It is followed only where that is asked for."""
        if notice := self.external.hear(news, self._clock.now()):
            log.info("%s", notice)
        if self.by_person:
            return controls
        self._timeline.news = self.external.news
        if controls.clock_source == INTERNAL:
            return controls
        if news.event == "start" and controls.playing:
            self.pause()
        if news.event in ("start", "continue"):
            self._finished = self._finished or news.event == "start"
            return self.play(replace(controls, playing=True))
        if news.event == "stop" and controls.playing:
            self.pause()
            return replace(controls, playing=False)
        if controls.playing:
            self._follow()
        return controls

    def change_source(self, controls: ControlState) -> ControlState:
        """Go over to the external clock, or back to our own time, with what is planned."""
        self.by_person, self._timeline.news = False, self.external.news
        if controls.clock_source == INTERNAL:
            self._go_by_ourselves()
        elif self.external.running and controls.playing:
            self._rejoin()
        elif controls.playing:
            self.pause()
            return _waiting(controls)
        return controls

    def go_by_person(self, beat: ClockIn | None) -> None:
        """The beat of the person who plays along gives the time from now on; None: our own time goes on from here."""
        if beat is not None:
            self._timeline.news = beat
            if self.by_person:
                self._follow()
            else:
                self.by_person = True
                self._rejoin()
        elif self.by_person:
            self.by_person = False
            self._go_by_ourselves()
            self._timeline.news = self.external.news

    def _go_by_ourselves(self) -> None:
        due_s = self._ahead.next_due_s
        self._improviser.apply(FollowTempo(None))
        self._timeline.begin_at(self._improviser.position, due_s, anew=False)

    def _follow(self) -> None:
        """Move what is planned to where the external beats are believed now; beyond a small shift, plan anew."""
        now_s = self._clock.now()
        shift_s = self._timeline.shift_s(now_s)
        if abs(shift_s) > STALLED_S:
            self._rejoin()
        elif max(abs(shift_s), abs(self._timeline.shift_s(now_s + self.settings.look_ahead_s))) > WORTH_MOVING_S:
            self._link.send(self._timeline.bend(now_s))
            self._improviser.apply(FollowTempo(self._timeline.news_bpm))

    def _rejoin(self) -> None:
        self._ahead.go_back()
        self._ahead.keep_sounding()
        self._join()

    def _join(self, *, to_bar: bool = False) -> None:
        """Let the next step be the one that the external song comes to next, in its bar and place of the bar."""
        position = self._improviser.position
        to_bar = to_bar and self.external.event != "start"
        grid_beats = position.beats_per_bar if to_bar else 0.0
        beat = self._timeline.join(position, self._clock.now(), STALLED_S, grid_beats)
        if beat is not None:
            self._improviser.apply(Locate(beat))
            self._improviser.apply(FollowTempo(self._timeline.news_bpm))
            self.begins_s = self._ahead.next_due_s


def _waiting(controls: ControlState) -> ControlState:
    log.info("%s", WAITING)
    return replace(controls, playing=False)
