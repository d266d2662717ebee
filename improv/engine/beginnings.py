"""What the music is to begin from: read and told to the network beside the engine's thread, begun on a bar line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from improv.clock import Clock
from improv.control.commands import PLAYED, BeginFrom, Command
from improv.control.state import ControlState
from improv.engine.look_ahead import LookAhead
from improv.engine.replanning import Planner
from improv.engine.together import Together
from improv.errors import BrainMusicError, CommandError, ModelError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Begin, Prime
from improv.improviser.planned_step import PlannedStep
from improv.improviser.priming import tell
from improv.listening.phrase_beat import LEAST_ONSETS
from improv.listening.primer_analysis import BeatNote, of_person, primer_of
from improv.model.onnx_model import Model
from improv.music.primer import MOST_BARS, Primer

log = logging.getLogger(__name__)

PLAYED_WITHIN_S = 90.0
"""What a person played longer ago is not what they mean by what was just played."""
OURS, THEIRS = "what BrainMusic played", "what you played"


class Sources(Protocol):
    """Where files and takes are found. beside: whether they are read in a thread; not for music nobody waits for."""

    beside: bool

    def check(self, command: BeginFrom) -> None:
        """CommandError at once where there is no such thing; reads nothing."""
        ...

    def read(self, command: BeginFrom) -> Primer:
        """The bars. InputError says in a sentence why there are none. May take seconds."""
        ...


def told(primer: Primer, name: str, model: Model) -> Prime:
    """The operation that begins from a primer, with what comes of telling it to a model of this name."""
    try:
        return Prime(primer, name, tell(model, primer))
    except ModelError as error:
        log.info("the model %s was not told the bars, and goes on from their key and tempo alone: %s", name, error)
        return Prime(primer)


class _Ready(NamedTuple):
    """What was asked for, or the sentence why it cannot be. model: the name of the one in operation."""

    operation: Prime | None
    failure: str = ""


class Beginnings:
    """Used by the engine's thread. sources: None: only what was just played can be begun from, and at once."""

    def __init__(
        self,
        improviser: Improviser,
        together: Together,
        ahead: LookAhead,
        planner: Planner,
        clock: Clock,
        sources: Sources | None = None,
    ) -> None:
        self._improviser, self._together, self._ahead, self._clock = improviser, together, ahead, clock
        self._sources, self._planner = sources, planner
        self._reading: Future[_Ready] | None = None
        self._wanted: Callable[[], Primer] | None = None
        self._name, self._failure = "", ""

    def hear(self, command: Command) -> None:
        """A command came: begin from what it names as soon as that is read. While something is being read only the last
        request counts.

        CommandError where there is no such thing.
        """
        if not isinstance(command, BeginFrom):
            return
        if command.source == PLAYED:
            read, name = self._played(command.bars or MOST_BARS), "what was just played"
        elif self._sources is None:
            raise CommandError("files and takes cannot be begun from here")
        else:
            sources, name = self._sources, command.name
            sources.check(command)

            def read() -> Primer:
                return sources.read(command)

        self._wanted, self._name, self._failure = read, name, ""
        if self._reading is None:
            self._begin()

    def _begin(self) -> None:
        read, self._wanted = self._wanted, None
        assert read is not None
        name, model = self._improviser.model_name, self._improviser.model

        def prepared() -> _Ready:
            try:
                primer = read()
            except BrainMusicError as error:
                return _Ready(None, str(error))
            except Exception as error:  # whatever a damaged file makes a library raise must be heard of
                log.debug("it cannot be begun from that", exc_info=True)
                return _Ready(None, f"it cannot be begun from that ({type(error).__name__}: {error})"[:300])
            return _Ready(told(primer, name, model))

        if self._sources is not None and self._sources.beside:
            executor = ThreadPoolExecutor(1, "beginning")
            self._reading = executor.submit(prepared)
            executor.shutdown(wait=False)
        else:
            self._reading = Future()
            self._reading.set_result(prepared())

    def turn(self, controls: ControlState) -> None:
        """Hand over what was read since the last time; never waits. What is planned is planned anew."""
        if self._reading is None or not self._reading.done():
            return
        ready, self._reading = self._reading.result(), None
        if self._wanted is not None:
            self._begin()
            return
        if ready.operation is None:
            self._name, self._failure = "", ready.failure
            log.warning("%s; the music goes on as before", ready.failure)
            return
        primer = ready.operation.primer
        self._improviser.apply(ready.operation)
        if not controls.playing:  # else it would wait for the end of a bar that nobody hears
            self._improviser.apply(Begin(controls))
        self._name = primer.name
        log.info("the music begins from %s: %d bars, %.0f bpm", primer.name, primer.bars, primer.tempo_bpm)
        self._planner.replanning.ask(self._clock.now())

    def fields(self) -> dict[str, str]:
        """Fields of the published state."""
        beginning, snapshot = self._improviser.around.beginning, self._improviser.snapshot
        here = beginning is not None and beginning.number == snapshot.begun_from
        waits = self._reading is not None or (beginning is not None and not here)
        return {
            "begun_from": beginning.primer.name if beginning is not None and here else "",
            "begins_from": self._name if waits else "",
            "not_begun": self._failure,
        }

    # -------------------------------------------------------------------------------------------- what was just played

    def _played(self, bars: int) -> Callable[[], Primer]:
        """The last bars of the person's; where they did not play lately, ours."""
        now_s, view = self._clock.now(), self._together.view
        notes = self._together.listener.keyboard.notes(now_s - PLAYED_WITHIN_S)
        if len(notes) >= LEAST_ONSETS:
            beat, per_bar = view.sure_beat, self._together.beats_per_bar
            heard = [note if note.off_s is not None else note._replace(off_s=now_s) for note in notes]
            return lambda: of_person(THEIRS, heard, beat, bars, per_bar)
        steps, heard_step = list(self._ahead.steps), self._ahead.heard(now_s)
        if heard_step is None:
            raise CommandError("nothing was played yet that could be begun from")
        steps = [step for step in steps if step.position.tick <= heard_step.position.tick]
        return lambda: of_steps(steps, bars)


def of_steps(steps: Sequence[PlannedStep], bars: int) -> Primer:
    """The last bars of what we played, the one that is under way among them. steps: ascending, whatever their grid."""
    last = steps[-1].position
    begun: dict[int, tuple[PlannedStep, int, int, int]] = {}
    notes: list[BeatNote] = []
    for step in steps:
        over = [(begun.pop(one.note_id), one.off_s) for one in step.ended if one.note_id in begun]
        notes += [_note(*found, off_s) for found, off_s in over]
        begun |= {note.note_id: (step, note.pitch, note.velocity, note.hand) for note in step.started}
    notes += [_note(*found, last.music_s) for found in begun.values()]
    lines = sorted({step.position.beat for step in steps if step.position.tick == step.position.bar_tick})
    lines = lines or [last.beat - last.beat_in_bar]
    lines.append(lines[-1] + last.beats_per_bar)
    return primer_of(OURS, sorted(notes), lines, last.tempo_bpm * last.rubato, last=True, bars=bars)


def _note(step: PlannedStep, pitch: int, velocity: int, hand: int, off_s: float) -> BeatNote:
    position = step.position
    beats = max(off_s - position.music_s, 0.0) / position.step_s / position.ticks_per_beat
    return BeatNote(position.beat, beats, pitch, velocity, hand)
