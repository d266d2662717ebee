"""The engine: keeps the improviser a bounded look-ahead before the clock, and turns the music when a command comes.

Single-threaded and driven from outside by `turn`; it owns no port and no process, only a link to the player.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import mido

from improv.clock import Clock
from improv.control import commands, state
from improv.control.commands import Command
from improv.control.midi_map import MidiMap
from improv.control.state import ControlState
from improv.control.status import State
from improv.engine.external_clock import Master
from improv.engine.tap_tempo import TapTempo
from improv.engine.timeline import Timeline
from improv.errors import CommandError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Begin, Configure, FollowTempo, Hear, Locate, Offer, Release, Rewind, Shorten
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings as ImproviserSettings
from improv.listening.keyboard import Keyboard
from improv.midi.messages import LETS_GO
from improv.model.loader import Loaded
from improv.music.mood import nearest_name
from improv.player.protocol import (
    ClockIn,
    Link,
    MoveOff,
    PlannedNote,
    PortsChanged,
    Pulses,
    Received,
    Schedule,
    Silence,
    StopClock,
    ToEngine,
)

log = logging.getLogger(__name__)

# Time from the start to the first note: the player needs the notes before they are due.
LEAD_S = 0.05
# A note travels with this provisional end; the true one follows. If the engine dies it still ends.
PROVISIONAL_NOTE_S = 10.0
RENEW_BEFORE_S = 5.0
# A turn of the mood is heard within a sixteenth or 150 ms, whichever is longer; planned for this much less.
ANSWER_WITHIN_S, ANSWER_MARGIN_S = 0.150, 0.012
# Knobs send hundreds of messages a second: the music is planned anew at most this often.
REPLAN_EVERY_S = 0.02
# A knob that is turned takes nothing back that sounds so soon: chosen anew, it could not be on the wire in time.
SETTLED_S = 0.03
# Where planning anew takes long (a large model, a busy machine) it takes this share of the time at most, and what is
# settled reaches twice as far as it took; within bounds, so that a turn of the mood is still answered in time.
REPLAN_SHARE, LONGEST_REPLAN_EVERY_S, LONGEST_SETTLED_S = 0.25, 0.08, 0.06
# The machine stood still: beyond this the music goes on later, instead of in a burst.
STALLED_S = 0.03
PLANNED_STEPS = 512
# What is planned is moved when the master's beats turn out to be elsewhere by more than this.
WORTH_MOVING_S = 0.0003
WAITING = "waiting for the MIDI clock's start"
# A step may be planned (and a plan be made anew) so much before its time: more than the rounding of a sum of seconds,
# less than anyone hears.
PLAN_EARLY_S = 1e-4


class Models(Protocol):
    """Where models come from (see improv.model.loader)."""

    def request(self, name: str) -> None: ...
    def ready(self) -> Loaded | None: ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """look_ahead_s: how far ahead is planned. channel: 0..15.

    pulses: an output gives MIDI clock or a metronome's clicks. count_in_bars: clicked before the music begins.
    clock_offset_s: so much later than the master's ticks are our beats.
    """

    look_ahead_s: float = 0.25
    channel: int = 0
    pulses: bool = False
    count_in_bars: int = 0
    clock_offset_s: float = 0.0


class Engine:
    """Planning, commands and the record of what was planned. `turn` never blocks longer than it is told."""

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
    ) -> None:
        self.improviser, self.midi_map, self.settings = improviser, midi_map, settings
        self.controls = self._initial = initial
        self._link, self._clock, self._on_command, self._models = link, clock, on_command, models
        self.timeline = Timeline(0.0, settings.clock_offset_s)
        self._master = Master(self.timeline)
        self._taps = TapTempo()
        self._planned: deque[PlannedStep] = deque(maxlen=PLANNED_STEPS)
        self._provisional_off_s: dict[int, float] = {}
        self._changed_s: float | None = None  # when the oldest command came that the plan does not know yet
        self._replanned_s = -1.0
        self._replan_every_s, self._settled_s = REPLAN_EVERY_S, SETTLED_S
        self._finished = False
        self._keyboard = Keyboard()  # what the person holds
        self._notes_planned = self._stalls = 0
        if initial.clock_source == "internal":
            self._begin()
        else:
            self.controls = replace(initial, playing=False)
            log.info("%s", WAITING)

    # -------------------------------------------------------------------------------------------------- the turn

    def turn(self, timeout_s: float = 0.05) -> list[ToEngine]:
        """One round: take what arrived, plan anew where a command asks for it, plan ahead.

        Waits at most timeout_s, less when the plan runs out before. Returns what the player said beside MIDI input.
        """
        others: list[ToEngine] = []
        for record in self._link.poll(self._wait_s(timeout_s)):
            if isinstance(record, Received):
                self.receive(record.message, record.received_s)
            elif isinstance(record, ClockIn):
                self._hear(record)
            else:
                others.append(record)
        if (notice := self._link.beat()) != "":
            log.warning("%s", notice)
            self._start_over()
        if any(isinstance(record, PortsChanged) and not record.goes_on for record in others):
            self._keyboard.clear(self._clock.now())  # who knows what happened to them
            self._listen()
            self._start_over()
        self._take_model()
        now_s = self._clock.now()
        if self._keyboard.tidy(now_s):  # their ends were lost, or they are forgotten
            self._keys_changed(now_s)
        anew = self._changed_s is not None and now_s - self._replanned_s >= self._replan_every_s - PLAN_EARLY_S
        if anew and self._changed_s is not None:
            self._replan(self._changed_s)
        if self.controls.playing:
            self._plan_ahead()
        if anew:
            self._pace(self._clock.now() - now_s)
        return others

    def _pace(self, took_s: float) -> None:
        """Plan anew the less often, and the further ahead, the longer it takes."""
        self._replan_every_s = min(max(REPLAN_EVERY_S, took_s / REPLAN_SHARE), LONGEST_REPLAN_EVERY_S)
        self._settled_s = min(max(SETTLED_S, 2 * took_s), LONGEST_SETTLED_S)

    def _wait_s(self, timeout_s: float) -> float:
        now_s = self._clock.now()
        if self._changed_s is not None:
            timeout_s = min(timeout_s, self._replanned_s + self._replan_every_s - now_s)
        if self.controls.playing:
            timeout_s = min(timeout_s, self._plan_due_s() - now_s)
        return max(timeout_s, 0.0)

    def receive(self, message: bytes, received_s: float) -> None:
        """A MIDI message from the input port."""
        try:
            parsed = mido.Message.from_bytes(list(message))
        except (ValueError, IndexError):  # mido says IndexError where a message is cut short
            log.debug("a MIDI message that cannot be read was ignored: %s", message.hex(" "))
            return
        if parsed.type in ("note_on", "note_off"):
            self._play_along(parsed, received_s)
        elif (
            parsed.type == "control_change"
            and parsed.control in LETS_GO
            and self._keyboard.let_go(parsed.channel, received_s)
        ):
            self._keys_changed(received_s)
        try:
            command = self.midi_map.command(parsed)
            if command is not None:
                self.act(command, received_s)
        except CommandError as error:
            log.warning("MIDI: %s", error)
        except Exception:  # a fault of ours: whoever turns a knob must not end the music with it
            log.exception("unexpected trouble with the MIDI message %s; the music goes on", message.hex(" "))

    def _play_along(self, message: mido.Message, received_s: float) -> None:
        """A key of the person's went down or up. In a duet what is planned and not yet heard is chosen anew."""
        if message.type == "note_on" and message.velocity > 0:
            self._keyboard.strike(message.channel, message.note, message.velocity, received_s)
        else:
            self._keyboard.release(message.channel, message.note, received_s)
        self._keys_changed(received_s)

    def _keys_changed(self, received_s: float) -> None:
        if self.controls.duet:
            self._listen()
            if self._changed_s is None:
                self._changed_s = received_s

    def _listen(self) -> None:
        heard = self._keyboard.down if self.controls.duet else ()
        self.improviser.apply(Hear(tuple(sorted(heard))))

    def act(self, command: Command, received_s: float) -> None:
        """Carry out a command that came at `received_s` of the clock."""
        if isinstance(command, commands.Tap):
            if (tempo_bpm := self._taps.tap(received_s)) is not None:
                self.act(commands.SetAttribute("tempo", tempo_bpm), received_s)
            return
        if isinstance(command, commands.SetModel) and not self._has_model(command.name):
            return
        before = self.controls
        if self._on_command is not None:
            self._on_command(command, received_s)
        self.controls = state.apply(before, command, self._music_s(received_s), self._initial)
        log.debug("command %s", command)
        if self.controls.model != before.model:
            log.info("the model %s plays from the next bar line on", self.controls.model)
        if before.duet != self.controls.duet:
            self._listen()
        if isinstance(command, commands.AllNotesOff | commands.Panic):
            self.silence()
        elif before.clock_source != self.controls.clock_source:
            self._change_source()
        elif before.playing and not self.controls.playing:
            self._pause()
        elif not before.playing and self.controls.playing:
            self._resume()
        elif self.controls != before and self._changed_s is None:
            self._changed_s = received_s

    def _has_model(self, name: str) -> bool:
        """Whether a model can play at once; asks for it when not. The command is carried out when it is loaded."""
        if self.improviser.has(name):
            return True
        if self._models is None:
            raise CommandError(f"the model {name} cannot be loaded here")
        self._models.request(name)
        return False

    def _take_model(self) -> None:
        """A model that was loaded meanwhile plays from the next bar line on."""
        loaded = self._models.ready() if self._models is not None else None
        if loaded is None:
            return
        if loaded.model is None:
            log.error("%s; the music goes on as before", loaded.failure)
            return
        self.improviser.apply(Offer(loaded.name, loaded.model))
        self.act(commands.SetModel(loaded.name), self._clock.now())

    def reconfigure(
        self, improviser: ImproviserSettings, settings: EngineSettings, midi_map: MidiMap, initial: ControlState
    ) -> None:
        """Take over new settings without a gap; the metre and the channel stay as they are until the next start.

        initial: what Reset goes back to from now on. What commands have set since the start stays.
        """
        self._initial = initial
        beats_per_bar = self.improviser.settings.beats_per_bar
        self.improviser.apply(Configure(replace(improviser, beats_per_bar=beats_per_bar)))
        self.settings = replace(settings, channel=self.settings.channel)
        self.midi_map = midi_map
        self._changed_s = self._clock.now()

    # --------------------------------------------------------------------------------------------------- planning

    def _due_s(self, music_s: float, step: PlannedStep | None = None) -> float:
        """When a moment of the music is due; it belongs to a planned step, or to the next one to be planned."""
        return self.timeline.due_s(step.position if step else self.improviser.position, music_s)

    def _music_s(self, at_s: float) -> float:
        """Where the music stands at a moment of the clock; while it rests it stands still."""
        position = self.improviser.position
        return self.timeline.music_s(position, at_s) if self.controls.playing else position.music_s

    def _plan_ahead(self) -> None:
        now_s = self._clock.now()
        late_s = now_s - self._due_s(self.improviser.position.music_s)
        if late_s > STALLED_S:
            self._stalls += 1
            if self.timeline.led:
                self._join()
                log.info("the machine stood still for a moment: what the master played meanwhile is left out")
            else:
                self.timeline.anchor_s += late_s + LEAD_S
                log.info("the machine stood still: the music goes on %.0f ms later", 1000 * (late_s + LEAD_S))
        while self.controls.playing and self._plan_due_s() <= now_s + PLAN_EARLY_S:
            self._plan_step()

    def _plan_due_s(self) -> float:
        """When the next step must be planned."""
        return self._due_s(self.improviser.position.music_s) - self.settings.look_ahead_s

    def _plan_step(self) -> PlannedStep:
        self.controls = self.controls.reached(self.improviser.position.music_s)
        step = self.improviser.plan_step(self.controls)
        self._planned.append(step)
        now_s = self._clock.now()
        notes = tuple(
            self._outgoing(note_id, pitch, velocity, max(self._due_s(on_s, step), now_s), step.revision)
            for note_id, pitch, velocity, on_s in step.started
        )
        if notes:
            self._link.send(Schedule(notes))
        if self.settings.pulses and not step.finished:
            self._link.send(self.timeline.pulses(step.position, self.improviser.position))
        self._notes_planned += len(notes)
        self._provisional_off_s |= {note.note_id: note.off_s for note in notes}
        self._end([(ended.note_id, self._due_s(ended.off_s, step)) for ended in step.ended])
        self._renew(self._due_s(step.position.music_s, step))
        if step.finished:
            self._finished = True
            self._link.send(StopClock(self._due_s(step.position.music_s, step)))
            self.controls = replace(self.controls, playing=False, ending=False, stopping=False)
            log.info("the piece has ended; play begins a new one")
        return step

    def _outgoing(self, note_id: int, pitch: int, velocity: int, on_s: float, revision: int) -> PlannedNote:
        return PlannedNote(note_id, self.settings.channel, pitch, velocity, on_s, on_s + PROVISIONAL_NOTE_S, revision)

    def _end(self, offs: list[tuple[int, float]]) -> None:
        if offs:
            self._link.send(MoveOff(tuple(offs)))
        for note_id, _ in offs:
            self._provisional_off_s.pop(note_id, None)

    def _renew(self, due_s: float) -> None:
        """Notes that are held for long get a later provisional end."""
        renewed = [
            (note_id, due_s + PROVISIONAL_NOTE_S)
            for note_id, off_s in self._provisional_off_s.items()
            if off_s < due_s + RENEW_BEFORE_S
        ]
        if renewed:
            self._link.send(MoveOff(tuple(renewed)))
            self._provisional_off_s |= dict(renewed)

    # ---------------------------------------------------------------------------------------------------- turning

    def _first_unheard(self, after_s: float) -> int:
        """Tick of the first planned step that begins after `after_s` of the clock, or the next one to be planned."""
        tick = self.improviser.position.tick
        for step in reversed(self._planned):
            if self._due_s(step.position.music_s, step) <= after_s or step.finished:
                break
            tick = step.position.tick
        return tick

    def _go_back(self, settled_s: float = 0.0) -> None:
        """Take back all planned steps of which nothing was sent, and let the improviser forget them.

        settled_s: what is due within that time stays, and what the player has handed over by now in any case.
        """
        tick = self._first_unheard(self._clock.now() + max(settled_s, self._link.statistics.lead_s))
        dropped = [step for step in self._planned if step.position.tick >= tick]
        first_id = next((note.note_id for step in dropped for note in step.started), None)
        sent = frozenset(self._link.revoke(first_id)) if first_id is not None else frozenset()
        kept = 0
        for index, step in enumerate(dropped):
            if any(note.note_id in sent for note in step.started):
                kept = index + 1  # the player was quicker than the revocation: this step has begun and stays
        self._send_again(dropped[:kept], sent)
        for _ in dropped[kept:]:
            self._planned.pop()
        if dropped[kept:]:
            back_to = dropped[kept].position.tick
            self.improviser.apply(Rewind(back_to))
            for step in dropped[kept:]:
                self._notes_planned -= len(step.started)
                for note in step.started:
                    self._provisional_off_s.pop(note.note_id, None)

    def _send_again(self, steps: list[PlannedStep], sent: frozenset[int]) -> None:
        """Notes of a step that had half begun when it was revoked: the other half must sound as well."""
        now_s = self._clock.now()
        missing = tuple(
            self._outgoing(
                note.note_id, note.pitch, note.velocity, max(self._due_s(note.on_s, step), now_s), step.revision
            )
            for step in steps
            for note in step.started
            if note.note_id not in sent
        )
        if missing:
            self._link.send(Schedule(missing))
        again = {note.note_id for note in missing}
        offs = [(ended, step) for step in steps for ended in step.ended if ended.note_id in again]
        if offs:
            self._link.send(MoveOff(tuple((ended.note_id, self._due_s(ended.off_s, step)) for ended, step in offs)))

    def _restore_offs(self) -> None:
        """Notes whose end was revoked sound on until the new plan says otherwise."""
        off_s = self._clock.now() + PROVISIONAL_NOTE_S
        held = [(note_id, off_s) for note_id, _ in self.improviser.held]
        if held:
            self._link.send(MoveOff(tuple(held)))
        self._provisional_off_s |= dict(held)

    def _replan(self, received_s: float) -> None:
        """What is planned but not yet heard is chosen anew under the present controls."""
        self._changed_s = None
        self._replanned_s = self._clock.now()
        if not self.controls.playing:
            return
        revision = self._planned[-1].revision if self._planned else self.controls.revision
        self._go_back(self._settled_s)
        self._restore_offs()
        if self.controls.revision != revision:
            sixteenth_s = 15.0 / self.improviser.position.tempo_bpm
            answer_s = received_s + max(ANSWER_WITHIN_S, sixteenth_s) - ANSWER_MARGIN_S
            if not (self.timeline.led or self.settings.pulses):  # else others count on the grid
                due_s = max(answer_s, self._clock.now())
                self.improviser.apply(Shorten(self.timeline.music_s(self.improviser.position, due_s)))
            step = self._plan_step()
            self._tell_answer(step, received_s, sixteenth_s)

    def _tell_answer(self, step: PlannedStep, received_s: float, sixteenth_s: float) -> None:
        due_s = self._due_s(step.started[0].on_s if step.started else step.position.music_s, step)
        target = self.controls.glide.target
        log.info(
            "mood %s (%.2f, %.2f) revision %d: first note %.0f ms after the command (a sixteenth is %.0f ms)",
            nearest_name(target, self.midi_map.moods),
            target.valence,
            target.arousal,
            step.revision,
            1000 * (max(due_s, self._clock.now()) - received_s),
            1000 * sixteenth_s,
        )

    # ------------------------------------------------------------------------------------------- pause and silence

    def silence(self) -> None:
        """End every note now. The music goes on with the next step, unless it is paused."""
        self._go_back()
        self._link.send(Silence())
        self.improviser.apply(Release())
        self._provisional_off_s.clear()

    def _pause(self) -> None:
        self.silence()
        self._link.send(StopClock(self._clock.now()))
        log.info("paused")

    def _resume(self) -> None:
        led = self.controls.clock_source != "internal"
        if led and not self._master.running:
            self.controls = replace(self.controls, playing=False)
            log.info("%s", WAITING)
            return
        anew, self._finished = self._finished, False
        if anew:
            self.improviser.apply(Begin(self.controls))
        if led:
            self._join(to_bar=anew)
        else:
            self._begin(anew=anew)
        log.info("playing")

    def _begin(self, *, anew: bool = True) -> None:
        """In our own time: the next step is due at once, or after the count-in."""
        due_s, position = self._clock.now() + LEAD_S, self.improviser.position
        beat_s = 60.0 / position.tempo_bpm
        beats_per_bar = math.ceil(position.beats_per_bar)
        beats = self.settings.count_in_bars * beats_per_bar
        for beat in range(beats):
            self._link.send(Pulses(0, 0, due_s + beat * beat_s, beat_s, 1 if beat % beats_per_bar else 2))
        self.improviser.apply(FollowTempo(None))
        self.timeline.begin_at(position, due_s + beats * beat_s, anew=anew)

    # ------------------------------------------------------------------------------------------------- the master

    def _hear(self, news: ClockIn) -> None:
        """What the player says of the MIDI clock that comes in. It leads only where it is asked to."""
        if notice := self._master.hear(news, self._clock.now()):
            log.info("%s", notice)
        if self.controls.clock_source == "internal":
            return
        if news.event == "start" and self.controls.playing:
            self._pause()
        if news.event in ("start", "continue"):
            self._finished = self._finished or news.event == "start"
            self.controls = replace(self.controls, playing=True)
            self._resume()
        elif news.event == "stop" and self.controls.playing:
            self.controls = replace(self.controls, playing=False)
            self._pause()
        elif self.controls.playing:
            self._follow()

    def _follow(self) -> None:
        """Move what is planned to where the master's beats are believed now; beyond a small shift, plan anew."""
        now_s = self._clock.now()
        shift_s = self.timeline.shift_s(now_s)
        if abs(shift_s) > STALLED_S:
            self._go_back()
            self._restore_offs()
            self._join()
        elif max(abs(shift_s), abs(self.timeline.shift_s(now_s + self.settings.look_ahead_s))) > WORTH_MOVING_S:
            self._link.send(self.timeline.bend(now_s))
            self.improviser.apply(FollowTempo(self._master.tempo_bpm))

    def _join(self, *, to_bar: bool = False) -> None:
        """Let the next step be the one that the master's song comes to next, in its bar and place of the bar."""
        position = self.improviser.position
        to_bar = to_bar and self._master.event != "start"
        grid_beats = position.beats_per_bar if to_bar else 0.0
        beat = self.timeline.join(position, self._clock.now(), STALLED_S, grid_beats)
        if beat is not None:
            self.improviser.apply(Locate(beat))
            self.improviser.apply(FollowTempo(self._master.tempo_bpm))

    def _change_source(self) -> None:
        """Go over to the master, or back to our own time, with what is planned."""
        position = self.improviser.position
        if self.controls.clock_source == "internal":
            due_s = self._due_s(position.music_s)
            self.improviser.apply(FollowTempo(None))
            self.timeline.begin_at(position, due_s, anew=False)
        elif self._master.running and self.controls.playing:
            self._go_back()
            self._restore_offs()
            self._join()
        elif self.controls.playing:
            self.controls = replace(self.controls, playing=False)
            self._pause()
            log.info("%s", WAITING)

    def _start_over(self) -> None:
        """The player lost what it had: plan from here on anew; what sounded has been ended by the player."""
        now_s = self._clock.now()
        tick = self._first_unheard(now_s)
        while self._planned and self._planned[-1].position.tick >= tick:
            self._notes_planned -= len(self._planned.pop().started)
        self.improviser.apply(Rewind(tick))
        self._link.send(Silence())
        self.improviser.apply(Release())
        self._provisional_off_s.clear()

    # -------------------------------------------------------------------------------------------------- publishing

    def status(self) -> State:
        """The published state at this moment."""
        now_s, controls, late = self._clock.now(), self.controls, self._link.statistics
        heard = next((s for s in reversed(self._planned) if self._due_s(s.position.music_s, s) <= now_s), None)
        position = heard.position if heard else self.improviser.position
        music_s = self._music_s(now_s)
        course = controls.course
        mood, target, glide = controls.mood(music_s), controls.target(music_s), controls.glide
        return State(
            playing=controls.playing,
            ending=controls.ending,
            stopping=controls.stopping,
            mode=commands.DUET if controls.duet else commands.SOLO,
            mood=nearest_name(mood, self.midi_map.moods),
            valence=mood.valence,
            arousal=mood.arousal,
            target_valence=target.valence,
            target_arousal=target.arousal,
            glide_left_s=max(0.0, glide.start_s + glide.duration_s - music_s) if mood != target else 0.0,
            glide_s=controls.glide_s,
            intensity=controls.intensity,
            temperature=controls.temperature,
            overrides=controls.overrides,
            attributes=self.improviser.attributes(mood, controls),
            limits={name: (band.low, band.high) for name, band in controls.limits.bands.items()},
            journey=course.journey.name if course else "",
            journey_held=course is not None and course.held_s is not None,
            journey_s=course.place_s(music_s) if course else 0.0,
            journey_length_s=course.journey.length_s if course else 0.0,
            journey_path=tuple((at_s, *point) for at_s, point in course.journey.points) if course else (),
            tempo_bpm=position.tempo_bpm,
            clock_source=controls.clock_source,
            clock=self._master.state,
            clock_bpm=self._master.tempo_bpm or 0.0,
            bar=position.bar,
            beat=int(position.beat_in_bar) + 1,
            beats_per_bar=position.beats_per_bar,
            revision=controls.revision,
            notes_planned=self._notes_planned,
            notes_sent=late.notes_sent,
            notes_dropped=late.notes_dropped,
            sounding=late.sounding,
            lateness_p50_ms=1000 * late.lateness_p50_s,
            lateness_p99_ms=1000 * late.lateness_p99_s,
            lateness_max_ms=1000 * late.lateness_max_s,
            stalls=self._stalls,
            model=self.improviser.model.contract.name,
            seed=self.improviser.seed,
        )
