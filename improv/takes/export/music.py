"""What every kind of export is made from: steps and notes in seconds, whether they were played or only planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from improv.improviser.planned_step import PlannedStep
from improv.takes.take import Message, PlayedNote, PlayedStep, Take


class Music(NamedTuple):
    """A piece. seconds: how long it is. steps, notes, person: in seconds from its beginning, in order."""

    title: str
    seconds: float
    steps: list[PlayedStep]
    notes: list[PlayedNote]
    person: list[Message]

    @property
    def knows_hands(self) -> bool:
        """Whether each note says which hand plays it."""
        return bool(self.notes) and all(note.hand >= 0 for note in self.notes)


def of_take(take: Take) -> Music:
    """A take as it was heard."""
    return Music(f"BrainMusic {take.take_id}", take.seconds, take.steps, take.notes, take.person)


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
    return Music(title, end_s - from_s, [_played(step, from_s) for step in steps], sorted(notes, key=_onset), [])


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
