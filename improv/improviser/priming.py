"""Music goes on from bars that somebody played: the network is told them, and so is all that is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from improv.control.state import ControlState
from improv.errors import ModelError
from improv.improviser.feedback import Feedback, leads
from improv.improviser.snapshot import Snapshot, taken_over
from improv.model import conditioning, guard, plan_inputs
from improv.model.onnx_model import Float32Array, Model, State
from improv.model.vocabulary import Encoding, Extras, StreamDecoder
from improv.model.vocabulary.hands import HandsDecoder
from improv.music.note import Note
from improv.music.primer import TICKS_PER_BEAT, Primer
from improv.plan.network_row import columns
from improv.plan.piece_memory import PieceMemory
from improv.plan.plan import Character, Piece, Plan
from improv.plan.plan_from_primer import primer_bars
from improv.plan.plan_request import PlanRequest

_NO_CONTEXT = np.zeros((1, 4), dtype=np.int16)
MELODY = "melody"  # families of one voice


class Told(NamedTuple):
    """A network that was told a primer: its state before last_token is fed, and the stream behind the last bar."""

    state: State
    decoder: StreamDecoder
    last_token: int


class Beginning(NamedTuple):
    """Bars that the music is to begin from. number: rises with each. model: that was told them, None where none was.
    told: what came of it.
    """

    number: int
    primer: Primer
    model: Model | None = None
    told: Told | None = None


class Request(Protocol):
    """What `operations.Prime` holds."""

    @property
    def primer(self) -> Primer: ...
    @property
    def model(self) -> str: ...
    @property
    def told(self) -> Told | None: ...


def asked_for(request: Request, snapshot: Snapshot, known: Beginning | None, models: Mapping[str, Model]) -> Beginning:
    """What is to be begun from on the next bar line. known: what was asked for before. models: by name."""
    number = 1 + max(snapshot.begun_from, 0 if known is None else known.number)
    model = models.get(request.model) if request.model else None
    told = tell(model, request.primer) if model is not None and request.told is None else request.told
    return Beginning(number, request.primer, model, told)


def due(beginning: Beginning | None, snapshot: Snapshot) -> Beginning | None:
    """What the music begins from here: on a bar line, once."""
    if beginning is None or beginning.number == snapshot.begun_from or snapshot.position.ticks_to_bar_line:
        return None
    return beginning


def tell(model: Model, primer: Primer) -> Told:
    """Feed a primer to a network, token after token, without any command. ModelError when it cannot be told.

    It takes as long as playing the bars takes the network: nobody who keeps time should wait for it.
    """
    model = getattr(model, "unbounded", model)
    encoding, decoder = model.encoding, model.encoding.decoder()
    tokens = _tokens(encoding, primer)
    ticks = encoding.ticks(np.array(tokens))
    state, rows = guard.initial_state(model, 1), _Rows(encoding, primer)
    decoder.feed(tokens[0])
    for index, token_id in enumerate(tokens[:-1]):
        row = rows.at(int(ticks[index + 1]), decoder)
        _, state = guard.step(model, token_id, row, state)
        decoder.feed(tokens[index + 1])
    return Told(state, decoder, tokens[-1])


def rate_of(encoding: Encoding, primer: Primer) -> float:
    """Ticks of a family to one of the primer's; where a tick is a fixed time, by the primer's tempo."""
    faster = 1.0 if encoding.tempo_bpm is None else encoding.tempo_bpm / primer.tempo_bpm
    return faster * encoding.ticks_per_beat / TICKS_PER_BEAT


def _tokens(encoding: Encoding, primer: Primer) -> list[int]:
    """From START to the end of the last bar."""
    rate = rate_of(encoding, primer)
    notes = primer.on_grid(rate)
    hands = tuple(note.hand for note in primer.notes)
    if encoding.family.startswith(MELODY):
        notes, hands = _top_line(notes), ()
    try:
        tokens = encoding.encode(notes, round(primer.ticks * rate), Extras(hands=hands))
    except ValueError as error:
        raise ModelError(f"the family {encoding.family} has no tokens for these bars: {error}") from error
    return tokens[:-1] if tokens[-1] == encoding.end_id else tokens


def _top_line(notes: list[Note]) -> list[Note]:
    """The highest note of each onset, until the next one."""
    top = {note.onset: note for note in sorted(notes)}
    onsets = [*sorted(top), None]
    line = []
    for onset, following in pairwise(onsets):
        note = top[onset] if onset is not None else None
        if note is not None:
            longest = note.duration if following is None else following - note.onset
            line.append(replace(note, duration=max(min(note.duration, longest), 1)))
    return line


class _Rows:
    """What a network is told beside the tokens of a primer: the place in the bar, and the plan where it has one."""

    def __init__(self, encoding: Encoding, primer: Primer) -> None:
        self._encoding, self._primer, self._rate = encoding, primer, rate_of(encoding, primer)
        bars = primer_bars(primer, primer.ticks)
        piece = Piece(0, 0, primer.key, Character(bars[0].metre))
        self._plan, self._memory = Plan(0, PlanRequest(), piece, bars), PieceMemory()
        remember(self._memory, primer, self._plan)

    def at(self, tick: int, decoder: StreamDecoder) -> Float32Array:
        """(1, conditioning.width): the row at a tick of the family's."""
        has_beat, beats = self._encoding.tempo_bpm is None, self._primer.beats_per_bar
        beat = tick / self._encoding.ticks_per_beat % beats if has_beat else None
        row = conditioning.vector({}, beat, beats)[None]
        if not self._encoding.planned:
            return row
        bar = self._plan.bar_at(min(round(tick / self._rate), self._primer.ticks - 1))
        told = columns(self._plan, self._memory, bar.number, min(tick - bar.tick, bar.metre.bar_ticks - 1))
        plan = plan_inputs.expand(told.row[None], told.references[None], _NO_CONTEXT)
        if isinstance(decoder, HandsDecoder):
            plan_inputs.tell_context(plan, decoder.context)
        return np.concatenate([row, plan], axis=1)


