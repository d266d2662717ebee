"""What is commanded by nobody: a model that is there now, the clock of a scene that landed, what lasted too long,
what the hour asks for."""

from __future__ import annotations

import logging
from typing import Protocol

from improv.clock import Clock
from improv.control.commands import Command, Pause, SetPresence
from improv.control.lasting import LettingGo, LongestTimes, Outside, lasting
from improv.control.state import ControlState
from improv.engine.attendance import Attendance
from improv.engine.external_clock import ExternalClock
from improv.engine.models import Cast
from improv.engine.say_once import SayOnce
from improv.engine.scenes import Scenes
from improv.engine.together import Together
from improv.errors import BrainMusicError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
SAY_AGAIN_S = 600.0  # what cannot be looked at now can be no better in half a second


class Act(Protocol):
    """Carries a command out, as Engine.act."""

    def __call__(self, command: Command, received_s: float, *, by_itself: bool) -> None: ...


class ByItself:
    """Looks once a turn. A command that cannot be carried out is told of, and the music goes on."""

    def __init__(
        self,
        act: Act,
        cast: Cast,
        scenes: Scenes,
        together: Together,
        external: ExternalClock,
        attendance: Attendance,
        clock: Clock,
        longest: LongestTimes,
    ) -> None:
        self.letting_go = LettingGo(longest)
        self._act, self._cast, self._scenes = act, cast, scenes
        self._together, self._external, self._attendance, self._clock = together, external, attendance, clock
        self._looked_s = clock.now()
        self._said = SayOnce(SAY_AGAIN_S)

    def look(self, controls: ControlState, initial: ControlState) -> None:
        """initial: what the owner chose, as against what somebody began."""
        for command in (self._cast.arrived(controls), self._scenes.later()):
            if command is not None:
                self._carry_out(command)
        self._attend_surely(controls)
        now_s = self._clock.now()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        for one in self.letting_go.look(lasting(controls, initial, self._outside()), now_s):
            minutes = getattr(self.letting_go.longest, one.kind) / 60
            if all(self._carry_out(command) for command in one.let_go):
                log.warning(
                    "%s lasted for %g minutes and is released (let_go.%s_minutes)", one.words, minutes, one.kind
                )

    def _attend_surely(self, controls: ControlState) -> None:
        """What nobody foresaw, such as a date that is none, does not end the music."""
        try:
            self._attend(controls)
        except Exception:
            if self._said.is_new("hours", self._clock.now()):
                log.exception("hours and presence cannot be looked at; the music goes on as before")

    def _attend(self, controls: ControlState) -> None:
        """Each change of the hours, of quiet and of presence is said once. Outside of the hours nothing plays."""
        asked = self._attendance.asks(controls)
        if asked is not None and self._carry_out(asked.command):
            log.info("%s", asked.words)
        elif controls.presence.closed and controls.playing:
            self._carry_out(Pause())

    def hear(self, command: Command, at_s: float, controls: ControlState) -> None:
        """Somebody commands something; where nobody was taken to be there, first all is as it was before."""
        self._attendance.commanded(command, at_s)
        if controls.presence.idle and not isinstance(command, SetPresence):
            asked = self._attendance.back()
            if self._carry_out(asked.command):
                log.info("%s", asked.words)

    def _outside(self) -> Outside:
        view = self._together.view
        return Outside(not self._external.running, None if view.playing else view.ended_s or 0.0)

    def _carry_out(self, command: Command) -> bool:
        try:
            self._act(command, self._clock.now(), by_itself=True)
        except BrainMusicError as error:
            log.error("%s; the music goes on as before", error)
            return False
        return True
