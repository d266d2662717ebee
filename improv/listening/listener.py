"""The ear of BrainMusic: MIDI of the person in, a picture of what they do out (`PersonView`). Pure: no port, no clock.

The engine feeds it on its own thread: every method is bounded in time and memory, whatever comes in.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from improv.listening.beat import Beat, BeatTracker
from improv.listening.echo import EchoGuard, OutputPath
from improv.listening.hands import Hand, hands
from improv.listening.harmony import PersonChord, chord_in, histogram, key_chances, likeliest, tones
from improv.listening.impression import WINDOW_S, listen
from improv.listening.keyboard import ALL_HEARD, Heard, Keyboard, PersonNote
from improv.listening.phrase import Phrases
from improv.midi.messages import LETS_GO, SUSTAIN_PEDAL, control_of, key_of
from improv.music.attributes import FloatArray, Key, chord_onsets
from improv.music.mood import Mood

PEDAL_DOWN = 64  # from this value on
RECENT_S = 4.0  # density is that of so long
HANDS_S = 6.0  # the hands are where they were for so long, and stay there while nothing is played
LOUDNESS_S = 2.0
CALL_NOTES = 256
HARMONY_EVERY_S, MOOD_EVERY_S = 0.1, 1.0
WAITING_STRIKES = 64
# The tune is that of three beats, or of so long where there is no beat.
TUNE_S = 2.0
# A key is given up when others have been likelier for so long, or for this share of the time since the first one was
# named where that is shorter: what the first notes seemed to be is soon given up.
KEY_CHANGES_AFTER_S, KEY_CHANGES_SHARE = 2.0, 0.2
# Confidence from which on the person's beat is worth following.
SURE_BEAT = 0.3


class Strike(NamedTuple):
    """A key of the person's that went down since it was last asked. short: it is up again."""

    pitch: int
    velocity: int
    at_s: float
    short: bool = False
    pedalled: bool = False


@dataclass(frozen=True, slots=True)
class PersonView:
    """What the person does, at a moment of the clock.

    playing: within a phrase. down: pitches of the keys that are down; sounding: and what their pedal holds.
    beat: None before enough was heard; its confidence says whether to go by it. key: with its chance, 0..1; keys: the
    chances of all 24, majors from C and then minors, empty before the first note. in_key: how likely each pitch class
    is a tone of the key that is meant just now, which takes in the keys that the next notes may turn out to be in.
    left, right: where the hands are. loudness: mean velocity of the last seconds in which keys were struck, None
    before. onsets_per_s: of the last seconds. mood: how it sounds, by the listener's equations. began_s, ended_s: of
    the phrase under way, of the last one. call: the notes of the last phrase that ended. tune: seconds that each pitch
    class sounded in the last beats, the last ones weighing most.
    """

    at_s: float = 0.0
    playing: bool = False
    down: frozenset[int] = frozenset()
    sounding: frozenset[int] = frozenset()
    pedal: bool = False
    beat: Beat | None = None
    key: Key | None = None
    key_clearness: float = 0.0
    keys: tuple[float, ...] = ()
    in_key: tuple[float, ...] = ()
    chord: PersonChord | None = None
    left: Hand | None = None
    right: Hand | None = None
    loudness: float | None = None
    onsets_per_s: float = 0.0
    mood: Mood | None = None
    began_s: float | None = None
    ended_s: float | None = None
    call: tuple[PersonNote, ...] = ()
    tune: tuple[float, ...] = (0.0,) * 12

    @property
    def sure_beat(self) -> Beat | None:
        """The beat, where it is one to go by."""
        return self.beat if self.beat is not None and self.beat.confidence >= SURE_BEAT else None


NOBODY = PersonView()


