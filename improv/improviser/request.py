"""What is asked of one grid step: worked out once a step from the snapshot and from what is commanded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from improv.control.state import ControlState
from improv.improviser import ending
from improv.improviser.priming import Beginning
from improv.improviser.settings import Settings
from improv.improviser.snapshot import Snapshot
from improv.improviser.variation import varied
from improv.listening.influence import NO_INFLUENCE, Influence
from improv.model import conditioning, plan_inputs, roles
from improv.model.onnx_model import Float32Array
from improv.music.attributes import Key, profile_in_best_key, profile_of
from improv.music.chord import MINOR_KEYS
from improv.music.limits import DENSITY_WINDOW_S, Limits
from improv.music.mood import Mood, attributes_at
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.plan.phrase_memory import Recall
from improv.plan.plan import PlannedBar

# Whoever plays as many onsets in a second is left half of the room; counted over the last seconds.
ROOM_FOR_ONSETS_PER_S, PERSON_WINDOW_S = 3.0, 4.0
# A turn of the mood by so much is answered with a note at once; a knob's single steps (0.016) are not.
ANSWERED_TURN = 0.3
# Where a tick is a fixed time there is no tempo by which a note could be long: nothing sounds longer than this.
LONGEST_NOTE_S = 5.0
# The attribute mode in a commanded key, at least: as the clearest moods have it.
CLEAR_MODE = 0.8
# Nats for what is quoted, at full weight.
QUOTE_NATS = 6.0


class PlannedPlace(NamedTuple):
    """What the plan says of a step. told: (plan_inputs.SIZE,), without the stream's own context. bar: that it lies in.
    tempo_factor: of the commanded tempo, the piece's own and its phrase's. loudness: -1..1, the arc of the phrase.
    phrase_loudness: velocities that the phrase is louder than others.
    """

    told: Float32Array
    bar: PlannedBar
    tempo_factor: float
    loudness: float
    phrase_loudness: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """What one step has to obey.

    mood: of this moment. target: where it is going. attributes: commanded, in their own units, inside the limits.
    ending: how near the end is, 0..1, or None. intensity, temperature: as commanded. tempo_bpm: that another program
    gives, or None. person_keys: that the person holds, or struck since the step before however shortly, and we do not
    sound; struck: those that began since then; velocities: of struck ones. heard_until: number of the last strike.
    influence: what the person's playing asks of us. resting: it is not our turn. must_start: a note has to start, as
    far as may_start allows it. turned: the mood was turned since the last answer. longest_note_ticks: nothing sounds
    longer. recall: what an earlier phrase would bring back here. place: what the plan says of the step, or None. key:
    that is commanded, or None. guided: whether the commands are exaggerated. on_journey: whether one is under way.
    """

    mood: Mood
    target: Mood
    attributes: Mapping[str, float]
    ending: float | None
    limits: Limits
    intensity: float
    temperature: float
    tempo_bpm: float | None
    person_keys: frozenset[int]
    struck: frozenset[int]
    velocities: Mapping[int, int]
    heard_until: int
    influence: Influence
    resting: bool
    must_start: bool
    may_start: bool
    turned: bool
    longest_note_ticks: float
    recall: Recall | None
    place: PlannedPlace | None = None
    key: Key | None = None
    guided: bool = True
    on_journey: bool = False

    @property
    def slowing(self) -> float:
        """How near the end is, 0..1; 0 when none was asked for."""
        return self.ending or 0.0


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What reaches the improviser from outside beside the controls, and stays when steps are taken back.

    person_keys: that the person holds, 21..108. strikes: (number, pitch, velocity) of the keys that they struck lately;
    numbers rise. influence: what their playing asks of us. tempo_bpm: that another program gives, or None. phases: of
    the variation (see improv.improviser.variation). beginning: what the music is to begin from, or began from last.
    """

    phases: Mapping[str, float]
    person_keys: frozenset[int] = frozenset()
    strikes: tuple[tuple[int, int, int], ...] = ()
    influence: Influence = NO_INFLUENCE
    tempo_bpm: float | None = None
    beginning: Beginning | None = None


