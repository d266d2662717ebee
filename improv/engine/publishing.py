"""What the engine publishes of itself at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from improv.control.published_state import State
from improv.control.state import ControlState
from improv.engine.degraded_words import degraded
from improv.engine.external_clock import ExternalClock
from improv.engine.published_plan import commanded
from improv.improviser.improviser import Improviser
from improv.music.mood import Mood, nearest_name
from improv.music.position import Position
from improv.player.protocol import Statistics


def status(
    controls: ControlState,
    improviser: Improviser,
    external: ExternalClock,
    sent: Statistics,
    position: Position,
    music_s: float,
    moods: Mapping[str, Mood],
    person: Mapping[str, Any],
    plan: Mapping[str, Any],
    counts: Mapping[str, Any],
) -> State:
    """The published state. position: of the step that is heard. music_s: where the music stands. person: what is
    published of the person who plays along. plan: what is published of the plan. counts: what is published of the
    notes that are made.
    """
    mood = controls.mood(music_s)
    return State(
        playing=controls.playing,
        ending=controls.ending,
        stopping=controls.stopping,
        mode=controls.mode,
        following=controls.following,
        place=controls.place,
        loop=controls.loop,
        loop_variation=controls.loop_variation,
        **person,
        **commanded(controls),
        **plan,
        mood=nearest_name(mood, moods),
        valence=mood.valence,
        arousal=mood.arousal,
        intensity=controls.intensity,
        temperature=controls.temperature,
        overrides=controls.overrides,
        attributes=improviser.attributes(mood, controls),
        limits={name: (band.low, band.high) for name, band in controls.limits.bands.items()},
        limits_set={name: (band.low, band.high) for name, band in controls.standing_limits.bands.items()},
        session=controls.session,
        lock=controls.lock,
        tempo_bpm=position.tempo_bpm,
        **_clock(controls, external),
        bar=position.bar,
        beat=int(position.beat_in_bar) + 1,
        beats_per_bar=position.beats_per_bar,
        revision=controls.revision,
        notes_sent=sent.notes_sent,
        notes_dropped=sent.notes_dropped,
        sounding=sent.sounding,
        lateness_p50_ms=1000 * sent.lateness_p50_s,
        lateness_p99_ms=1000 * sent.lateness_p99_s,
        lateness_max_ms=1000 * sent.lateness_max_s,
        **counts,
        model=improviser.model.contract.name,
        degraded=degraded(controls, external),
        seed=improviser.seed,
        **_glide(controls, music_s),
        **_journey(controls, music_s),
    )


def _clock(controls: ControlState, external: ExternalClock) -> dict[str, Any]:
    return {
        "clock_source": controls.clock_source,
        "clock": external.state,
        "clock_bpm": external.tempo_bpm or 0.0,
    }


def _glide(controls: ControlState, music_s: float) -> dict[str, Any]:
    target, glide = controls.target(music_s), controls.glide
    there = controls.mood(music_s) == target
    return {
        "target_valence": target.valence,
        "target_arousal": target.arousal,
        "glide_left_s": 0.0 if there else max(0.0, glide.start_s + glide.duration_s - music_s),
        "glide_s": controls.glide_s,
    }


def _journey(controls: ControlState, music_s: float) -> dict[str, Any]:
    course = controls.course
    if course is None:
        return {}
    return {
        "journey": course.journey.name,
        "journey_held": course.held_s is not None,
        "journey_s": course.place_s(music_s),
        "journey_length_s": course.journey.length_s,
        "journey_path": tuple((at_s, *point) for at_s, point in course.journey.points),
    }
