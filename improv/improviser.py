"""The improviser: controls + model + sampling + decoder -> notes. No ports, no threads, no clock.

The same object serves the live daemon, `improv render` and the tests. It plans one grid step at a time and can go back
to the beginning of any step that is still inside the look-ahead, so that what was never heard is never remembered.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from improv import conditioning, sampling, steering
from improv.attributes import FloatArray, intervals, key_of
from improv.controls import ControlState
from improv.encodings import GridStep
from improv.encodings.base import BoolArray, StreamDecoder
from improv.expression import Expression
from improv.model import Model, State
from improv.mood import NEUTRAL, AttributeTable, Mood, attributes_at
from improv.transport import Position

GUIDED_ROWS = 2  # one row with the commands, one without
REMEMBERED_STEPS = 256  # how far back `rewind` can go; the look-ahead is never longer
# The key is felt over about the last eight bars: the histogram halves in 32 beats.
KEY_HALF_LIFE_BEATS = 32.0
# A turn of the mood by so much is answered with a note at once; a knob's single steps (0.016) are not.
ANSWERED_TURN = 0.3
FINAL_CHORD_NOTES = 3  # at least


@dataclass(frozen=True, slots=True)
class Settings:
    """What the improviser is told once, from config.yaml.

    top_p: 0..1. key_pull: nats per standard deviation of the key profile, at full mode and intensity.
    density_pull: nats for each factor of e that the density of onsets is off.
    dissonance_pull: nats between harsh and smooth pitches when the share of dissonance is off by 0.05.
    register_pull: nats per octave for each octave that the mean pitch is off.
    longest_rest_beats, longest_note_beats: quarters; silence and held notes never last longer.
    ending_bars: bars from "end" to the last one. beats_per_bar: quarters.
    """

    table: AttributeTable
    expression: Expression = field(default_factory=Expression)
    top_p: float = 0.97
    strongest_guidance: float = 3.0
    key_pull: float = 1.2
    density_pull: float = 1.5
    dissonance_pull: float = 2.0
    register_pull: float = 1.0
    longest_rest_beats: float = 2.0
    longest_note_beats: float = 6.0
    ending_bars: int = 4
    beats_per_bar: float = 4.0


class StartedNote(NamedTuple):
    """A note that begins: its id, pitch, velocity, and its onset in seconds of the music."""

    note_id: int
    pitch: int
    velocity: int
    on_s: float


class EndedNote(NamedTuple):
    """A note that ends: its id and the time in seconds of the music."""

    note_id: int
    off_s: float


class PlannedStep(NamedTuple):
    """One grid step, planned. `finished`: an ending was asked for and this is its end; nothing follows."""

    position: Position
    started: tuple[StartedNote, ...]
    ended: tuple[EndedNote, ...]
    mood: Mood
    revision: int
    finished: bool = False


class _Held(NamedTuple):
    note_id: int
    pitch: int
    on_s: float
    tick: int


@dataclass(slots=True)
class _Memory:
    """All that decides what comes next; copied at the start of every step."""

    state: State
    decoder: StreamDecoder
    last_token: int
    position: Position
    held: tuple[_Held, ...] = ()
    silent_ticks: int = 0
    onset_s: tuple[float, ...] = ()  # of the steps with a start, inside the window that steering looks at
    rest_until_tick: int = 0
    end_tick: int | None = None
    answered: Mood = NEUTRAL
    histogram: FloatArray = field(default_factory=lambda: np.zeros(12))
    register: float | None = None  # mean pitch of what began lately
    harsh: float = 0.0  # dissonant intervals heard lately, and all intervals
    pairs: float = 0.0

    def copy(self) -> _Memory:
        return replace(self, decoder=self.decoder.copy(), histogram=self.histogram.copy())


def _classes(held: tuple[_Held, ...]) -> FloatArray:
    """Notes per pitch class, shape (12,)."""
    return np.bincount([note.pitch % 12 for note in held], minlength=12).astype(np.float64)


class Improviser:
    """Plans step after step, for ever. Everything random comes from `seed` and the step's tick alone."""

    def __init__(self, model: Model, settings: Settings, controls: ControlState, seed: int) -> None:
        self.model, self.settings, self.seed = model, settings, seed
        self._next_note_id = 1
        attributes = self._attributes(controls.mood(0.0), controls)
        position = Position(0, 0.0, attributes["tempo"], 0, settings.beats_per_bar, model.encoding.ticks_per_beat)
        self._memory = self._beginning(position, controls)
        self._past: deque[_Memory] = deque(maxlen=REMEMBERED_STEPS)

    def _beginning(self, position: Position, controls: ControlState) -> _Memory:
        decoder = self.model.encoding.decoder()
        decoder.feed(self.model.encoding.start_id)
        return _Memory(
            self.model.initial_state(GUIDED_ROWS),
            decoder,
            self.model.encoding.start_id,
            position,
            answered=controls.glide.target,
        )

    # ------------------------------------------------------------------------------------------------ looking

    @property
    def position(self) -> Position:
        """Where the next step begins."""
        return self._memory.position

    @property
    def next_note_id(self) -> int:
        """The id that the next planned note will get; ids only rise."""
        return self._next_note_id

    @property
    def held(self) -> tuple[tuple[int, float], ...]:
        """Notes that sound when the next step begins: (note_id, on_s)."""
        return tuple((held.note_id, held.on_s) for held in self._memory.held)

    @property
    def state(self) -> State:
        """The model's recurrent state, for tests and for the curious."""
        return self._memory.state

    # ------------------------------------------------------------------------------------------------ planning

    def begin_anew(self, controls: ControlState) -> None:
        """A new piece from the next bar line on, with an empty memory, as after an ending."""
        position = self._memory.position
        line = position._replace(bar_tick=position.tick, bar=1)
        self._memory = self._beginning(line, controls)
        self._past.clear()

    def rewind(self, tick: int) -> None:
        """Forget every step from `tick` on. ValueError when that lies further back than is remembered."""
        if tick >= self._memory.position.tick:
            return
        while self._past:
            memory = self._past.pop()
            if memory.position.tick == tick:
                self._memory = memory
                return
        raise ValueError(f"step {tick} is no longer remembered")

    def release(self) -> None:
        """Forget what sounds: someone ended it. The model may go on as if it did not know."""
        self._memory.held = ()

    def hurry(self, music_s: float) -> None:
        """Let the next step begin at `music_s` if it would begin later: the step before it becomes shorter."""
        position = self._memory.position
        if music_s < position.music_s:
            self._memory.position = position._replace(music_s=music_s)

    def plan_step(self, controls: ControlState) -> PlannedStep:
        """Choose and return the next grid step under the controls."""
        self._past.append(self._memory.copy())
        memory = self._memory
        mood = controls.mood(memory.position.music_s)
        attributes = self._attributes(mood, controls)
        ending = self._ending(memory, controls)
        # One generator a step: a step that is planned again meets the same chances, so only the controls change it.
        rng = np.random.default_rng((self.seed, memory.position.tick))
        if controls.stopping and memory.position.ticks_to_bar_line == 0:
            sounding = tuple(held.pitch for held in memory.held)
            grid, finished = GridStep(memory.position.tick, sounding, (), last=True), True
        elif memory.position.tick < memory.rest_until_tick and not self._must_answer(memory, controls):
            grid, finished = GridStep(memory.position.tick, (), (), last=False), False
        else:
            grid, finished = self._choose_step(memory, controls, mood, attributes, ending, rng)
        step = self._perform(memory, grid, attributes, ending or 0.0, rng)
        planned = PlannedStep(memory.position, *step, mood=mood, revision=controls.revision, finished=finished)
        self._advance(memory, planned, attributes, ending or 0.0)
        return planned

    def _attributes(self, mood: Mood, controls: ControlState) -> dict[str, float]:
        return attributes_at(mood, self.settings.table) | dict(controls.overrides)

    def _ending(self, memory: _Memory, controls: ControlState) -> float | None:
        """How near the asked-for end is, 0..1, or None when none was asked for."""
        if not controls.ending:
            memory.end_tick = None
            return None
        position = memory.position
        if memory.end_tick is None:
            memory.end_tick = (
                position.tick + position.ticks_to_bar_line + self.settings.ending_bars * position.bar_ticks
            )
        return conditioning.ending_value((memory.end_tick - position.tick) / position.bar_ticks)

    def _choose_step(
        self,
        memory: _Memory,
        controls: ControlState,
        mood: Mood,
        attributes: dict[str, float],
        ending: float | None,
        rng: np.random.Generator,
    ) -> tuple[GridStep, bool]:
        """Draw tokens until a grid step is complete. Returns it and whether it ends the music."""
        encoding = self.model.encoding
        if memory.end_tick is not None and memory.position.tick >= memory.end_tick:
            done = memory.decoder.feed(encoding.end_id)
            assert done is not None
            return done, True
        condition = self._condition(memory.position, mood, attributes, ending)
        guidance = steering.guidance(controls.intensity, self.settings.strongest_guidance)
        key_pull = steering.key_pull(memory.histogram, attributes["mode"], controls.intensity, self.settings.key_pull)
        if memory.register is not None:
            key_pull = key_pull + steering.register_pull(
                memory.register, attributes["register"], self.settings.register_pull
            )
        sounding = _classes(memory.held)
        density_pull = self._density_pull(memory, attributes["onset_density"])
        must_answer = self._must_answer(memory, controls)
        started: list[int] = []  # token ids
        ended: tuple[int, ...] = ()
        while True:
            logits, memory.state = self.model.step(memory.last_token, condition, memory.state)
            legal = memory.decoder.legal()
            if memory.last_token == encoding.start_id:
                legal[encoding.end_id] = False  # a piece has at least one step, else this could go on for ever
            answered = self._answered(memory, started)
            self._restrain(legal, memory, must_start=must_answer and not answered)
            if answered and self._is_final_chord(memory):
                legal[:] = False  # nothing below the tonic
                legal[encoding.step_end_id] = True
            guided = sampling.guide(logits, guidance)
            favour = key_pull + steering.dissonance_pull(
                sounding,
                memory.harsh,
                memory.pairs,
                attributes["dissonance"],
                controls.intensity,
                self.settings.dissonance_pull,
            )
            guided[encoding.starts] = sampling.pull(guided[encoding.starts], favour, legal[encoding.starts])
            if not started:
                guided[encoding.starts] += density_pull
            weights = sampling.probabilities(guided, legal, controls.temperature, self.settings.top_p)
            memory.last_token = sampling.choose(weights, rng)
            if encoding.starts_note(memory.last_token):
                started.append(memory.last_token)
                sounding[(memory.last_token - encoding.begins(0)) % 12] += 1
            step = memory.decoder.feed(memory.last_token)
            if step is None:
                continue
            if step.last:
                self._begin_again(memory, condition)
                if memory.position.tick < memory.rest_until_tick:
                    return step._replace(tick=memory.position.tick, last=False), False
                ended = step.ended
                continue
            if started:
                memory.answered = controls.glide.target
            return step._replace(ended=ended + step.ended), False

    def _density_pull(self, memory: _Memory, onsets_per_s: float) -> float:
        window_s = steering.density_window_s(memory.position.tempo_bpm)
        past_s = min(memory.position.music_s, window_s)
        if past_s < window_s / 2:
            return 0.0  # too little was heard yet to judge by
        return steering.density_pull(len(memory.onset_s), past_s, onsets_per_s, self.settings.density_pull)

    def _condition(
        self, position: Position, mood: Mood, attributes: dict[str, float], ending: float | None
    ) -> np.ndarray:
        values = {"valence": mood.valence, "arousal": mood.arousal, **attributes}
        if ending is not None:
            values["ending"] = ending
        row = conditioning.vector(values, position.beat_in_bar, position.beats_per_bar)
        return np.stack([row, conditioning.unconditioned(row)])

    def _must_answer(self, memory: _Memory, controls: ControlState) -> bool:
        """Whether a note must start: the mood turned, the rest is at its longest, or the last bar begins."""
        longest = self.settings.longest_rest_beats * memory.position.ticks_per_beat
        turned = math.dist(controls.glide.target, memory.answered) >= ANSWERED_TURN
        return turned or memory.silent_ticks >= longest or self._is_final_chord(memory)

    def _answered(self, memory: _Memory, started: list[int]) -> bool:
        """Whether the notes of this step so far suffice: one, or a final chord with its tonic in the bass."""
        if not self._is_final_chord(memory):
            return bool(started)
        tonic = self.model.encoding.begins(key_of(memory.histogram).tonic)
        return len(started) >= FINAL_CHORD_NOTES and (started[-1] - tonic) % 12 == 0

    @staticmethod
    def _is_final_chord(memory: _Memory) -> bool:
        """Whether the step is the first of the last bar of an ending."""
        return memory.end_tick is not None and memory.end_tick - memory.position.tick == memory.position.bar_ticks

    def _restrain(self, legal: BoolArray, memory: _Memory, *, must_start: bool) -> None:
        """Take from the grammar what the moment forbids, in place; something always stays."""
        encoding, position = self.model.encoding, memory.position
        longest = self.settings.longest_note_beats * position.ticks_per_beat
        for held in memory.held:
            if position.tick - held.tick >= longest:
                legal[encoding.continues(held.pitch)] = False
        if memory.end_tick is not None:
            legal[encoding.end_id] = False
            self._cadence(legal, memory)
        if must_start:
            without = legal.copy()
            without[[encoding.step_end_id, encoding.end_id]] = False
            if without[encoding.starts].any():
                # Notes go downward: what is held below the lowest key that may start would leave no room for a start.
                lowest = int(without[encoding.starts].argmax())
                for pitch in range(lowest + 1):
                    without[encoding.continues(pitch)] = False
                legal[:] = without

    def _cadence(self, legal: BoolArray, memory: _Memory) -> None:
        """The last bar: a chord of the tonic triad on its first beat, the tonic lowest, held to the end."""
        assert memory.end_tick is not None
        encoding, position = self.model.encoding, memory.position
        left = memory.end_tick - position.tick
        if left > position.bar_ticks:
            return
        if left < position.bar_ticks:
            legal[encoding.starts] = False
            sounding = legal.copy()
            sounding[[encoding.step_end_id, encoding.end_id]] = False
            if sounding.any():
                legal[:] = False  # what sounds is held, all of it: from the highest down
                legal[int(np.flatnonzero(sounding)[-1])] = True
            return
        triad = key_of(memory.histogram).triad
        for pitch in range(128):
            if pitch % 12 not in triad:
                legal[encoding.begins(pitch)] = False
                legal[encoding.continues(pitch)] = False

    def _begin_again(self, memory: _Memory, condition: np.ndarray) -> None:
        """The piece ended by itself: the next one begins on the bar line, the model's state kept."""
        _, memory.state = self.model.step(memory.last_token, condition, memory.state)
        memory.last_token = self.model.encoding.start_id
        memory.decoder.feed(self.model.encoding.start_id)
        memory.rest_until_tick = memory.position.tick + memory.position.ticks_to_bar_line

    # ---------------------------------------------------------------------------------------------- performing

    def _perform(
        self,
        memory: _Memory,
        grid: GridStep,
        attributes: dict[str, float],
        ending: float,
        rng: np.random.Generator,
    ) -> tuple[tuple[StartedNote, ...], tuple[EndedNote, ...]]:
        """Give the grid step its seconds, velocities and ids; keep the list of what sounds."""
        position, expression = memory.position, self.settings.expression
        ended, held = [], list(memory.held)
        for pitch in grid.ended:
            # Of two notes on one key the younger ends first, as the encodings' decoders have it.
            note = next((h for h in reversed(held) if h.pitch == pitch), None)
            if note is not None:
                held.remove(note)
                off_s = expression.end_s(note.on_s, position.music_s, position.step_s, attributes["articulation"])
                ended.append(EndedNote(note.note_id, off_s))
        velocities = expression.velocities(grid.started, position, attributes["loudness"], ending, rng)
        delays = expression.delays_s(len(grid.started), rng)
        started = tuple(
            StartedNote(self._next_note_id + index, pitch, velocity, position.music_s + delay)
            for index, (pitch, velocity, delay) in enumerate(zip(grid.started, velocities, delays, strict=True))
        )
        self._next_note_id += len(started)
        held += [_Held(note.note_id, note.pitch, note.on_s, position.tick) for note in started]
        memory.held = tuple(held)
        return started, tuple(ended)

    def _advance(self, memory: _Memory, planned: PlannedStep, attributes: dict[str, float], ending: float) -> None:
        position = memory.position
        window_s = steering.density_window_s(position.tempo_bpm)
        onset_s = (*memory.onset_s, position.music_s) if planned.started else memory.onset_s
        memory.onset_s = tuple(at_s for at_s in onset_s if at_s > position.music_s - window_s)
        memory.silent_ticks = 0 if memory.held else memory.silent_ticks + 1
        if planned.started:
            mean = sum(note.pitch for note in planned.started) / len(planned.started)
            before = mean if memory.register is None else memory.register
            memory.register = before + steering.REGISTER_SHARE * (mean - before)
        fade = 0.5 ** (1 / (steering.DISSONANCE_HALF_LIFE_BEATS * position.ticks_per_beat))
        harsh, pairs = intervals(_classes(memory.held)) if planned.started else (0.0, 0.0)
        memory.harsh, memory.pairs = fade * memory.harsh + harsh, fade * memory.pairs + pairs
        memory.histogram *= 0.5 ** (1 / (KEY_HALF_LIFE_BEATS * position.ticks_per_beat))
        for held in memory.held:
            memory.histogram[held.pitch % 12] += 1
        memory.position = position.next(self.settings.expression.tempo_bpm(attributes["tempo"], ending))
