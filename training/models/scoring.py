"""Held-out loss: nats per token of whole pieces, each from a zero state, by a network in torch or an exported model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from improv.model import conditioning
from improv.model.metadata import INPUTS
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary.hands import contexts
from training.dataset import plan_columns
from training.dataset.dataset import Dataset, PieceRow
from training.models.batches import conditioned
from training.models.job_data import Part
from training.models.lstm import Network

FloatArray = NDArray[np.float32]
Arrays = tuple[FloatArray, ...]

CHUNK = 128  # tokens that every lane takes at once; a piece wastes half a chunk at its end
LANES = 32


class Score(NamedTuple):
    """Mean over all predicted tokens of the pieces (START is given, not predicted). accuracy: 0..1."""

    nats_per_token: float
    accuracy: float
    tokens: int


class PieceScore(NamedTuple):
    """nats: sum over the piece's predicted tokens. right: how many of them were the most probable one.

    each: the nats of each of them, (tokens,).
    """

    piece: PieceRow
    nats: float
    right: int
    tokens: int
    each: NDArray[np.float64]


class Scorer(Protocol):
    """What can be scored: a batch of tokens and the state in, logits and the new state out."""

    def zero_state(self, lanes: int) -> Arrays:
        """State before any token: arrays of shape (layers, lanes, hidden)."""
        ...

    def forward(self, tokens: NDArray[np.int64], condition: FloatArray, state: Arrays) -> tuple[FloatArray, Arrays]:
        """tokens: (lanes, time). condition: (lanes, time, conditioning.SIZE). Logits (lanes, time, vocabulary)."""
        ...


@dataclass(frozen=True)
class TorchScorer:
    """A network, in float32 on its device."""

    network: Network
    device: torch.device

    def zero_state(self, lanes: int) -> Arrays:
        return tuple(tensor.numpy() for tensor in self.network.zero_state(lanes))

    @torch.no_grad()
    def forward(self, tokens: NDArray[np.int64], condition: FloatArray, state: Arrays) -> tuple[FloatArray, Arrays]:
        on_device = [torch.from_numpy(array).to(self.device) for array in (tokens, condition, *state)]
        logits, new_state = self.network(on_device[0], on_device[1], (on_device[2], on_device[3]))
        return logits.float().cpu().numpy(), tuple(tensor.float().cpu().numpy() for tensor in new_state)


@dataclass(frozen=True)
class OnnxScorer:
    """An exported model, a step at a time, as the daemon runs it."""

    model: OnnxModel

    def zero_state(self, lanes: int) -> Arrays:
        return self.model.initial_state(lanes)

    def forward(self, tokens: NDArray[np.int64], condition: FloatArray, state: Arrays) -> tuple[FloatArray, Arrays]:
        steps = []
        for time in range(tokens.shape[1]):
            row, place = np.ascontiguousarray(tokens[:, time]), np.ascontiguousarray(condition[:, time])
            feed = dict(zip(INPUTS, (row, place, *state), strict=True)) | self.model.alone(len(row))
            logits, *state_list = self.model.session.run(None, feed)
            state = tuple(state_list)
            steps.append(logits)
        return np.stack(steps, axis=1), state


def score(
    network: Network,
    dataset: Dataset,
    pieces: list[PieceRow],
    *,
    commands: bool,
    device: torch.device,
    lanes: int = LANES,
) -> Score:
    """commands: False hides mood, attributes, ending and plan; the place in the bar stays known."""
    was_training = network.training
    network.eval()
    scores = score_pieces(TorchScorer(network, device), dataset, pieces, commands=commands, lanes=lanes)
    network.train(was_training)
    return total(scores)


def total(scores: Iterable[PieceScore]) -> Score:
    """Mean over all tokens of several pieces."""
    rows = list(scores)
    tokens = sum(row.tokens for row in rows)
    return Score(sum(row.nats for row in rows) / tokens, sum(row.right for row in rows) / tokens, tokens)


@dataclass
class _Lane:
    """One row of the batch: its piece (None when idle), the next token, and the sums so far."""

    piece: PieceRow | None = None
    at: int = 0
    begun: int = 0
    _contexts: NDArray[np.int16] | None = None
    _nats: list[NDArray[np.float64]] = field(default_factory=list)
    right: int = 0

    def begin(self, piece: PieceRow) -> None:
        self.piece, self.at, self.begun, self.right = piece, piece.start, piece.start, 0
        self._contexts, self._nats = None, []

    def contexts(self, dataset: Dataset | Part) -> NDArray[np.int16]:
        """What a family with a plan is told of its own stream before each token of the piece."""
        assert self.piece is not None
        if self._contexts is None:
            self._contexts = contexts(dataset.tokens[self.piece.start : self.piece.stop].astype(np.int64))
        return self._contexts

    def take(self, nats: NDArray[np.float64], right: NDArray[np.bool_]) -> PieceScore | None:
        """Add the results of the tokens that a chunk predicted; returns the piece's score when they reach its end."""
        assert self.piece is not None
        self.at += len(nats)
        self._nats.append(nats)
        self.right += int(right.sum())
        if self.at < self.piece.stop - 1:
            return None
        each = np.concatenate(self._nats)
        done = PieceScore(self.piece, float(each.sum()), self.right, len(each), each)
        self.piece = None
        return done


