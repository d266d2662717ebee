"""Plays a take again, to the ports, exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from improv.clock import Clock
from improv.errors import PlayerError
from improv.midi.messages import DEEPEST_PEDAL, PEDAL_KEY
from improv.player.client import PlayerClient
from improv.player.protocol import PlannedNote, PlayerSettings, Schedule
from improv.takes.export.stems import parts_of
from improv.takes.take import Take

LEAD_S, AHEAD_S, TURN_S = 0.3, 1.0, 0.1


def replay(
    take: Take,
    settings: PlayerSettings,
    channel: int,
    clock: Clock,
    stopping: Callable[[], bool],
) -> int:
    """Send the notes and the pedal of a take at its own times; returns how many notes were sent. channel: 0..15.

    stopping: asked ten times a second; true ends it, and every note with it.
    """
    link = PlayerClient(settings, clock)
    link.start()
    try:
        link.wait_ready()
        start_s = clock.now() + LEAD_S
        parts: Mapping[int, tuple[str, ...]] = parts_of(take.notes)
        rows = [(n.on_s, n.off_s, n.pitch, n.velocity, parts[n.note_id]) for n in take.notes]
        rows = sorted([*rows, *((p.down_s, p.up_s, PEDAL_KEY, DEEPEST_PEDAL, ()) for p in take.pedals)])
        waiting = [
            PlannedNote(number, channel, pitch, velocity, start_s + on_s, start_s + max(off_s, on_s + 1e-3), 0, part)
            for number, (on_s, off_s, pitch, velocity, part) in enumerate(rows, 1)
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
