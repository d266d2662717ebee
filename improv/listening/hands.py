"""Where the person's hands are on the keyboard. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

HAND_SPAN = 16  # semitones: what lies within is one hand
MIDDLE_C = 60


class Hand(NamedTuple):
    """lowest, highest: pitches that it reaches now. mean: of its notes."""

    lowest: int
    mean: float
    highest: int


def hands(pitches: Sequence[int]) -> tuple[Hand | None, Hand | None]:
    """Left and right hand from the pitches struck lately, leaps and all; None where there is none.

    What fits into one hand is one; else the two parts with the smallest spread in them (two means, exactly).
    """
    ordered = sorted(pitches)
    if not ordered:
        return None, None
    if ordered[-1] - ordered[0] <= HAND_SPAN:
        hand = _hand(ordered)
        return (hand, None) if hand.mean < MIDDLE_C else (None, hand)
    at = _best_cut(ordered)
    return _hand(ordered[:at]), _hand(ordered[at:])


def _best_cut(ordered: Sequence[int]) -> int:
    """Index of the right hand's first pitch: the least sum of squares within the two parts."""
    total, squares = sum(ordered), sum(pitch * pitch for pitch in ordered)
    best, best_at = float("inf"), 1
    left = left_squares = 0
    for at in range(1, len(ordered)):
        left += ordered[at - 1]
        left_squares += ordered[at - 1] ** 2
        right, right_squares = total - left, squares - left_squares
        spread = left_squares - left * left / at + right_squares - right * right / (len(ordered) - at)
        if spread < best and ordered[at] > ordered[at - 1]:
            best, best_at = spread, at
    return best_at


def _hand(pitches: Sequence[int]) -> Hand:
    return Hand(pitches[0], sum(pitches) / len(pitches), pitches[-1])
