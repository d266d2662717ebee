"""The network of settings with `tied: 1`: LSTM layers over what tokens are made of.

The embedding of a token is a vector of its own and the sum of what it is made of: its kind, its pitch class, its
octave. So a C teaches something of all C's, and what is learnt of beginning a note is learnt of all notes. The same
vectors are the output's weights (Press and Wolf 2017). Each LSTM layer's output is normalised (Ba et al. 2016) and
added to its input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from improv.model import conditioning
from improv.model.vocabulary import Encoding
from training.models.lstm import Network, State


def parts_of(encoding: Encoding) -> Tensor:
    """What each token is made of, (tokens, parts), 0 or 1: its kind, its pitch class, its octave."""
    labels = [encoding.label(token).partition(" ") for token in range(encoding.size)]
    kinds = list(dict.fromkeys(kind for kind, _, _ in labels))
    pitches = {token: int(value) for token, (kind, _, value) in enumerate(labels) if value and "NOTE" in kind}
    lowest, highest = min(pitches.values()) // 12, max(pitches.values()) // 12
    rows = torch.zeros(encoding.size, len(kinds) + 12 + highest - lowest + 1)
    for token, (kind, _, _) in enumerate(labels):
        rows[token, kinds.index(kind)] = 1
    for token, pitch in pitches.items():
        rows[token, len(kinds) + pitch % 12] = 1
        rows[token, len(kinds) + 12 + pitch // 12 - lowest] = 1
    return rows


class TiedNetwork(Network):
    """The way in and out of a network whose tokens are made of parts: one table of vectors serves both.

    encoding: the family's. embedding, hidden, layers: sizes.
    """

    parts: Tensor
    leave: nn.Linear
    bias: nn.Parameter

    def __init__(self, encoding: Encoding, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.register_buffer("parts", parts_of(encoding), persistent=False)
        self.own = nn.Embedding(encoding.size, embedding)
        self.shared = nn.Linear(self.parts.shape[1], embedding, bias=False)
        nn.init.normal_(self.own.weight, std=0.1)
        self.told = nn.Linear(conditioning.width(encoding), hidden)
        self.enter = nn.Linear(embedding, hidden, bias=False)

    def table(self) -> Tensor:
        """The vector of each token, (tokens, embedding)."""
        return torch.as_tensor(self.own.weight + self.shared(self.parts))

    def entered(self, tokens: Tensor, condition: Tensor, table: Tensor) -> Tensor:
        """What the layers begin with, (batch, time, hidden)."""
        return torch.as_tensor(self.enter(functional.embedding(tokens, table)) + self.told(condition))

    def left(self, features: Tensor, table: Tensor) -> Tensor:
        """The logits of what the layers made, (batch, time, tokens)."""
        return functional.linear(self.leave(features), table, self.bias)


class TiedLSTM(TiedNetwork):
    """encoding: the family's. embedding, hidden, layers: sizes. dropout: of the layers' outputs, in training only."""

    def __init__(self, encoding: Encoding, embedding: int, hidden: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__(encoding, embedding, hidden, layers)
        self.first = nn.LayerNorm(hidden)
        self.lstms = nn.ModuleList(nn.LSTM(hidden, hidden, 1, batch_first=True) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.leave = nn.Linear(hidden, embedding)
        self.bias = nn.Parameter(torch.zeros(encoding.size))
        for lstm in self.lstms:
            self.open_forget_gates(lstm)

    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token: two tensors of shape (layers, batch, hidden)."""
        shape = (self.layers, batch, self.hidden)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)

    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        """See Network.forward; condition: (batch, time, conditioning.width of the family)."""
        features, table, state = self.layered(tokens, condition, state)
        return self.left(features, table), state

    def layered(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """What the layers make of the tokens, (batch, time, hidden), the table of tokens, and the state after them."""
        table = self.table()
        features = self.first(self.entered(tokens, condition, table))
        new_h, new_c = [], []
        for index, (lstm, norm) in enumerate(zip(self.lstms, self.norms, strict=True)):
            own = (state[0][index : index + 1], state[1][index : index + 1])
            out, (h, c) = lstm(features, own)
            features = features + self.dropout(norm(out))
            new_h.append(h)
            new_c.append(c)
        return features, table, (torch.cat(new_h), torch.cat(new_c))
