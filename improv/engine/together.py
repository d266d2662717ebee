"""Playing together, as far as the engine sees it: the person's MIDI in, what is asked of the next steps out.

Pure: it knows the listener, whose turn it is and what was sent, and neither port nor clock. The engine carries out what
it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from improv.control.commands import ACCOMPANY, ANSWER, CONTINUE, IMITATE, PLAY_FOR_ME, SOLO
from improv.control.state import ControlState
from improv.engine.settings import EngineSettings
from improv.listening.beat import Beat
from improv.listening.follow import following
from improv.listening.influence import NO_INFLUENCE, Change, Influence
from improv.listening.listener import NOBODY, Listener, PersonView, Strike
from improv.listening.melody_chord import MelodyChords, bar_line
from improv.listening.phrase_beat import beats_apart, phrase_beat
from improv.listening.turns import Turns, shaped
from improv.midi.messages import CLOCKS_PER_BEAT
from improv.music.chord import Chord
from improv.music.position import Position
from improv.plan.corpus_counts import roots_follow
from improv.player.protocol import ClockIn, PlannedNote

LOOK_EVERY_S = 0.03
# From this strength on the person's beat leads as another program's clock does; below, their tempo draws ours.
BEAT_LEADS = 0.5
BEAT_LOST, BEAT_KEPT_S, GLIDE_BACK_S = 0.15, 12.0, 8.0
SUSTAINED_KEYS = 6  # of those that only the pedal holds, the model is told of the latest


class News(NamedTuple):
    """What came about.

    keys: of the person that sound. struck: those that the model is to be told of. changed: what is asked of us is
    another thing than before, worth planning anew. yields: what sounds of ours ends now.
    """

    keys: frozenset[int]
    struck: tuple[Strike, ...]
    influence: Influence
    changed: bool
    yields: bool


class Together:
    """The engine's side of the person. Everything is bounded, whatever comes in."""

    def __init__(self, beats_per_bar: float, settings: EngineSettings) -> None:
        self.listener = Listener(math.ceil(beats_per_bar))
        self.turns = Turns()
        self.configure(settings)
        self.view: PersonView = NOBODY
        self.influence: Influence = NO_INFLUENCE
        self.leads = False
        """Whether the person's beat leads."""
        self.beats_per_bar = math.ceil(beats_per_bar)
        """That the person is taken to count."""
        self._heard = False
        self._looked_s = -math.inf
        self._keys: frozenset[int] = frozenset()
        self._number, self._number_s = 0, 0.0  # of the person's beat at a moment
        self._found_bpm, self._left_s = 0.0, -math.inf
        self._said_s = -math.inf
        self._pulse: Beat | None = None  # of the phrase that is over, while we may answer it
        self._pulse_before: Beat | None = None
        self._chords = MelodyChords(roots_follow())

    def configure(self, settings: EngineSettings) -> None:
        """Take over what is heard, and what the outputs do to what we send."""
        self.listener.echo.outputs, self.listener.part = settings.output_paths, settings.heard
        self.turns.punch_in_s = settings.punch_in_s

    # --------------------------------------------------------------------------------------------------- feeding

    def receive(self, message: bytes, at_s: float) -> bool:
        """A MIDI message that came in. True: the person did something that is heard."""
        heard = self.listener.receive(message, at_s)
        self._heard = heard or self._heard
        return heard

    def sent(self, notes: Sequence[PlannedNote]) -> None:
        """Notes of ours that have begun; what the foot does is no key that could come back."""
        for note in notes:
            if not note.is_pedal:
                self.listener.sent(note.pitch, note.velocity, note.on_s)

    def ports_changed(self, now_s: float) -> None:
        """The instrument went away or came."""
        self.listener.clear(now_s)
        self._heard = True

    def change_mode(self, mode: str, now_s: float) -> None:
        """Another mode from now on."""
        self.turns.change(mode, now_s)
        self.listener.strikes()
        self._heard, self._looked_s = True, -math.inf

    def hand_over(self, now_s: float) -> None:
        """The person says that it is our turn."""
        self.listener.hand_over(now_s)
        self._heard = True

    def flooded(self, now_s: float) -> int:
        """How many keys of a flood were not heard, when it is time to say so; else 0."""
        ignored = self.listener.keyboard.ignored
        if not ignored or now_s - self._said_s < 10.0:
            return 0
        self._said_s, self.listener.keyboard.ignored = now_s, 0
        return ignored

    # --------------------------------------------------------------------------------------------------- looking

    def due(self, now_s: float) -> bool:
        """Whether it is worth looking: something was played, or a while has passed."""
        return self.turns.mode != SOLO and (self._heard or now_s - self._looked_s >= LOOK_EVERY_S)

    def see(self, now_s: float) -> None:
        """Take in what the person did up to now: their view, and the beat of the phrase that they have ended."""
        self._looked_s, self._heard = now_s, False
        before, self.view = self.view, self.listener.view(now_s)
        if self.view.playing or self.turns.mode not in (ANSWER, IMITATE, CONTINUE):
            self._pulse = None
        elif self.view.ended_s != before.ended_s:
            onsets_s = [note.on_s for note in self.view.call]
            self._pulse = phrase_beat(onsets_s, self.view.beat, self._pulse_before) or self.view.sure_beat
            self._pulse_before = self._pulse or self._pulse_before

    def look(
        self,
        now_s: float,
        controls: ControlState,
        position: Position,
        first_tick: int,
        song_beat: float,
        meant: Mapping[str, float],
    ) -> News:
        """What came about since the last look, by what was seen.

        first_tick: the first step that can be planned anew, near position. song_beat: of the position. meant: the
        attributes that the mood means.
        """
        view, beat_s = self.view, 60.0 / position.tempo_bpm
        begins = first_tick if self._pulse is None else self._next_beat(self._pulse, position, first_tick, song_beat)
        turn = self.turns.look(view, self._pulse, begins, position.ticks_per_beat, beat_s)
        asked = following(view, controls.following, meant, controls.place)
        chords = self._chords_for_melody(now_s, position, song_beat)
        asked = shaped(asked, turn, self.turns.mode, self.turns.call, view, self.influence, chords)
        if (tempo_bpm := self._drawn_tempo(now_s, controls, meant["tempo"])) is not None:
            asked = replace(asked, attributes={**asked.attributes, "tempo": tempo_bpm})
        before, self.influence = self.influence, asked
        keys, keys_before = self._told_keys(view), self._keys
        self._keys = keys
        struck = self.listener.strikes()
        if self.turns.mode == PLAY_FOR_ME:
            keys = self._keys = frozenset()  # their keys are no notes
        turned = (before.plays, before.from_tick, before.to_tick) != (asked.plays, asked.from_tick, asked.to_tick)
        changed = bool(struck) or keys != keys_before or turned or asked.harmony != before.harmony
        return News(keys, struck, asked, changed, turn.yields)

    def _next_beat(self, pulse: Beat, position: Position, tick: int, song_beat: float) -> int:
        """The first step at `tick` or later that is on a beat for sure. song_beat: of the position."""
        per_beat = position.ticks_per_beat
        if not self.leads or not self.view.call:  # the beats are ours
            return tick + (position.bar_tick - tick) % per_beat
        first = self._number + round((self.view.call[0].on_s - pulse.at_s) / pulse.period_s)
        origin_tick = position.tick - round((song_beat - first) * per_beat)
        return tick + (origin_tick - tick) % (beats_apart(pulse) * per_beat)

    def _chords_for_melody(
        self, now_s: float, position: Position, song_beat: float
    ) -> tuple[Chord, Change | None] | None:
        """The chord of the person's bar, and the one that their next bar line is likely to bring."""
        beat = self.view.beat if self.turns.mode == ACCOMPANY else None  # an unsure one is better than none
        if beat is None:
            return None
        per_bar = self.beats_per_bar
        notes = self.listener.keyboard.notes(now_s - 2 * per_bar * beat.period_s)
        self._chords.look(self.view.keys, notes, beat, per_bar, now_s)
        chord, following = self._chords.chord, self._chords.following
        if chord is None or following is None:
            return None
        if not self.leads:
            return chord, None
        line_s = bar_line(beat, per_bar, now_s) + per_bar * beat.period_s
        line_beat = self._number + (line_s - self._number_s) / beat.period_s
        tick = position.tick + round((line_beat - song_beat) * position.ticks_per_beat)
        return chord, Change(tick, following)

    def _told_keys(self, view: PersonView) -> frozenset[int]:
        """The keys that are down, and the latest of those that only the pedal holds."""
        late = self.listener.keyboard.sustained()[-SUSTAINED_KEYS:]
        return view.down | frozenset(late)

    def _drawn_tempo(self, now_s: float, controls: ControlState, mood_bpm: float) -> float | None:
        """The tempo that theirs draws ours to; None where it does not, or where their beat leads."""
        strength, beat = controls.following["tempo"], self.view.sure_beat
        if self.leads or not strength:
            return None
        if beat is not None and strength < BEAT_LEADS:
            return float(mood_bpm * (beat.tempo_bpm / mood_bpm) ** strength)
        left = (now_s - self._left_s) / GLIDE_BACK_S
        return float(self._found_bpm * (mood_bpm / self._found_bpm) ** left) if left < 1 and self._found_bpm else None

    # -------------------------------------------------------------------------------------------------- the beat

    def lead(self, controls: ControlState, now_s: float, song_beat: float, song_beat_s: float) -> ClockIn | None:
        """The person's beat as a clock to go by, where it leads; `leads` says whether it does from now on.

        song_beat: of our song at the clock's song_beat_s, for the first beat that is taken over.
        """
        asked = self.turns.mode not in (SOLO, PLAY_FOR_ME) and controls.following["tempo"] >= BEAT_LEADS
        beat = self._beat_to_go_by(now_s)
        if not asked or beat is None:
            if self.leads:
                self.leads, self._left_s = False, now_s
            return None
        self._count(beat, song_beat, song_beat_s)
        self.leads, self._found_bpm = True, beat.tempo_bpm
        return ClockIn("", True, CLOCKS_PER_BEAT * self._number, beat.at_s, beat.period_s / CLOCKS_PER_BEAT)

    def _beat_to_go_by(self, now_s: float) -> Beat | None:
        view = self.view
        rested_s = 0.0 if view.playing or view.ended_s is None else now_s - view.ended_s
        if self._pulse is not None:
            length_s = view.ended_s - view.call[0].on_s if view.call and view.ended_s is not None else 0.0
            return self._pulse if rested_s <= BEAT_KEPT_S + length_s else None
        beat = view.sure_beat if not self.leads else view.beat
        lost = beat is None or beat.confidence < BEAT_LOST or rested_s > BEAT_KEPT_S
        return None if lost else beat

    def _count(self, beat: Beat, song_beat: float, song_beat_s: float) -> None:
        """Number their beats: on from the last one, or from our own song, in the place of the bar that is theirs."""
        if self.leads:
            self._number += round((beat.at_s - self._number_s) / beat.period_s)
        else:
            near = song_beat + (beat.at_s - song_beat_s) / beat.period_s
            bars = round((near - beat.beat_in_bar) / self.beats_per_bar)
            self._number = max(bars, 0) * self.beats_per_bar + beat.beat_in_bar
        self._number_s = beat.at_s
