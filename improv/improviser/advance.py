"""From one step to the next: where it begins, what was heard, what is remembered."""

from __future__ import annotations

from dataclasses import replace

from improv.improviser import biases, request
from improv.improviser.feedback import Feedback, leads
from improv.improviser.planned_step import PlannedStep
from improv.improviser.request import PERSON_WINDOW_S, Request
from improv.improviser.settings import Settings
from improv.improviser.snapshot import Snapshot
from improv.model.vocabulary import GridStep
from improv.music.limits import DENSITY_WINDOW_S
from improv.music.position import Position


def advance(snapshot: Snapshot, planned: PlannedStep, grid: GridStep, asked: Request, settings: Settings) -> Snapshot:
    """The snapshot at the next step: at most at the next sixteenth, so that a long shift of time can still be cut."""
    position, shift = snapshot.position, snapshot.shift
    ticks = min(grid.ticks, position.ticks_to_line(snapshot.encoding.step_ticks))
    ends = [note.end_tick - position.tick for note in snapshot.held if note.end_tick is not None]
    ticks = min([ticks, *(left for left in ends if left > 0)])
    window_s = max(biases.density_window_s(position.tempo_bpm), DENSITY_WINDOW_S)
    onset_s = (*snapshot.onset_s, position.music_s) if planned.started else snapshot.onset_s
    snapshot = replace(
        snapshot,
        shift=None if shift is not None and position.tick + ticks >= shift.tick + shift.ticks else shift,
        onset_s=_since(onset_s, position.music_s - window_s),
        last_onset_s=position.music_s if planned.started else snapshot.last_onset_s,
        person_onset_s=_since(snapshot.person_onset_s, position.music_s - PERSON_WINDOW_S),
        silent_ticks=0 if snapshot.held or snapshot.person_keys else snapshot.silent_ticks + ticks,
        tempo_ratio=grid.tempo,
    )
    return replace(
        snapshot,
        feedback=_feedback(snapshot, planned, ticks, asked),
        position=_following(snapshot, ticks, asked, settings),
    )


def _since(moments_s: tuple[float, ...], from_s: float) -> tuple[float, ...]:
    return tuple(at_s for at_s in moments_s if at_s > from_s)


def _feedback(snapshot: Snapshot, planned: PlannedStep, ticks: int, asked: Request) -> Feedback:
    position = snapshot.position
    started = [note.pitch for note in planned.started]
    sounding = [note.pitch for note in (*snapshot.held, *snapshot.pedalled)]
    return snapshot.feedback.after(
        ticks,
        ticks / position.ticks_per_beat,
        0.0 if asked.resting else ticks * position.step_s,
        started,
        sounding,
        snapshot.person_keys,
        # Where lengths hold the pedal as well, notes lie above the melody for long: there every onset is of it.
        melody=leads(started, sounding if snapshot.encoding.tempo_bpm is None else ()),
        onsets_per_s=request.onsets_per_s(snapshot, asked),
        register=asked.attributes["register"],
        mode=asked.attributes["mode"],
    )


def _following(snapshot: Snapshot, ticks: int, asked: Request, settings: Settings) -> Position:
    """Where the next step begins, in the tempo that the tokens, the commands and another program give it."""
    rubato = settings.expression.rubato(snapshot.tempo_ratio)
    here, grid_bpm = snapshot.position._replace(rubato=rubato), snapshot.encoding.tempo_bpm
    if grid_bpm is not None:
        return here.next(grid_bpm, ticks)
    commanded_bpm = settings.expression.tempo_bpm(asked.attributes["tempo"], asked.slowing)
    goal_bpm = asked.limits.tempo_bpm(commanded_bpm)
    following = here.next(goal_bpm, ticks)
    if asked.tempo_bpm is not None:
        tempo_bpm = asked.tempo_bpm
    else:
        if settings.tempo_lands_on_bar and not asked.slowing:
            on_line = following.tick == following.bar_tick
            following = following._replace(tempo_bpm=goal_bpm if on_line else here.tempo_bpm)
        tempo_bpm = asked.limits.tempo_bpm(following.tempo_bpm)
    return following._replace(tempo_bpm=tempo_bpm, rubato=asked.limits.tempo_bpm(tempo_bpm * rubato) / tempo_bpm)
