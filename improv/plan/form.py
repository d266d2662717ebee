"""Form: the sections of a piece, the phrases in them with their cadences, what comes back and in which key.

Lengths, cadences and keys are drawn as people's phrases have them. How sections follow each other is a rule, a list of
the usual shapes: what people's phrases refer to is known from one phrase to the next, not over a piece.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.music.chord import MINOR_KEYS
from improv.plan.people import START, FloatArray, people
from improv.plan.plan import AUTHENTIC, FormPhrase
from improv.plan.request import PlanRequest

SHORTEST_PIECE, LONGEST_PIECE = 24, 120
"""Bars."""
_SHAPES = {
    2: ("AA", "AB"),
    3: ("ABA", "ABA", "AAB"),
    4: ("ABCA", "AABA", "ABAC"),
    5: ("ABACA", "ABCDA", "AABCA"),
    6: ("ABACDA", "ABCABC", "AABCDA"),
    7: ("ABACABA", "ABCDABE"),
    8: ("ABACDABA", "ABCDEABC"),
}
"""Sections, by how many there are. In the first two minutes of people's pieces every fourth phrase comes back."""
_PARALLEL = 0.25
"""Share of the second phrases of a section that begin like the first, as questions and answers do."""
_RARE = 0.02
"""Lengths of phrases that are rarer among people's are left out."""
_CODA = 0.6
_CODA_BARS = 4


def draw_form(request: PlanRequest, home: int, rng: np.random.Generator) -> tuple[FormPhrase, ...]:
    """The phrases of a piece in order: sections of two phrases or one long one, as long in all as people's pieces."""
    usual = request.phrase_bars or draw_usual_bars(rng)
    per_section = 2 if usual < 8 else int(rng.integers(1, 3))
    whole = int(np.clip(rng.choice(people().lengths[3:-1]), SHORTEST_PIECE, LONGEST_PIECE))
    count = int(np.clip(round(whole / (usual * per_section)), min(_SHAPES), max(_SHAPES)))
    letters = str(rng.choice(_SHAPES[count]))
    minor = home >= MINOR_KEYS
    phrases: list[FormPhrase] = []
    first: dict[str, int] = {}
    times: dict[str, int] = {}
    for place, letter in enumerate(letters):
        times[letter] = times.get(letter, 0) + 1
        name = letter + "'" * min(times[letter] - 1, 3)
        if letter in first:
            phrases += _again(phrases, first[letter], per_section, name)
        else:
            first[letter] = len(phrases)
            key = (0, False) if letter == "A" else away(home, request.reach_fifths, rng)
            for index in range(per_section):
                bars = request.phrase_bars or draw_bars(usual, rng)
                before = phrases[-1].cadence if phrases else START
                cadence = draw_cadence(before, minor, rng)
                begins_like = index > 0 and bars == phrases[-1].bars and rng.random() < _PARALLEL
                like = first[letter] if begins_like else None
                phrases.append(FormPhrase(name, bars, cadence, like, *key, begins_like=begins_like))
        if place == len(letters) - 1:
            phrases[-1] = phrases[-1]._replace(cadence=AUTHENTIC)
    if rng.random() < _CODA:
        phrases.append(FormPhrase("Coda", min(usual, _CODA_BARS), AUTHENTIC, last=True))
    else:
        phrases[-1] = phrases[-1]._replace(last=True)
    return tuple(phrases)


def _again(phrases: Sequence[FormPhrase], first: int, count: int, name: str) -> list[FormPhrase]:
    """The phrases of a section that comes back."""
    return [phrases[first + i]._replace(section=name, like=first + i, begins_like=False) for i in range(count)]


def away(home: int, reach: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Semitones above home, and whether in the other mode, of a section's key: home or away as often as people are."""
    minor = home >= MINOR_KEYS
    counts = people().keys[int(minor)].copy()
    for semitones in range(12):
        for mode in (0, 1):
            key = (home + semitones) % 12 + MINOR_KEYS * mode
            if distance_fifths(home, key) > reach:
                counts[semitones, mode] = 0
    chosen = _draw(counts.reshape(-1) + 0.0, rng)
    return chosen // 2, bool(chosen % 2) != minor


def distance_fifths(key: int, other: int) -> int:
    """Steps on the circle of fifths between two keys, relative keys counted as one: 0..6."""
    places = [(k + 3 * (k >= MINOR_KEYS)) % 12 * 7 % 12 for k in (key, other)]
    apart = (places[0] - places[1]) % 12
    return min(apart, 12 - apart)


def draw_cadence(before: int, minor: bool, rng: np.random.Generator) -> int:
    """How a phrase closes. before: how the one before it did, START for the first."""
    return _draw(people().cadences[int(minor), before], rng)


def draw_usual_bars(rng: np.random.Generator) -> int:
    """How long the phrases of a piece usually are."""
    return 1 + _draw(people().phrase_bars.sum(axis=1), rng)


def draw_bars(usual: int, rng: np.random.Generator) -> int:
    """Length of a phrase in a piece whose phrases usually have so many bars."""
    shares = people().phrase_bars[usual - 1]
    return 1 + _draw(np.where(shares >= _RARE * shares.sum(), shares, 0.0), rng)


def _draw(weights: FloatArray, rng: np.random.Generator) -> int:
    total = weights.cumsum()
    return min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(weights) - 1)
