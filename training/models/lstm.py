"""What every network offers (`Network`), and the plain one: an LSTM over tokens and conditioning, with open state.

Settings with `tied: 0` have the plain one, `tied: 1` that of `training.models.tied_lstm`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from improv.model import conditioning

State = tuple[Tensor, Tensor]


class Network(nn.Module, ABC):
    """What is trained and exported. layers, hidden: of its LSTM."""

    layers: int
    hidden: int

    @abstractmethod
    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token: two tensors of shape (rows, batch, hidden), of the LSTM's layers at least."""

    @abstractmethod
    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        """tokens: int64 (batch, time). condition: float (batch, time, conditioning.SIZE): of the step to be predicted.

        Returns logits (batch, time, vocabulary) and the state after the last token.
        """

    def open_forget_gates(self, lstm: nn.Module) -> None:
        """All biases 0 but the forget gate's, which is open at the start, as in Magenta."""
        for name, parameter in lstm.named_parameters():
            if "bias_ih" in name:
                nn.init.zeros_(parameter)
                nn.init.ones_(parameter[self.hidden : 2 * self.hidden])
            elif "bias_hh" in name:
                nn.init.zeros_(parameter)


class NormalisedLSTM(nn.Module):
    """LSTM layers with batch normalisation and dropout after each but the last, whose dropout is the caller's.

    The same call as a batch-first nn.LSTM's. Liang's BachBot (2016) is built so.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [inputs, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(nn.LSTM(size, hidden, 1, batch_first=True) for size in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, state: State) -> tuple[Tensor, State]:
        new_h, new_c = [], []
        for index, (lstm, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            if index:
                features = self.dropout(features)
            own = (state[0][index : index + 1], state[1][index : index + 1])
            features, (h, c) = lstm(features, own)
            features = norm(features.transpose(1, 2)).transpose(1, 2)
            new_h.append(h)
            new_c.append(c)
        return features, (torch.cat(new_h), torch.cat(new_c))


class EventLSTM(Network):
    """Embedding of the token beside the conditioning -> LSTM layers -> logits of the next token.

    vocabulary, embedding, hidden, layers: sizes. dropout: share dropped after every layer, in training only.
    batch_norm: batch normalisation after every layer.
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: int,
        layers: int,
        dropout: float = 0.0,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.embedding = nn.Embedding(vocabulary, embedding)
        inputs = embedding + conditioning.SIZE
        self.lstm = (
            NormalisedLSTM(inputs, hidden, layers, dropout)
            if batch_norm
            else nn.LSTM(inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)
        self.open_forget_gates(self.lstm)

    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token: two tensors of shape (layers, batch, hidden)."""
        shape = (self.layers, batch, self.hidden)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)

    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        features = torch.cat([self.embedding(tokens), condition], dim=-1)
        hidden, state = self.lstm(features, state)
        return self.output(self.dropout(hidden)), state
