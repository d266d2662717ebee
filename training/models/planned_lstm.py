"""The network of families with a plan (`hands`): it can copy from its references and follow its chords from the start.

It is the network of `training.models.tied_lstm`. What a plan makes likely is added to the logits of the
notes, each with a strength that the LSTM chooses at every step:

- the keys that a reference has here, by hand, and the shift of time that its next onset asks for;
- the tones of the chord, its bass, and the tones of the key;
- intervals from the last note of the same hand.

A network that has learned to play beside a person has a `Partner` besides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.model import conditioning, plan_inputs, roles
from improv.model.vocabulary import encoding_for
from improv.model.vocabulary.hands import LONGEST_SHIFT, PIANO_KEYS, TABLE
from improv.music.note import LOWEST_PIANO_PITCH
from training.models.lstm import State
from training.models.tied_lstm import TiedLSTM

WIDEST_INTERVAL = 24
"""Semitones from a hand's last note within which each interval has a strength of its own."""
_INTERVALS = 2 * WIDEST_INTERVAL + 1
_GATES_A_HAND = 10  # near here, near next, far here, far next, chord, next chord, bass, next bass, key, root
_SHIFT_GATES = 2
_GATES = 2 * _GATES_A_HAND + _SHIFT_GATES
PARTNER_UNITS = 160
"""For each hand that a person may play."""


class Partner(nn.Module):
    """What changes where a person plays one of the hands: added to what leaves the layers, to the gates and to the
    intervals. Where nobody does it adds zeros, so that the network that plays alone is the same to the last bit.

    hidden: of the network. embedding: of its tokens.
    """

    def __init__(self, hidden: int, embedding: int) -> None:
        super().__init__()
        self.into = nn.Linear(hidden, roles.SIZE * PARTNER_UNITS)
        self.out = nn.Linear(roles.SIZE * PARTNER_UNITS, embedding + _GATES + 2 * _INTERVALS, bias=False)
        self.sizes = (embedding, _GATES, 2 * _INTERVALS)
        nn.init.zeros_(self.out.weight)

    def forward(self, features: Tensor, role: Tensor) -> tuple[Tensor, ...]:
        """features: (batch, time, hidden). role: (batch, time, roles.SIZE). Each of the three, (batch, time, ...)."""
        units = functional.gelu(self.into(features)) * role.repeat_interleave(PARTNER_UNITS, dim=-1)
        return torch.split(self.out(units), list(self.sizes), dim=-1)


