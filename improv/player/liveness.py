"""Whether the player process still does its work, and when a new one takes the place of one that failed."""

from __future__ import annotations

from improv.player.child import Child
from improv.player.protocol import Ping, PlayerSettings, ToPlayer
from improv.process_state import Stillness
from improv.processes import Backoff

PING_EVERY_S = 0.25
OWES_S = 0.5  # a player that gets its time answers a ping within some milliseconds
STEADY_S = 5.0  # a player that lived so long is started again at once: the music waits for it
LONGEST_DELAY_S = 5.0  # between two tries where it fails as soon as it lives
SPARE_AGAIN_S = 20.0  # after a try to start one that waits, for which there was no room
ABSENT_S = 1.0  # a beat() that comes so late says that this side stood still, not that the player did


class Liveness:
    """One process at a time, or none until the next may be started."""

    def __init__(self, spare: Child | None = None, *, keeps_spare: bool = False) -> None:
        """spare: a process that waits already, to be used for the first start. keeps_spare: another one waits beside
        each that has worked for a while, so that on a busy machine no import stands between a failure and the music.
        """
        self.child: Child | None = None
        self.alive_s = 0.0
        """When the player was last seen to do its work."""
        self._asked_s: float | None = None  # the first ping since then
        self._stillness = Stillness(0)
        self.failure = ""
        """What happened to the last one that failed, as half a sentence."""
        self.restart_at_s: float | None = None
        self._pinged_s = self._answered_s = self._beat_s = 0.0
        self._backoff = Backoff(LONGEST_DELAY_S, STEADY_S)
        self._spare, self._keeps_spare = spare, keeps_spare
        self._spare_at_s = 0.0  # when the next one may be started

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child is not None else None

    @property
    def listens(self) -> bool:
        """Whether there is a player that records can be sent to."""
        return self.child is not None and self.child.listens

    def start(self, settings: PlayerSettings, hung: tuple[tuple[int, int], ...] | None, now_s: float) -> None:
        """Start a process. OSError where that cannot be done. hung: what its predecessor may have left sounding."""
        spare, self._spare = self._spare, None
        if spare is not None and not spare.process.is_alive():
            spare.end()
            spare = None
        self.child, self.restart_at_s = spare or Child(), None
        self.child.begin(settings, hung)
        self._stillness = Stillness(self.child.pid or 0)
        self._answered_s = self._beat_s = now_s
        self.heard(now_s)
        self._spare_at_s = now_s + STEADY_S
        self._backoff.started(now_s)

    def stand_by(self, now_s: float, *, ready: bool = True) -> None:
        """Keep another process waiting beside one that is ready: its ports are open."""
        if self._spare is not None and not self._spare.process.is_alive():
            self._spare.end()
            self._spare, self._spare_at_s = None, now_s + SPARE_AGAIN_S
        wanted = self._keeps_spare and self._spare is None and ready and self.listens
        if not wanted or now_s < self._spare_at_s:
            return
        try:
            self._spare = Child()
        except OSError:  # one is started when it is needed
            self._spare_at_s = now_s + SPARE_AGAIN_S

    def send(self, record: ToPlayer) -> None:
        """Hand it to the process that plays, if there is one."""
        if self.child is not None:
            self.child.send(record)

    def heard(self, now_s: float) -> None:
        """It said something: whatever that is, it is a sign of life."""
        self.alive_s, self._asked_s = now_s, None

    def answered(self, now_s: float) -> None:
        """A ping, or the wait for the ports to open, has its answer."""
        self._answered_s = now_s
        self._stillness.moved()

    def beat(self, now_s: float) -> None:
        """Called in every turn: a turn that comes very late is not the player's fault."""
        if now_s - self._beat_s > ABSENT_S:
            self._answered_s, self._asked_s = now_s, None
        self._beat_s = now_s

    def ping(self, now_s: float) -> None:
        """Ask for a sign of life, from time to time."""
        if self.child is not None and self.child.listens and now_s - self._pinged_s >= PING_EVERY_S:
            self._pinged_s = now_s
            self._asked_s = now_s if self._asked_s is None else self._asked_s
            self.child.send(Ping())

    def failing(self, now_s: float, limit_s: float, *, at_work: bool) -> str:
        """What has happened to the process, as half a sentence, or "".

        limit_s: so long it may say nothing. at_work: its ports are open, so only a want of time explains that it does
        not answer; a process that is stopped or waits for something else is not waited for.
        """
        if not self.listens:
            return "ended unexpectedly" if self.restart_at_s is None else ""
        # Whatever it says is a sign of life: an answer may stand behind much that was played.
        silent_s = now_s - max(self._answered_s, self.alive_s)
        owes = at_work and self._asked_s is not None and now_s - self._asked_s > OWES_S
        hangs = silent_s > limit_s or (owes and not self._stillness.lacks_time())
        return "did not answer any more" if hangs else ""

    def fail(self, now_s: float, failure: str) -> None:
        """Clear the failed process away and choose when the next one starts."""
        self.failure = failure
        self._end_child(0.0)
        self.restart_at_s = self._backoff.failed(now_s)

    def end(self, timeout_s: float = 0.0) -> None:
        """Leave no process: the one that plays has so long to end by itself."""
        self._end_child(timeout_s)
        if self._spare is not None:
            self._spare.end()
            self._spare = None

    def _end_child(self, timeout_s: float) -> None:
        if self.child is not None:
            self.child.end(timeout_s)
            self.child = None
