"""Hours of the week in local time: over midnight, overlapping, and on the days on which the clocks are changed."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.control.local_hours import DAY_MINUTES, DAYS, Hours, Span, contains, span_of, turns

MINUTE = datetime.timedelta(minutes=1)
HALF = 30  # minutes
MADRID = zoneinfo.ZoneInfo("Europe/Madrid")

spans = st.builds(
    Span,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, DAY_MINUTES - 1),
    st.integers(0, DAY_MINUTES),
).filter(lambda span: span.begin != span.end)
moments = st.integers(0, 2 * 365 * DAY_MINUTES).map(
    lambda minutes: datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).replace(tzinfo=None) + minutes * MINUTE
)
half_hours = st.builds(
    Span,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 47).map(HALF.__mul__),
    st.integers(0, 48).map(HALF.__mul__),
).filter(lambda span: span.begin != span.end)


def as_dates(span: Span, local: datetime.datetime) -> bool:
    """By begin and end as dates, laid out for the days around."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for back in (0, 1):
        day = midnight - back * datetime.timedelta(days=1)
        end = day + span.end * MINUTE + (datetime.timedelta(days=1) if span.end <= span.begin else datetime.timedelta())
        if day.weekday() in span.days and day + span.begin * MINUTE <= local < end:
            return True
    return False


@given(st.lists(spans, max_size=4), moments)
def test_a_moment_lies_in_hours_as_dates_say(hours: list[Span], local: datetime.datetime) -> None:
    assert contains(tuple(hours), local) == any(as_dates(span, local) for span in hours)


@given(spans)
def test_what_is_written_is_read(span: Span) -> None:
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (span.begin, span.end))
    assert span_of(f"{' '.join(DAYS[day] for day in sorted(span.days))} {begin}-{end}") == span


@given(st.lists(half_hours, min_size=1, max_size=4), moments)
def test_it_is_told_when_it_turns(several: list[Span], local: datetime.datetime) -> None:
    hours, now = tuple(several), contains(tuple(several), local)
    told, moment = turns(hours, local), local.replace(minute=local.minute // HALF * HALF)
    for _ in range(8 * DAY_MINUTES // HALF):
        moment += HALF * MINUTE
        if contains(hours, moment) != now:
            assert told == f"{DAYS[moment.weekday()].capitalize()} {moment:%H:%M}"
            return
    assert told == ""


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri 10:00-18:00", {0, 1, 2, 3, 4}),
        ("sat, sun 10:00 - 18:00", {5, 6}),
        ("Sat Sun 10:00-18:00", {5, 6}),
        ("fri-mon 10:00-18:00", {4, 5, 6, 0}),
        ("mon - wed fri 10:00-18:00", {0, 1, 2, 4}),
        ("10:00-18:00", set(range(7))),
    ],
)
def test_days(text: str, days: set[int]) -> None:
    assert span_of(text) == Span(frozenset(days), 600, 1080)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be days and hours in local time like mon-fri 10:00-18:00"),
        ("monday 10:00-18:00", "unknown day 'monday'; allowed: mon, tue"),
        ("mon-wed-fri 10:00-18:00", "days go from one to another"),
        ("10:00-10:00", "all day is 00:00-24:00"),
        ("10:60-12:00", "there is no 10:60 o'clock"),
        ("24:00-12:00", "there is no 24:00 o'clock"),
        ("10:00-24:01", "there is no 24:01 o'clock"),
        ("mon 10:00", "must be days and hours"),
    ],
)
def test_what_is_no_hours_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        span_of(text)
    assert said in str(error.value)


def seconds_open(hours: Hours, day: datetime.date) -> float:
    """By a clock that never jumps, from noon before to noon after."""
    noon = datetime.datetime(day.year, day.month, day.day, 12, tzinfo=datetime.UTC)
    looks = (noon + step * MINUTE for step in range(-DAY_MINUTES, DAY_MINUTES))
    return 60.0 * sum(contains(hours, look.astimezone(MADRID)) for look in looks)


@pytest.mark.parametrize(
    ("day", "hours_open"),
    [(datetime.date(2026, 3, 22), 3.0), (datetime.date(2026, 3, 29), 2.0), (datetime.date(2026, 10, 25), 4.0)],
    ids=["an ordinary Sunday", "summer time begins", "summer time ends"],
)
def test_hours_are_those_of_the_wall_clock_where_it_jumps(day: datetime.date, hours_open: float) -> None:
    assert seconds_open((span_of("sun 01:00-04:00"),), day) == 3600 * hours_open
    assert seconds_open((span_of("sat 22:00-02:30"), span_of("sun 02:15-04:00")), day) == 3600 * (hours_open + 3)
