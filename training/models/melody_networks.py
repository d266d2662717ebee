"""The networks of Melody RNN's `lookback` and `attention` schemes (Waite 2016), with all of their history in the state.

What a scheme tells its network of a melody follows from the last two bars and a few sums. These stand in further rows
of `state_h` (`Remembered`), so that a step takes the same time at any place of a melody, and the daemon, which knows
nothing of them, can go back to any step. The inputs are those of `improv.model.vocabulary.melody_schemes`, all of
them; for START and END, which the published schemes do not have, two more.

state_h  (rows, batch, hidden): the LSTM's layers; of `attention` the last 40 outputs of the first layer and the
         context that was read from them; then the melody's memory, as many rows as it fills
state_c  (layers, batch, hidden)
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.model import conditioning
from improv.model.vocabulary import RepeatingMelodyEncoding
from improv.model.vocabulary.melody import END, FIRST_ON, NO_EVENT, NOTE_OFF, PUBLISHED_CLASSES, START
from improv.model.vocabulary.melody_repeats import END as END_ID
from improv.model.vocabulary.melody_repeats import START as START_ID
from improv.model.vocabulary.melody_schemes import (
    ATTENTION_BITS,
    ATTENTION_INPUTS,
    FIRST_REPEAT,
    IN_KEY,
    LOOK_BACKS,
    LOOKBACK_BITS,
    LOOKBACK_INPUTS,
    PITCHES,
    STEPS_PER_BAR,
)
from training.models.lstm import Network, State

WINDOW = LOOK_BACKS[-1]
ATTENDED = 40  # outputs, as published
RECENT = 3  # notes whose keys are told, as published


def _one_hot(places: Tensor, size: int) -> Tensor:
    """Rows of 0 and 1, the 1 at `places` - 1; all 0 where the place is 0. places: (batch,) -> (batch, size)."""
    return (places[:, None] == torch.arange(1, size + 1, device=places.device)).float()


def _counter(step: Tensor, bits: int) -> Tensor:
    """Binary digits as -1 and 1, the lowest first: (batch, bits)."""
    digits = torch.floor(step[:, None] / 2.0 ** torch.arange(bits, device=step.device)) % 2
    return 2 * digits - 1


class MelodyInputs(nn.Module, ABC):
    """Tokens -> what the scheme tells the network of each step.

    memory: float (batch, `remembered`), zeros before the first token: the last 32 events as 1 + id of `melody`, the
    oldest first, 0 where nothing was; the number of the next step, modulo 2 ** `bits`; what else the scheme needs.
    """

    bits: int
    inputs: int
    more: int  # numbers to remember beside the window and the counter

    def __init__(self, encoding: RepeatingMelodyEncoding) -> None:
        super().__init__()
        events = encoding.meaning + 1
        events[(encoding.meaning == START) | (encoding.meaning == END)] = 0
        self.register_buffer("events", torch.from_numpy(events).float(), persistent=False)
        self.events: Tensor

    @property
    def remembered(self) -> int:
        return WINDOW + 1 + self.more

    @property
    def size(self) -> int:
        return self.inputs + 2

    def forward(self, tokens: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """tokens: int64 (batch, time). Returns the inputs (batch, time, `size`) and the memory after the last one."""
        rows = []
        for time in range(tokens.shape[1]):
            row, memory = self._step(tokens[:, time], memory)
            rows.append(row)
        return torch.stack(rows, dim=1), memory

    def _step(self, token: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        is_start = (token == START_ID).float()
        memory = memory * (1 - is_start)[:, None]
        window, step, more = memory[:, :WINDOW], memory[:, WINDOW], memory[:, WINDOW + 1 :]
        event = self.events[token]
        for index, steps in enumerate(LOOK_BACKS):
            again = window[:, WINDOW - steps].clamp(min=1 + NO_EVENT)
            event = torch.where(token == FIRST_REPEAT + index, again, event)
        repeats = [((window[:, WINDOW - steps] == event) & (event > 0)).float() for steps in LOOK_BACKS]
        is_event = (event > 0).float()
        window = torch.where(event[:, None] > 0, torch.cat([window[:, 1:], event[:, None]], dim=1), window)
        step = (step + is_event) % 2**self.bits
        row, more = self._describe(event, window, step, torch.stack(repeats, dim=1), more)
        is_end = (token == END_ID).float()
        row = torch.cat([row, is_start[:, None], is_end[:, None]], dim=1)
        return row, torch.cat([window, step[:, None], more], dim=1)

    @abstractmethod
    def _describe(
        self, event: Tensor, window: Tensor, step: Tensor, repeats: Tensor, more: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The scheme's inputs (batch, `inputs`) and what else it remembers (batch, `more`).

        event: (batch,), 1 + id, 0 for none; window: with it (batch, 32); step: the next one; repeats: (batch, 2).
        """


