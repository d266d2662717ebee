"""Form: the sections of a piece, the phrases in them with their cadences, what comes back and in which key.

All of it is drawn as people's pieces have it: how sections follow each other, how many phrases they have, how long
these are, how they close and in which key they are. That a later piece may begin with an earlier one's theme is a rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.model.habits import START
from improv.music.chord import MINOR_KEYS
from improv.plan.corpus_counts import corpus_counts
from improv.plan.draws import draw
from improv.plan.plan import AUTHENTIC, FormPhrase, PlannedPhrase
from improv.plan.plan_request import PlanRequest

SHORTEST_PIECE, LONGEST_PIECE = 24, 200
"""Bars."""
_PARALLEL = 0.25
"""Share of the second phrases of a section that begin like the first, as questions and answers do."""
_RARE = 0.02
"""Lengths of phrases that are rarer among people's are left out."""
MOVES_ON = 0.5
"""How often a phrase within a section is in a key of its own, drawn as people's are; else in that of the one before.
Planned keys then change 2.8 (minor) to 3.4 (major) times in 100 bars, instead of 1.3 and 1.5; people's are heard to
change 3.6 times.
"""
OTHER_MODE = 0.4
"""Share of people's sections in the other mode that there are where the valence is clearest, -1 or 1, by the variety.
With 0 half-minutes contrast by .79 where people's do by .96; with .4 by .89 (8 pieces of ten minutes).
"""
_CODA = 0.6
_CODA_BARS = 4


def draw_form(request: PlanRequest, home: int, rng: np.random.Generator) -> tuple[FormPhrase, ...]:
    """The phrases of a piece in order: sections as people's pieces have them, about as long in all."""
    usual = request.phrase_bars or draw_usual_bars(request, rng)
    whole = float(np.clip(rng.choice(corpus_counts(request.habits).lengths[3:-1]), SHORTEST_PIECE, LONGEST_PIECE))
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
    if letters.count(letters[-1]) == 1:  # a section that is not there yet comes home in its second half
        ends = range(len(phrases) - (len(first[letters[-1]]) + 1) // 2, len(phrases))
        phrases = [p._replace(key=0, other_mode=False) if i in ends else p for i, p in enumerate(phrases)]
    phrases[-1] = phrases[-1]._replace(cadence=AUTHENTIC, key=0, other_mode=False)
    if rng.random() < _CODA:
        phrases.append(FormPhrase("Coda", min(usual, _CODA_BARS), AUTHENTIC, last=True))
    else:
        phrases[-1] = phrases[-1]._replace(last=True)
    return tuple(phrases)


def _letters(request: PlanRequest, sections: float, rng: np.random.Generator) -> str:
    """The sections of a piece of about so many: a form of people's pieces, the commoner the likelier."""
    forms = corpus_counts(request.habits).forms
    there = sorted({len(letters) for letters, _ in forms})
    count = min(there, key=lambda length: abs(length - sections))
    chosen = [(letters, times) for letters, times in forms if len(letters) == count]
    return chosen[draw(np.array([float(times) for _, times in chosen]), rng)][0]


def _mean_section_phrases(request: PlanRequest) -> float:
    counts = corpus_counts(request.habits).section_phrases
    return float((counts * np.arange(len(counts))).sum() / counts.sum())


def _new_section(
    request: PlanRequest, home: int, usual: int, name: str, before: Sequence[FormPhrase], rng: np.random.Generator
) -> list[FormPhrase]:
    """The phrases of a section that was not there yet, the first of a piece at home, others where people go. One that
    begins like the first is in its key.
    """
    key = away(home, request, rng) if before else (0, False)
    cadence = before[-1].cadence if before else START
    out: list[FormPhrase] = []
    for index in range(draw(corpus_counts(request.habits).section_phrases, rng)):
        bars = request.phrase_bars or draw_bars(request, usual, rng)
        cadence = draw_cadence(request, cadence, home >= MINOR_KEYS, rng)
        begins_like = index == 1 and bars == out[0].bars and rng.random() < _PARALLEL
        like = len(before) if begins_like else None
        if begins_like:
            key = out[0].key, out[0].other_mode
        elif index and rng.random() < MOVES_ON:
            key = away(home, request, rng)
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

    The clearer the mood's valence is, the rarer is a section in the other mode (OTHER_MODE).
    """
    minor = home >= MINOR_KEYS
    counts = corpus_counts(request.habits).keys[int(minor)].copy()
    counts[:, int(not minor)] *= 1 - (1 - OTHER_MODE * request.variety) * min(abs(request.mood.valence), 1.0)
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
    return draw(corpus_counts(request.habits).cadences[int(minor), before], rng)


def draw_usual_bars(request: PlanRequest, rng: np.random.Generator) -> int:
    """How long the phrases of a piece usually are."""
    return 1 + draw(corpus_counts(request.habits).phrase_bars.sum(axis=1), rng)


def draw_bars(request: PlanRequest, usual: int, rng: np.random.Generator) -> int:
    """Length of a phrase in a piece whose phrases usually have so many bars."""
    shares = corpus_counts(request.habits).phrase_bars[usual - 1]
    return 1 + draw(np.where(shares >= _RARE * shares.sum(), shares, 0.0), rng)
