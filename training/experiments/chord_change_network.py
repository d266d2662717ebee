"""A network for music in voices that says when a chord changes, and then to what: an LSTM over changes, not frames.

Two thirds of the sixteenths of a chorale repeat the one before. Here each chord is one step: how many frames it lasts,
then its successor, one voice after the other. The joint probability of all frames is the product of these, so that the
sum of nats is exact and may be given per frame. A voice's logits are the sum of absolute ones and of ones by interval
(from its own last pitch, from the voices already chosen), and of what the piece did when it last went like this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.experiments.frame_network import Sizes, by_interval

LONGEST = 32  # frames that one step may last: a longer chord is told in several
METRES = (16, 12)  # frames of a bar of four and of three beats, in which the place is told
WIDEST = 12  # semitones: wider moves are told as this
SHORTEST_REPEAT_AGO = 2  # changes: what came just before is no repeat
REPEATS = (0, 1, 2, 3, 4, 6, 8, 12, 16)  # changes that went like this before, told in these steps
FORBIDDEN = -1e4


class Changes(NamedTuple):
    """chords: int64 (batch, changes, voices), 0 silent, 1.. upward. onset, lasting: frames, int64 (batch, changes).

    real: which changes there are, bool (batch, changes). open: which last one's end the piece does not show.
    """

    chords: Tensor
    onset: Tensor
    lasting: Tensor
    real: Tensor
    open: Tensor


def changes(pieces: Sequence[NDArray[np.int64]]) -> Changes:
    """From pieces in frames, int64 (frames, voices)."""
    rows = []
    for piece in pieces:
        changed = np.ones(len(piece), dtype=np.bool_)
        changed[1:] = (piece[1:] != piece[:-1]).any(1)
        onset: list[int] = []
        for begin, end in zip(*_spans(changed), strict=True):
            onset += list(range(begin, end, LONGEST))
        rows.append((piece[onset], np.array(onset), np.diff([*onset, len(piece)])))
    longest = max(len(onset) for _, onset, _ in rows)
    chords = np.zeros((len(rows), longest, pieces[0].shape[1]), dtype=np.int64)
    onsets, lasting = np.zeros((2, len(rows), longest), dtype=np.int64)
    real, is_open = np.zeros((2, len(rows), longest), dtype=np.bool_)
    for row, (chord, onset_row, lasting_row) in enumerate(rows):
        count = len(chord)
        chords[row, :count], onsets[row, :count], lasting[row, :count] = chord, onset_row, lasting_row
        real[row, :count], is_open[row, count - 1] = True, True
    return Changes(*(torch.from_numpy(array) for array in (chords, onsets, lasting, real, is_open)))


def _spans(changed: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begins = np.flatnonzero(changed)
    return begins, np.append(begins[1:], len(changed))


@dataclass(frozen=True)
class ChangeShape(Sizes):
    """pitches: number of symbols of a voice, 0 for silent, 1.. upward. weight_drop: share of the recurrent weights
    that is dropped in a training step; dropout: of each layer's outputs, the same ones at every step of a piece.
    """

    pitches: int
    slots: int
    input_dropout: float = 0.2
    weight_drop: float = 0.3


class _Locked(nn.Module):
    """Dropout of the same numbers at every step of a piece. Input: (batch, time, ...)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or not self.share:
            return features
        kept = torch.full((len(features), 1, *features.shape[2:]), 1 - self.share, device=features.device)
        return features * torch.bernoulli(kept) / (1 - self.share)


class _Recurrent(nn.Module):
    """An LSTM layer from a zero state, its recurrent weights dropped at random in training (Merity et al. 2018)."""

    def __init__(self, inputs: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, 1, batch_first=True)
        for bias in self.lstm.all_weights[0][2:]:
            nn.init.zeros_(bias)
        nn.init.ones_(self.lstm.all_weights[0][2][hidden : 2 * hidden])  # the forget gates are open at the start
        self.drop, self.hidden = drop, hidden

    def forward(self, features: Tensor) -> Tensor:
        state = features.new_zeros(1, len(features), self.hidden)
        lstm = self.lstm
        of_input, recurrent, *biases = lstm.all_weights[0]
        dropped = functional.dropout(recurrent, self.drop, self.training)
        weights = [of_input, dropped, *biases]
        return torch.lstm(features, (state, state), weights, True, 1, 0.0, self.training, False, True)[0]


