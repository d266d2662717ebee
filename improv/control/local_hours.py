"""Hours of the week in local time, such as `mon-fri 10:00-18:00`: read, and asked whether a moment lies in them. Pure.

They are compared with what a clock on the wall shows, so summer time needs no care: on the day on which an hour is left
out or comes twice, hours are as much shorter or longer as the wall clock's are.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALLOWED = "days and hours in local time like mon-fri 10:00-18:00, sat sun 11:00-20:00 or 22:00-06:00"
DAY_MINUTES = 24 * 60
_SPAN = re.compile(r"(?P<days>[a-z, -]*?)\s*(?P<begin>\d{1,2}:\d\d)\s*-\s*(?P<end>\d{1,2}:\d\d)")


class Span(NamedTuple):
    """days: 0 Monday .. 6 Sunday, on which it begins. begin, end: minutes after midnight, 0..1440; an end that is not
    later than the begin is the next day's.
    """

    days: frozenset[int]
    begin: int
    end: int

    def contains(self, local: datetime.datetime) -> bool:
        """Whether a moment of the wall clock lies in it; the end does not."""
        day, minute = local.weekday(), 60 * local.hour + local.minute
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % 7 in self.days and minute < self.end)


Hours = tuple[Span, ...]
"""They may overlap."""


def span_of(text: str) -> Span:
    """`mon-fri 10:00-18:00`: days, each or from one to another, and from when to when. ValueError says what is allowed.

    Without days it is every day. From 22:00 to 06:00 ends on the day after; 24:00 is midnight.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"must be {ALLOWED} (got {text[:60]!r})")
    begin, end = _minute(found["begin"], DAY_MINUTES - 1), _minute(found["end"], DAY_MINUTES)
    if begin == end:
        raise ValueError(f"must not begin and end at the same minute; all day is 00:00-24:00 (got {text[:60]!r})")
    return Span(_days(found["days"]), begin, end)


def contains(hours: Hours, local: datetime.datetime) -> bool:
    """Whether a moment of the wall clock lies in one of them."""
    return any(span.contains(local) for span in hours)


def turns(hours: Hours, local: datetime.datetime) -> str:
    """When it is next another way than at a moment of the wall clock, such as `Mon 10:00`; empty: never."""
    now = contains(hours, local)
    midnight = local.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    edges = sorted({edge for span in hours for edge in (span.begin, span.end % DAY_MINUTES)})
    for day in range(9):
        for edge in edges:
            moment = midnight + datetime.timedelta(days=day, minutes=edge)
            if moment > local.replace(tzinfo=None) and contains(hours, moment) != now:
                return f"{DAYS[moment.weekday()].capitalize()} {moment:%H:%M}"
    return ""


def _minute(text: str, latest: int) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or 60 * hour + minute > latest:
        raise ValueError(f"there is no {text} o'clock; allowed are {ALLOWED}")
    return 60 * hour + minute


def _days(text: str) -> frozenset[int]:
    if not text.strip():
        return frozenset(range(7))
    found: set[int] = set()
    for part in re.split(r"[\s,]+", re.sub(r"\s*-\s*", "-", text.strip(" ,"))):
        first, last = _between(part.split("-"))
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return frozenset(found)


def _between(names: Sequence[str]) -> tuple[int, int]:
    for name in names:
        if name not in DAYS:
            raise ValueError(f"unknown day {name!r}; allowed: {', '.join(DAYS)}, each or from one to another (mon-fri)")
    if len(names) > 2:
        raise ValueError(f"days go from one to another, like mon-fri (got {'-'.join(names)!r})")
    return DAYS.index(names[0]), DAYS.index(names[-1])
