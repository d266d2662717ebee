"""A transformer whose memory is bounded: each layer sees its keys and values of the last so many tokens.

The contract of the LSTMs holds: a step costs the same anywhere, and the state is two tensors of shape (rows, batch,
hidden), here the keys and the values of all layers. Places are told by a bias for each distance (Raffel et al. 2020).
Tokens are embedded as in `training.models.tied_lstm`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.model.vocabulary import Encoding
from training.models.lstm import State
from training.models.tied_lstm import TiedNetwork

HEADS = 4
WIDER = 2  # of the layers between, in units of the hidden size


class _Layer(nn.Module):
    """Attention over the window and two linear layers, each after a normalisation and added to its input."""

    def __init__(self, hidden: int, window: int, dropout: float) -> None:
        super().__init__()
        self.window = window
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.ask = nn.Linear(hidden, 3 * hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.distance = nn.Parameter(torch.zeros(HEADS, window))
        self.think = nn.Sequential(nn.Linear(hidden, WIDER * hidden), nn.GELU(), nn.Linear(WIDER * hidden, hidden))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """features: (batch, time, hidden). keys, values: (batch, window, hidden), of the past, oldest first."""
        query, key, value = self.ask(self.first(features)).chunk(3, dim=-1)
        keys, values = torch.cat([keys, key], dim=1), torch.cat([values, value], dim=1)
        query, key, value = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (query, keys, values))
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=self._bias(features.shape[1]))
        features = features + self.dropout(self.mix(found.transpose(1, 2).flatten(2)))
        features = features + self.dropout(self.think(self.second(features)))
        return features, keys[:, -self.window :], values[:, -self.window :]

    def _bias(self, time: int) -> Tensor:
        """(1, heads, time, window + time): what each distance is worth, nothing beyond the window and of the future."""
        at = torch.arange(time, device=self.distance.device)[:, None] + self.window
        back = at - torch.arange(self.window + time, device=self.distance.device)
        seen = (back >= 0) & (back < self.window)
        return self.distance[:, back.clamp(0, self.window - 1)].masked_fill(~seen, -1e4)[None]


class WindowedTransformer(TiedNetwork):
    """encoding: the family's. embedding, hidden, layers: sizes. window: tokens that each layer sees."""

    def __init__(
        self, encoding: Encoding, embedding: int, hidden: int, layers: int, window: int, dropout: float = 0.0
    ) -> None:
        super().__init__(encoding, embedding, hidden, layers)
        self.window = window
        self.blocks = nn.ModuleList(_Layer(hidden, window, dropout) for _ in range(layers))
        self.last = nn.LayerNorm(hidden)
        self.leave = nn.Linear(hidden, embedding)
        self.bias = nn.Parameter(torch.zeros(encoding.size))

    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token: two tensors of shape (layers * window, batch, hidden)."""
        shape = (self.layers * self.window, batch, self.hidden)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)

    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        """See Network.forward."""
        table = self.table()
        features = self.entered(tokens, condition, table)
        kept: tuple[list[Tensor], list[Tensor]] = ([], [])
        for index, block in enumerate(self.blocks):
            rows = slice(index * self.window, (index + 1) * self.window)
            features, *own = block(features, *(part[rows].transpose(0, 1) for part in state))
            for rows_kept, part in zip(kept, own, strict=True):
                rows_kept.append(part.transpose(0, 1))
        return self.left(self.last(features), table), (torch.cat(kept[0]), torch.cat(kept[1]))
