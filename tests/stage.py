"""A stage for the engine: all that it needs on a manual clock, and what must always hold."""

from __future__ import annotations

from improv.engine import PROVISIONAL_NOTE_S
from tests.fakes import ENCODING, ScriptedModel, Stage

STEP_END = 2
C4, HELD_C4 = ENCODING.begins(60), ENCODING.continues(60)
CHORD = [ENCODING.begins(pitch) for pitch in (67, 64, 60)]
EVENLY = "music.expression=0"  # no delays, no accents: what is due can be computed by hand


def chords(*settings: str) -> Stage:
    return Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, *settings])


def assert_sound(stage: Stage) -> None:
    """The player has what was recorded, no note more or less, and each ends after it began."""
    recorded = {note.note_id: note.pitch for step in stage.record.steps for note in step.started}
    assert {note.note_id: note.pitch for note in stage.link.scheduled.values()} == recorded
    for note in stage.link.scheduled.values():
        assert note.on_s <= note.off_s <= max(note.on_s, stage.clock.now()) + 2 * PROVISIONAL_NOTE_S
    ticks = [step.position.tick for step in stage.record.steps]
    assert ticks == list(range(len(ticks)))


def assert_silent(stage: Stage) -> None:
    now_s = stage.clock.now()
    assert all(note.off_s <= now_s for note in stage.link.scheduled.values())


def onsets(stage: Stage, after_s: float = 0.0) -> list[float]:
    return sorted({note.on_s for note in stage.link.scheduled.values() if note.on_s > after_s})