def request_for(
    snapshot: Snapshot,
    controls: ControlState,
    settings: Settings,
    around: Circumstances,
    recall: Recall | None,
    place: PlannedPlace | None = None,
) -> Request:
    """Everything that is asked of the step that begins at the snapshot's position."""
    position, influence = snapshot.position, around.influence.at(snapshot.position.tick)
    mood, near = influence.mixed(controls.mood(position.music_s)), ending.nearness(snapshot)
    struck = {pitch: velocity for number, pitch, velocity in around.strikes if number > snapshot.heard_until}
    limits, resting = _narrowed(controls.limits, influence), influence.rests(position.tick)
    may_start = not resting and _may_start(snapshot, limits)
    ours = snapshot.held_pitches
    turned = math.dist(controls.glide.target, snapshot.answered) >= ANSWERED_TURN
    strength = settings.breath * (1 - (near or 0.0))
    varying = varied(attributes_at(mood, settings.table), around.phases, position.music_s, strength)
    return Request(
        mood=mood,
        target=controls.glide.target,
        attributes=limits.attributes(_limited(varying | dict(influence.attributes), controls, around.tempo_bpm)),
        ending=near,
        limits=limits,
        intensity=controls.intensity,
        temperature=controls.temperature,
        tempo_bpm=around.tempo_bpm,
        # A key that we sound ourselves is ours: a piano may echo what it is sent.
        person_keys=(around.person_keys | frozenset(struck)) - ours,
        struck=frozenset(struck) - ours,
        velocities=struck,
        heard_until=max((number for number, _, _ in around.strikes), default=snapshot.heard_until),
        influence=influence,
        resting=resting,
        must_start=not resting
        and (
            turned
            or _is_overdue(snapshot, limits, settings)
            or _is_cadence(snapshot)
            or position.tick == influence.from_tick
        ),
        may_start=may_start,
        turned=turned,
        longest_note_ticks=_longest_note_ticks(snapshot, settings),
        recall=_quoted(influence, position.tick) or recall,
        place=place,
        key=key_commanded(controls),
        guided=controls.guided,
        on_journey=controls.course is not None,
    )


def key_commanded(controls: ControlState) -> Key | None:
    """The key that is commanded, if one is."""
    return None if controls.key is None else Key(controls.key % 12, controls.key < MINOR_KEYS)


def _narrowed(limits: Limits, influence: Influence) -> Limits:
    """The limits, and the keys and the pace that the person leaves to us."""
    narrowed = limits
    if (influence.lowest, influence.highest) != (LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH):
        narrowed = narrowed.changed("register", influence.lowest, influence.highest)
    if influence.most_onsets_per_s is not None:
        narrowed = narrowed.changed("onset_density", None, influence.most_onsets_per_s)
    if influence.velocity is not None:
        narrowed = narrowed.changed("loudness", influence.velocity, influence.velocity)
    return limits if narrowed is limits else narrowed.within(limits)


def _quoted(influence: Influence, tick: int) -> Recall | None:
    """What is come back to here: a call that is answered, bars of a loop."""
    if influence.quote is None or (there := influence.quote.at(tick)) is None:
        return None
    pitches, ticks_to_next = there
    weight = influence.quote.weight
    return Recall(pitches, ticks_to_next, weight, weight * QUOTE_NATS)


def commanded_attributes(
    mood: Mood, controls: ControlState, settings: Settings, tempo_bpm: float | None
) -> dict[str, float]:
    """What is commanded of the music, in the units of the attributes, inside the limits, without variation.

    tempo_bpm: that another program gives, or None.
    """
    return _limited(attributes_at(mood, settings.table), controls, tempo_bpm)


def _limited(meant: dict[str, float], controls: ControlState, tempo_bpm: float | None) -> dict[str, float]:
    if controls.key is not None:  # a key has its mode, whatever the mood means
        clear = max(abs(meant["mode"]), CLEAR_MODE)
        meant = meant | {"mode": -clear if controls.key >= MINOR_KEYS else clear}
    limited = controls.limits.attributes(meant | dict(controls.overrides))
    return limited if tempo_bpm is None else limited | {"tempo": tempo_bpm}


def _is_overdue(snapshot: Snapshot, limits: Limits, settings: Settings) -> bool:
    """Whether the rest is at its longest, by the settings or by the floor of the density."""
    position = snapshot.position
    if snapshot.silent_ticks >= settings.longest_rest_beats * position.ticks_per_beat:
        return True
    return position.music_s + position.step_s - snapshot.last_onset_s > limits.longest_gap_s


