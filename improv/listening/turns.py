"""Whose turn it is: the modes of playing together. Pure; time comes from the caller.

The places of our turns are steps of the music, so that what was planned can be planned again with the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from improv.control.commands import ACCOMPANY, ANSWER, IMITATE, PLAY_FOR_ME, SOLO
from improv.listening.beat import Beat
from improv.listening.influence import Change, Influence, Quote
from improv.listening.keyboard import PersonNote
from improv.listening.listener import PersonView
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.attributes import Key
from improv.music.chord import SCALES, Chord
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH

ANSWER_WEIGHT, IMITATE_WEIGHT = 0.6, 2.0
LONGEST_ANSWER_BEATS, SHORTEST_ANSWER_BEATS = 64.0, 2.0


class Turn(NamedTuple):
    """Whose turn it is. plays: ours. from_tick, to_tick: steps of ours. quote: what we come back to."""

    plays: bool
    from_tick: int | None = None
    to_tick: int | None = None
    quote: Quote | None = None
    yields: bool = False
    """We have just given way: what sounds of ours ends now."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the person played, on the grid of the music.

    beats: its length. onsets: (beats from the beat that it began in, pitches). velocity, pitch: means.
    """

    beats: float
    onsets: tuple[tuple[float, tuple[int, ...]], ...]
    velocity: float
    pitch: float
    onsets_per_s: float


def call_of(notes: tuple[PersonNote, ...], ended_s: float, beat: Beat | None, beat_s: float) -> Call | None:
    """A phrase by the person's own beat, or by beats of beat_s from its first note where they have none."""
    if not notes:
        return None
    period_s = beat.period_s if beat is not None else beat_s
    first_s = notes[0].on_s
    phase = beat.phase(first_s) if beat is not None else 0.0
    origin_s = first_s - (phase if phase < 0.9 else phase - 1.0) * period_s
    chords: dict[float, list[int]] = {}
    for note in notes:
        place = round(4 * (note.on_s - origin_s) / period_s) / 4
        chords.setdefault(place, []).append(note.pitch)
    length = (ended_s - origin_s) / period_s
    seconds = max(ended_s - first_s, 0.25)
    return Call(
        min(max(length, SHORTEST_ANSWER_BEATS), LONGEST_ANSWER_BEATS),
        tuple((place, tuple(sorted(set(pitches)))) for place, pitches in sorted(chords.items())),
        sum(note.velocity for note in notes) / len(notes),
        sum(note.pitch for note in notes) / len(notes),
        len(chords) / seconds,
    )


class Turns:
    """Follows a mode from moment to moment."""

    def __init__(self) -> None:
        self.mode = SOLO
        self.punch_in_s = 0.25
        """Who plays for so long is listened to, where we go on for them."""
        self.turn = Turn(plays=True)
        self.call: Call | None = None
        self._answered_s: float | None = None  # end of the phrase that was answered last
        self._was_playing = False

    def change(self, mode: str, now_s: float) -> None:
        """Another mode from now on; phrases that ended before are not answered."""
        self.mode, self._answered_s = mode, now_s
        self.call = None
        self.turn = Turn(plays=mode not in (ANSWER, IMITATE, ACCOMPANY, PLAY_FOR_ME))

    def look(self, view: PersonView, pulse: Beat | None, begins: int, ticks_per_beat: int, beat_s: float) -> Turn:
        """Whose turn it is now.

        pulse: of the phrase that is over, None where it has none. begins: the first step that our turn can begin with,
        on a beat where there is one. beat_s: length of our beat.
        """
        before = self.turn
        match self.mode:
            case "answer" | "imitate":
                turn = self._answer(view, pulse, begins, ticks_per_beat, beat_s)
            case "continue":
                turn = self._continue(view, begins)
            case "accompany":
                turn = Turn(plays=view.playing)
            case "play_for_me":
                turn = Turn(plays=False)
            case _:
                turn = Turn(plays=True)
        gave_way = before.plays and not turn.plays
        self.turn = turn
        return turn._replace(yields=gave_way)

    def _answer(self, view: PersonView, pulse: Beat | None, begins: int, per_beat: int, beat_s: float) -> Turn:
        if view.playing:
            return Turn(plays=False)
        if view.ended_s is None or (self._answered_s is not None and view.ended_s <= self._answered_s):
            return self.turn
        self._answered_s = view.ended_s
        self.call = call_of(view.call, view.ended_s, pulse, beat_s)
        if self.call is None:
            return self.turn
        length = max(round(self.call.beats * per_beat), per_beat)
        onsets = tuple((round(place * per_beat), pitches) for place, pitches in self.call.onsets)
        weight = IMITATE_WEIGHT if self.mode == IMITATE else ANSWER_WEIGHT
        return Turn(plays=True, from_tick=begins, to_tick=begins + length, quote=Quote(begins, length, onsets, weight))

    def _continue(self, view: PersonView, begins: int) -> Turn:
        if view.playing:
            since_s = view.at_s - (view.began_s if view.began_s is not None else view.at_s)
            return Turn(plays=since_s < self.punch_in_s and self.turn.plays)
        if not self.turn.plays:
            return Turn(plays=True, from_tick=begins)
        return self.turn


