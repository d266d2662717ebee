"""The baseline beside every network: an order-2 Markov chain of tokens with Witten-Bell smoothing.

The probability of a token after the two before it is interpolated with that after one, after none, and the uniform one:

    P(c | a b) = (N(a b c) + T(a b) P(c | b)) / (N(a b) + T(a b))

N counts occurrences, T the different tokens seen after a context. Counted on the training pieces in all twelve
transpositions, so that it knows every key as the network does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary import Encoding
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

ORDER = 2
MOST_TOKENS = 4_000_000
"""Counted at most, of pieces evenly spread: in twelve keys they need 1 GB, all of 170,000 files 56 GB."""
TRANSPOSE = (-5, 6)  # semitones: every key once


@dataclass(frozen=True)
class Table:
    """Counts of the tokens after contexts of one length, as sorted packed integers.

    ngrams, ngram_counts: context and token together. contexts, totals, types: N and T of each context.
    """

    ngrams: IntArray
    ngram_counts: IntArray
    contexts: IntArray
    totals: IntArray
    types: IntArray

    @classmethod
    def of(cls, ngrams: IntArray, counts: IntArray, vocabulary: int) -> Table:
        """From sorted, different n-grams and how often each occurs."""
        contexts, first = np.unique(ngrams // vocabulary, return_index=True)
        if len(ngrams) == 0:
            return cls(ngrams, counts, contexts, counts, counts)
        return cls(ngrams, counts, contexts, np.add.reduceat(counts, first), np.diff([*first, len(ngrams)]))

    def smooth(self, context: IntArray, token: IntArray, lower: FloatArray, vocabulary: int) -> FloatArray:
        """P(token | context) with `lower` as the probability of the shorter context."""
        count = _look_up(self.ngrams, self.ngram_counts, context * vocabulary + token)
        total, types = (_look_up(self.contexts, values, context) for values in (self.totals, self.types))
        known = total > 0
        return np.where(known, (count + types * lower) / np.maximum(total + types, 1), lower)


def _look_up(keys: IntArray, values: IntArray, wanted: IntArray) -> IntArray:
    """values[i] where keys[i] is the wanted key, else 0. keys: sorted."""
    if len(keys) == 0:
        return np.zeros(len(wanted), dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


@dataclass(frozen=True)
class Markov:
    """tables[n]: counts after contexts of n tokens. start: stands in for the tokens before a piece's first."""

    vocabulary: int
    start: int
    tables: tuple[Table, ...]

    @classmethod
    def count(cls, streams: Sequence[IntArray], encoding: Encoding) -> Markov:
        """From whole pieces (START first), each in every transposition that keeps it within 0..127."""
        return cls.of_ngrams(*_transposed_ngrams(streams, encoding), encoding)

    @classmethod
    def of_ngrams(cls, ngrams: IntArray, counts: IntArray, encoding: Encoding) -> Markov:
        tables = []
        for order in range(ORDER + 1):
            keys, inverse = np.unique(ngrams % encoding.size ** (order + 1), return_inverse=True)
            sums = np.bincount(inverse, weights=counts, minlength=len(keys)).astype(np.int64)
            tables.append(Table.of(keys, sums, encoding.size))
        return cls(encoding.size, encoding.start_id, tuple(tables))

    def probability(self, before: IntArray, token: IntArray) -> FloatArray:
        """P of each token, shape (n,). before: (n, 2), the two tokens before it, the nearer one last."""
        chance = np.full(len(token), 1 / self.vocabulary)
        for order, table in enumerate(self.tables):
            context = np.zeros(len(token), dtype=np.int64)
            for column in range(ORDER - order, ORDER):
                context = context * self.vocabulary + before[:, column]
            chance = table.smooth(context, token, chance, self.vocabulary)
        return chance

    def nats(self, stream: IntArray) -> FloatArray:
        """Nats of every token of a piece but its START."""
        padded = np.concatenate([[self.start] * (ORDER - 1), stream])
        return -np.log(self.probability(np.stack([padded[:-2], padded[1:-1]], axis=1), padded[ORDER:]))


def _transposed_ngrams(streams: Sequence[IntArray], encoding: Encoding) -> tuple[IntArray, IntArray]:
    """Packed (a, b, c) of all pieces in all keys, sorted, and how often each occurs."""
    ranges = [encoding.pitch_range(stream) for stream in streams]
    keys, counts = [], []
    for semitones in range(TRANSPOSE[0], TRANSPOSE[1] + 1):
        fits = [low + semitones >= 0 and high + semitones <= 127 for low, high in ranges]
        inside = [stream for stream, inside_range in zip(streams, fits, strict=True) if inside_range]
        packed = [_pack(encoding.transpose(stream, semitones).astype(np.int64), encoding) for stream in inside]
        if packed:
            key, count = np.unique(np.concatenate(packed), return_counts=True)
            keys.append(key)
            counts.append(count)
    if not keys:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    ngrams, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    return ngrams, np.bincount(inverse, weights=np.concatenate(counts)).astype(np.int64)


def _pack(stream: IntArray, encoding: Encoding) -> IntArray:
    padded = np.concatenate([[encoding.start_id] * (ORDER - 1), stream])
    return np.asarray((padded[:-2] * encoding.size + padded[1:-1]) * encoding.size + padded[2:], dtype=np.int64)


def stream_of(dataset: Dataset, piece: PieceRow) -> IntArray:
    """A piece's tokens."""
    return dataset.tokens[piece.start : piece.stop].astype(np.int64)


def fit(dataset: Dataset) -> Markov:
    """The chain of a dataset's training pieces, MOST_TOKENS at most."""
    pieces = within(dataset.split("train"), MOST_TOKENS)
    return Markov.count([stream_of(dataset, piece) for piece in pieces], dataset.encoding)


def within(pieces: list[PieceRow], most_tokens: int) -> list[PieceRow]:
    """All pieces, or as many evenly spread ones as have so many tokens together; always one."""
    tokens = sum(piece.stop - piece.start for piece in pieces)
    count = len(pieces)
    while tokens > most_tokens and count > 1:
        count = max(min(int(count * most_tokens / tokens), count - 1), 1)
        tokens = sum(piece.stop - piece.start for piece in spread(pieces, count))
    return spread(pieces, count)


def score_pieces(chain: Markov, dataset: Dataset, pieces: Sequence[PieceRow]) -> list[float]:
    """Sum of nats of each piece."""
    return [float(chain.nats(stream_of(dataset, piece)).sum()) for piece in pieces]
