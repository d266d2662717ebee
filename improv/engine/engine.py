"""The engine: keeps the improviser a bounded look-ahead before the clock, and turns the music when a command comes.

Single-threaded and driven from outside by `turn`; it owns no port and no process, only a link to the player.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from dataclasses import replace

from improv.clock import Clock, wall_clock
from improv.control import state
from improv.control.commands import (
    AllNotesOff,
    Command,
    HandOver,
    Panic,
    SceneCommand,
    SetAttribute,
    SetModel,
    Tap,
)
from improv.control.midi_map import MidiMap
from improv.control.published_state import State
from improv.control.scene_book import Recalled, SceneBook
from improv.control.state import ControlState
from improv.engine.attendance import Attendance
from improv.engine.beginnings import Beginnings, Sources
from improv.engine.by_itself import ByItself
from improv.engine.history import Moment
from improv.engine.look_ahead import LookAhead
from improv.engine.midi_in import MidiIn
from improv.engine.models import Cast, Models
from improv.engine.own_notes import OwnNotes
from improv.engine.person import Person, attend_surely
from improv.engine.port_choice import PortChoice
from improv.engine.published_plan import Outlook
from improv.engine.publishing import status
from improv.engine.replanning import Planner
from improv.engine.say_once import SayOnce
from improv.engine.scenes import Scenes
from improv.engine.settings import EngineSettings
from improv.engine.tap_tempo import TapTempo
from improv.engine.timeline import Timeline
from improv.engine.together import Together
from improv.engine.transport import Before, Transport
from improv.errors import BrainMusicError, CommandError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Configure
from improv.improviser.settings import Settings as ImproviserSettings
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.patience import Patience
from improv.player.protocol import ClockIn, Link, PortsChanged, Received, Rewired, ToEngine

log = logging.getLogger(__name__)

SAY_AGAIN_S = 10.0  # the same trouble is not told again sooner


class Engine:
    """Commands and what they turn. `turn` never blocks longer than it is told; no command can end the music.

    initial: what is commanded at the start, and what Reset goes back to. on_command: told of each command that is
    carried out, and when it came, in seconds of the clock. resumed: where an engine before this one was; then the
    music goes on where the improviser is, without a count-in. patience: that the models are asked with. book: the
    scenes that were kept. sources: of files and takes that music can begin from. local_time: date and time of day.
    """

    def __init__(
        self,
        improviser: Improviser,
        link: Link,
        clock: Clock,
        initial: ControlState,
        midi_map: MidiMap,
        settings: EngineSettings,
        on_command: Callable[[Command, float], None] | None = None,
        models: Models | None = None,
        resumed: Before | None = None,
        patience: Patience | None = None,
        book: SceneBook | None = None,
        sources: Sources | None = None,
        local_time: Callable[[], datetime.datetime] = wall_clock,
    ) -> None:
        self.improviser, self.settings = improviser, settings
        self._link, self._clock, self._on_command = link, clock, on_command
        self.timeline = Timeline(0.0, settings.clock_offset_s)
        own = OwnNotes(link)
        self._ahead = LookAhead(improviser, own, clock, self.timeline, settings)
        self._transport = Transport(improviser, self._ahead, own, clock, self.timeline, settings)
        self._cast = Cast(improviser, models, clock, patience)
        self._planner = Planner(
            improviser, self._ahead, self._transport, self._cast, clock, self.timeline, settings, own
        )
        self._taps, self._outlook = TapTempo(), Outlook(improviser, self._ahead)
        self.together = Together(improviser.settings.beats_per_bar, settings)
        last, at_first = (resumed.last, resumed.controls) if resumed else (Recalled(), initial)
        self.together.change_mode(at_first.mode, clock.now())
        self._person = Person(
            self.together, improviser, self._ahead, self._transport, self._planner, own, clock, self.timeline
        )
        self.scenes = Scenes(improviser, self._cast, self._person.turn, book or SceneBook(), last)
        self._planner.arrive = self.scenes.arrive
        self.beginnings = Beginnings(improviser, self.together, self._ahead, self._planner, clock, sources)
        self._said = SayOnce(SAY_AGAIN_S)
        self._attendance = Attendance(settings.rules, clock, local_time, idle=at_first.presence.idle)
        self._midi_in = MidiIn(midi_map, self._person, self._attendance, self.act, self._said, clock)
        outside = (self.together, self._transport.external, self._attendance)
        self._by_itself = ByItself(self.act, self._cast, self.scenes, *outside, clock, settings.longest)
        self._initial = initial
        self._ports = PortChoice(link, settings, at_first)
        self.controls = self._transport.resume(resumed) if resumed else self._transport.start(initial)

    @property
    def before(self) -> Before:
        """Where this engine is, for one that takes its place."""
        return Before(self.controls, self._transport.finished, self.scenes.kept.last)

    @property
    def midi_map(self) -> MidiMap:
        """What MIDI messages mean."""
        return self._midi_in.map

    def turn(self, timeout_s: float = 0.05) -> list[ToEngine]:
        """One round: take what arrived, plan anew where a command asks for it, plan ahead.

        Waits at most timeout_s, less when the plan runs out before. Returns what the player said beside MIDI input.
        """
        others: list[ToEngine] = []
        for record in self._link.poll(self._planner.wait_s(timeout_s, self.controls)):
            if isinstance(record, Received):
                self._midi_in.receive(record.message, record.received_s)
            elif isinstance(record, ClockIn):
                self.controls = self._transport.hear(record, self.controls)
            elif isinstance(record, Rewired):
                self.controls = self._ports.hear(record, self.controls)
            else:
                others.append(record)
        if (notice := self._link.beat()) != "":
            log.warning("%s", notice)
            self._ahead.start_over()
        changes = [record for record in others if isinstance(record, PortsChanged)]
        if any(record.input_lost or not record.goes_on for record in changes):
            self._midi_in.lose()
        if any(not record.goes_on for record in changes):
            self._ahead.start_over()
        self._by_itself.look(self.controls, self._initial)
        self.beginnings.turn(self.controls)
        self.controls = attend_surely(self._person, self.controls, self._said, self._clock.now())
        self._ahead.tells_parts |= self._ports.needs_parts
        self.controls = self._planner.turn(self.controls, self.midi_map.moods)
        return others

    # -------------------------------------------------------------------------------------------------- commands

    def receive(self, message: bytes, received_s: float) -> None:
        """A MIDI message from the input port."""
        self._midi_in.receive(message, received_s)

    def act(self, command: Command, received_s: float, *, by_itself: bool = False) -> None:
        """Carry out a command that came at `received_s` of the clock. by_itself: nobody gave it just now.

        BrainMusicError when it cannot be: then nothing was commanded, and the music goes on as before.
        """
        if not by_itself:
            self._by_itself.hear(command, received_s, self.controls)
        before, kept = self.controls, self.scenes.kept
        try:
            self._carry_out(command, received_s, by_itself)
        except Exception as error:  # if it is a fault of ours: whoever commanded must not end the music with it
            self.controls, self.scenes.kept = before, kept
            if isinstance(error, BrainMusicError):
                raise
            if self._said.is_new(words := type(command).__name__, self._clock.now()):
                log.exception("the command %s could not be carried out; the music goes on as before", command)
            raise CommandError(f"{words} could not be carried out: unexpected error; see the log") from error

    def _carry_out(self, command: Command, received_s: float, by_itself: bool) -> None:
        if isinstance(command, Tap):
            if (tempo_bpm := self._taps.tap(received_s)) is not None:
                self._carry_out(SetAttribute("tempo", tempo_bpm), received_s, by_itself)
            return
        if isinstance(command, SetModel) and not self._cast.has(command.name):
            self.scenes.await_model(command.name)
            return
        self._outlook.refuse(command, self.controls)
        self._attendance.refuse(command, self.controls)
        self._ports.refuse(command)
        self.beginnings.hear(command)
        before = self.controls
        moment = Moment(before, self.scenes.kept.book, self._music_s(received_s))
        self.controls = self._commanded(command, moment)
        if self._on_command is not None:
            self._on_command(command, received_s)
        log.debug("command %s", command)
        if self.controls.model != before.model:
            log.info("the model %s plays from the next bar line on", self.controls.model or DEFAULT_MODEL)
        self._ports.look(self.controls)
        self._person.turn(before, self.controls)
        self.scenes.note(command, moment, self.controls, received_s, by_itself=by_itself)
        if isinstance(command, HandOver):
            self.together.hand_over(received_s)
        elif isinstance(command, AllNotesOff | Panic):
            self._ahead.silence()
        elif before.clock_source != self.controls.clock_source:
            self.controls = self._transport.change_source(self.controls)
        elif before.playing and not self.controls.playing:
            self._transport.pause()
        elif not before.playing and self.controls.playing:
            self.controls = self._transport.play(self.controls)
        elif self.controls != before or self.scenes.kept.waits is not None:
            self._planner.replanning.ask(received_s)

    def _commanded(self, command: Command, before: Moment) -> ControlState:
        if isinstance(command, SceneCommand):
            heard = (self._ahead.heard(self._clock.now()) or self.improviser).position
            return self.scenes.carry_out(command, before.state, before.music_s, heard)
        return state.apply(before.state, command, before.music_s, self._initial)

    def reconfigure(
        self, improviser: ImproviserSettings, settings: EngineSettings, midi_map: MidiMap, initial: ControlState
    ) -> None:
        """Take over new settings without a gap; the metre and the channel stay as they are until the next start.

        initial: what Reset goes back to from now on. What commands have set since the start stays.
        """
        self._initial = initial
        self.improviser.apply(Configure(replace(improviser, beats_per_bar=self.improviser.settings.beats_per_bar)))
        self.settings = replace(settings, channel=self.settings.channel)
        self._ahead.settings = self._transport.settings = self._planner.settings = self.settings
        self.together.configure(settings)
        self._by_itself.letting_go.longest, self._attendance.rules = settings.longest, settings.rules
        self.controls = self._ports.configure(settings, self.controls)
        self._midi_in.map = midi_map
        self._planner.replanning.ask(self._clock.now())

    def _music_s(self, at_s: float) -> float:
        """Where the music stands at a moment of the clock; while it rests it stands still."""
        position = self.improviser.position
        return self.timeline.music_s(position, at_s) if self.controls.playing else position.music_s

    def status(self) -> State:
        """The published state at this moment."""
        now_s = self._clock.now()
        position = (self._ahead.heard(now_s) or self.improviser).position
        plan = self._outlook.fields(position.tick, now_s, playing=self.controls.playing)
        told = {**plan, **self.scenes.fields(), **self._ports.fields(), **self.beginnings.fields()}
        return status(
            self.controls,
            self.improviser,
            self._transport.external,
            self._link.statistics,
            position,
            self._music_s(now_s),
            self.midi_map.moods,
            self._person.status(self.controls),
            {**told, **self._attendance.fields(self.controls.presence), "journeys": tuple(self.midi_map.journeys)},
            self._planner.counts(now_s),
        )