class ChangeNetwork(nn.Module):
    """See the module's text; sizes in ChangeShape.

    At place i of its steps it has heard i chords and says how long the last of them lasts and what follows.
    """

    def __init__(self, shape: ChangeShape) -> None:
        super().__init__()
        self.shape = shape
        slots, width, head = shape.slots, shape.embedding, shape.head
        self.pitch = nn.Embedding(shape.pitches + 1, width)  # the last: before the beginning
        self.move = nn.Embedding(2 * WIDEST + 3, 12)  # by semitones; to or from silence; none
        self.above = nn.Embedding(14, 8)  # pitch class above the bass; silent; before the beginning
        self.lasts = nn.Embedding(LONGEST + 1, 16)
        self.repeated = nn.Embedding(len(REPEATS), 8)
        self.place_size = sum(METRES) + 1
        told = slots * (width + 12 + 8 + 8) + 16 + self.place_size + 8
        self.age = nn.Embedding(LONGEST + 1, 8)
        sizes = [told, *[shape.hidden] * (shape.layers - 1)]
        self.recurrent = nn.ModuleList(_Recurrent(size, shape.hidden, shape.weight_drop) for size in sizes)
        self.query, self.key = nn.Linear(shape.hidden, 64), nn.Linear(shape.hidden, 64)
        self.nothing = nn.Parameter(torch.zeros(1, 1, 64))  # to look at when nothing of the past is like now
        self.value = nn.Linear(slots * width + 16, 128)
        known = shape.hidden + 128 + slots * (width + 8) + self.place_size + 8 + 16
        self.duration = nn.Sequential(
            nn.Linear(known, head), nn.GELU(), nn.Dropout(shape.dropout), nn.Linear(head, LONGEST)
        )
        inside = known + 16 + self.place_size + slots * 12
        self.body = nn.ModuleList(nn.Linear(inside + slot * (width + 12 + 8), head) for slot in range(slots))
        self.absolute = nn.ModuleList(nn.Linear(head, shape.pitches) for _ in range(slots))
        # One table of intervals from the voice's own last pitch, and one from each voice before it in the chord.
        self.interval = nn.ModuleList(nn.Linear(head, (slot + 1) * (2 * shape.pitches - 1)) for slot in range(slots))
        self.again = nn.ModuleList(nn.Linear(head, 1) for _ in range(slots))  # of what followed the last time
        self.dropout = nn.Dropout(shape.dropout)
        self.input_dropout, self.locked = _Locked(shape.input_dropout), _Locked(shape.dropout)

    def forward(self, music: Changes) -> tuple[Tensor, Tensor]:
        """Log-probability of how long each change lasts, (batch, changes), and of its pitches, (.., voices).

        Where a change's end is open: of its lasting at least so long. What is appended to a piece does not change what
        stands before it, but for that. Where nothing is real the values mean nothing.
        """
        start = music.chords.new_full((len(music.chords), 1, self.shape.slots), self.shape.pitches)
        heard = torch.cat([start, music.chords], dim=1)
        lasting = functional.pad(music.lasting, (1, 0))
        begun = functional.pad(music.onset, (1, 0))
        found, length = repeats(music.chords)
        features = self._features(heard, lasting, begun, length)
        for layer in self.recurrent:
            features = self.locked(layer(features))
        embedded = self.pitch(heard)
        known = [features, self._look_up(features, embedded[:, 1:], self.lasts(music.lasting)), embedded.flatten(2)]
        known += [self._above(heard).flatten(2), self._place(begun), self.repeated(length)]
        again_lasting = lasting.gather(1, found) * (length > 0)
        common = torch.cat([*known, self.lasts(again_lasting)], dim=-1)
        durations = functional.log_softmax(self.duration(common[:, 1:]).float(), dim=-1)
        ends = durations.gather(-1, (music.lasting - 1).clamp(min=0)[..., None])[..., 0]
        tail = durations.flip(-1).logcumsumexp(-1).flip(-1)
        survives = tail.gather(-1, (music.lasting - 1).clamp(min=0)[..., None])[..., 0]
        # A chord of the longest step may go on, any other step is followed by another chord.
        before, now = heard[:, :-1], music.chords
        follows = self.lasts(lasting[:, :-1])
        inside = torch.cat([common[:, :-1], follows, self._place(music.onset)], dim=-1)
        expected = heard.gather(1, (found + 1)[:, :-1, None].expand(-1, -1, self.shape.slots))
        expected = torch.where((length > 0)[:, :-1, None], expected, self.shape.pitches)
        inside = torch.cat([inside, self._moves(before, expected).flatten(2)], dim=-1)
        may_stay = lasting[:, :-1] == LONGEST
        slots = [self._slot(slot, inside, before, now, expected, may_stay) for slot in range(self.shape.slots)]
        return torch.where(music.open, survives, ends), torch.stack(slots, dim=-1)

    def _features(self, heard: Tensor, lasting: Tensor, begun: Tensor, length: Tensor) -> Tensor:
        """What the LSTM is told of each chord, with how long the one before it lasted."""
        before = torch.cat([heard[:, :1], heard[:, :-1]], dim=1)
        index = torch.arange(heard.shape[1], device=heard.device)[None, :, None]
        changed = heard != before
        since = torch.where(changed, index, 0).cummax(dim=1).values
        age = begun[..., None] - begun[..., None].expand_as(since).gather(1, since)
        last = functional.pad(lasting[:, :-1], (1, 0))
        parts = [
            self.pitch(heard).flatten(2),
            self._moves(before, heard).flatten(2),
            self._above(heard).flatten(2),
            self.age(age.clamp(max=LONGEST)).flatten(2),
            self.lasts(last),
            self._place(begun),
            self.repeated(length),
        ]
        return cast(Tensor, self.input_dropout(torch.cat(parts, dim=-1)))

    def _place(self, frame: Tensor) -> Tensor:
        rows = [functional.one_hot(frame % metre, metre).float() for metre in METRES]
        return torch.cat([*rows, (frame[..., None] / 256).clamp(max=2)], dim=-1)

    def _moves(self, before: Tensor, after: Tensor) -> Tensor:
        """How each voice moves, embedded."""
        pitches = self.shape.pitches
        both = (before > 0) & (before < pitches) & (after > 0) & (after < pitches)
        move = (after - before).clamp(-WIDEST, WIDEST) + WIDEST
        none = torch.where((after == pitches) | (before == pitches), 2 * WIDEST + 2, 2 * WIDEST + 1)
        return cast(Tensor, self.move(torch.where(both, move, none)))

    def _above(self, chord: Tensor) -> Tensor:
        """Each voice's pitch class above the bass (the second voice chosen; with one voice that), embedded."""
        bass = chord[..., min(1, chord.shape[-1] - 1), None]
        pitches = self.shape.pitches
        both = (chord > 0) & (chord < pitches) & (bass > 0) & (bass < pitches)
        none = torch.where(chord == pitches, 13, 12)
        return cast(Tensor, self.above(torch.where(both, (chord - bass) % 12, none)))

    def _look_up(self, hidden: Tensor, following: Tensor, lasting: Tensor) -> Tensor:
        """What followed earlier places that were like this one. following: the chord after each place but the last."""
        query, key = self.query(hidden), self.key(hidden[:, :-1])
        key = torch.cat([self.nothing.expand(len(hidden), -1, -1), key], dim=1)
        value = self.value(torch.cat([following.flatten(2), lasting], dim=-1))
        value = functional.pad(value, (0, 0, 1, 0))
        time = hidden.shape[1]
        # Place i may see the successors of the places before i - 1: how long the last chord lasts is not known yet.
        earlier = torch.ones(time, time, dtype=torch.bool, device=hidden.device).tril(-1)
        earlier[:, 0] = True
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=earlier)
        return cast(Tensor, self.dropout(found))

    def _slot(
        self, slot: int, inside: Tensor, before: Tensor, now: Tensor, expected: Tensor, may_stay: Tensor
    ) -> Tensor:
        """Log-probability of one voice's true pitch, (batch, changes)."""
        chosen = now[..., :slot]
        parts = [inside, self.pitch(chosen).flatten(2), self._moves(before[..., :slot], chosen).flatten(2)]
        above = self._above(chosen) if slot > 1 else self.above(torch.full_like(chosen, 12))
        parts.append(above.flatten(2))
        body = self.dropout(functional.gelu(self.body[slot](torch.cat(parts, dim=-1))))
        logits = self.absolute[slot](body).float()
        tables = self.interval[slot](body).float().unflatten(-1, (slot + 1, -1))
        references = [before[..., slot], *(now[..., earlier] for earlier in range(slot))]
        for index, reference in enumerate(references):
            logits = logits + by_interval(tables[:, :, index], reference, self.shape.pitches)
        symbols = torch.arange(self.shape.pitches, device=logits.device)
        logits = logits + self.again[slot](body).float() * (symbols == expected[..., slot, None])
        if slot == self.shape.slots - 1:
            stays = (now[..., :slot] == before[..., :slot]).all(-1) & ~may_stay
            logits = logits.masked_fill(stays[..., None] & (symbols == before[..., slot, None]), FORBIDDEN)
        return -functional.cross_entropy(logits.transpose(1, 2), now[..., slot], reduction="none")


