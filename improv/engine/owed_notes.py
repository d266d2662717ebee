"""Whether music is owed and none is made: rests that have a reason are told from silence that has none."""

from __future__ import annotations

from improv.clock import Clock
from improv.control.state import ControlState
from improv.engine.look_ahead import LookAhead
from improv.engine.own_notes import OwnNotes
from improv.engine.transport import Transport
from improv.improviser.improviser import Improviser
from improv.improviser.request import longest_gap_s

LONGEST_LOOK_S = 1.0  # between two looks: beyond it the machine stood still, which is nobody's silence


class Overdue:
    """For how long a note of ours has been overdue. Looked at once a turn.

    No note is owed while the music is paused or its piece is over, before it begins (count-in, the next bar of another
    clock), while it is not our turn (somebody is waited for, or plays and we listen) and while the person's keys sound:
    they are the music then. For the rest a note may end and the next begin as late as the settings allow.
    """

    def __init__(
        self, improviser: Improviser, ahead: LookAhead, transport: Transport, own: OwnNotes, clock: Clock
    ) -> None:
        self._improviser, self._ahead, self._transport = improviser, ahead, transport
        self._own, self._clock = own, clock
        self._looked_s = clock.now()
        self._begun = 0
        self._owed_s = self._gap_s = 0.0

    @property
    def seconds(self) -> float:
        """Since the latest moment at which a note should have begun; 0 while all is well."""
        return max(0.0, self._owed_s - self._gap_s)

    def look(self, controls: ControlState) -> None:
        """See what began since the last look, and whether anything should have."""
        now_s = self._clock.now()
        past_s, self._looked_s = min(now_s - self._looked_s, LONGEST_LOOK_S), now_s
        if self._own.notes_begun != self._begun or not controls.playing:
            self._begun, self._owed_s, self._gap_s = self._own.notes_begun, 0.0, 0.0
        elif self._is_owed(now_s):
            self._owed_s += past_s
            one = self._improviser
            self._gap_s = max(self._gap_s, longest_gap_s(one.snapshot, one.settings, one.around.influence))

    def _is_owed(self, now_s: float) -> bool:
        if now_s < self._transport.begins_s:
            return False
        tick = (self._ahead.heard(now_s) or self._improviser).position.tick
        around = self._improviser.around
        return not around.person_keys and not around.influence.rests(tick)