class PlannedLSTM(TiedLSTM):
    """The network of every family, told a plan beside the commands. embedding, hidden, layers: sizes.

    dropout: of the layers' outputs, in training only. partner: what it has learned of playing beside a person, or None.
    """

    keys: Tensor
    partner: Partner | None

    def __init__(self, embedding: int, hidden: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__(encoding_for("hands"), embedding, hidden, layers, dropout)
        self.register_buffer("keys", torch.arange(PIANO_KEYS), persistent=False)
        self.gates = nn.Linear(hidden, _GATES)
        self.intervals = nn.Linear(hidden, 2 * _INTERVALS)
        nn.init.zeros_(self.intervals.weight)
        nn.init.zeros_(self.intervals.bias)
        self.partner = None

    def learn_to_partner(self) -> Partner:
        """From now on it can be told a role, of which it knows nothing yet."""
        self.partner = Partner(self.hidden, self.leave.out_features)
        return self.partner

    def forward(
        self, tokens: Tensor, condition: Tensor, state: State, role: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See Network.forward; condition: (batch, time, conditioning.width of the family). role: (batch, time,
        roles.SIZE), None where the network knows of none.
        """
        features, table, state = self.layered(tokens, condition, state)
        return self.answered(features, table, condition, role), state

    def answered(self, features: Tensor, table: Tensor, condition: Tensor, role: Tensor | None) -> Tensor:
        """The logits of what the layers made, (batch, time, vocabulary)."""
        leaving, gates, intervals = self.leave(features), self.gates(features), self.intervals(features)
        if self.partner is not None and role is not None:
            more = self.partner(features, role)
            leaving, gates, intervals = leaving + more[0], gates + more[1], intervals + more[2]
        logits = functional.linear(leaving, table, self.bias)
        return logits + self._planned(gates, intervals, condition[..., conditioning.SIZE :])

    def _planned(self, gates: Tensor, intervals: Tensor, plan: Tensor) -> Tensor:
        """What plan and last notes add to the logits, (batch, time, vocabulary)."""
        chord, following, key = (plan[..., plan_inputs.SLICES[name]] for name in ("chord", "next", "key"))
        near, far = (plan[..., plan_inputs.SLICES[name]] for name in ("near", "far"))
        context = plan[..., plan_inputs.SLICES["context"]]
        harmony = torch.stack(
            [
                self._spread(part)
                for part in (
                    chord[..., 12:24],
                    following[..., 12:24],
                    chord[..., 24:36],
                    following[..., 24:36],
                    key[..., 12:24],
                    chord[..., :12],
                )
            ],
            dim=-2,
        )
        notes = []
        for hand in (0, 1):
            mine = gates[..., hand * _GATES_A_HAND : (hand + 1) * _GATES_A_HAND]
            copies = torch.stack(
                [
                    reference[..., (moment * 2 + hand) * PIANO_KEYS : (moment * 2 + hand + 1) * PIANO_KEYS]
                    for reference in (near, far)
                    for moment in (plan_inputs.HERE, plan_inputs.NEXT)
                ],
                dim=-2,
            )
            sources = torch.cat([copies, harmony], dim=-2)
            added = (mine.unsqueeze(-2) @ sources).squeeze(-2)
            steps = intervals[..., hand * _INTERVALS : (hand + 1) * _INTERVALS]
            notes.append(added + self._from_last(steps, context[..., 2 * hand], context[..., 2 * hand + 1]))
        shifts = self._shift(gates[..., -2:-1], near) + self._shift(gates[..., -1:], far)
        return self._placed(shifts, notes)

    @staticmethod
    def _spread(classes: Tensor) -> Tensor:
        """Pitch classes -> the keys of the piano."""
        octaves = torch.cat([classes] * 9, dim=-1)
        offset = LOWEST_PIANO_PITCH % 12
        return octaves[..., offset : offset + PIANO_KEYS]

    def _from_last(self, steps: Tensor, last: Tensor, known: Tensor) -> Tensor:
        """Strengths of intervals -> the keys of the piano, 0 where there is no last note or it is further away."""
        padded = functional.pad(steps, (PIANO_KEYS - WIDEST_INTERVAL, PIANO_KEYS - WIDEST_INTERVAL))
        at = torch.round(last * PIANO_KEYS).to(torch.int64).clamp(0, PIANO_KEYS)
        index = self.keys - at.unsqueeze(-1) + PIANO_KEYS
        return torch.gather(padded, -1, index) * known.unsqueeze(-1)

    @staticmethod
    def _shift(gate: Tensor, reference: Tensor) -> Tensor:
        """The shift that asks for a reference's next onset, (..., LONGEST_SHIFT); the longest where it is later."""
        wait = torch.round(reference[..., -4] * plan_inputs.LONGEST_WAIT).to(torch.int64).clamp(max=LONGEST_SHIFT)
        ticks = torch.arange(1, LONGEST_SHIFT + 1, device=wait.device)
        asked = (ticks == wait.unsqueeze(-1)).to(gate.dtype)
        return gate * asked * reference[..., -3:-2]

    @staticmethod
    def _placed(shifts: Tensor, notes: list[Tensor]) -> Tensor:
        """Side by side in the order of the vocabulary, 0 for all other tokens."""
        parts = {"TIME_SHIFT": shifts, "NOTE_LEFT": notes[0], "NOTE_RIGHT": notes[1]}
        pieces = []
        for kind, low, high in TABLE.ranges:
            other = shifts[..., :1] * torch.zeros(high - low + 1, device=shifts.device, dtype=shifts.dtype)
            pieces.append(parts.get(kind, other))
        return torch.cat(pieces, dim=-1)
