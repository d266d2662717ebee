"""Form: the sections of a piece, the phrases in them with their cadences, what comes back and in which key.

All of it is drawn as people's pieces have it: how sections follow each other, how many phrases they have, how long
these are, how they close and in which key they are. That a later piece may begin with an earlier one's theme is a rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.model.habits import START
from improv.music.chord import MINOR_KEYS
from improv.plan.draws import draw
from improv.plan.people import people
from improv.plan.plan import AUTHENTIC, FormPhrase, PlannedPhrase
from improv.plan.plan_request import PlanRequest

SHORTEST_PIECE, LONGEST_PIECE = 24, 200
"""Bars."""
_PARALLEL = 0.25
"""Share of the second phrases of a section that begin like the first, as questions and answers do."""
_RARE = 0.02
"""Lengths of phrases that are rarer among people's are left out."""
_CODA = 0.6
_CODA_BARS = 4


def draw_form(request: PlanRequest, home: int, rng: np.random.Generator) -> tuple[FormPhrase, ...]:
    """The phrases of a piece in order: sections as people's pieces have them, about as long in all."""
    usual = request.phrase_bars or draw_usual_bars(request, rng)
    whole = float(np.clip(rng.choice(people(request.habits).lengths[3:-1]), SHORTEST_PIECE, LONGEST_PIECE))
    letters = _letters(request, whole / (usual * _mean_section_phrases(request)), rng)
    phrases: list[FormPhrase] = []
    first: dict[str, range] = {}
    times: dict[str, int] = {}
    for letter in letters:
        times[letter] = times.get(letter, 0) + 1
        name = letter + "'" * min(times[letter] - 1, 3)
        if letter in first:
            phrases += [phrases[i]._replace(section=name, like=i, begins_like=False) for i in first[letter]]
        else:
            new = _new_section(request, home, usual, name, phrases, rng)
            first[letter] = range(len(phrases), len(phrases) + len(new))
            phrases += new
    phrases[-1] = phrases[-1]._replace(cadence=AUTHENTIC)
    if rng.random() < _CODA:
        phrases.append(FormPhrase("Coda", min(usual, _CODA_BARS), AUTHENTIC, last=True))
    else:
        phrases[-1] = phrases[-1]._replace(last=True)
    return tuple(phrases)


def _letters(request: PlanRequest, sections: float, rng: np.random.Generator) -> str:
    """The sections of a piece of about so many: a form of people's pieces, the commoner the likelier."""
    forms = people(request.habits).forms
    there = sorted({len(letters) for letters, _ in forms})
    count = min(there, key=lambda length: abs(length - sections))
    chosen = [(letters, times) for letters, times in forms if len(letters) == count]
    return chosen[draw(np.array([float(times) for _, times in chosen]), rng)][0]


def _mean_section_phrases(request: PlanRequest) -> float:
    counts = people(request.habits).section_phrases
    return float((counts * np.arange(len(counts))).sum() / counts.sum())


def _new_section(
    request: PlanRequest, home: int, usual: int, name: str, before: Sequence[FormPhrase], rng: np.random.Generator
) -> list[FormPhrase]:
    """The phrases of a section that was not there yet, the first of a piece at home, others where people go."""
    key = away(home, request, rng) if before else (0, False)
    cadence = before[-1].cadence if before else START
    out: list[FormPhrase] = []
    for index in range(draw(people(request.habits).section_phrases, rng)):
        bars = request.phrase_bars or draw_bars(request, usual, rng)
        cadence = draw_cadence(request, cadence, home >= MINOR_KEYS, rng)
        begins_like = index == 1 and bars == out[0].bars and rng.random() < _PARALLEL
        like = len(before) if begins_like else None
        out.append(FormPhrase(name, bars, cadence, like, *key, begins_like=begins_like))
    return out


def recalling(form: tuple[FormPhrase, ...], theme: Sequence[PlannedPhrase]) -> tuple[FormPhrase, ...]:
    """A form whose first section brings back phrases of an earlier piece. theme: these, in order."""
    out = list(form)
    for index, (phrase, then) in enumerate(zip(form, theme, strict=False)):
        if phrase.section == "A":
            out[index] = phrase._replace(bars=then.bars, like=then.place, from_piece=then.piece, begins_like=False)
    return tuple(out)


def away(home: int, request: PlanRequest, rng: np.random.Generator) -> tuple[int, bool]:
    """Semitones above home, and whether in the other mode, of a section's key: home or away as often as people are.

    The clearer the mood's valence is, the rarer is a section in the other mode.
    """
    minor = home >= MINOR_KEYS
    counts = people(request.habits).keys[int(minor)].copy()
    counts[:, int(not minor)] *= 1 - min(abs(request.mood.valence), 1.0)
    for semitones in range(12):
        for mode in (0, 1):
            key = (home + semitones) % 12 + MINOR_KEYS * mode
            if distance_fifths(home, key) > request.reach_fifths:
                counts[semitones, mode] = 0
    chosen = draw(counts.reshape(-1) + 0.0, rng)
    return chosen // 2, bool(chosen % 2) != minor


def distance_fifths(key: int, other: int) -> int:
    """Steps on the circle of fifths between two keys, relative keys counted as one: 0..6."""
    places = [(k + 3 * (k >= MINOR_KEYS)) % 12 * 7 % 12 for k in (key, other)]
    apart = (places[0] - places[1]) % 12
    return min(apart, 12 - apart)


def draw_cadence(request: PlanRequest, before: int, minor: bool, rng: np.random.Generator) -> int:
    """How a phrase closes. before: how the one before it did, START for the first."""
    return draw(people(request.habits).cadences[int(minor), before], rng)


def draw_usual_bars(request: PlanRequest, rng: np.random.Generator) -> int:
    """How long the phrases of a piece usually are."""
    return 1 + draw(people(request.habits).phrase_bars.sum(axis=1), rng)


def draw_bars(request: PlanRequest, usual: int, rng: np.random.Generator) -> int:
    """Length of a phrase in a piece whose phrases usually have so many bars."""
    shares = people(request.habits).phrase_bars[usual - 1]
    return 1 + draw(np.where(shares >= _RARE * shares.sum(), shares, 0.0), rng)