def longest_gap_s(snapshot: Snapshot, settings: Settings, influence: Influence) -> float:
    """Seconds that may pass from one onset to the next at the present tempo: the longest note and the longest rest by
    the settings, a bar of an ending's last chord, and what a locked loop leaves empty.
    """
    position, quote = snapshot.position, influence.quote
    beats = settings.longest_note_beats + settings.longest_rest_beats
    looped = quote.length_ticks if quote is not None and quote.locked else 0
    return (beats * position.ticks_per_beat + position.bar_ticks + looped) * position.step_s


def _is_cadence(snapshot: Snapshot) -> bool:
    return ending.is_final_chord(snapshot) or ending.is_dominant(snapshot)


def _may_start(snapshot: Snapshot, limits: Limits) -> bool:
    """Whether the ceiling of the density leaves room for an onset."""
    now_s = snapshot.position.music_s
    recent = sum(now_s - DENSITY_WINDOW_S < at_s < now_s for at_s in snapshot.onset_s)
    return limits.allows_onset(recent) or ending.is_final_chord(snapshot)


def _longest_note_ticks(snapshot: Snapshot, settings: Settings) -> float:
    encoding = snapshot.encoding
    if encoding.tempo_bpm is not None:
        return LONGEST_NOTE_S * encoding.tempo_bpm / 60 * encoding.ticks_per_beat
    return settings.longest_note_beats * encoding.ticks_per_beat


def conditioning_rows(snapshot: Snapshot, request: Request) -> Float32Array:
    """Two rows, with the commands and without, (2, conditioning.width). One where nothing is to be exaggerated.

    The plan is the same in both but for what the bar refers to, which the second is not told: so returns are
    exaggerated as commands are. A family without a beat knows neither tempo nor place in the bar. Where a person plays
    one of two hands, that stands behind the plan (improv.model.roles).
    """
    values = {"valence": request.mood.valence, "arousal": request.mood.arousal, **request.attributes}
    if request.ending is not None:
        values["ending"] = request.ending
    position, has_beat = snapshot.position, snapshot.encoding.tempo_bpm is None
    if not has_beat:
        values.pop("tempo", None)
    row = conditioning.vector(values, position.beat_in_bar if has_beat else None, position.beats_per_bar)
    rows = np.stack([row, conditioning.unconditioned(row)] if request.guided else [row])
    if request.place is None:
        return rows
    plans = np.stack([request.place.told] * len(rows))
    plan_inputs.hide_reference(plans[1:])
    return roles.told(np.concatenate([rows, plans], axis=1), request.influence.person_hand)


def onsets_per_s(snapshot: Snapshot, request: Request) -> float:
    """The onsets that are commanded; fewer where somebody else plays."""
    activity = len(snapshot.person_onset_s) / PERSON_WINDOW_S
    return request.attributes["onset_density"] / (1 + activity / ROOM_FOR_ONSETS_PER_S)


def too_long(snapshot: Snapshot, request: Request, decoder_sounding: tuple[int, ...]) -> tuple[int, ...]:
    """Pitches that have been held for as long as is allowed, and those that only the model still believes to sound
    (somebody silenced them): it could not strike them again.

    decoder_sounding: what the model believes to sound, high to low.
    """
    tick = snapshot.position.tick
    ends = request.resting and not request.influence.holds
    if snapshot.encoding.planned:
        return tuple(snapshot.held_pitches) if ends else ()  # else every note ends by itself
    expired = tuple(note.pitch for note in snapshot.held if ends or tick - note.tick >= request.longest_note_ticks)
    if not snapshot.encoding.performs:
        return expired
    known = snapshot.held_pitches | snapshot.person_keys
    return (*expired, *(pitch for pitch in decoder_sounding if pitch not in known))


def clashing(snapshot: Snapshot, request: Request) -> tuple[int, ...]:
    """Held pitches outside of the scale that a new mood is drawn to: they are let go as it begins."""
    if not request.turned:
        return ()
    if request.key is not None:
        profile = profile_of(request.key)
    else:
        profile = profile_in_best_key(snapshot.feedback.histogram, request.attributes["mode"] >= 0)
    return tuple(note.pitch for note in snapshot.held if profile[note.pitch % 12] < 0)