class LookbackInputs(MelodyInputs):
    """The published 121."""

    bits, inputs, more = LOOKBACK_BITS, LOOKBACK_INPUTS, 0

    def _describe(
        self, event: Tensor, window: Tensor, step: Tensor, repeats: Tensor, more: Tensor
    ) -> tuple[Tensor, Tensor]:
        following = [window[:, WINDOW - steps].clamp(min=1 + NO_EVENT) for steps in LOOK_BACKS]
        events = [_one_hot(place, PUBLISHED_CLASSES) for place in (event, *following)]
        return torch.cat([*events, _counter(step, self.bits), repeats], dim=1), more


class AttentionInputs(MelodyInputs):
    """The published 74.

    It also remembers: the pitch that sounds (1 + place in the range, 0 for none), whether it was struck now, rising or
    falling, the last three different pitches with the newest last, how often each pitch class was struck.
    """

    bits, inputs, more = ATTENTION_BITS, ATTENTION_INPUTS, 3 + RECENT + 12

    def __init__(self, encoding: RepeatingMelodyEncoding) -> None:
        super().__init__(encoding)
        self.register_buffer("in_key", torch.from_numpy(IN_KEY).float(), persistent=False)
        lowest = int(encoding.start_pitches[0])
        classes = np.eye(12)[(lowest + np.arange(PITCHES)) % 12]
        self.register_buffer("classes", torch.from_numpy(np.vstack([np.zeros(12), classes])).float(), persistent=False)
        self.in_key: Tensor
        self.classes: Tensor

    def _describe(
        self, event: Tensor, window: Tensor, step: Tensor, repeats: Tensor, more: Tensor
    ) -> tuple[Tensor, Tensor]:
        pitch, struck, direction = more[:, 0], more[:, 1], more[:, 2]
        recent, counts = more[:, 3 : 3 + RECENT], more[:, 3 + RECENT :]
        place = (event - FIRST_ON).clamp(min=0)  # 1..36 of a new note, else 0
        is_new = place > 0
        newest = recent[:, -1]
        moved = is_new & (newest > 0) & (place != newest)
        direction = torch.where(moved, torch.sign(place - newest), direction)
        struck = torch.where(is_new, 1.0, torch.where(event == 1 + NO_EVENT, 0.0, struck))
        pitch = torch.where(is_new, place, torch.where(event == 1 + NOTE_OFF, 0.0, pitch))
        recent = torch.where(is_new[:, None], _with_newest(recent, place), recent)
        counts = counts + self.classes[place.long()]
        sounds = (pitch > 0).float()
        begins_bar = ((step % STEPS_PER_BAR == 0) & (event > 0)).float()
        facts = torch.stack([sounds, 1 - sounds, struck, direction], dim=1)
        keys = [self._keys(counts), self._keys(self.classes[recent.long()].sum(1))]
        row = [_one_hot(pitch, PITCHES), facts, repeats, _counter(step, self.bits), begins_bar[:, None], *keys]
        state = torch.stack([pitch, struck, direction], dim=1)
        return torch.cat(row, dim=1), torch.cat([state, recent, counts], dim=1)

    def _keys(self, counts: Tensor) -> Tensor:
        """1 for every major key that holds the most of the notes, (batch, 12). Sums, not a product, which would be
        rounded to 16 bits in training."""
        fits = (counts[:, None] * self.in_key).sum(-1)
        return (fits == fits.amax(-1, keepdim=True)).float()


def _with_newest(recent: Tensor, place: Tensor) -> Tensor:
    """Three different pitches with a new one: it stands last and nowhere else, the oldest goes if need be."""
    first, second, third = recent.unbind(1)
    is_third, is_known = place == third, (place == third) | (place == second)
    return torch.stack([torch.where(is_known, first, second), torch.where(is_third, second, third), place], dim=1)


