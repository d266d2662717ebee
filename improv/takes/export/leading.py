"""Who led and who followed, in the notes and in the mood, part by part of a take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from improv.takes.export.picture import held
from improv.takes.export.texts import Texts
from improv.takes.take import Stand, Take

MERGED_BELOW_S = 5.0  # a mode that was only passed through is no part
MOST_PARTS = 24  # of one page
FOLLOWED_FROM = 0.05  # of the person's mood


class Part(NamedTuple):
    """From from_s to to_s the same led. person_s: seconds in which the person held a key."""

    from_s: float
    to_s: float
    mode: str
    journey: str
    person_leads_mood: bool
    person_s: float


def parts(take: Take) -> list[Part]:
    """The parts of a take, each longer than a moment; the shortest are joined to those before where there are many."""
    ends = [*(stand.at_s for stand in take.stands[1:]), take.seconds]
    rows: list[tuple[float, float, Stand]] = []
    for stand, end_s in zip(take.stands, ends, strict=True):
        same = rows and _alike(rows[-1][2], stand)
        if rows and (same or end_s - stand.at_s < MERGED_BELOW_S):
            rows[-1] = (rows[-1][0], end_s, rows[-1][2])
        elif end_s > stand.at_s:
            rows.append((stand.at_s, end_s, stand))
    while len(rows) > MOST_PARTS:
        shortest = min(range(1, len(rows)), key=lambda index: rows[index][1] - rows[index][0])
        rows[shortest - 1 : shortest + 1] = [(rows[shortest - 1][0], rows[shortest][1], rows[shortest - 1][2])]
    keys = held(take.person, take.seconds)
    return [_part(from_s, to_s, stand, keys) for from_s, to_s, stand in rows]


def led(part: Part, words: Texts) -> tuple[str, str]:
    """Who led in the notes and who in the mood, in words."""
    mood = words["by_journey"].format(name=part.journey) if part.journey else words["by_hand"]
    return words.get(part.mode, part.mode), f"{mood}; {words['by_person']}" if part.person_leads_mood else mood


def sounding_s(keys: Sequence[tuple[float, float, int]], from_s: float, to_s: float) -> float:
    """Seconds of a span in which at least one of the keys was held. keys: by onset."""
    total_s, until_s = 0.0, from_s
    for on_s, off_s, _ in keys:
        begin_s, end_s = max(on_s, until_s), min(off_s, to_s)
        if end_s > begin_s:
            total_s += end_s - begin_s
            until_s = end_s
    return total_s


def _part(from_s: float, to_s: float, stand: Stand, keys: Sequence[tuple[float, float, int]]) -> Part:
    follows = stand.mode != "solo" and stand.follows_mood >= FOLLOWED_FROM and not stand.journey
    return Part(from_s, to_s, stand.mode, stand.journey, follows, sounding_s(keys, from_s, to_s))


def _alike(one: Stand, other: Stand) -> bool:
    return one._replace(at_s=0.0) == other._replace(at_s=0.0)
