"""The improviser: controls + model + sampling + decoder -> notes. No ports, no threads, no clock.

The same object serves the live daemon, `improv render` and the tests. It plans one grid step at a time and can go back
to the beginning of any step that is still inside the look-ahead, so that what was never heard is never remembered.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from improv.control.state import ControlState
from improv.improviser import biases, sampling
from improv.improviser.expression import Expression
from improv.improviser.feedback import Heard, classes_of, leads
from improv.improviser.step_biases import StepPulls, Strengths
from improv.improviser.variation import breathe, phases
from improv.model import conditioning
from improv.model.onnx_model import Model, State
from improv.model.vocabulary import Encoding, GridStep, StreamDecoder, Wish
from improv.model.vocabulary.base import BoolArray
from improv.music.attributes import Key, intervals, key_of, profile_in_best_key
from improv.music.limits import DENSITY_WINDOW_S, Limits
from improv.music.mood import NEUTRAL, AttributeTable, Mood, attributes_at
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH
from improv.music.position import Position
from improv.plan.phrase_memory import Recall, Theme

GUIDED_ROWS = 2  # one row with the commands, one without
REMEMBERED_STEPS = 512  # how far back `rewind` can go; the look-ahead is never longer
# The pedal is lifted where more of the intervals would be dissonant.
HARSH_UNDER_PEDAL = 0.12
# Whoever plays as many onsets in a second is left half of the room; counted over the last seconds.
ROOM_FOR_ONSETS_PER_S, HEARD_WINDOW_S = 3.0, 4.0
# A turn of the mood by so much is answered with a note at once; a knob's single steps (0.016) are not.
ANSWERED_TURN = 0.3
# Where a tick is a fixed time there is no tempo by which a note could be long: nothing sounds longer than this.
LONGEST_NOTE_S = 5.0
LONG_AGO = 1 << 30  # ticks


@dataclass(frozen=True)
class Settings(Strengths):
    """What the improviser is told once, from config.yaml.

    top_p: 0..1. longest_rest_beats, longest_note_beats: quarters; silence and held notes never last longer.
    ending_bars: bars from "end" to the last one. beats_per_bar: quarters. breath: 0..2, see
    improv.improviser.variation.
    tempo_lands_on_bar: a change of tempo comes at once with the next bar line; else it glides over about a beat.
    """

    table: AttributeTable = field(kw_only=True)
    expression: Expression = field(default_factory=Expression)
    top_p: float = 0.97
    strongest_guidance: float = 3.0
    longest_rest_beats: float = 2.0
    longest_note_beats: float = 6.0
    ending_bars: int = 4
    beats_per_bar: float = 4.0
    breath: float = 1.0
    tempo_lands_on_bar: bool = False


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
    """pitch: as the model chose it. sent: as it sounds."""

    note_id: int
    pitch: int
    sent: int
    on_s: float
    tick: int


class _Shift(NamedTuple):
    """A shift of time that is under way. It is fed to the model only with the next choice, so it can still be cut.

    before: the decoder without it. tick: of its beginning. ticks: its length.
    """

    before: StreamDecoder
    tick: int
    ticks: int


@dataclass(slots=True)
class _Memory:
    """All that decides what comes next; copied at the start of every step."""

    model: Model
    state: State
    decoder: StreamDecoder
    last_token: int
    position: Position
    shift: _Shift | None = None
    tempo: float = 1.0  # ratio to the commanded one, as the tokens say
    held: tuple[_Held, ...] = ()
    leaving: tuple[_Held, ...] = ()  # of the model before: they end with this step
    pedalled: tuple[_Held, ...] = ()  # let go by the model, held by the pedal
    silent_ticks: int = 0
    onset_s: tuple[float, ...] = ()  # of the steps with a start, inside the window that steering looks at
    last_onset_s: float = 0.0
    rest_until_tick: int = 0
    end_tick: int | None = None
    end_key: Key | None = None  # that the ending closes in
    answered: Mood = NEUTRAL
    heard: Heard = field(default_factory=Heard)
    told: frozenset[int] = frozenset()  # keys of the person that the model believes to be down
    told_s: tuple[float, ...] = ()  # when they were struck, inside the window that counts

    def copy(self) -> _Memory:
        return replace(self, decoder=self.decoder.copy())


def _under_pedal(pedalled: list[_Held], keys: Mapping[int, int], held: list[_Held]) -> tuple[_Held, ...]:
    """What the pedal may go on holding: all or nothing, for a harsh interval lifts it; a key struck again ends."""
    stay = [note for note in pedalled if note.sent not in keys]
    sounding = classes_of([*(note.pitch for note in (*stay, *held)), *keys])
    harsh, pairs = intervals(sounding)
    return tuple(stay) if not keys or harsh <= HARSH_UNDER_PEDAL * pairs else ()


def _own(grid: GridStep, keys: frozenset[int]) -> GridStep:
    """The step without the notes that somebody else plays."""
    kept = [index for index, pitch in enumerate(grid.started) if pitch not in keys]
    velocities = tuple(grid.velocities[index] for index in kept) if grid.velocities else ()
    return grid._replace(started=tuple(grid.started[index] for index in kept), velocities=velocities)


def _keys(pitches: tuple[int, ...], sounding: set[int], limits: Limits) -> dict[int, int]:
    """Key that is sent -> pitch that the model chose, in its order; what folds onto a sounding key is left out."""
    keys: dict[int, int] = {}
    for pitch in pitches:
        sent = limits.pitch(pitch)
        if sent == pitch or (sent not in sounding and sent not in pitches):
            keys.setdefault(sent, pitch)
    return keys


class Improviser:
    """Plans step after step, for ever. Everything random comes from `seed` and the step's tick alone.

    Other models than the first can be offered; which one plays is a control (`ControlState.model`). A change lands on
    the next bar line: there the old model's notes end and the new one begins.
    """

    def __init__(self, model: Model, settings: Settings, controls: ControlState, seed: int) -> None:
        self.settings, self.seed = settings, seed
        self._breath_begins = phases(seed)
        self._models = {controls.model: model}
        self._next_note_id = 1
        self._led_bpm: float | None = None
        attributes = self.attributes(controls.mood(0.0), controls)
        encoding = model.encoding
        tempo_bpm = encoding.tempo_bpm or attributes["tempo"]
        position = Position(0, 0.0, tempo_bpm, 0, settings.beats_per_bar, encoding.ticks_per_beat)
        self._memory = self._beginning(model, position, controls)
        self._past: deque[_Memory] = deque(maxlen=REMEMBERED_STEPS)
        self._theme = Theme()
        self._heard: frozenset[int] = frozenset()

    @staticmethod
    def _beginning(model: Model, position: Position, controls: ControlState) -> _Memory:
        decoder = model.encoding.decoder()
        decoder.feed(model.encoding.start_id)
        return _Memory(
            model,
            model.initial_state(GUIDED_ROWS),
            decoder,
            model.encoding.start_id,
            position,
            answered=controls.glide.target,
        )

    # ------------------------------------------------------------------------------------------------- models

    @property
    def model(self) -> Model:
        """The one that plans the next step."""
        return self._memory.model

    def offer(self, name: str, model: Model) -> None:
        """Let a model be asked for by name from now on."""
        self._models[name] = model

    def has(self, name: str) -> bool:
        """Whether a model can be asked for by this name."""
        return name in self._models

    def _change_model(self, controls: ControlState) -> None:
        """On a bar line: the model that the controls ask for begins, in the key and pace of what was heard."""
        old = self._memory
        model = self._models.get(controls.model, old.model)
        if model is old.model or old.position.ticks_to_bar_line:
            return
        encoding = model.encoding
        rate = encoding.ticks_per_beat / old.position.ticks_per_beat
        tempo_bpm = encoding.tempo_bpm or old.position.tempo_bpm
        if old.model.encoding.tempo_bpm is not None:
            tempo_bpm = encoding.tempo_bpm or self.attributes(controls.glide.target, controls)["tempo"]
        position = old.position._replace(
            bar_tick=old.position.tick, ticks_per_beat=encoding.ticks_per_beat, tempo_bpm=tempo_bpm, rubato=1.0
        )
        self._memory = new = self._beginning(model, position, controls)
        self._theme = Theme()  # its ticks were others
        new.leaving, new.onset_s, new.heard = (*old.held, *old.pedalled), old.onset_s, old.heard.on_grid(rate)
        new.silent_ticks = LONG_AGO  # no gap: it starts with a note
        if old.end_tick is not None:
            bars_left = (old.end_tick - old.position.tick) / old.position.bar_ticks
            new.end_tick = position.tick + round(bars_left * position.bar_ticks)

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
        memory = self._memory
        return tuple((held.note_id, held.on_s) for held in (*memory.leaving, *memory.pedalled, *memory.held))

    @property
    def state(self) -> State:
        """The model's recurrent state, for tests and for the curious."""
        return self._memory.state

    # ------------------------------------------------------------------------------------------------ planning

    def begin_anew(self, controls: ControlState) -> None:
        """A new piece from the next bar line on, with an empty memory, in its own tempo: not in that of an ending."""
        position = self._memory.position
        mood = controls.mood(position.music_s)
        tempo_bpm = self.model.encoding.tempo_bpm or self.attributes(mood, controls)["tempo"]
        line = position._replace(bar_tick=position.tick, bar=1, rubato=1.0, tempo_bpm=tempo_bpm)
        self._memory = self._beginning(self.model, line, controls)
        self._past.clear()
        self._theme = Theme()

    def rewind(self, tick: int) -> None:
        """Forget every step from `tick` on. ValueError when that lies further back than is remembered."""
        if tick >= self._memory.position.tick:
            return
        while self._past:
            memory = self._past.pop()
            if memory.position.tick == tick:
                self._memory = memory
                self._theme.forget(tick)
                return
        raise ValueError(f"step {tick} is no longer remembered")

    def hear(self, keys: Iterable[int]) -> None:
        """The keys that somebody else holds down from now on, 0..127. The model takes them for part of its music, they
        are not played; those beyond the piano are not heard.
        """
        self._heard = frozenset(key for key in keys if LOWEST_PIANO_PITCH <= key <= HIGHEST_PIANO_PITCH)

    def release(self) -> None:
        """Forget what sounds: someone ended it. The model may go on as if it did not know."""
        self._memory.held = self._memory.leaving = self._memory.pedalled = ()

    def hurry(self, music_s: float) -> None:
        """Let the next step begin at `music_s` if it would begin later: the step before it becomes shorter."""
        position = self._memory.position
        if music_s < position.music_s:
            self._memory.position = position._replace(music_s=music_s)

    def lead(self, tempo_bpm: float | None) -> None:
        """Another program gives the tempo from now on, whatever the mood and the ending say; None: no more."""
        self._led_bpm = tempo_bpm
        if tempo_bpm is not None and self.model.encoding.tempo_bpm is None:
            self._memory.position = self._memory.position._replace(tempo_bpm=tempo_bpm)

    def locate(self, beat: float) -> None:
        """The next step stands so many beats after the song's beginning: its bar and its place in the bar."""
        self._memory.position = self._memory.position.at_beat(beat)
        self._memory.end_tick = None

    def plan_step(self, controls: ControlState) -> PlannedStep:
        """Choose and return the next grid step under the controls."""
        self._past.append(self._memory.copy())
        self._change_model(controls)
        memory = self._memory
        mood = controls.mood(memory.position.music_s)
        ending = self._ending(memory, controls)
        attributes = self._breathing(mood, controls, ending or 0.0)
        # One generator a step: a step that is planned again meets the same chances, so only the controls change it.
        rng = np.random.default_rng((self.seed, memory.position.tick))
        tick, finished = memory.position.tick, False
        asked = self._must_answer(memory, controls) or (memory.end_tick is not None and tick >= memory.end_tick)
        asked = asked or self._others(memory) != memory.told
        if controls.stopping and memory.position.ticks_to_bar_line == 0:
            sounding = tuple(held.pitch for held in memory.held)
            grid, finished = GridStep(tick, sounding, (), last=True), True
        elif tick < memory.rest_until_tick and not asked:
            grid = GridStep(tick, (), (), last=False, ticks=memory.rest_until_tick - tick, tempo=memory.tempo)
        elif memory.shift is not None and not asked and not self._too_long(memory):
            left = memory.shift.tick + memory.shift.ticks - tick
            grid = GridStep(tick, (), (), last=False, ticks=left, tempo=memory.tempo)
        else:
            self._cut_shift(memory)
            grid, finished = self._choose_step(memory, controls, mood, attributes, ending, rng)
        step = self._perform(memory, grid, attributes, ending or 0.0, controls.limits, rng)
        planned = PlannedStep(memory.position, *step, mood=mood, revision=controls.revision, finished=finished)
        self._theme.remember(memory.position, frozenset(grid.started), mood)
        self._advance(memory, planned, grid, attributes, ending or 0.0, controls.limits)
        return planned

    def _cut_shift(self, memory: _Memory) -> None:
        """A shift of time that is under way ends here: the model is told what has really passed."""
        if memory.shift is None:
            return
        passed = memory.position.tick - memory.shift.tick
        memory.decoder = memory.shift.before.copy()
        memory.last_token = self.model.encoding.shifts.start + passed - 1
        memory.decoder.feed(memory.last_token)
        memory.shift = None

    def _others(self, memory: _Memory) -> frozenset[int]:
        """The keys that somebody else holds. One that we sound ourselves is ours: a piano may echo what it is sent."""
        return self._heard - {held.pitch for held in memory.held}

    def attributes(self, mood: Mood, controls: ControlState) -> dict[str, float]:
        """What is commanded of the music, in the units of the attributes, inside the limits; the tempo as led."""
        return self._within_limits(attributes_at(mood, self.settings.table), controls)

    def _breathing(self, mood: Mood, controls: ControlState, ending: float) -> dict[str, float]:
        """The same as it ebbs and flows now. What is commanded by name stands still; toward an end all of it does."""
        meant, strength = attributes_at(mood, self.settings.table), self.settings.breath * (1 - ending)
        breathing = breathe(meant, self._breath_begins, self._memory.position.music_s, strength)
        return self._within_limits(breathing, controls)

    def _within_limits(self, meant: dict[str, float], controls: ControlState) -> dict[str, float]:
        limited = controls.limits.attributes(meant | dict(controls.overrides))
        return limited if self._led_bpm is None else limited | {"tempo": self._led_bpm}

    def _ending(self, memory: _Memory, controls: ControlState) -> float | None:
        """How near the asked-for end is, 0..1, or None when none was asked for."""
        if not controls.ending:
            memory.end_tick = memory.end_key = None
            return None
        position = memory.position
        if memory.end_tick is None:
            memory.end_tick = (
                position.tick + position.ticks_to_bar_line + self.settings.ending_bars * position.bar_ticks
            )
        if memory.end_key is None and memory.end_tick - position.tick <= 2 * position.bar_ticks:
            memory.end_key = key_of(memory.heard.home)
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
        condition = self._condition(encoding, memory.position, mood, attributes, ending)
        guidance = biases.guidance(controls.intensity, self.settings.strongest_guidance)
        clashing = self._clashing(memory, attributes["mode"]) if self._turned(memory, controls) else ()
        keys = self._others(memory)
        gone = memory.told - keys - {held.pitch for held in memory.held}
        memory.told_s = (*memory.told_s, *(memory.position.music_s for _ in keys - memory.told))
        memory.told = keys
        may_start = self._may_start(memory, controls.limits)
        must_answer = may_start and self._must_answer(memory, controls)
        pulls = self._pulls(memory, controls, mood, attributes)
        ended: tuple[int, ...] = ()
        while True:
            logits, memory.state = self.model.step(memory.last_token, condition, memory.state)
            # A piece has at least one step, else this could go on for ever.
            may_end = memory.last_token != encoding.start_id and memory.end_tick is None
            wish = self._wish(memory, must_start=must_answer and not pulls.started, may_end=may_end)
            legal = memory.decoder.legal(wish._replace(too_long=wish.too_long + clashing, foreign=keys | gone))
            self._limit(legal, memory, controls.limits, may_start=may_start)
            guided = sampling.guide(memory.decoder.resolved(logits), guidance)
            pulls.turn(guided, legal, memory.decoder.chord)
            weights = sampling.probabilities(guided, legal, controls.temperature, self.settings.top_p)
            chosen = sampling.choose(weights, rng)
            memory.last_token = memory.decoder.instead(chosen, keys, gone)
            if encoding.starts_note(memory.last_token) and memory.last_token == chosen:
                pulls.chose(memory.last_token)
            before = memory.decoder.copy() if self._is_shift(encoding, memory.last_token) else None
            step = memory.decoder.feed(memory.last_token)
            if step is None:
                continue
            if step.last:
                self._begin_again(memory, condition)
                if memory.position.tick < memory.rest_until_tick:
                    return _own(step._replace(tick=memory.position.tick, last=False), keys), False
                ended = step.ended
                continue
            if pulls.started:
                memory.answered = controls.glide.target
            if before is not None:
                memory.shift = _Shift(before, memory.position.tick, step.ticks)
            return _own(step._replace(ended=ended + step.ended), keys), False

    def _pulls(self, memory: _Memory, controls: ControlState, mood: Mood, attributes: dict[str, float]) -> StepPulls:
        """What turns the network in this step."""
        heard, settings, intensity = memory.heard, self.settings, controls.intensity
        place = biases.key_pull(heard.histogram, attributes["mode"], intensity, settings.key_pull, heard.mode_owed)
        register = attributes["register"]
        if heard.register is None:
            place = place + biases.opening_pull(register, settings.register_pull)
        else:
            place = place + biases.register_pull(heard.register, register, settings.register_pull)
        if heard.melody_pitch is not None:
            place = place + biases.repeat_pull(heard.melody_pitch, settings.repeat_pull)
        if memory.end_key is not None and memory.end_tick is not None:
            place = place + biases.home_pull(memory.end_key)
            to_last_bar = memory.end_tick - memory.position.bar_ticks - memory.position.tick
            if 0 < to_last_bar < max(1, memory.position.bar_ticks // 2):
                place = place + biases.cadence_pull(memory.end_key)
        return StepPulls(
            memory.model.encoding,
            settings,
            heard,
            place,
            density=self._density_pull(memory, self._onsets_per_s(memory, attributes)),
            dissonance=attributes["dissonance"],
            intensity=intensity,
            recall=self._recall(memory, mood),
            sounding=classes_of([*(note.pitch for note in memory.held), *memory.told]),
            last_chord=memory.decoder.sounding,
        )

    def _recall(self, memory: _Memory, mood: Mood) -> Recall | None:
        """What an earlier phrase would bring back now: nothing while an ending is made, or without a beat."""
        if not self.settings.recall_pull or memory.end_tick is not None or memory.model.encoding.tempo_bpm is not None:
            return None
        return self._theme.recall(memory.position, mood)

    @staticmethod
    def _is_shift(encoding: Encoding, token_id: int) -> bool:
        return bool(encoding.shifts.start <= token_id < encoding.shifts.stop)

    def _density_pull(self, memory: _Memory, onsets_per_s: float) -> float:
        window_s = biases.density_window_s(memory.position.tempo_bpm)
        past_s = min(memory.position.music_s, window_s)
        if past_s < window_s / 2:
            return 0.0  # too little was heard yet to judge by
        recent = sum(at_s > memory.position.music_s - window_s for at_s in memory.onset_s)
        return biases.density_pull(recent, past_s, onsets_per_s, memory.heard.pace_owed_s, self.settings.density_pull)

    @staticmethod
    def _onsets_per_s(memory: _Memory, attributes: dict[str, float]) -> float:
        """What is commanded; less where somebody else plays."""
        return attributes["onset_density"] / (1 + len(memory.told_s) / HEARD_WINDOW_S / ROOM_FOR_ONSETS_PER_S)

    @staticmethod
    def _condition(
        encoding: Encoding, position: Position, mood: Mood, attributes: dict[str, float], ending: float | None
    ) -> np.ndarray:
        """Two rows, with the commands and without. A family without a beat knows neither tempo nor place in the bar."""
        values = {"valence": mood.valence, "arousal": mood.arousal, **attributes}
        if ending is not None:
            values["ending"] = ending
        has_beat = encoding.tempo_bpm is None
        if not has_beat:
            values.pop("tempo", None)
        row = conditioning.vector(values, position.beat_in_bar if has_beat else None, position.beats_per_bar)
        return np.stack([row, conditioning.unconditioned(row)])

    def _must_answer(self, memory: _Memory, controls: ControlState) -> bool:
        """Whether a note must start: the mood turned, the rest is at its longest, or the last bar begins."""
        longest = self.settings.longest_rest_beats * memory.position.ticks_per_beat
        turned = self._turned(memory, controls)
        position, floor_s = memory.position, controls.limits.longest_gap_s
        overdue = position.music_s + position.step_s - memory.last_onset_s > floor_s
        chord = self._is_final_chord(memory) or self._is_dominant(memory)
        return turned or overdue or memory.silent_ticks >= longest or chord

    @staticmethod
    def _turned(memory: _Memory, controls: ControlState) -> bool:
        """Whether the mood was turned since the last answer."""
        return math.dist(controls.glide.target, memory.answered) >= ANSWERED_TURN

    @staticmethod
    def _clashing(memory: _Memory, mode: float) -> tuple[int, ...]:
        """Held pitches outside of the scale that a new mood is drawn to: they are let go as it begins."""
        profile = profile_in_best_key(memory.heard.histogram, mode >= 0)
        return tuple(note.pitch for note in memory.held if profile[note.pitch % 12] < 0)

    @staticmethod
    def _is_final_chord(memory: _Memory) -> bool:
        """Whether the step is the first of the last bar of an ending."""
        return memory.end_tick is not None and memory.end_tick - memory.position.tick == memory.position.bar_ticks

    @staticmethod
    def _is_dominant(memory: _Memory) -> bool:
        """Whether the step is the one half a bar before the last bar of an ending: the dominant begins."""
        if memory.end_tick is None or memory.end_key is None:
            return False
        bar_ticks = memory.position.bar_ticks
        return memory.end_tick - memory.position.tick == bar_ticks + max(1, bar_ticks // 2)

    def _wish(self, memory: _Memory, *, must_start: bool, may_end: bool) -> Wish:
        """What the moment asks of the next token: a start, the end of what is held for too long, or a cadence: the
        dominant half a bar before the last bar, then a chord of the tonic triad, the tonic lowest, held to the end.
        """
        position = memory.position
        triad = None
        if memory.end_key is not None and self._is_final_chord(memory):
            triad = memory.end_key.triad
        elif memory.end_key is not None and self._is_dominant(memory):
            triad = memory.end_key.dominant
        left = math.inf if memory.end_tick is None else memory.end_tick - position.tick
        return Wish(must_start, self._too_long(memory), may_end, triad, hold=left < position.bar_ticks)

    def _may_start(self, memory: _Memory, limits: Limits) -> bool:
        """Whether the ceiling of the density leaves room for an onset."""
        now_s = memory.position.music_s
        recent = sum(now_s - DENSITY_WINDOW_S < at_s < now_s for at_s in memory.onset_s)
        return limits.allows_onset(recent) or self._is_final_chord(memory)

    def _limit(self, legal: BoolArray, memory: _Memory, limits: Limits, *, may_start: bool) -> None:
        """Take the starts that the limits forbid from the grammar, in place, unless nothing would be left."""
        encoding, allowed = self.model.encoding, legal.copy()
        if (band := limits.bands.get("register")) is not None:
            allowed[encoding.starts] &= (encoding.start_pitches >= band.low) & (encoding.start_pitches <= band.high)
        if not may_start:
            allowed[encoding.starts] = False
        if not allowed[encoding.starts].any():
            allowed[encoding.announcements] = False
        if allowed.any():
            legal[:] = allowed

    def _too_long(self, memory: _Memory) -> tuple[int, ...]:
        """Pitches that have been held for as long as is allowed, and those that only the model still believes to sound
        (somebody silenced them): it could not strike them again.
        """
        tick, longest = memory.position.tick, self._longest_note(memory)
        too_long = tuple(held.pitch for held in memory.held if tick - held.tick >= longest)
        if not memory.model.encoding.performs:
            return too_long
        known = {held.pitch for held in memory.held} | memory.told
        return (*too_long, *(pitch for pitch in memory.decoder.sounding if pitch not in known))

    def _longest_note(self, memory: _Memory) -> float:
        """In ticks."""
        encoding = memory.model.encoding
        if encoding.tempo_bpm is not None:
            return LONGEST_NOTE_S * encoding.tempo_bpm / 60 * encoding.ticks_per_beat
        return self.settings.longest_note_beats * encoding.ticks_per_beat

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
        limits: Limits,
        rng: np.random.Generator,
    ) -> tuple[tuple[StartedNote, ...], tuple[EndedNote, ...]]:
        """Give the grid step its seconds, velocities and ids; keep the list of what sounds."""
        position, expression = memory.position, self.settings.expression
        ended, held = [EndedNote(note.note_id, position.music_s) for note in memory.leaving], list(memory.held)
        memory.leaving = ()
        pedal = not (self.model.encoding.performs or grid.last) and expression.pedal(attributes["articulation"])
        pedalled = list(memory.pedalled)
        for pitch in grid.ended:
            # Of two notes on one key the younger ends first, as the encodings' decoders have it.
            note = next((h for h in reversed(held) if h.pitch == pitch), None)
            if note is not None:
                held.remove(note)
                if pedal and position.tick - note.tick < self._longest_note(memory):
                    pedalled.append(note)
                    continue
                off_s = position.music_s
                if not self.model.encoding.performs:
                    off_s = expression.end_s(note.on_s, off_s, position.step_s, attributes["articulation"])
                ended.append(EndedNote(note.note_id, off_s))
        keys = _keys(grid.started, {note.sent for note in held}, limits)
        kept = _under_pedal(pedalled, keys, held) if pedal and not expression.pedal_lifts(position) else ()
        ended += [EndedNote(note.note_id, position.music_s) for note in pedalled if note not in kept]
        memory.pedalled = kept
        above = max((note.sent for note in (*held, *kept)), default=-1)
        if self.model.encoding.performs:
            own = dict(zip(grid.started, grid.velocities, strict=True))
            velocities, delays = tuple(own[pitch] for pitch in keys.values()), (0.0,) * len(keys)
        else:
            velocities = expression.velocities(tuple(keys), position, attributes["loudness"], ending, rng, above)
            delays = expression.delays_s(len(keys), rng)
        started = tuple(
            StartedNote(self._next_note_id + index, sent, limits.velocity(velocity), position.music_s + delay)
            for index, (sent, velocity, delay) in enumerate(zip(keys, velocities, delays, strict=True))
        )
        self._next_note_id += len(started)
        held += [_Held(note.note_id, keys[note.pitch], note.pitch, note.on_s, position.tick) for note in started]
        memory.held = tuple(held)
        return started, tuple(ended)

    def _advance(
        self,
        memory: _Memory,
        planned: PlannedStep,
        grid: GridStep,
        attributes: dict[str, float],
        ending: float,
        limits: Limits,
    ) -> None:
        """Move on to the next step: at most to the next sixteenth, so that a long shift of time can still be cut."""
        position, encoding = memory.position, self.model.encoding
        ticks = min(grid.ticks, position.ticks_to_line(encoding.step_ticks))
        if memory.shift is not None and position.tick + ticks >= memory.shift.tick + memory.shift.ticks:
            memory.shift = None
        window_s = biases.density_window_s(position.tempo_bpm)
        onset_s = (*memory.onset_s, position.music_s) if planned.started else memory.onset_s
        memory.onset_s = tuple(at_s for at_s in onset_s if at_s > position.music_s - max(window_s, DENSITY_WINDOW_S))
        if planned.started:
            memory.last_onset_s = position.music_s
        memory.told_s = tuple(at_s for at_s in memory.told_s if at_s > position.music_s - HEARD_WINDOW_S)
        memory.silent_ticks = 0 if memory.held or memory.told else memory.silent_ticks + ticks
        started = [note.pitch for note in planned.started]
        sounding = [note.pitch for note in (*memory.held, *memory.pedalled)]
        memory.heard = memory.heard.after(
            ticks,
            ticks / position.ticks_per_beat,
            ticks * position.step_s,
            started,
            sounding,
            memory.told,
            # Where lengths hold the pedal as well, notes lie above the melody for long: there every onset is of it.
            melody=leads(started, sounding if encoding.tempo_bpm is None else ()),
            onsets_per_s=self._onsets_per_s(memory, attributes),
            register=attributes["register"],
            mode=attributes["mode"],
        )
        memory.tempo = grid.tempo
        rubato = self.settings.expression.rubato(grid.tempo)
        here = position._replace(rubato=rubato)
        if encoding.tempo_bpm is not None:
            memory.position = here.next(encoding.tempo_bpm, ticks)
            return
        commanded_bpm = limits.tempo_bpm(self.settings.expression.tempo_bpm(attributes["tempo"], ending))
        following = self._in_tempo(position, here.next(commanded_bpm, ticks), commanded_bpm, ending)
        bpm = following.tempo_bpm if self._led_bpm is not None else limits.tempo_bpm(following.tempo_bpm)
        memory.position = following._replace(tempo_bpm=bpm, rubato=limits.tempo_bpm(bpm * rubato) / bpm)

    def _in_tempo(self, before: Position, following: Position, goal_bpm: float, ending: float) -> Position:
        """The following position as another program's tempo, or a change that lands on the bar line, has it."""
        if self._led_bpm is not None:
            return following._replace(tempo_bpm=self._led_bpm)
        if self.settings.tempo_lands_on_bar and not ending:
            line = following.tick == following.bar_tick
            return following._replace(tempo_bpm=goal_bpm if line else before.tempo_bpm)
        return following