class Listener:
    """Feed it with `receive` and `sent`, ask it with `view`; `strikes` hands out every key struck, once."""

    def __init__(
        self, beats_per_bar: int = 4, outputs: Sequence[OutputPath] = (OutputPath(),), part: Heard = ALL_HEARD
    ) -> None:
        self.echo = EchoGuard(outputs)
        self.keyboard = Keyboard()
        self.part = part
        self.phrases = Phrases()
        self._tracker = BeatTracker(beats_per_bar)
        self._waiting: deque[PersonNote] = deque(maxlen=WAITING_STRIKES)
        self._call: tuple[PersonNote, ...] = ()
        self._harmony_s = self._mood_s = -math.inf
        self._key: tuple[Key, float] | None = None
        self._keys: tuple[float, ...] = ()
        self._in_key: tuple[float, ...] = ()
        self._first_key_s = self._sure_key_s = 0.0  # when one was named, when the one that is believed was likeliest
        self._chord: PersonChord | None = None
        self._mood: Mood | None = None
        self._loudness: float | None = None
        self._hands: tuple[Hand | None, Hand | None] = (None, None)

    # --------------------------------------------------------------------------------------------------- feeding

    def receive(self, message: bytes, at_s: float) -> bool:
        """A MIDI message that came in at `at_s`. True: the person did something that is heard."""
        if (key := key_of(message)) is not None:
            channel, pitch, velocity = key
            return self._strike(channel, pitch, velocity, at_s) if velocity else self._release(channel, pitch, at_s)
        if (change := control_of(message)) is not None:
            channel, control, value = change
            if control == SUSTAIN_PEDAL:
                # Where what we send comes back, a pedal that goes down may be ours; one that rises does no harm.
                self.keyboard.press_pedal(channel, at_s, down=value >= PEDAL_DOWN and not self.echo.hears_itself)
                return True
            if control in LETS_GO:
                return bool(self.keyboard.let_go(channel, at_s))
        return False

    def sent(self, pitch: int, velocity: int, on_s: float) -> None:
        """A note of ours sounds from on_s."""
        self.echo.sent(pitch, velocity, on_s)

    def clear(self, now_s: float) -> None:
        """The instrument went away."""
        self.keyboard.clear(now_s)

    def _strike(self, channel: int, pitch: int, velocity: int, at_s: float) -> bool:
        if not self.part.has(channel, pitch):
            return False
        if self.echo.struck(channel, pitch, velocity, at_s):
            return False
        if not self.keyboard.strike(channel, pitch, velocity, at_s):
            return False
        self._waiting.append(PersonNote(pitch, velocity, at_s, None, channel, self.keyboard.pedal))
        self._tracker.strike(at_s, velocity, pitch)
        self.phrases.strike(at_s)
        return True

    def _release(self, channel: int, pitch: int, at_s: float) -> bool:
        if self.echo.released(channel, pitch):
            return False
        heard = self.keyboard.release(channel, pitch, at_s)
        if heard and not self.keyboard.down:
            self.phrases.let_go(at_s)
        return heard

    # ---------------------------------------------------------------------------------------------------- asking

    def strikes(self) -> tuple[Strike, ...]:
        """Every key struck since the last call, in order; those beyond WAITING_STRIKES are the latest."""
        down = self.keyboard.down
        struck = tuple(
            Strike(note.pitch, note.velocity, note.on_s, note.pitch not in down, note.pedalled)
            for note in self._waiting
        )
        self._waiting.clear()
        return struck

    def hand_over(self, now_s: float) -> bool:
        """The person says that it is our turn, by a pedal or a key. False: they had played nothing."""
        began_s = self.phrases.began_s
        if not self.phrases.end(now_s):
            return False
        self._end_call(began_s or now_s)
        return True

    def view(self, now_s: float) -> PersonView:
        """The picture at this moment."""
        self.keyboard.tidy(now_s)
        beat = self._tracker.beat(now_s)
        sure = beat is not None and beat.confidence >= SURE_BEAT
        began_s = self.phrases.began_s
        news = self.phrases.look(
            now_s,
            keys_down=bool(self.keyboard.down),
            pedal=self.keyboard.pedal,
            period_s=beat.period_s if sure and beat is not None else None,
        )
        if news == "ends" and began_s is not None:
            self._end_call(began_s)
        recent = self.keyboard.notes(now_s - RECENT_S)
        if late := [note.velocity for note in recent if note.on_s > now_s - LOUDNESS_S]:
            self._loudness = sum(late) / len(late)
        self._look_deeper(now_s)
        if near := self.keyboard.notes(now_s - HANDS_S):
            self._hands = hands([note.pitch for note in near])
        left, right = self._hands
        return PersonView(
            at_s=now_s,
            playing=self.phrases.began_s is not None,
            down=self.keyboard.down,
            sounding=self.keyboard.sounding,
            pedal=self.keyboard.pedal,
            beat=beat,
            key=self._key[0] if self._key else None,
            key_clearness=self._key[1] if self._key else 0.0,
            keys=self._keys,
            in_key=self._in_key,
            chord=self._chord,
            left=left,
            right=right,
            loudness=self._loudness,
            onsets_per_s=_onsets(recent) / RECENT_S,
            mood=self._mood,
            began_s=self.phrases.began_s,
            ended_s=self.phrases.ended_s,
            call=self._call,
            tune=self._tune(now_s, beat if sure else None),
        )

    def _tune(self, now_s: float, beat: Beat | None) -> tuple[float, ...]:
        """What sounds now weighs most; what lies a beat back half as much."""
        period_s = TUNE_S / 2 if beat is None else beat.period_s
        notes = self.keyboard.notes(now_s - min(3 * period_s, RECENT_S))
        return tuple(histogram(notes, now_s, half_life_s=period_s).tolist())

    def _end_call(self, began_s: float) -> None:
        self._call = tuple(self.keyboard.notes(began_s - 1e-9)[:CALL_NOTES])

    def _hear_key(self, found: tuple[Key, float] | None, now_s: float) -> None:
        """A key is kept until others have been likelier for a while."""
        if found is None:
            return
        if self._key is None:
            self._first_key_s = now_s
        after_s = min(KEY_CHANGES_AFTER_S, KEY_CHANGES_SHARE * (now_s - self._first_key_s))
        if self._key is None or found[0] == self._key[0] or now_s - self._sure_key_s >= after_s:
            self._key, self._sure_key_s = found, now_s

    def _look_deeper(self, now_s: float) -> None:
        """What takes longer is looked at less often."""
        if now_s - self._harmony_s >= HARMONY_EVERY_S:
            self._harmony_s = now_s
            notes = self.keyboard.notes(now_s - 16.0)
            if notes:
                chances = key_chances(notes, now_s)
                self._keys = tuple(chances.tolist())
                self._hear_key(likeliest(chances), now_s)
                self._in_key = tuple(tones(chances).round(2).tolist())
            self._chord = chord_in(notes, self.keyboard.sounding, now_s)
        if now_s - self._mood_s >= MOOD_EVERY_S:
            self._mood_s = now_s
            self._mood = mood_in(self.keyboard.notes(now_s - WINDOW_S), now_s) or self._mood


def mood_in(notes: Sequence[PersonNote], now_s: float) -> Mood | None:
    """How the last seconds sound; None where too little was played to tell."""
    if len(notes) < 2:
        return None
    on_s: FloatArray = chord_onsets(np.array([note.on_s for note in notes]))
    end_s = np.array([now_s if note.off_s is None else note.off_s for note in notes])
    seconds = min(max(now_s - float(on_s[0]), 4.0), WINDOW_S)
    pitch = np.array([float(note.pitch) for note in notes])
    velocity = np.array([float(note.velocity) for note in notes])
    impression = listen(on_s, np.maximum(end_s - on_s, 0.02), pitch, velocity, seconds)
    return impression.mood if impression is not None else None


def _onsets(notes: Sequence[PersonNote]) -> int:
    if not notes:
        return 0
    return len(np.unique(chord_onsets(np.array([note.on_s for note in notes]))))
