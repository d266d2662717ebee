"""A take while it is played: what goes past between engine, improviser and player is written down.

`OperationRecorder` observes the improviser, `Recording` itself the link to the player; the engine knows of neither.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from improv.clock import Clock
from improv.control.commands import Command
from improv.control.state import ControlState
from improv.engine.say_once import SayOnce
from improv.improviser.operations import Begin, Configure, Operation, Plan, Replace, Rewind
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings
from improv.midi.messages import is_channel_message
from improv.player.protocol import (
    Bend,
    Dropped,
    Instruction,
    MoveOff,
    PlannedNote,
    Received,
    Revoked,
    Schedule,
    Silence,
    ToEngine,
)
from improv.takes import library
from improv.takes.journal import FORMAT, JournalWriter, Record
from improv.takes.schema import controls_record, operation_record, settings_record, step_record

log = logging.getLogger(__name__)

# Messages of the person kept of one second: more than ten fingers and two pedals send, less than a flood.
MOST_RECEIVED_PER_S = 500
OVERWRITES = ("hear", "locate", "release", "follow")  # of two in a row only the second counts
RETRY_EVERY_S, SAY_AGAIN_S = 20.0, 3600.0  # after a take that could not be written: a disk may have room again
PENDING_STEPS, PENDING_NOTES = 512, 4096  # what is planned and not yet heard is less


class Recording:
    """Writes a take; begins the next one on a bar line when it is full.

    about: what the first record says of model, seed and configuration. minutes: music in one take. keep: takes
    that stay. wall_clock: for ids and dates. Nothing here raises or waits: the disk is another thread's business.
    """

    def __init__(
        self,
        folder: Path,
        minutes: float,
        keep: int,
        clock: Clock,
        wall_clock: Callable[[], datetime],
        about: Record,
    ) -> None:
        self._folder, self._minutes, self._keep = folder, minutes, keep
        self._clock, self._wall_clock, self._about = clock, wall_clock, about
        self._journal: JournalWriter | None = None
        self._old: JournalWriter | None = None
        self._began_s = self._second_s = 0.0
        self._received = 0
        self._ended = False
        self._said = SayOnce(SAY_AGAIN_S)
        self._controls: ControlState | None = None
        self._settings: Settings | None = None
        self._pending: deque[PlannedStep] = deque(maxlen=PENDING_STEPS)
        self._due_s: dict[int, float] = {}  # of the notes of the pending steps
        self._person = ""
        self.begun = False  # the first take
        self.take_id = ""
        """Id of the take that is being written, empty until the disk has it."""

    # --------------------------------------------------------------------------------------------- what is written

    def write(self, record: Record) -> None:
        """One record; before the first step and after the end nothing is kept."""
        if self._journal is not None:
            self._journal.append(record)

    def at(self) -> float:
        """Seconds of the take."""
        return round(self._clock.now() - self._began_s, 6)

    def relative(self, clock_s: float) -> float:
        """A moment of the clock in seconds of the take."""
        return round(clock_s - self._began_s, 6)

    def begin(
        self, controls: ControlState, settings: Settings, continues: str | JournalWriter = "", person: str = ""
    ) -> None:
        """A new file. continues: the take before it, or its id. person: id of whose session runs; theirs it is as long
        as their folder is there.
        """
        now, self._person, self.begun = self._wall_clock(), person, True
        self._began_s = self._second_s = self._clock.now()
        self._controls, self._settings = controls, settings
        said = {
            **self._about,
            "controls": controls_record(controls),
            "settings": settings_record(settings),
        }

        def place() -> Path:
            if isinstance(continues, JournalWriter):
                continues.placed.wait()  # else both might take the same name
            library.make_room(self._folder, self._keep - 1)
            return library.free_path(self._folder, now, person)

        def head(take_id: str) -> Record:
            self.take_id = take_id
            log.info("recording take %s", take_id)
            before = continues.take_id if isinstance(continues, JournalWriter) else continues
            started = now.isoformat()
            return {"k": "take", "format": FORMAT, "id": take_id, "started": started, "continues": before, **said}

        self._journal = JournalWriter(place, self._failed, head)

    def _failed(self, reason: str) -> None:
        """Called by the journal's thread. A disk that stays full is not told of with each new take."""
        why = reason.partition(": ")[2]
        if self._said.is_new(why, self._clock.now()):
            log.error("%s; retrying every %g s", reason, RETRY_EVERY_S)

    def fail(self, reason: str) -> None:
        """Something that belongs into the take could not be written: nothing after it would be of use."""
        if self._journal is not None:
            self._journal.fail(reason)

    def end(self) -> None:
        """The music ends now; what is planned beyond this moment will not be heard."""
        if self._journal is not None and not self._ended:
            self.write({"k": "end", "at": self.at(), "reason": "stopped"})
            self._ended = True

    def close(self) -> None:
        """End the take and wait a moment for the disk."""
        self.end()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._old is not None:
            self._old.close()

    # ------------------------------------------------------------------------------------------ what is told to it

    def state(self, controls: ControlState, settings: Settings) -> None:
        """What the next step is planned under."""
        if self._journal is None:
            return
        if controls is not self._controls:
            self._controls = controls
            self.write(controls_record(controls) | {"at": self.at()})
        if settings is not self._settings:
            self._settings = settings
            self.write(settings_record(settings))

    def add(self, step: PlannedStep) -> None:
        """A step was planned."""
        self.write(step_record(step))
        self._pending.append(step)

    def observe(self, record: Instruction | ToEngine) -> None:
        """Implements `improv.player.protocol.Observer`: what goes to the player and comes from it."""
        match record:
            case Schedule(notes):
                self._due(notes)
            case MoveOff(offs):
                off = [[note_id, self.relative(off_s)] for note_id, off_s in offs]
                self.write({"k": "ends", "at": self.at(), "off": off})
            case Revoked(_, first_note_id, already_sent):
                self.write({"k": "revoked", "at": self.at(), "from": first_note_id, "sent": list(already_sent)})
            case Bend():
                self._bent(record)
            case Silence():
                self.write({"k": "silence", "at": self.at()})
            case Dropped(note_ids):
                self.write({"k": "unheard", "at": self.at(), "ids": list(note_ids)})
            case Received(message, received_s):
                self._person_sent(message, received_s)

    def _due(self, notes: Sequence[PlannedNote]) -> None:
        if len(self._due_s) > PENDING_NOTES:
            self._forget_heard()
        self._due_s |= {note.note_id: note.on_s for note in notes}
        on = [[note.note_id, self.relative(note.on_s)] for note in notes]
        self.write({"k": "due", "at": self.at(), "on": on})

    def _bent(self, bend: Bend) -> None:
        moved = {i: bend.moved_s(due_s) for i, due_s in self._due_s.items() if due_s > bend.from_s}
        self._due_s |= moved
        from_s, to_s = self.relative(bend.from_s), self.relative(bend.to_s)
        self.write({"k": "bend", "at": self.at(), "from": from_s, "to": to_s, "stretch": bend.stretch})

    def forget(self, tick: int) -> None:
        """Steps from `tick` on were taken back before they sounded."""
        while self._pending and self._pending[-1].position.tick >= tick:
            self._pending.pop()
        self.write({"k": "rewind", "tick": tick})

    def _person_sent(self, message: bytes, received_s: float) -> None:
        if received_s - self._second_s >= 1.0:
            self._second_s, self._received = received_s, 0
        self._received += 1
        if is_channel_message(message) and self._received <= MOST_RECEIVED_PER_S:
            self.write({"k": "in", "at": self.relative(received_s), "hex": message.hex()})

    def commanded(self, command: Command, at_s: float) -> None:
        """Somebody commanded something."""
        self.write({"k": "command", "at": self.relative(at_s), "text": in_words(command)})

    # -------------------------------------------------------------------------------------------------- the next take

    @property
    def full(self) -> bool:
        """Whether the take has its length, or cannot be written and it is time to try another one."""
        if self._journal is None:
            return False
        longest_s = RETRY_EVERY_S if self._journal.failed else 60 * self._minutes
        return self._clock.now() - self._began_s >= longest_s

    def turn_over(self, controls: ControlState, settings: Settings) -> None:
        """Close this take and go on in the next one, which knows what is planned and has not been heard yet."""
        assert self._journal is not None
        before = self._journal
        self.write({"k": "end", "at": self.at(), "reason": "full"})
        before.close_beside()  # one that still waits for its disk is not waited for
        self._old = before
        self.begin(controls, settings, before, controls.session)
        now_s = self._clock.now()
        ahead = [step for step in self._pending if any(self._due_s.get(i, 0.0) > now_s for i in step.begun_ids)]
        for step in ahead:
            self.write(step_record(step) | {"k": "carried"})
        on = [[i, self.relative(self._due_s[i])] for step in ahead for i in step.begun_ids if i in self._due_s]
        self.write({"k": "due", "at": self.at(), "on": on})
        self._forget_heard()

    def _forget_heard(self) -> None:
        now_s = self._clock.now()
        self._due_s = {note_id: due_s for note_id, due_s in self._due_s.items() if due_s > now_s}


