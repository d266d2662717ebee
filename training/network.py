"""The one network of every family: an LSTM over tokens and conditioning, with its state in the open."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from improv import conditioning

State = tuple[Tensor, Tensor]


class EventLSTM(nn.Module):
    """Embedding of the token beside the conditioning -> LSTM layers -> logits of the next token.

    vocabulary, embedding, hidden, layers: sizes. dropout: share dropped after every layer, in training only.
    """

    def __init__(self, vocabulary: int, embedding: int, hidden: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers, self.hidden = layers, hidden
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(
            embedding + conditioning.SIZE, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias_ih"):
                nn.init.zeros_(parameter)
                nn.init.ones_(parameter[self.hidden : 2 * self.hidden])  # forget gate open at the start, as in Magenta
            elif name.startswith("bias_hh"):
                nn.init.zeros_(parameter)

    def zero_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """State before any token: two tensors of shape (layers, batch, hidden)."""
        shape = (self.layers, batch, self.hidden)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)

    def forward(self, tokens: Tensor, condition: Tensor, state: State) -> tuple[Tensor, State]:
        """tokens: int64 (batch, time). condition: float (batch, time, conditioning.SIZE): of the step to be predicted.

        Returns logits (batch, time, vocabulary) and the state after the last token.
        """
        features = torch.cat([self.embedding(tokens), condition], dim=-1)
        hidden, state = self.lstm(features, state)
        return self.output(self.dropout(hidden)), state