def repeats(chords: Tensor) -> tuple[Tensor, Tensor]:
    """Where the last chords were heard before, for as long as possible, at the end of each run of 0.. chords.

    chords: int64 (batch, changes, voices). Returns the place (1.., counted like the steps of the network; its successor
    is what followed then) and which of REPEATS it was long, int64 (batch, changes + 1); 0 where nothing repeats.
    """
    batch, count, _ = chords.shape
    same = (chords[:, :, None] == chords[:, None]).all(-1)
    run = torch.zeros(batch, count + 1, dtype=torch.int64, device=chords.device)
    index = torch.arange(count + 1, device=chords.device)
    steps = torch.tensor(REPEATS, device=chords.device)
    places, lengths = [torch.zeros_like(run[:, 0])], [torch.zeros_like(run[:, 0])]
    for at in range(1, count + 1):
        # run[p]: for how many chords the music up to place `at` is as it was up to place p.
        run = functional.pad((run[:, :-1] + 1) * same[:, at - 1], (1, 0))
        usable = run * (index <= at - SHORTEST_REPEAT_AGO)
        best = (usable * (count + 1) + index).max(1).values  # the longest, and of those the latest
        longest = best // (count + 1)
        places.append(torch.where(longest > 0, best % (count + 1), 0))
        lengths.append(torch.bucketize(longest, steps, right=True) - 1)
    return torch.stack(places, 1), torch.stack(lengths, 1)
