"""The foot on the sustain pedal of a model that is told a plan: what it remembers, and what it does in a step. Pure.

It listens to what the hands do and never changes it: its chances come from a seed of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from improv.improviser import pedalling
from improv.improviser.pedalling import BAR_LINE, BEAT, HALF_BEAT, MIDDLE, RINGING, WINDOW_BEATS, Moment, Move, Struck
from improv.improviser.planned_step import EndedNote, PlannedStep, PressedPedal
from improv.model.vocabulary.hands import LEFT
from improv.music.chord import MINOR_KEYS
from improv.plan.phrase_brief import Purpose, rng_of
from improv.plan.plan import PlannedBar

if TYPE_CHECKING:
    from improv.improviser.request import Request
    from improv.improviser.snapshot import Snapshot

_STRENGTHS = {1: BEAT, 2: MIDDLE, 3: BAR_LINE}
LONG_AGO_TICKS = 1 << 20


class Foot(NamedTuple):
    """note_id: of the pedal that is down, 0: it is up. down_s: when it went down, seconds of the music. moved_tick:
    when it was moved. struck: by the hands in the last four quarters. ringing: (pitch, tick at which its key comes up)
    of what was struck since the pedal was moved, and what was held then.
    """

    note_id: int = 0
    down_s: float = 0.0
    moved_tick: int = -LONG_AGO_TICKS
    struck: tuple[Struck, ...] = ()
    ringing: tuple[tuple[int, int], ...] = ()

    @property
    def is_down(self) -> bool:
        """Whether the pedal is down, or about to go down."""
        return self.note_id > 0

    @property
    def held(self) -> tuple[tuple[int, float], ...]:
        """(note_id, down_s) of the pedal that is down, or nothing."""
        return ((self.note_id, self.down_s),) if self.is_down else ()


NO_FOOT = Foot()


def tread(
    step: PlannedStep, after: Snapshot, asked: Request, strength: float, seed: int, pedal_id: int, *, stays: bool
) -> tuple[PlannedStep, Foot]:
    """The step with what the pedal does in it, and the foot after it. after: the snapshot that knows the step's notes.

    strength: 0 never presses. pedal_id: of a pedal that goes down. stays: the last chord sounds on, the pedal with
    it.
    """
    foot, place = after.foot, asked.place
    tick, music_s = step.position.tick, step.position.music_s
    if place is None or after.plan is None or strength <= 0 or step.finished or not _is_ours(asked):
        if not foot.is_down:
            return step, NO_FOOT
        return step._replace(pedal_up=EndedNote(foot.note_id, music_s)), NO_FOOT
    new = _struck(step, after)
    heard = _listen(foot, new, tick, step.position.ticks_per_beat)
    move = Move() if stays else _move(step, heard, foot, after, place.bar, strength, seed)
    up = EndedNote(foot.note_id, music_s + move.up_s) if foot.is_down and move.up_s is not None else None
    down = PressedPedal(pedal_id, music_s + move.down_s) if move.down_s is not None else None
    held = tuple((note.sent, note.end_tick or tick + 1) for note in after.held)
    ringing = heard.ringing
    if up is not None or down is not None:
        still = {pitch for pitch, _ in held}
        ringing = tuple(one for one in ringing if one[0] in still)
        heard = heard._replace(moved_tick=tick)
    ringing = (*ringing, *((pitch, end) for pitch, end in held if pitch in {p for p, _ in new}))[-RINGING:]
    note_id, down_s = (0, 0.0) if up is not None else (foot.note_id, foot.down_s)
    if down is not None:
        note_id, down_s = down
    return step._replace(pedal_up=up, pedal_down=down), heard._replace(note_id=note_id, down_s=down_s, ringing=ringing)


def _is_ours(asked: Request) -> bool:
    """Whether it is our turn, with nobody whose keys say how long our notes are."""
    return not asked.resting and not asked.influence.holds


def _struck(step: PlannedStep, after: Snapshot) -> list[tuple[int, Struck]]:
    """(pitch, what was struck) of the notes that begin in the step."""
    tick = step.position.tick
    ends = {note.note_id: note.end_tick for note in after.held}
    return [
        (note.pitch, Struck(tick, note.hand, max((ends.get(note.note_id) or tick + 1) - tick, 1), 1))
        for note in step.started
    ]


def _listen(foot: Foot, new: list[tuple[int, Struck]], tick: int, ticks_per_beat: int) -> Foot:
    since = tick - WINDOW_BEATS * ticks_per_beat
    kept = tuple(one for one in foot.struck if one.tick > since)
    return foot._replace(struck=(*kept, *(struck for _, struck in new)))


def _move(
    step: PlannedStep, heard: Foot, foot: Foot, after: Snapshot, bar: PlannedBar, strength: float, seed: int
) -> Move:
    """What the foot does in the step."""
    tick, position = step.position.tick, step.position
    pitches = [note.pitch for note in step.started]
    rings = [pitch for pitch, _ in foot.ringing]
    down_long = foot.is_down and position.music_s - foot.down_s > pedalling.habits().longest_s
    assert after.plan is not None
    before, now = after.plan.chord_at(tick - 1).chord, after.plan.chord_at(tick).chord
    must = foot.is_down and (before.root != now.root or down_long or pedalling.is_mud(pitches, rings))
    at = _strength(bar, tick)
    if at is None and not must:
        return Move()
    onsets, articulation, together = pedalling.lately(heard.struck, tick, position.ticks_per_beat)
    low, harsh = pedalling.clashes(pitches, rings)
    moment = Moment(
        strength=HALF_BEAT if at is None else at,
        change=(before.root, before.quality) != (now.root, now.quality),
        strikes=bool(pitches),
        bass=any(note.hand == LEFT for note in step.started),
        since_beats=(tick - foot.moved_tick) / position.ticks_per_beat,
        beat_s=position.step_s * position.ticks_per_beat,
        onsets=onsets,
        minor=after.plan.chord_at(tick).key >= MINOR_KEYS,
        articulation=articulation,
        together=together,
        low_clash=low,
        clash=harsh,
    )
    character = pedalling.draw_character(rng_of(seed, Purpose.PEDAL, bar.piece), after.model.contract.habits)
    rng = rng_of(seed, Purpose.PEDAL, bar.piece, tick)
    return pedalling.decide(moment, down=foot.is_down, must=must, strength=strength, character=character, rng=rng)


def _strength(bar: PlannedBar, tick: int) -> int | None:
    """Of a felt beat or half of one; None elsewhere."""
    into, pulse = tick - bar.tick, bar.metre.pulse_ticks
    for place, strength in bar.metre.slots:
        if into == place:
            return _STRENGTHS[strength]
    return HALF_BEAT if into % pulse == pulse // 2 else None