class MelodyNetwork(Network):
    """What both schemes share: inputs from the memory in the state, LSTM, logits."""

    def __init__(self, inputs: MelodyInputs, vocabulary: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.inputs = inputs
        self.memory_rows = -(-inputs.remembered // hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)

    @property
    def other_rows(self) -> int:
        """Rows of state_h between the layers and the memory."""
        return 0

    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token, shapes as in the module's text."""
        rows = self.layers + self.other_rows + self.memory_rows
        h = torch.zeros((rows, batch, self.hidden), device=device)
        return h, torch.zeros((self.layers, batch, self.hidden), device=device)

    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        state_h, state_c = state
        features, memory = self.inputs(tokens, self._unpacked(state_h[-self.memory_rows :]))
        rows = state_h[: -self.memory_rows]
        hidden, rows, state_c = self._recur(torch.cat([features, condition], dim=-1), rows, state_c)
        return self.output(self.dropout(hidden)), (torch.cat([rows, self._packed(memory)]), state_c)

    @abstractmethod
    def _recur(self, features: Tensor, rows: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """features: (batch, time, inputs). Returns hidden (batch, time, hidden), the new rows and cells."""

    def _unpacked(self, rows: Tensor) -> Tensor:
        """(rows, batch, hidden) -> (batch, remembered)."""
        return rows.transpose(0, 1).flatten(1)[:, : self.inputs.remembered]

    def _packed(self, memory: Tensor) -> Tensor:
        """(batch, remembered) -> (rows, batch, hidden)."""
        filled = functional.pad(memory, (0, self.memory_rows * self.hidden - memory.shape[1]))
        return filled.reshape(-1, self.memory_rows, self.hidden).transpose(0, 1)


class LookbackLSTM(MelodyNetwork):
    """Melody RNN `lookback`: its inputs and the conditioning -> LSTM layers -> logits."""

    def __init__(self, encoding: RepeatingMelodyEncoding, hidden: int, layers: int, dropout: float = 0.0) -> None:
        inputs = LookbackInputs(encoding)
        super().__init__(inputs, encoding.size, hidden, layers, dropout)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(inputs.size + conditioning.SIZE, hidden, layers, batch_first=True, dropout=between)
        self.open_forget_gates(self.lstm)

    def _recur(self, features: Tensor, rows: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden, (rows, cells) = self.lstm(features, (rows, cells))
        return hidden, rows, cells


class AttentionLSTM(MelodyNetwork):
    """Melody RNN `attention`: an LSTM whose first layer reads its own last 40 outputs.

    Attention is additive (Bahdanau et al. 2015, as Vinyals et al. 2015 apply it to an LSTM's own past): the layer's
    input is mixed with the context of the step before; its new state asks, each remembered output answers, the answers'
    softmax weighs the outputs to the new context, and output and context are mixed to what is given on and remembered.
    The tanh around that mixture is ours: as a linear loop through its own past it grew without bounds in training.
    """

    def __init__(self, encoding: RepeatingMelodyEncoding, hidden: int, layers: int, dropout: float = 0.0) -> None:
        inputs = AttentionInputs(encoding)
        super().__init__(inputs, encoding.size, hidden, layers, dropout)
        width = inputs.size + conditioning.SIZE
        self.mix_in = nn.Linear(width + hidden, width)
        self.first = nn.LSTMCell(width, hidden)
        self.key = nn.Linear(hidden, hidden, bias=False)
        self.query = nn.Linear(2 * hidden, hidden)
        self.answer = nn.Linear(hidden, 1, bias=False)
        self.mix_out = nn.Linear(2 * hidden, hidden)
        self.open_forget_gates(self.first)
        between = dropout if layers > 2 else 0.0
        self.upper = nn.LSTM(hidden, hidden, layers - 1, batch_first=True, dropout=between) if layers > 1 else None
        if self.upper is not None:
            self.open_forget_gates(self.upper)

    @property
    def other_rows(self) -> int:
        return ATTENDED + 1

    def _recur(self, features: Tensor, rows: Tensor, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h, c = rows[0], cells[0]
        past = rows[self.layers : self.layers + ATTENDED].transpose(0, 1)  # (batch, ATTENDED, hidden)
        keys = self.key(past)
        context, hidden = rows[-1], []
        for time in range(features.shape[1]):
            h, c = self.first(self.mix_in(torch.cat([features[:, time], context], dim=-1)), (h, c))
            answers = self.answer(torch.tanh(keys + self.query(torch.cat([h, c], dim=-1))[:, None]))
            context = (torch.softmax(answers, dim=1) * past).sum(1)
            output = torch.tanh(self.mix_out(torch.cat([h, context], dim=-1)))
            past = torch.cat([past[:, 1:], output[:, None]], dim=1)
            keys = torch.cat([keys[:, 1:], self.key(output)[:, None]], dim=1)
            hidden.append(output)
        layers_h, layers_c = h[None], c[None]
        given = torch.stack(hidden, dim=1)
        if self.upper is not None:
            given, (upper_h, upper_c) = self.upper(
                self.dropout(given), (rows[1 : self.layers].contiguous(), cells[1:].contiguous())
            )
            layers_h, layers_c = torch.cat([layers_h, upper_h]), torch.cat([layers_c, upper_c])
        return given, torch.cat([layers_h, past.transpose(0, 1), context[None]]), layers_c