def score_pieces(
    scorer: Scorer, dataset: Dataset | Part, pieces: Sequence[PieceRow], *, commands: bool, lanes: int = LANES
) -> list[PieceScore]:
    """Score every piece from a zero state, in the order of `pieces`. The longest begin first and a lane that is through
    takes the next one at once, so that hardly a row of the batch is ever idle.
    """
    waiting = sorted(pieces, key=lambda row: row.stop - row.start)
    rows = [_Lane() for _ in range(min(lanes, len(waiting)))]
    state = scorer.zero_state(len(rows))
    done: dict[int, PieceScore] = {}
    while True:
        for index, lane in enumerate(rows):
            if lane.piece is None and waiting:
                lane.begin(waiting.pop())
                state = tuple(_cleared(part, index) for part in state)
        busy = [index for index, lane in enumerate(rows) if lane.piece is not None]
        if not busy:
            break
        if len(busy) < len(rows):
            rows, state = [rows[i] for i in busy], tuple(np.ascontiguousarray(part[:, busy]) for part in state)
        state, finished = _advance(scorer, dataset, rows, commands, state)
        done |= {result.piece.start: result for result in finished}
    return [done[piece.start] for piece in pieces]


def _cleared(part: FloatArray, lane: int) -> FloatArray:
    part = part.copy()
    part[:, lane] = 0
    return part


def _advance(
    scorer: Scorer, dataset: Dataset | Part, rows: list[_Lane], commands: bool, state: Arrays
) -> tuple[Arrays, list[PieceScore]]:
    """Feed every lane its next tokens, up to CHUNK of them; returns the state and the pieces that are through."""
    spans = [slice(lane.at, min(lane.at + CHUNK, lane.piece.stop - 1)) for lane in rows if lane.piece is not None]
    longest = max(span.stop - span.start for span in spans)
    tokens = np.zeros((len(rows), longest), dtype=np.int64)
    condition = np.zeros((len(rows), longest, conditioning.width(dataset.encoding)), dtype=np.float32)
    for index, span in enumerate(spans):
        length = span.stop - span.start
        tokens[index, :length] = dataset.tokens[span]
        steps = dataset.token_step[span.start + 1 : span.stop + 1]
        condition[index, :length, : conditioning.SIZE] = conditioned(dataset.conditioning[steps], 0)
        if dataset.encoding.planned:
            lane = rows[index]
            context = lane.contexts(dataset)[span.start + 1 - lane.begun : span.stop + 1 - lane.begun]
            hidden = plan_columns.NOTHING if commands else plan_columns.EVERYTHING
            condition[index, :length, conditioning.SIZE :] = plan_columns.told(
                dataset.plan, steps.astype(np.int64), context, 0, hidden
            )
    if not commands:
        condition[..., : 2 * len(conditioning.COMMANDS)] = 0
    logits, state = scorer.forward(tokens, condition, state)
    finished = []
    for index, (lane, span) in enumerate(zip(rows, spans, strict=True)):
        targets = dataset.tokens[span.start + 1 : span.stop + 1].astype(np.int64)
        if (result := lane.take(*_judge(logits[index, : len(targets)], targets))) is not None:
            finished.append(result)
    return state, finished


def _judge(logits: FloatArray, targets: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Nats of each target and whether it was the most probable. logits: (time, vocabulary)."""
    highest = logits.max(-1)
    normaliser = np.log(np.exp(logits - highest[:, None]).sum(-1, dtype=np.float64))
    chosen = logits[np.arange(len(targets)), targets]
    return normaliser + highest - chosen, logits.argmax(-1) == targets