def remember(memory: PieceMemory, primer: Primer, plan: Plan) -> None:
    """What the hands began in each bar of the primer, which are the first ones of the plan."""
    for bar in plan.bars[: primer.bars]:
        memory.begin(bar.number, bar.tick, bar.metre.bar_ticks)
    for note in primer.notes:
        number, place = divmod(note.tick, primer.bar_ticks)
        memory.remember(number, place, note.hand, (note.pitch,))


def begun(snapshot: Snapshot, beginning: Beginning, controls: ControlState) -> Snapshot:
    """The snapshot on a bar line as if the primer had been played before it; what sounds ends here."""
    primer = beginning.primer
    line = taken_over(snapshot, snapshot.model, snapshot.position.tempo_bpm, controls.glide.target)
    fresh = replace(
        line,
        plan=None,
        begun_from=beginning.number,
        end_tick=None,
        feedback=_heard(primer, rate_of(snapshot.encoding, primer)),
    )
    told = beginning.told if beginning.model is snapshot.model else None
    return fresh if told is None else replace(fresh, state=told.state, decoder=told.decoder, last_token=told.last_token)


def _heard(primer: Primer, rate: float) -> Feedback:
    """What the biases would remember of the bars, nothing of it commanded."""
    feedback, onsets = Feedback(), sorted({note.tick for note in primer.notes})
    for at, following in zip(onsets, [*onsets[1:], primer.ticks], strict=True):
        started = [note.pitch for note in primer.notes if note.tick == at]
        sounding = [note.pitch for note in primer.notes if note.tick <= at < note.tick + note.ticks]
        beats, register = (following - at) / TICKS_PER_BEAT, sum(started) / len(started)
        ticks = round((following - at) * rate)
        feedback = feedback.after(
            ticks, beats, 0.0, started, sounding, (), melody=leads(started, sounding), onsets_per_s=1.0,
            register=register, mode=0.0,
        )  # fmt: skip
    return replace(feedback, pace_owed_s=0.0, mode_owed=0.0)
