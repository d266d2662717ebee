"""A stage for the engine: all that it needs on a manual clock, and what must always hold."""

from __future__ import annotations

from collections.abc import Sequence

from improv.engine.look_ahead import PROVISIONAL_NOTE_S
from tests.fakes import ENCODING, ScriptedModel, Stage

STEP_END = 2
C4, HELD_C4 = ENCODING.begins(60), ENCODING.continues(60)
CHORD = [ENCODING.begins(pitch) for pitch in (67, 64, 60)]
EVENLY = "music.expression=0"  # no delays, no accents: what is due can be computed by hand


def chords(*settings: str) -> Stage:
    return Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, *settings])


TURN_S = 0.05  # the engine notices a failure of the player at its next turn


def assert_sound(stage: Stage, failures_s: Sequence[float] = ()) -> None:
    """The player has what was recorded, no note more or less, and each ends after it began.

    failures_s: when the player failed. What fell due before the engine noticed may be missing there.
    """
    recorded = {note.note_id: note for step in stage.record.steps for note in step.started}
    scheduled = {note.note_id: note.pitch for note in stage.link.scheduled.values() if not note.is_pedal}
    for missing in recorded.keys() - scheduled.keys():
        due_s = stage.engine._ahead.due_s(recorded[missing].on_s)
        assert any(failed_s <= due_s <= failed_s + TURN_S for failed_s in failures_s)
    assert scheduled.items() <= {(note_id, note.pitch) for note_id, note in recorded.items()}
    for note in stage.link.scheduled.values():
        assert note.on_s <= note.off_s <= max(note.on_s, stage.clock.now()) + 2 * PROVISIONAL_NOTE_S
    ticks = [step.position.tick for step in stage.record.steps]
    assert ticks == list(range(len(ticks)))


def assert_silent(stage: Stage) -> None:
    now_s = stage.clock.now()
    assert all(note.off_s <= now_s for note in stage.link.scheduled.values())


def onsets(stage: Stage, after_s: float = 0.0) -> list[float]:
    return sorted({note.on_s for note in stage.link.scheduled.values() if note.on_s > after_s})
