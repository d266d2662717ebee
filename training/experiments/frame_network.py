"""A network for music in frames of few voices: an LSTM over frames, and within a frame one voice after the other.

The joint probability of a frame is the product over its slots, each given the slots before it and all frames before it,
so that the sum of the slots' nats is exact. What makes little data go far: a slot's logits are the sum of absolute ones
and of ones by interval, from the pitch that the slot had before and from the slots already chosen, which is the same in
every key; and each frame may look up how the piece went on when it stood like this before (attention over the past).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

LONGEST_HOLD = 32  # frames: longer holds are told as this
METRE = 48  # frames: a multiple of 3 and 4 beats of four frames, in which the place is told
FORBIDDEN = -1e4


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the networks of the chorales have in common. dropout: of each layer's outputs."""

    embedding: int = 48
    hidden: int = 384
    layers: int = 2
    head: int = 256
    dropout: float = 0.5


@dataclass(frozen=True)
class FrameShape(Sizes):
    """pitches: number of symbols of a slot, 0 for silent (or "no more"), 1.. upward. slots: notes of a frame.

    descending: slots hold a set of pitches from high to low, 0 ends it; else each slot is a voice of its own.
    keys: how many transpositions the network is told of; 1: it is told nothing.
    """

    pitches: int
    slots: int
    descending: bool
    keys: int = 1


def holds(frames: Tensor) -> Tensor:
    """For how many frames each slot has kept its pitch, 1 at its onset. frames: int64 (batch, time, slots)."""
    time = torch.arange(frames.shape[1], device=frames.device)[None, :, None]
    changed = torch.ones_like(frames, dtype=torch.bool)
    changed[:, 1:] = frames[:, 1:] != frames[:, :-1]
    begun = torch.where(changed, time, torch.zeros_like(time)).cummax(dim=1).values
    return time - begun + 1


def _before(frames: Tensor, first: int) -> Tensor:
    """Each frame's predecessor; `first` before the first."""
    return functional.pad(frames[:, :-1], (0, 0, 1, 0), value=first)


class FrameNetwork(nn.Module):
    """See the module's text; sizes in FrameShape."""

    def __init__(self, shape: FrameShape) -> None:
        super().__init__()
        self.shape = shape
        pitches, slots, width = shape.pitches, shape.slots, shape.embedding
        self.pitch = nn.Embedding(pitches + 1, width)  # the last: before the beginning
        self.hold = nn.Embedding(LONGEST_HOLD + 1, 8)
        self.key_told = nn.Embedding(shape.keys, 8)
        self.lstm = nn.LSTM(
            slots * (width + 8) + METRE // 3 * 2 + 1 + 8,
            shape.hidden,
            shape.layers,
            batch_first=True,
            dropout=shape.dropout if shape.layers > 1 else 0.0,
        )
        self.query, self.key = nn.Linear(shape.hidden, 64), nn.Linear(shape.hidden, 64)
        self.nothing = nn.Parameter(torch.zeros(1, 1, 64))  # to look at when nothing of the past is like now
        self.value = nn.Linear(slots * width, shape.head)
        known = shape.hidden + shape.head + slots * width
        self.body = nn.ModuleList(nn.Linear(known + slot * width, shape.head) for slot in range(slots))
        self.absolute = nn.ModuleList(nn.Linear(shape.head, pitches) for _ in range(slots))
        # One table of intervals from the slot's own last pitch, and one from each slot before it in the frame.
        self.interval = nn.ModuleList(nn.Linear(shape.head, (slot + 1) * (2 * pitches - 1)) for slot in range(slots))
        self.dropout = nn.Dropout(shape.dropout)
        self.input_dropout = nn.Dropout(shape.dropout / 3)

    def forward(self, frames: Tensor, keys: Tensor) -> Tensor:
        """Log-probability of every slot. frames: int64 (batch, time, slots) from a piece's beginning. keys: (batch,).

        Returns float32 of the frames' shape. What is appended to a piece does not change what stands before it.
        """
        before = _before(frames, self.shape.pitches)
        hidden, _ = self.lstm(self.input_dropout(self._features(frames, before, keys)))
        chosen = self.pitch(frames)
        looked_up = self._look_up(hidden, chosen)
        known = torch.cat([self.dropout(hidden), looked_up, self.pitch(before).flatten(2)], dim=-1)
        slots = range(self.shape.slots)
        return torch.stack([self._slot(slot, known, chosen, frames, before) for slot in slots], dim=-1)

    def _features(self, frames: Tensor, before: Tensor, keys: Tensor) -> Tensor:
        batch, time, _ = frames.shape
        held = _before(holds(frames).clamp(max=LONGEST_HOLD), 0)
        at = torch.arange(time, device=frames.device)
        place = torch.cat(
            [
                functional.one_hot(at % (METRE // 3), METRE // 3),
                functional.one_hot(at * 4 // 3 % (METRE // 3), METRE // 3),
            ],
            dim=-1,
        ).float()
        place = torch.cat([place, (at[:, None] / 256).clamp(max=2)], dim=-1)
        told = self.key_told(keys)[:, None].expand(-1, time, -1)
        parts = [self.pitch(before).flatten(2), self.hold(held).flatten(2), place[None].expand(batch, -1, -1), told]
        return torch.cat(parts, dim=-1)

    def _look_up(self, hidden: Tensor, chosen: Tensor) -> Tensor:
        """What followed earlier frames whose state was like this one's."""
        query, key = self.query(hidden), self.key(hidden)
        key = torch.cat([self.nothing.expand(len(hidden), -1, -1).to(key.dtype), key], dim=1)
        value = functional.pad(self.value(chosen.flatten(2)), (0, 0, 1, 0))
        time = hidden.shape[1]
        earlier = torch.ones(time, time + 1, dtype=torch.bool, device=hidden.device).tril()
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=earlier)
        return cast(Tensor, self.dropout(found))

    def _slot(self, slot: int, known: Tensor, chosen: Tensor, frames: Tensor, before: Tensor) -> Tensor:
        """Log-probability of one slot's true symbol, (batch, time)."""
        inside = torch.cat([known, chosen[:, :, :slot].flatten(2)], dim=-1)
        body = self.dropout(functional.gelu(self.body[slot](inside)))
        logits = self.absolute[slot](body).float()
        tables = self.interval[slot](body).float().unflatten(-1, (slot + 1, -1))
        references = [before[:, :, slot], *(frames[:, :, earlier] for earlier in range(slot))]
        for index, reference in enumerate(references):
            logits = logits + by_interval(tables[:, :, index], reference, self.shape.pitches)
        if self.shape.descending and slot:
            last = frames[:, :, slot - 1, None]
            symbols = torch.arange(self.shape.pitches, device=frames.device)
            logits = logits.masked_fill((symbols >= last) & (symbols > 0), FORBIDDEN)
        return -functional.cross_entropy(logits.transpose(1, 2), frames[:, :, slot], reduction="none")


def by_interval(table: Tensor, reference: Tensor, pitches: int) -> Tensor:
    """Logits of every symbol by its distance from a reference pitch; none where either is not a pitch.

    table: (..., 2 * pitches - 1), a logit for each distance. reference: (...), symbols. Returns (..., pitches).
    """
    symbols = torch.arange(pitches, device=table.device)
    is_pitch = (reference > 0) & (reference < pitches)
    distance = symbols - reference.clamp(max=pitches - 1)[..., None] + pitches - 1
    return table.gather(-1, distance) * (is_pitch[..., None] & (symbols > 0))
