"""How far we follow the person, each way with a strength of its own: from what they do to what is asked of us. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from improv.listening.hands import Hand
from improv.listening.influence import PLAN_FOLLOWS, Influence
from improv.listening.listener import PersonView
from improv.music.attributes import ATTRIBUTES
from improv.music.chord import Chord
from improv.music.mood import Mood
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH

REMEMBERED_S = 6.0  # after the last note the person's loudness and density are let go over this time
BUSY_ONSETS_PER_S = 4.0  # a person who plays so many leaves us a quarter of our own
LEAST_LEFT = 0.25
MARGIN = 5  # semitones to the nearest hand: where it goes next is not known
INNER = 8  # semitones from the ends of the room to where our notes lie in the mean
LEAST_ROOM = 14  # semitones: less is no place to play in
COMFORTABLE = (33, 96)
PERSON_MODE = 0.85  # how clearly major or minor we are when we follow a key
# A tone is avoided where its chance to be one of the person's key is smaller; so many of the likeliest are always left.
IN_KEY, LEAST_TONES = 0.75, 5
SURE_CHORD = 0.9  # fit from which on the plan goes by the person's chord
HARD_REGISTER = 0.5  # from this strength on keys of the hands are forbidden, not only avoided


def following(
    view: PersonView, strengths: Mapping[str, float], meant: Mapping[str, float], place: str = "auto"
) -> Influence:
    """What the person's playing asks of us. strengths: of FOLLOWED, 0..1. meant: the attributes that the mood means."""
    fresh = _freshness(view)
    attributes: dict[str, float] = {}
    loudness_share = 0.0 if view.loudness is None else round(strengths["loudness"] * fresh, 1)
    if view.loudness is not None and (share := strengths["loudness"] * fresh):
        attributes["loudness"] = round((1 - share) * meant["loudness"] + share * view.loudness)
    ceiling = None
    if share := strengths["density"]:
        busy = min(view.onsets_per_s / BUSY_ONSETS_PER_S, 1.0)
        left = 1 - share * (1 - LEAST_LEFT) * busy
        fuller = 1 + 0.25 * share * (1 - busy) * (not view.playing) * (view.ended_s is not None)
        attribute = ATTRIBUTES["onset_density"]
        density = min(max(meant["onset_density"] * left * fuller, attribute.low), attribute.high)
        attributes["onset_density"] = round(density, 1)
        ceiling = round(1.25 * density, 1) if busy > 0.1 else None
    key_share = round(strengths["key"] * min(1.0, 0.4 + view.key_clearness), 1) if view.key is not None else 0.0
    if view.key is not None and key_share:
        theirs = PERSON_MODE if view.key.major else -PERSON_MODE
        attributes["mode"] = round((1 - key_share) * meant["mode"] + key_share * theirs, 1)
    lowest, highest = _room(view, strengths["register"], place)
    if strengths["register"] and (lowest, highest) != (LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH):
        low, high = max(lowest, COMFORTABLE[0]) + INNER, min(highest, COMFORTABLE[1]) - INNER
        middle = (low + high) / 2
        attributes["register"] = round(min(max(meant["register"], min(low, middle)), max(high, middle)))
    mood = view.mood
    return Influence(
        attributes=attributes,
        loudness_share=loudness_share,
        mood=Mood(round(mood.valence, 1), round(mood.arousal, 1)) if mood is not None else None,
        mood_share=strengths["mood"] if mood is not None else 0.0,
        key=view.key,
        key_share=key_share,
        outside=_outside(view.in_key),
        outside_share=strengths["key"],
        chord=view.chord.classes if view.chord is not None and view.playing else frozenset(),
        chord_share=strengths["key"],
        harmony=_harmony(view, strengths["key"]),
        clashing=clashing(view.sounding),
        clash_share=strengths["key"],
        lowest=lowest,
        highest=highest,
        most_onsets_per_s=ceiling,
    )


def _outside(in_key: Sequence[float]) -> frozenset[int]:
    """Pitch classes that are hardly in the person's key."""
    likeliest = sorted(range(len(in_key)), key=lambda tone: -in_key[tone])
    return frozenset(tone for tone in likeliest[LEAST_TONES:] if in_key[tone] < IN_KEY)


def _harmony(view: PersonView, strength: float) -> Chord | None:
    chord = view.chord
    sure = chord is not None and view.playing and strength >= PLAN_FOLLOWS and chord.fit >= SURE_CHORD
    return chord.chord if chord is not None and sure else None


def clashing(sounding: frozenset[int]) -> frozenset[int]:
    """Pitches a semitone, or a semitone and octaves, from keys that sound."""
    classes = {(pitch + step) % 12 for pitch in sounding for step in (1, -1)} - {pitch % 12 for pitch in sounding}
    return frozenset(pitch for pitch in range(128) if pitch % 12 in classes)


def _freshness(view: PersonView) -> float:
    """1 while the person plays, then falling to 0."""
    if view.playing:
        return 1.0
    if view.ended_s is None:
        return 0.0
    return max(0.0, 1 - (view.at_s - view.ended_s) / REMEMBERED_S)


def _room(view: PersonView, strength: float, place: str) -> tuple[int, int]:
    """The keys that are left to us: the best of what lies above, below and between the hands, or of `place`."""
    everything = (LOWEST_PIANO_PITCH, HIGHEST_PIANO_PITCH)
    found = [hand for hand in (view.left, view.right) if hand is not None]
    if strength < HARD_REGISTER or not found or not (view.playing or _freshness(view) > 0.5):
        return everything
    lowest, highest = found[0].lowest, found[-1].highest
    below = (LOWEST_PIANO_PITCH, lowest - MARGIN)
    above = (highest + MARGIN, HIGHEST_PIANO_PITCH)
    if place == "below":
        return _at_the_bottom(below)
    if place == "above":
        return _at_the_top(above)
    rooms = (below, above, _between(*found)) if place == "auto" and len(found) == 2 else (below, above)
    best = max(rooms, key=_size)
    if _size(best) >= LEAST_ROOM:
        return best
    # The hands are everywhere: the outer keys on the roomier side.
    return _at_the_bottom(below) if below[1] - below[0] > above[1] - above[0] else _at_the_top(above)


def _between(left: Hand, right: Hand) -> tuple[int, int]:
    return left.highest + MARGIN, right.lowest - MARGIN


def _size(room: tuple[int, int]) -> float:
    """Keys in it that sound well alone."""
    return min(room[1], COMFORTABLE[1]) - max(room[0], COMFORTABLE[0])


def _at_the_bottom(below: tuple[int, int]) -> tuple[int, int]:
    """An octave at least."""
    return below[0], max(below[1], below[0] + 12)


def _at_the_top(above: tuple[int, int]) -> tuple[int, int]:
    return min(above[0], above[1] - 12), above[1]
