"""Plays a take again, to the ports, exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from improv.clock import Clock
from improv.errors import PlayerError
from improv.player.client import PlayerClient
from improv.player.protocol import PlannedNote, PlayerSettings, Schedule
from improv.takes.take import PlayedNote

LEAD_S, AHEAD_S, TURN_S = 0.3, 1.0, 0.1


def replay(
    notes: Sequence[PlayedNote],
    settings: PlayerSettings,
    channel: int,
    clock: Clock,
    stopping: Callable[[], bool],
) -> int:
    """Send the notes of a take at its own times; returns how many were sent. channel: 0..15.

    stopping: asked ten times a second; true ends it, and every note with it.
    """
    link = PlayerClient(settings, clock)
    link.start()
    try:
        link.wait_ready()
        start_s = clock.now() + LEAD_S
        waiting = [
            PlannedNote(number, channel, n.pitch, n.velocity, start_s + n.on_s, start_s + max(n.off_s, n.on_s + 1e-3))
            for number, n in enumerate(notes, 1)
        ]
        end_s = max((note.off_s for note in waiting), default=start_s)
        sent = 0
        while clock.now() < end_s and not stopping():
            upto = sent
            while upto < len(waiting) and waiting[upto].on_s < clock.now() + AHEAD_S:
                upto += 1
            if upto > sent:
                link.send(Schedule(tuple(waiting[sent:upto])))
            sent = upto
            if notice := link.beat():
                raise PlayerError(f"{notice} The replay ends here.")
            link.poll(TURN_S)
        return link.statistics.notes_sent
    finally:
        link.close()