def belongs(recording: Recording, controls: ControlState) -> bool:
    """Whether the take is of the person whose session runs, or of nobody's while none runs."""
    return recording._journal is None or recording._person == controls.session


def attend(recording: Recording, controls: ControlState) -> None:
    """Where the music rests, a session that begins or ends has a take of its own at once. Called every turn."""
    if not controls.playing and recording._settings is not None and not belongs(recording, controls):
        recording.turn_over(controls, recording._settings)


def cannot_write(recording: Recording) -> bool:
    """Whether nothing can be written at present."""
    return recording._journal is not None and recording._journal.failed


def in_words(command: Command) -> str:
    """SetMood(valence=0.5, arousal=None) -> set mood: valence 0.5."""
    name = re.sub(r"(?<!^)([A-Z])", r" \1", type(command).__name__).lower()
    values = {key: getattr(value, "name", value) for key, value in command._asdict().items() if value is not None}
    given = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"{name}: {given}" if given else name


class OperationRecorder:
    """Writes down what is done to an improviser, whose observer it is: a take begins with the first music.

    controls, settings: that the improviser began with. continues: id of the take of an engine before this one, whose
    music goes on. It never raises: music that cannot be recorded goes on.
    """

    def __init__(self, recording: Recording, controls: ControlState, settings: Settings, continues: str = "") -> None:
        self._recording, self.continues = recording, continues
        self._failed = False
        self._first, self._settings = (controls, settings), settings
        self._before: list[Record] = []  # what was done before the first music: the take begins with it

    def __call__(self, operation: Operation, step: PlannedStep | None) -> None:
        """An operation was carried out; step: that it planned."""
        if self._failed:
            return
        try:
            self._keep(operation, step)
        except Exception:
            self._failed = True
            log.exception("the music is not recorded any further")
            self._recording.fail("unexpected error; see the log")

    def _keep(self, operation: Operation, step: PlannedStep | None) -> None:
        match operation:
            case Plan(controls):
                assert step is not None
                self._planned(controls, step)
            case Configure(settings):
                self._settings = settings
            case Rewind(tick):
                self._recording.forget(tick)
            case Begin(controls) | Replace(controls) if self._recording.begun:
                self._recording.state(controls, self._settings)
            case Begin(controls) | Replace(controls):
                self._write(controls_record(controls))
        if not isinstance(operation, Rewind) and (record := operation_record(operation)) is not None:
            self._write(record)

    def _planned(self, controls: ControlState, step: PlannedStep) -> None:
        recording = self._recording
        if not recording.begun:
            # With the first music: nothing is kept of a daemon that only rests.
            recording.begin(*self._first, self.continues, controls.session)
            for record in self._before:
                recording.write(record)
        turns = recording.full or not belongs(recording, controls)
        if turns and not step.position.ticks_to_bar_line:
            recording.turn_over(controls, self._settings)
        recording.state(controls, self._settings)
        recording.add(step)

    def _write(self, record: Record) -> None:
        if self._recording.begun:
            self._recording.write(record)
            return
        if self._before and self._before[-1]["k"] == record["k"] in OVERWRITES:
            self._before.pop()  # keys are played for hours while the music rests
        self._before.append(record)
