"""What the person plays, told to the improviser: every key, whose turn it is, and what their playing asks of us."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from improv.clock import Clock
from improv.control.commands import INTERNAL, LOOPS, PLAY_FOR_ME, SOLO
from improv.control.state import ControlState
from improv.engine.bars_to_vary import LastBars
from improv.engine.look_ahead import LookAhead
from improv.engine.own_notes import OwnNotes
from improv.engine.replanning import Planner
from improv.engine.say_once import SayOnce
from improv.engine.timeline import Timeline
from improv.engine.together import News, Together
from improv.engine.transport import Transport
from improv.errors import CommandError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Follow, Hear, Shorten
from improv.listening.harmony import key_name
from improv.listening.influence import NO_INFLUENCE, Influence, Quote
from improv.model.plain_model import PLAIN

log = logging.getLogger(__name__)

# What answers a key at once is due so soon: the player needs a moment.
LEAD_NOW_S = 0.004
# How literally a loop comes again where it is not varied.
LOOP_WEIGHT = 2.0


class Person:
    """Carries out what playing together asks for. What changes the controls returns them as they are then."""

    def __init__(
        self,
        together: Together,
        improviser: Improviser,
        ahead: LookAhead,
        transport: Transport,
        planner: Planner,
        own: OwnNotes,
        clock: Clock,
        timeline: Timeline,
    ) -> None:
        self._together, self._improviser, self._ahead = together, improviser, ahead
        self._transport, self._planner, self._own = transport, planner, own
        self._clock, self._timeline = clock, timeline
        self._keys: frozenset[int] = frozenset()  # as the improviser was told
        self._told: Influence = NO_INFLUENCE  # what the improviser was told last
        self._loop: Quote | None = None
        self._past = LastBars()
        self._varied: Quote | None = None  # of the past, while no network plays

    def receive(self, message: bytes, received_s: float) -> bool:
        """A MIDI message that came in. True: the person did something that is heard."""
        self._together.sent(self._own.begun(received_s))
        return self._together.receive(message, received_s)

    def lose(self) -> None:
        """The ports were lost: who knows what happened to the keys."""
        self._together.ports_changed(self._clock.now())

    def attend(self, controls: ControlState) -> ControlState:
        """What the person did is told to the improviser; what is planned and not yet heard is chosen anew."""
        now_s, together = self._clock.now(), self._together
        together.sent(self._own.begun(now_s))
        if not together.due(now_s):
            return controls
        if ignored := together.flooded(now_s):
            log.warning("more keys come in than hands can strike: %d were not heard", ignored)
        together.see(now_s)
        self._go_by_beat(controls)  # before it is decided where our turn begins: on the beat that we go by
        news = self._look(controls, now_s)
        self._hear(news, controls)
        if controls.mode == PLAY_FOR_ME:
            controls = self._play_for(news.struck[-1].velocity if news.struck else None, controls)
        else:
            if news.yields:
                self._give_way()
            elif news.changed:
                self._planner.replanning.ask(now_s)
            if controls.playing:
                self._ask(together.influence)
        return controls

    def _look(self, controls: ControlState, now_s: float) -> News:
        position = self._improviser.position
        music_s = self._timeline.music_s(position, now_s) if controls.playing else position.music_s
        settled_s = max(self._planner.replanning.settled_s, self._own.statistics.lead_s)
        meant = self._improviser.attributes(controls.mood(music_s), controls)
        first_tick = self._ahead.first_unheard(now_s + settled_s)
        song_beat = self._timeline.song_beat(position)
        return self._together.look(now_s, controls, position, first_tick, song_beat, meant)

    def _hear(self, news: News, controls: ControlState) -> None:
        if not news.struck and news.keys == self._keys:
            return
        self._keys = news.keys
        # While the music rests nothing is told but what is held: somebody may practise for hours.
        struck = tuple((one.pitch, one.velocity) for one in news.struck) if controls.playing else ()
        self._improviser.apply(Hear(tuple(sorted(news.keys)), struck))

    def _ask(self, influence: Influence) -> None:
        if influence.quote is None:
            influence = replace(influence, quote=self._loop or self._varied)
        if influence != self._told:
            self._told = influence
            self._improviser.apply(Follow(influence))

    def _give_way(self) -> None:
        """What is planned is taken back and what sounds of ours ends now: it is the person's turn."""
        self._ahead.release(self._own.sounding())

    def _play_for(self, velocity: int | None, controls: ControlState) -> ControlState:
        """The person struck a key (velocity) or holds some or none: our note begins with theirs and ends with it."""
        asked = self._together.influence
        keys_down = bool(self._together.view.sounding)
        if velocity is None or not controls.playing or self._timeline.synced:
            if not keys_down and self._improviser.held:
                self._give_way()
            self._ask(replace(asked, plays=False, holds=keys_down))
            return controls
        self._give_way()
        due_s = self._clock.now() + LEAD_NOW_S
        self._improviser.apply(Shorten(self._timeline.music_s(self._improviser.position, due_s)))
        tick = self._improviser.position.tick
        asked = replace(asked, plays=True, from_tick=tick, to_tick=tick + 1, velocity=velocity, holds=True)
        self._ask(asked)
        _, controls = self._planner.plan_step(controls)
        self._ask(replace(asked, plays=False, from_tick=None, to_tick=None))
        return controls

    def _go_by_beat(self, controls: ControlState) -> None:
        """Go by the person's beat where it leads, as by another program's; back to our own time where it does not."""
        self._together.leads = self._transport.by_person
        if controls.clock_source != INTERNAL or not controls.playing:
            self._together.leads = False
            return
        song_beat = self._timeline.song_beat(self._improviser.position)
        beat = self._together.lead(controls, self._clock.now(), song_beat, self._ahead.next_due_s)
        self._transport.go_by_person(beat)

    def turn(self, before: ControlState, controls: ControlState) -> None:
        """What was commanded of playing together. CommandError when it cannot be."""
        self.change_mode(controls)
        self.change_loop(before, controls)

    def change_mode(self, controls: ControlState) -> None:
        """The mode of playing together may be another one from now on."""
        if controls.mode == self._together.turns.mode:
            return
        now_s = self._clock.now()
        self._together.change_mode(controls.mode, now_s)
        self._keys = frozenset()
        self._improviser.apply(Hear(()))
        if controls.mode == SOLO:
            self._together.influence = NO_INFLUENCE
            self._ask(NO_INFLUENCE)
            self._go_by_beat(controls)
        self._planner.replanning.ask(now_s)

    def change_loop(self, before: ControlState, controls: ControlState) -> None:
        """The last bars come again from the next bar line on, or no longer. CommandError when none is over yet."""
        if (before.loop, before.loop_variation) == (controls.loop, controls.loop_variation):
            return
        if controls.loop == LOOPS[0]:
            self._loop = None
        elif controls.loop != before.loop or self._loop is None:
            self._loop = self._last_bars(int(controls.loop))
        if self._loop is not None:
            varied = controls.loop_variation
            self._loop = self._loop._replace(weight=LOOP_WEIGHT * (1 - varied), locked=varied == 0)
        self._ask(replace(self._told, quote=None))

    def _last_bars(self, bars: int) -> Quote:
        now_s = self._clock.now()
        heard = self._ahead.heard(now_s)
        position = heard.position if heard is not None else self._improviser.position
        line, length = position.bar_tick, round(position.bar_ticks)
        bars = min(bars, (line - self._ahead.remembered_tick) // length)
        if bars < 1:
            raise CommandError("nothing can be looped yet: no bar is over")
        first = self._ahead.first_unheard(now_s + self._planner.replanning.settled_s)
        begins = line - (line - first) // length * length
        onsets = self._ahead.begun(line - bars * length, line)
        if not onsets:  # it would be silent for ever
            raise CommandError("nothing can be looped: the last bars are silent")
        return Quote(begins, bars * length, onsets, LOOP_WEIGHT, loops=True)

    def vary_last_bars(self) -> None:
        """While no network plays, what was played last is come back to, more and less freely."""
        if self._improviser.model_name == PLAIN:
            quote = self._past.quote(self._ahead.steps, self._improviser.position)
        else:
            self._past.stop()
            quote = None
        if quote != self._varied:
            self._varied = quote
            self._ask(replace(self._told, quote=None))

    def status(self, controls: ControlState) -> dict[str, Any]:
        """What is published of the person; nothing in solo."""
        if controls.mode == SOLO:
            return {}
        view = self._together.view
        ours = not self._together.influence.rests(self._ahead.first_unheard(self._clock.now()))
        beat, mood = view.beat, view.mood
        hands = [hand for hand in (view.left, view.right) if hand is not None]
        return {
            "turn": "both" if ours and view.playing else "ours" if ours else "yours",
            "person_playing": view.playing,
            "person_keys": tuple(sorted(view.sounding)),
            "person_bpm": beat.tempo_bpm if beat is not None else 0.0,
            "person_beat_sure": beat.confidence if beat is not None else 0.0,
            "person_leads": self._transport.by_person,
            "person_key": key_name(view.key) if view.key is not None else "",
            "person_chord": view.chord.name if view.chord is not None else "",
            "person_hands": tuple(key for hand in hands for key in (hand.lowest, hand.highest)),
            "person_loudness": view.loudness or 0.0,
            "person_onsets_per_s": view.onsets_per_s,
            "person_valence": mood.valence if mood is not None else 0.0,
            "person_arousal": mood.arousal if mood is not None else 0.0,
            "hears_itself": self._together.listener.echo.hears_itself,
        }


def attend_surely(person: Person, controls: ControlState, said: SayOnce, now_s: float) -> ControlState:
    """`attend`, and the last bars varied: whoever plays must not end the music with a fault of ours."""
    try:
        controls = person.attend(controls)
        person.vary_last_bars()
    except Exception:
        if said.is_new("attend", now_s):
            log.exception("unexpected error with what the person plays; the music goes on")
    return controls
