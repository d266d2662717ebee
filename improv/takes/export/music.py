"""What every kind of export is made from: steps and notes in seconds, whether they were played or only planned."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from improv.improviser.planned_step import PlannedStep
from improv.takes.take import Message, PlayedNote, PlayedPedal, PlayedStep, Take


class Music(NamedTuple):
    """A piece. seconds: how long it is. steps, notes, person, pedals: in seconds from its beginning, in order.

    part: name of the part that it is, where it is no whole.
    """

    title: str
    seconds: float
    steps: list[PlayedStep]
    notes: list[PlayedNote]
    person: list[Message]
    pedals: Sequence[PlayedPedal] = ()
    part: str = ""

    def ringing(self) -> list[PlayedNote]:
        """The notes for as long as their strings ring: until the pedal rises or the key is struck again."""
        down_s = [pedal.down_s for pedal in self.pedals]
        following: dict[int, float] = {}  # pitch -> when its key is struck next
        found = []
        for note in reversed(self.notes):
            index = bisect_right(down_s, note.off_s) - 1
            up_s = self.pedals[index].up_s if index >= 0 else note.off_s
            until_s = max(note.off_s, min(up_s, following.get(note.pitch, math.inf)))
            found.append(note._replace(off_s=until_s))
            following[note.pitch] = note.on_s
        return found[::-1]

    @property
    def knows_hands(self) -> bool:
        """Whether each note says which hand plays it."""
        return bool(self.notes) and all(note.hand >= 0 for note in self.notes)


def of_take(take: Take) -> Music:
    """A take as it was heard."""
    return Music(f"BrainMusic {take.take_id}", take.seconds, take.steps, take.notes, take.person, take.pedals)


def of_steps(steps: Sequence[PlannedStep], title: str = "BrainMusic") -> Music:
    """Planned music as nobody played it yet, from its first step on. Notes that have not ended end with the last."""
    if not steps:
        return Music(title, 0.0, [], [], [])
    from_s = steps[0].position.music_s
    end_s = steps[-1].position.music_s + steps[-1].position.step_s
    off_s = {ended.note_id: ended.off_s for step in steps for ended in step.ended}
    notes = [
        PlayedNote(
            note.note_id,
            note.pitch,
            note.velocity,
            note.on_s - from_s,
            max(off_s.get(note.note_id, end_s), note.on_s) - from_s,
            note.hand,
        )
        for step in steps
        for note in step.started
    ]
    played = [_played(step, from_s) for step in steps]
    return Music(title, end_s - from_s, played, sorted(notes, key=_onset), [], _pedals(steps, from_s, end_s))


def _pedals(steps: Sequence[PlannedStep], from_s: float, end_s: float) -> list[PlayedPedal]:
    up_s = {step.pedal_up.note_id: step.pedal_up.off_s for step in steps if step.pedal_up is not None}
    downs = [step.pedal_down for step in steps if step.pedal_down is not None]
    return [
        PlayedPedal(down.on_s - from_s, max(up_s.get(down.note_id, end_s), down.on_s) - from_s)
        for down in downs
        if down.on_s < end_s
    ]


def _onset(note: PlayedNote) -> tuple[float, int]:
    return note.on_s, note.note_id


def _played(step: PlannedStep, from_s: float) -> PlayedStep:
    position = step.position
    return PlayedStep(
        position.tick,
        position.music_s,
        position.music_s - from_s,
        position.tempo_bpm * position.rubato,
        position.bar,
        position.bar_tick,
        position.beats_per_bar,
        position.ticks_per_beat,
        step.mood,
    )
