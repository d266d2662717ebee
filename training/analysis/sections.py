"""Form: which phrases and sections are alike, as letters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.analysis.music import BoolArray, FloatArray, IntArray
from training.analysis.phrases import LONG, SAME, Phrases, returns

ALIKE = 0.6
"""Likeness from which phrases share a letter; from SAME on one is no variant of the other."""
SHORTEST = 8
"""Bars of a section at least, unless a piece has fewer."""
_KERNEL = 8  # bars before and after a boundary that are compared
_CLEARLY = 0.7  # deviations of the novelty above its mean that a section's beginning needs
_COMES_BACK = 2.0  # deviations that it is worth when eight bars and more begin to come back unchanged


class Sections(NamedTuple):
    """Form of a piece.

    phrase_letter: int64 (phrases,), 0 for A: phrases of one letter are alike. phrase_varied: bool (phrases,), whether
    it comes back changed. phrase: int64 (sections,), each section's first phrase; letter, varied: of each section.
    """

    phrase_letter: IntArray
    phrase_varied: BoolArray
    phrase: IntArray
    letter: IntArray
    varied: BoolArray

    @property
    def form(self) -> str:
        """The sections as people write them: A A' B A."""
        rows = zip(self.letter.tolist(), self.varied.tolist(), strict=True)
        return " ".join(_name(letter) + "'" * varied for letter, varied in rows)


def sections(phrases: Phrases, likeness: FloatArray) -> Sections:
    """Letters of phrases and sections. likeness: of bars, as of `likeness.likeness`.

    Stretches of bars are as alike as their bars are one by one, less where lengths differ; each takes the letter of the
    earlier stretch that it is most like, or a new one. A section is like an earlier one when its first bars are like
    those that begin with any phrase there. Sections begin with phrases where the novelty of Foote 2000 is high (how
    unlike the eight bars before and after are, how alike each are in themselves), and where a long passage begins to
    come back unchanged.
    """
    count = len(likeness)
    letters, varied = _letters(stretch_likeness(phrases.bar, count, likeness))
    first = _section_starts(phrases.bar, count, likeness)
    section_letters, section_varied = _letters(_section_likeness(phrases.bar, first, count, likeness))
    return Sections(letters, varied, first, section_letters, section_varied)


def stretch_likeness(starts: IntArray, count: int, likeness: FloatArray) -> FloatArray:
    """How alike the stretches that begin with these bars are, (stretches, stretches); count: bars of the piece."""
    stops = np.append(starts[1:], count)
    sizes = stops - starts
    out = np.zeros((len(starts), len(starts)))
    for i in range(len(starts)):
        for j in range(i):
            shared = min(sizes[i], sizes[j])
            index = np.arange(shared)
            mean = likeness[starts[i] + index, starts[j] + index].mean()
            out[i, j] = out[j, i] = mean * np.sqrt(shared / max(sizes[i], sizes[j]))
    return out


def _section_likeness(starts: IntArray, first: IntArray, count: int, likeness: FloatArray) -> FloatArray:
    """How like an earlier section each is, (sections, sections), by up to as many bars as a section has at least."""
    stops = np.append(starts[first[1:]], count)
    phrases_of = np.split(starts, first[1:])
    out = np.zeros((len(first), len(first)))
    for i in range(1, len(first)):
        start = int(starts[first[i]])
        for j in range(i):
            index = np.arange(min(SHORTEST, stops[i] - start, stops[j] - phrases_of[j][0]))
            there = phrases_of[j][phrases_of[j] + len(index) <= stops[j]]
            rows = likeness[start + index[None, :], there[:, None] + index[None, :]]
            out[i, j] = rows.mean(axis=1).max()
    return out


def _letters(alike: FloatArray) -> tuple[IntArray, BoolArray]:
    """Letters of stretches by how alike each is to those before it, the lower half of (stretches, stretches)."""
    letters, varied = np.zeros(len(alike), dtype=np.int64), np.zeros(len(alike), dtype=bool)
    for i in range(1, len(alike)):
        best = int(alike[i, :i].argmax())
        if alike[i, best] >= ALIKE:
            letters[i], varied[i] = letters[best], alike[i, best] < SAME
        else:
            letters[i] = letters[:i].max() + 1
    return letters, varied


def _section_starts(starts: IntArray, count: int, likeness: FloatArray) -> IntArray:
    """The phrases that begin sections."""
    if len(starts) < 2:
        return np.zeros(1, dtype=np.int64)
    novelty = np.array([_novelty(int(bar), count, likeness) for bar in starts])
    inner = novelty[1:]
    clear = (novelty - inner.mean()) / max(float(inner.std()), 1e-9)
    clear += _COMES_BACK * (returns(likeness)[2][starts] >= LONG)
    chosen = [0]
    for phrase in np.argsort(-clear[1:], kind="stable") + 1:
        gaps = np.abs(starts[chosen] - starts[phrase])
        if clear[phrase] >= _CLEARLY and min(gaps.min(), count - starts[phrase]) >= SHORTEST:
            chosen.append(int(phrase))
    return np.array(sorted(chosen), dtype=np.int64)


def _novelty(bar: int, count: int, likeness: FloatArray) -> float:
    before, after = slice(max(bar - _KERNEL, 0), bar), slice(bar, min(bar + _KERNEL, count))
    if before.start == before.stop or after.start == after.stop:
        return 0.0
    within = (likeness[before, before].mean() + likeness[after, after].mean()) / 2
    return float(within - likeness[before, after].mean())


def _name(letter: int) -> str:
    return chr(ord("A") + letter % 26) + (str(letter // 26) if letter >= 26 else "")
