"""From a grid step to notes: seconds, velocities, pedal, ids. Keeps the list of what sounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from improv.improviser import ending
from improv.improviser.expression import Arc, Expression
from improv.improviser.feedback import classes_of
from improv.improviser.planned_step import EndedNote, StartedNote
from improv.improviser.request import Request
from improv.improviser.snapshot import HeldNote, Snapshot
from improv.model.vocabulary import GridStep
from improv.music.attributes import intervals
from improv.music.limits import Limits

# The pedal is lifted where more of the intervals would be dissonant.
HARSH_UNDER_PEDAL = 0.12


class Performed(NamedTuple):
    """The notes of a step, and the snapshot that knows what sounds after it."""

    after: Snapshot
    started: tuple[StartedNote, ...]
    ended: tuple[EndedNote, ...]


def perform(
    snapshot: Snapshot,
    grid: GridStep,
    asked: Request,
    expression: Expression,
    first_note_id: int,
    rng: np.random.Generator,
) -> Performed:
    """The step as it sounds. first_note_id: of the first note that begins; the others follow."""
    performs, music_s = snapshot.encoding.performs, snapshot.position.music_s
    # Lengths of two hands are those that are held; what a pedal adds would lie beyond their reach.
    pedal = not (performs or grid.last or snapshot.encoding.planned) and expression.pedal(
        asked.attributes["articulation"]
    )
    held, pedalled, let_go = _let_go(snapshot, (*_expired(snapshot), *grid.ended), asked, pedal=pedal)
    ended = [EndedNote(note.note_id, music_s) for note in snapshot.leaving]
    ended += [EndedNote(note.note_id, _end_s(snapshot, note, asked, expression)) for note in let_go]
    keys = _keys(grid.started, {note.sent for note in held}, asked.limits)
    lifts = not pedal or expression.pedal_lifts(snapshot.position) or (asked.resting and not asked.influence.holds)
    kept = () if lifts else _under_pedal(pedalled, keys, held)
    ended += [EndedNote(note.note_id, music_s) for note in pedalled if note not in kept]
    above = max((note.sent for note in (*held, *kept)), default=-1)
    velocities, delays_s = _touch(snapshot, grid, keys, asked, expression, above, rng)
    hand_of = dict(zip(grid.started, grid.hands, strict=False))  # empty where the family has no hands
    started = tuple(
        StartedNote(
            first_note_id + index,
            sent,
            asked.limits.velocity(velocity),
            music_s + delay_s,
            hand_of.get(keys[sent], -1),
        )
        for index, (sent, velocity, delay_s) in enumerate(zip(keys, velocities, delays_s, strict=True))
    )
    tick = snapshot.position.tick
    ends = _ends(snapshot, grid, asked)
    held += [
        HeldNote(note.note_id, keys[note.pitch], note.pitch, note.on_s, tick, ends.get(keys[note.pitch]))
        for note in started
    ]
    return Performed(replace(snapshot, held=tuple(held), leaving=(), pedalled=kept), started, tuple(ended))


def _ends(snapshot: Snapshot, grid: GridStep, asked: Request) -> dict[int, int]:
    """Where the notes end that know it as they begin: pitch -> tick. The last chord of an ending lasts to its end."""
    tick, longest = snapshot.position.tick, round(asked.longest_note_ticks)
    if snapshot.end_tick is not None and ending.is_final_chord(snapshot):
        return dict.fromkeys(grid.started if grid.durations else (), snapshot.end_tick)
    return {pitch: tick + min(ticks, longest) for pitch, ticks in zip(grid.started, grid.durations, strict=False)}


def _expired(snapshot: Snapshot) -> tuple[int, ...]:
    """Pitches whose end was known as they began, and is reached."""
    tick = snapshot.position.tick
    # The last chord of an ending stands alone.
    last = math.inf if snapshot.end_tick is not None and ending.is_final_chord(snapshot) else tick
    return tuple(note.pitch for note in snapshot.held if note.end_tick is not None and note.end_tick <= last)


def _let_go(
    snapshot: Snapshot, pitches: Sequence[int], asked: Request, *, pedal: bool
) -> tuple[list[HeldNote], list[HeldNote], list[HeldNote]]:
    """What is held, what the pedal would hold, and what ends, once these pitches were let go."""
    held, pedalled, ended = list(snapshot.held), list(snapshot.pedalled), list[HeldNote]()
    for pitch in pitches:
        # Of two notes on one key the younger ends first, as the encodings' decoders have it.
        note = next((note for note in reversed(held) if note.pitch == pitch), None)
        if note is None:
            continue
        held.remove(note)
        lasts = snapshot.position.tick - note.tick < asked.longest_note_ticks
        (pedalled if pedal and lasts else ended).append(note)
    return held, pedalled, ended


def _end_s(snapshot: Snapshot, note: HeldNote, asked: Request, expression: Expression) -> float:
    """When a note ends that is let go in this step."""
    position = snapshot.position
    if snapshot.encoding.performs:
        return position.music_s
    return expression.end_s(note.on_s, position.music_s, position.step_s, asked.attributes["articulation"])


def _touch(
    snapshot: Snapshot,
    grid: GridStep,
    keys: Mapping[int, int],
    asked: Request,
    expression: Expression,
    above: int,
    rng: np.random.Generator,
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Velocity and delay in seconds of each note that starts: the model's own, or by the rules of expression.

    keys: as _keys gives them. above: the highest pitch that sounds on from before, or -1.
    """
    if snapshot.encoding.performs:
        own = dict(zip(grid.started, grid.velocities, strict=True))
        return tuple(own[pitch] for pitch in keys.values()), (0.0,) * len(keys)
    loudness = asked.attributes["loudness"]
    if asked.place is not None and grid.hands:
        hand_of = dict(zip(grid.started, grid.hands, strict=True))
        struck = [(sent, hand_of[pitch]) for sent, pitch in keys.items()]
        ours = 1 - asked.influence.loudness_share  # a person whom we follow swells for both
        arc = Arc(ours * asked.place.loudness, ours * asked.place.phrase_loudness, asked.slowing)
        velocities = expression.velocities_of_hands(struck, snapshot.position, loudness, arc, rng)
        return velocities, expression.delays_s(len(keys), rng)
    velocities = expression.velocities(tuple(keys), snapshot.position, loudness, asked.slowing, rng, above)
    return velocities, expression.delays_s(len(keys), rng)


def _under_pedal(
    pedalled: Sequence[HeldNote], keys: Mapping[int, int], held: Sequence[HeldNote]
) -> tuple[HeldNote, ...]:
    """What the pedal may go on holding: all or nothing, for a harsh interval lifts it; a key struck again ends."""
    stay = [note for note in pedalled if note.sent not in keys]
    sounding = classes_of([*(note.pitch for note in (*stay, *held)), *keys])
    harsh, pairs = intervals(sounding)
    return tuple(stay) if not keys or harsh <= HARSH_UNDER_PEDAL * pairs else ()


def _keys(pitches: tuple[int, ...], sounding: set[int], limits: Limits) -> dict[int, int]:
    """Key that is sent -> pitch that the model chose, in its order; what folds onto a sounding key is left out."""
    keys: dict[int, int] = {}
    for pitch in pitches:
        sent = limits.pitch(pitch)
        if sent == pitch or (sent not in sounding and sent not in pitches):
            keys.setdefault(sent, pitch)
    return keys
