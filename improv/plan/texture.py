"""Textures: how high and how dense each hand plays, drawn around the mood within people's spread.

A hand's register and the logarithm of its onsets follow from speed, height and mode of the whole by least squares on
people's phrases; what is left over spreads from piece to piece and from phrase to phrase as people's does.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from improv.plan.corpus_counts import FloatArray, corpus_counts
from improv.plan.plan import METRES, Character, Metre, Texture, metre_of
from improv.plan.plan_request import PlanRequest

CONTRAST, LIKENESS = 1.6, 0.4
"""Of people's spread within a piece: what a section that is not A differs by; what phrases of one section differ by."""
PIECES_DIFFER = 0.6
"""Of people's spread from piece to piece: all of it would leave the mood."""
HANDS_DIFFER = 1.0
"""Of people's spread, at least: how much busier one hand is than the other, in a piece and in a section. It leaves the
mood where it is.
"""
TEMPO_SPREAD, MOST_TEMPO = 0.12, 0.25
"""Of a piece's tempo factor, natural logarithm."""
CLOSING = 2.0
"""How much more than people's average a hand plays less where a phrase closes: the network makes half of it."""
DEFAULT_ONSETS_PER_S, DEFAULT_REGISTER = 3.5, 63.0
_LOWEST, _HIGHEST = 28.0, 96.0
_APART = 7.0  # semitones between the mean pitches of the hands
_FEWEST, _MOST = 0.5, 16.0  # onsets in four quarters, of a hand


def draw_character(request: PlanRequest, minor: bool, rng: np.random.Generator) -> Character:
    """What a piece is like beside its mood. The metre is the commanded one or drawn as people choose it."""
    variety = request.variety
    speed, height = np.clip(
        PIECES_DIFFER * _draw("speed_and_height_of_pieces", rng, request.habits), [-0.6, -5], [0.6, 5]
    )
    tempo = float(np.clip(rng.normal(0, TEMPO_SPREAD), -MOST_TEMPO, MOST_TEMPO))
    hands = _spread(_draw("piece_covariance", rng, request.habits), PIECES_DIFFER)
    metre = draw_metre(request, minor, rng)
    left, right, left_onsets, right_onsets = (round(float(x) * variety, 4) for x in hands)
    return Character(
        metre=metre,
        tempo_factor=math.exp(tempo * variety),
        speed=round(float(speed) * variety, 4),
        height=round(float(height) * variety, 4),
        hands=(left, right, left_onsets, right_onsets),
    )


def draw_metre(request: PlanRequest, minor: bool, rng: np.random.Generator) -> Metre:
    """The commanded metre; else 4/4, 3/4, 2/4 or 6/8 as often as people choose them in such a mood."""
    draw = rng.random()
    if request.bar_beats is not None:
        return metre_of(request.bar_beats)
    fast = request.mood.arousal >= 0
    counts = dict.fromkeys(METRES, 1.0)
    for name, mode, speed, count in corpus_counts(request.habits).metres:
        if name in counts and mode == minor and speed == fast:
            counts[name] += count
    shares = np.array(list(counts.values())).cumsum()
    chosen = list(METRES)[int(np.searchsorted(shares, draw * shares[-1]))]
    return METRES[chosen] if request.variety > 0 else METRES["4/4"]


class TextureDraws:
    """The deviations of one phrase: of its section, shared by all phrases of that letter, and its own."""

    def __init__(
        self, section_rng: np.random.Generator, phrase_rng: np.random.Generator, contrast: bool, habits: str = ""
    ) -> None:
        far = CONTRAST if contrast else LIKENESS
        whole, hands = "speed_and_height_in_piece", "phrase_covariance"
        self.whole = far * _draw(whole, section_rng, habits) + LIKENESS * _draw(whole, phrase_rng, habits)
        self.hands = _spread(_draw(hands, section_rng, habits), far) + LIKENESS * _draw(hands, phrase_rng, habits)


@lru_cache(maxsize=32)
def _root(name: str, habits: str) -> FloatArray:
    """The square root of a covariance of people's."""
    return np.asarray(np.linalg.cholesky(corpus_counts(habits).texture[name]))


def _draw(name: str, rng: np.random.Generator, habits: str) -> FloatArray:
    """Numbers that spread as people's."""
    root = _root(name, habits)
    return np.asarray(root @ rng.standard_normal(len(root)))


def _spread(hands: FloatArray, share: float) -> FloatArray:
    """A share of a deviation of the hands, of how much busier one is than the other at least HANDS_DIFFER."""
    left, right = hands[2:]
    half = (max(share, HANDS_DIFFER) - share) * (left - right) / 2
    return np.asarray(share * hands + np.array([0.0, 0.0, half, -half]))


def hands_of(request: PlanRequest, character: Character, minor: bool, draws: TextureDraws) -> FloatArray:
    """What the hands do in a phrase: registers of left and right, then log2 of 1 + their onsets in four quarters."""
    onsets = request.attributes.get("onset_density", DEFAULT_ONSETS_PER_S)
    beat_s = 60 / (request.tempo_bpm * character.tempo_factor)
    speed = math.log2(max(onsets * beat_s * 4, 0.5)) + character.speed
    height = request.attributes.get("register", DEFAULT_REGISTER) + character.height - 60
    deviation = request.variety * draws.whole
    whole = np.array([1.0, speed + deviation[0], height + deviation[1], -1.0 if minor else 1.0])
    return np.asarray(
        whole @ corpus_counts(request.habits).texture["weights"]
        + np.array(character.hands)
        + request.variety * draws.hands
    )


def bar_deviation(request: PlanRequest, closes: int | None, rng: np.random.Generator) -> FloatArray:
    """What a bar does otherwise than its phrase. closes: the cadence of its phrase in the last bar, else None."""
    deviation = request.variety * _draw("bar_covariance", rng, request.habits)
    if closes is not None:
        deviation += np.array([1, 1, CLOSING, CLOSING]) * corpus_counts(request.habits).texture["closing"][closes]
    return deviation


def hands_in(texture: Texture) -> FloatArray:
    """A texture as `hands_of` counts."""
    left, right = np.log2(1 + np.array(texture[2:]))
    return np.array([texture.left_register, texture.right_register, left, right])


def possible(hands: FloatArray) -> Texture:
    """A texture with registers within the piano and apart, and densities that two hands can play."""
    left, right = np.clip(hands[:2], [_LOWEST, _LOWEST + _APART], [_HIGHEST - _APART, _HIGHEST]).tolist()
    if right - left < _APART:
        middle = (left + right) / 2
        left, right = middle - _APART / 2, middle + _APART / 2
    onsets = np.clip(2.0 ** hands[2:] - 1, _FEWEST, _MOST).tolist()
    return Texture(round(left, 2), round(right, 2), round(onsets[0], 2), round(onsets[1], 2))
