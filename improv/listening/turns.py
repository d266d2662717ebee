"""Whose turn it is: the modes of playing together. Pure; time comes from the caller.

The places of our turns are steps of the music, so that what was planned can be planned again with the same outcome.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from improv.control.commands import ACCOMPANY, ANSWER, IMITATE, PLAY_FOR_ME, SOLO
from improv.listening.influence import Influence, Quote
from improv.listening.keyboard import PersonNote
from improv.listening.listener import PersonView
from improv.music.position import Position

PUNCH_IN_S = 0.25
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


def call_of(notes: tuple[PersonNote, ...], ended_s: float, view: PersonView, beat_s: float) -> Call | None:
    """A phrase by the person's own beat, or by beats of beat_s from its first note where they have none."""
    if not notes:
        return None
    beat = view.sure_beat
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
        self.turn = Turn(plays=True)
        self.call: Call | None = None
        self._answered_s: float | None = None  # end of the phrase that was answered last
        self._was_playing = False

    def change(self, mode: str, now_s: float) -> None:
        """Another mode from now on; phrases that ended before are not answered."""
        self.mode, self._answered_s = mode, now_s
        self.call = None
        self.turn = Turn(plays=mode not in (ANSWER, IMITATE, ACCOMPANY, PLAY_FOR_ME))

    def look(self, view: PersonView, position: Position, first_tick: int, beat_s: float) -> Turn:
        """Whose turn it is now.

        position: of a step near first_tick. first_tick: the first step that can still be planned anew. beat_s: length
        of our beat.
        """
        before = self.turn
        match self.mode:
            case "answer" | "imitate":
                turn = self._answer(view, position, first_tick, beat_s)
            case "continue":
                turn = self._continue(view, position, first_tick)
            case "accompany":
                turn = Turn(plays=view.playing)
            case "play_for_me":
                turn = Turn(plays=False)
            case _:
                turn = Turn(plays=True)
        gave_way = before.plays and not turn.plays
        self.turn = turn
        return turn._replace(yields=gave_way)

    def _answer(self, view: PersonView, position: Position, first_tick: int, beat_s: float) -> Turn:
        if view.playing:
            return Turn(plays=False)
        if view.ended_s is None or (self._answered_s is not None and view.ended_s <= self._answered_s):
            return self.turn
        self._answered_s = view.ended_s
        self.call = call_of(view.call, view.ended_s, view, beat_s)
        if self.call is None:
            return self.turn
        begins = next_beat(position, first_tick) if view.sure_beat is not None else first_tick
        per_beat = position.ticks_per_beat
        length = max(round(self.call.beats * per_beat), per_beat)
        onsets = tuple((round(place * per_beat), pitches) for place, pitches in self.call.onsets)
        weight = IMITATE_WEIGHT if self.mode == IMITATE else ANSWER_WEIGHT
        return Turn(plays=True, from_tick=begins, to_tick=begins + length, quote=Quote(begins, length, onsets, weight))

    def _continue(self, view: PersonView, position: Position, first_tick: int) -> Turn:
        if view.playing:
            since_s = view.at_s - (view.began_s if view.began_s is not None else view.at_s)
            return Turn(plays=since_s < PUNCH_IN_S and self.turn.plays)
        if not self.turn.plays:
            begins = next_beat(position, first_tick) if view.sure_beat is not None else first_tick
            return Turn(plays=True, from_tick=begins)
        return self.turn


def next_beat(position: Position, tick: int) -> int:
    """The first step on a beat at `tick` or later."""
    return tick + (position.bar_tick - tick) % position.ticks_per_beat


def shaped(influence: Influence, turn: Turn, mode: str, call: Call | None, view: PersonView) -> Influence:
    """What is asked of us, by the mode and whose turn it is."""
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
            return _accompanying(asked, view)
        case "lead":
            return _leading(asked, view)
    return asked


ACCOMPANIMENT = (31, 57)  # keys of the left hand


def _accompanying(asked: Influence, view: PersonView) -> Influence:
    """Bass and chords of one hand, below the melody, out of the chord that fits what they play."""
    hand = view.right or view.left
    highest = min(ACCOMPANIMENT[1], hand.lowest - 2) if hand is not None else ACCOMPANIMENT[1]
    attributes = dict(asked.attributes) | {"register": 47.0}
    return replace(
        asked,
        attributes=attributes,
        lowest=ACCOMPANIMENT[0] - 7,
        highest=max(highest, ACCOMPANIMENT[0] + 12),
        chord=chord_for(view),
        chord_share=6.0,
        key_share=1.0 if asked.key is not None else 0.0,
        most_onsets_per_s=None,
    )


def _leading(asked: Influence, view: PersonView) -> Influence:
    """A melody above their hands, in their chord."""
    hands = [hand for hand in (view.left, view.right) if hand is not None]
    lowest = min(max((hand.highest for hand in hands), default=58) + 2, 90) if view.playing else asked.lowest
    attributes = dict(asked.attributes) | {"register": min(max(lowest + 9.0, 70.0), 84.0)}
    return replace(asked, attributes=attributes, lowest=lowest, highest=108, chord_share=3.0, most_onsets_per_s=None)


def chord_for(view: PersonView) -> frozenset[int]:
    """Pitch classes of the chord that goes with what they play: theirs, or the best triad of the key for the melody."""
    if view.chord is not None:
        return view.chord.classes
    if view.key is None or not view.sounding:
        return frozenset()
    scale = (0, 2, 4, 5, 7, 9, 11) if view.key.major else (0, 2, 3, 5, 7, 8, 11)
    preferred = (1.0, 0.55, 0.4, 0.8, 0.9, 0.6, 0.2)
    sounding = {pitch % 12 for pitch in view.sounding}

    def triad(degree: int) -> frozenset[int]:
        return (
            frozenset((view.key.tonic + scale[(degree + step) % 7]) % 12 for step in (0, 2, 4))
            if view.key
            else frozenset()
        )

    best = max(range(7), key=lambda degree: (2 * len(triad(degree) & sounding) + preferred[degree], -degree))
    return triad(best)