def shaped(
    influence: Influence,
    turn: Turn,
    mode: str,
    call: Call | None,
    view: PersonView,
    before: Influence,
    chords: tuple[Chord, Change | None] | None = None,
) -> Influence:
    """What is asked of us, by the mode and whose turn it is. before: what was asked before. chords: what goes with the
    melody now and from the next bar line on, None where no bar is known.
    """
    asked = replace(influence, plays=turn.plays, from_tick=turn.from_tick, to_tick=turn.to_tick, quote=turn.quote)
    match mode:
        case "answer" | "imitate" if call is not None and turn.plays:
            # In kind: as loud, as high, as dense as the call; their hands are away.
            attributes = dict(influence.attributes) | {
                "loudness": call.velocity,
                "register": min(max(call.pitch, 36.0), 84.0),
                "onset_density": min(max(call.onsets_per_s, 0.5), 12.0),
            }
            return replace(
                asked, attributes=attributes, lowest=21, highest=108, most_onsets_per_s=None, chord=frozenset()
            )
        case "accompany":
            if chords is None or _plays_chords(view):
                return _accompanying(asked, view, chord_for(view, before.harmony))
            return _accompanying(asked, view, *chords)
        case "lead":
            return _leading(asked, view)
        case "continue" if view.call and not view.playing:
            # In the same vein: where their hands were, which are away.
            pitch = sum(note.pitch for note in view.call) / len(view.call)
            attributes = dict(influence.attributes) | {"register": float(round(min(max(pitch, 36.0), 84.0)))}
            return replace(asked, attributes=attributes, lowest=LOWEST_PIANO_PITCH, highest=HIGHEST_PIANO_PITCH)
    return asked


TRIADS = ("", "m", "dim", "aug")
# How readily a triad on each degree of the key goes with a melody that fits several, in shares of the tune.
PREFERRED, PREFERENCE = (1.0, 0.45, 0.3, 0.75, 0.85, 0.6, 0.1), 0.35
# A chord stays while no other one holds so much more of the tune.
STAYS, SETTLED_TUNE_S = 0.15, 0.6
# Nats for the chord's tones are so many times those of a duet.
CHORD_WEIGHS = 9.0

ACCOMPANIMENT = (31, 62)  # keys of the left hand
ACCOMPANIED_AT = 52.0  # its mean; that of the left hands of 42 performances is 54, of 16 others 53


def _accompanying(asked: Influence, view: PersonView, chord: Chord | None, change: Change | None = None) -> Influence:
    """Bass and chords of one hand, below the melody, out of the chord that fits what they play."""
    hand = view.right or view.left
    highest = min(ACCOMPANIMENT[1], hand.lowest - 2) if hand is not None else ACCOMPANIMENT[1]
    attributes = dict(asked.attributes) | {"register": ACCOMPANIED_AT}
    return replace(
        asked,
        attributes=attributes,
        lowest=ACCOMPANIMENT[0] - 7,
        highest=max(highest, ACCOMPANIMENT[0] + 12),
        chord=frozenset(chord.classes) if chord is not None else frozenset(),
        harmony=chord,
        change=change,
        chord_share=CHORD_WEIGHS,
        key_share=1.0 if asked.key is not None else 0.0,
        most_onsets_per_s=None,
        person_hand=RIGHT,
    )


def _leading(asked: Influence, view: PersonView) -> Influence:
    """A melody above their hands, in their chord."""
    hands = [hand for hand in (view.left, view.right) if hand is not None]
    lowest = min(max((hand.highest for hand in hands), default=58) + 2, 90) if view.playing else asked.lowest
    attributes = dict(asked.attributes) | {"register": min(max(lowest + 9.0, 70.0), 84.0)}
    return replace(
        asked,
        attributes=attributes,
        lowest=lowest,
        highest=108,
        chord_share=3.0,
        most_onsets_per_s=None,
        person_hand=LEFT,
    )


def _plays_chords(view: PersonView) -> bool:
    return view.chord is not None and len(view.sounding) > 2


def chord_for(view: PersonView, last: Chord | None = None) -> Chord | None:
    """The chord that goes with what they play: theirs, or the triad that holds most of their tune, of their key
    where it is known. last: the one before, which stays while it fits about as well. None where nothing was played.
    """
    if view.chord is not None and _plays_chords(view):
        return view.chord.chord
    total = sum(view.tune)
    if not total:
        return None
    if view.key is None:
        longest = max(range(12), key=lambda tone: view.tune[tone])
        scores = {Chord(root, kind, root): PREFERENCE * (root == longest) for root in range(12) for kind in (0, 1)}
    else:
        scores = {_triad(view.key, degree): PREFERENCE * PREFERRED[degree] for degree in range(7)}
    for chord in scores:
        scores[chord] += sum(view.tune[tone] for tone in chord.classes) / total
    if last in scores and total > SETTLED_TUNE_S:
        scores[last] += STAYS
    return max(scores, key=lambda chord: scores[chord])


def _triad(key: Key, degree: int) -> Chord:
    scale = SCALES[0 if key.major else 1]
    root, third, fifth = ((key.tonic + scale[(degree + step) % 7]) % 12 for step in (0, 2, 4))
    kinds = {(4, 7): "", (3, 7): "m", (3, 6): "dim", (4, 8): "aug"}
    name = kinds[(third - root) % 12, (fifth - root) % 12]
    return Chord(root, TRIADS.index(name), root)
