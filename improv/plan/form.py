"""Form: the sections of a piece, the phrases in them with their cadences, what comes back and in which key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.music.chord import MINOR_KEYS
from improv.plan.people import people
from improv.plan.plan import AUTHENTIC, HALF, OTHER, FormPhrase
from improv.plan.request import PlanRequest

SHORTEST_PIECE, LONGEST_PIECE = 24, 120
_PHRASE_BARS = ((4, 0.6), (8, 0.25), (6, 0.05), (5, 0.05), (3, 0.05))
_INNER = ((HALF, 0.5), (OTHER, 0.3), (AUTHENTIC, 0.2))
_CLOSING = ((AUTHENTIC, 0.75), (HALF, 0.1), (OTHER, 0.15))
_TRANSITION = ((HALF, 0.6), (AUTHENTIC, 0.25), (OTHER, 0.15))
"""Cadences: of a phrase within a section, at its end, and at the end of one that leads back home."""
_SHAPES = {
    2: ("AA",),
    3: ("ABA", "AAB"),
    4: ("AABA", "AABB", "ABAB"),
    5: ("ABACA", "AABBA", "AABAA"),
    6: ("AABABA", "AABBCA", "ABACBA"),
    7: ("ABACABA", "AABBACA"),
    8: ("AABACABA", "AABBCCDA", "AABACADA"),
}
_CODA = 0.7


def draw_form(request: PlanRequest, home: int, rng: np.random.Generator) -> tuple[FormPhrase, ...]:
    """The phrases of a piece in order: sections of one or two phrases, as long in all as people's pieces are."""
    bars = request.phrase_bars or int(_pick(_PHRASE_BARS, rng))
    per_section = 2 if bars < 8 else int(rng.integers(1, 3))
    whole = int(np.clip(rng.choice(people().lengths[3:-1]), SHORTEST_PIECE, LONGEST_PIECE))
    count = int(np.clip(round(whole / (bars * per_section)), min(_SHAPES), max(_SHAPES)))
    letters = str(rng.choice(_SHAPES[count]))
    phrases: list[FormPhrase] = []
    first: dict[str, int] = {}
    times: dict[str, int] = {}
    for place, letter in enumerate(letters):
        times[letter] = times.get(letter, 0) + 1
        name = letter + "'" * min(times[letter] - 1, 3)
        leads_back = letters[place + 1 : place + 2] == "A" and letter != "A"
        if letter in first:
            phrases += _again(phrases, first[letter], per_section, name, len(letters) == place + 1, rng)
        else:
            first[letter] = len(phrases)
            phrases += _new(name, bars, per_section, leads_back, _key(letter, home, request, rng), rng)
    if rng.random() < _CODA:
        phrases.append(FormPhrase("Coda", min(bars, 4), AUTHENTIC, last=True))
    else:
        phrases[-1] = phrases[-1]._replace(cadence=AUTHENTIC, last=True)
    return tuple(phrases)


def _new(
    name: str, bars: int, count: int, leads_back: bool, key: tuple[int, bool], rng: np.random.Generator
) -> list[FormPhrase]:
    closing = _TRANSITION if leads_back else _CLOSING
    cadences = [int(_pick(closing if i == count - 1 else _INNER, rng)) for i in range(count)]
    return [FormPhrase(name, bars, cadence, key=key[0], other_mode=key[1]) for cadence in cadences]


def _again(
    phrases: Sequence[FormPhrase], first: int, count: int, name: str, closes: bool, rng: np.random.Generator
) -> list[FormPhrase]:
    """The phrases of a section that comes back; at the end of the piece it closes."""
    again = [phrases[first + i]._replace(section=name, like=first + i) for i in range(count)]
    if closes or rng.random() < 0.3:
        again[-1] = again[-1]._replace(cadence=AUTHENTIC)
    return again


def _key(letter: str, home: int, request: PlanRequest, rng: np.random.Generator) -> tuple[int, bool]:
    """The key of a new section: home for A, for others where people go, within reach."""
    return (0, False) if letter == "A" else away(home, request.reach_fifths, rng)


def away(home: int, reach: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Semitones above home and whether in the other mode: a key other than home, as often as people choose it."""
    minor = home >= MINOR_KEYS
    counts = people().keys[int(minor)].copy()
    counts[0, int(minor)] *= 0.02  # a middle section may stay at home
    for semitones in range(12):
        for mode in (0, 1):
            key = (home + semitones) % 12 + MINOR_KEYS * mode
            if distance_fifths(home, key) > reach:
                counts[semitones, mode] = 0
    shares = counts.reshape(-1).cumsum()
    chosen = int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))
    return chosen // 2, bool(chosen % 2) != minor


def distance_fifths(key: int, other: int) -> int:
    """Steps on the circle of fifths between two keys, relative keys counted as one: 0..6."""
    places = [(k + 3 * (k >= MINOR_KEYS)) % 12 * 7 % 12 for k in (key, other)]
    apart = (places[0] - places[1]) % 12
    return min(apart, 12 - apart)


def draw_cadence(rng: np.random.Generator) -> int:
    """Of a phrase where there is no form."""
    return int(_pick(_INNER if rng.random() < 0.5 else _CLOSING, rng))


def draw_phrase_bars(request: PlanRequest, rng: np.random.Generator) -> int:
    """Length of a phrase where there is no form."""
    return request.phrase_bars or int(_pick(_PHRASE_BARS, rng))


def _pick(rows: Sequence[tuple[float, float]], rng: np.random.Generator) -> float:
    shares = np.array([share for _, share in rows]).cumsum()
    return rows[min(int(np.searchsorted(shares, rng.random() * shares[-1], side="right")), len(rows) - 1)][0]
