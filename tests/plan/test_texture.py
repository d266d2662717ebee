"""How busy the hands are: they differ from each other as people's do, from piece to piece."""

from __future__ import annotations

import numpy as np

from improv.music.mood import CORNERS
from improv.plan.corpus_counts import corpus_counts
from improv.plan.plan_request import PlanRequest
from improv.plan.texture import HANDS_DIFFER, PIECES_DIFFER, draw_character

PIECES = 2000


def test_the_hands_of_a_piece_differ_as_much_as_peoples_and_play_together_as_much_less() -> None:
    request = PlanRequest(mood=CORNERS["sad"], attributes={"onset_density": 2.0, "register": 60.0})
    characters = (draw_character(request, True, np.random.default_rng(seed)) for seed in range(PIECES))
    left, right = np.array([character.hands[2:] for character in characters]).T
    covariance = corpus_counts().texture["piece_covariance"][2:, 2:]
    apart, both = np.array([1, -1]), np.array([1, 1])
    deviation = np.std(left - right) / np.sqrt(apart @ covariance @ apart)
    assert abs(deviation - HANDS_DIFFER) < 0.1
    deviation = np.std(left + right) / np.sqrt(both @ covariance @ both)
    assert abs(deviation - PIECES_DIFFER) < 0.1
