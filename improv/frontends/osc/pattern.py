"""OSC address patterns: ? * [a-z] [!abc] {one,two}, matched in bounded time, without regular expressions.

After "The Open Sound Control 1.0 Specification" (Wright 2002), "OSC Message Dispatching and Pattern Matching".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

SPECIAL = frozenset("?*[]{}")
LONGEST_PATTERN = 256

# From the places in a name that were reached so far to those after one more element of the pattern.
_Step = Callable[[str, set[int]], set[int]]


def is_pattern(address: str) -> bool:
    """Whether the address stands for several."""
    return not SPECIAL.isdisjoint(address)


def matching(pattern: str, addresses: Iterable[str]) -> Iterator[str]:
    """The addresses that a pattern stands for; none when it is malformed or too long."""
    if len(pattern) > LONGEST_PATTERN:
        return
    try:
        parts = [_steps(part) for part in pattern.split("/")]
    except ValueError:
        return
    for address in addresses:
        names = address.split("/")
        if len(names) == len(parts) and all(map(_matches, parts, names)):
            yield address


def _matches(steps: list[_Step], name: str) -> bool:
    places = {0}
    for step in steps:
        places = step(name, places)
        if not places:
            return False
    return len(name) in places


def _steps(part: str) -> list[_Step]:
    """ValueError for a bracket or a brace that is not closed."""
    steps: list[_Step] = []
    at = 0
    while at < len(part):
        sign = part[at]
        if sign == "*":
            steps.append(_any)
        elif sign == "?":
            steps.append(lambda name, places: {place + 1 for place in places if place < len(name)})
        elif sign == "[":
            end = part.index("]", at + 2)
            steps.append(_one_of(part[at + 1 : end]))
            at = end
        elif sign == "{":
            end = part.index("}", at)
            steps.append(_words(part[at + 1 : end].split(",")))
            at = end
        elif sign in "]}":
            raise ValueError("closed but never opened")
        else:
            steps.append(_words([sign]))
        at += 1
    return steps


def _any(name: str, places: set[int]) -> set[int]:
    return set(range(min(places), len(name) + 1))


def _one_of(inside: str) -> _Step:
    none_of = inside.startswith("!")
    inside = inside[1:] if none_of else inside

    def belongs(sign: str) -> bool:
        at = 0
        while at < len(inside):
            if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
                if inside[at] <= sign <= inside[at + 2]:
                    return True
                at += 3
            else:
                if inside[at] == sign:
                    return True
                at += 1
        return False

    return lambda name, places: {p + 1 for p in places if p < len(name) and belongs(name[p]) != none_of}


def _words(words: list[str]) -> _Step:
    return lambda name, places: {
        place + len(word) for place in places for word in words if name.startswith(word, place)
    }
