"""When schedules fire, found by walking a calendar day by day and clock by clock.

It shares no line with the product: no search for the next time, no `fold`, no engine. A zone is cut into stretches in
which its clocks go evenly; on each of them wall time is real time plus a number.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = 86_400
# A year of simulated time begins in July 2026; nothing outside these days is ever asked for.
_FIRST, _LAST = date(2026, 6, 1), date(2027, 9, 1)
_EPOCH = date(1970, 1, 1)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class Stretch(NamedTuple):
    """Real seconds from `start` up to `end`, on which the wall shows `offset` seconds more."""

    start: int
    end: int
    offset: int


@cache
def stretches(tz: str) -> tuple[Stretch, ...]:
    """The calendar's time, cut where the clocks of `tz` change."""
    start, end = _midnight(_FIRST), _midnight(_LAST)
    found: list[Stretch] = []
    for hour in range(start, end, 3600):
        if _offset(tz, hour + 3600) != _offset(tz, start):
            change = next(second for second in range(hour, hour + 3601) if _differs(tz, second, start))
            found.append(Stretch(start, change, _offset(tz, start)))
            start = change
    return (*found, Stretch(start, end, _offset(tz, start)))


def changes(tz: str) -> list[int]:
    """The real instants, in milliseconds, at which the clocks of `tz` change."""
    return [stretch.start * 1000 for stretch in stretches(tz)[1:]]


def once(tz: str, wall: str) -> int | None:
    """The first instant at which the clocks of `tz` show a wall time; None when they never do."""
    shown = int(datetime.fromisoformat(wall).replace(tzinfo=UTC).timestamp())
    for stretch in stretches(tz):
        if stretch.start <= shown - stretch.offset < stretch.end:
            return (shown - stretch.offset) * 1000
    return None


def beats(anchor_ms: int, every_ms: int, after_ms: int, until_ms: int) -> list[int]:
    """The anchor and every whole period after it, in (after, until]."""
    found = range(anchor_ms, until_ms + 1, every_ms)
    return [instant for instant in found if instant > after_ms]


def cron(expr: str, tz: str, after_ms: int, until_ms: int) -> list[int]:
    """The instants of a cron expression of five or six fields, in (after, until]."""
    walls = list(_walls(expr))
    minute, hour = expr.split()[-5:-3]
    if _is_beat(minute, 60) or _is_beat(hour, 24):
        # It follows real time: each stretch fires what its own clock shows.
        real = [
            wall - stretch.offset
            for stretch in stretches(tz)
            for wall in walls
            if stretch.start <= wall - stretch.offset < stretch.end
        ]
    else:
        # It names times of the day: each fires when the clock first shows it, or has jumped past it.
        real = [_reached(tz, wall) for wall in walls]
    return sorted({at * 1000 for at in real if after_ms < at * 1000 <= until_ms})


def _reached(tz: str, wall: int) -> int:
    return next(
        max(stretch.start, wall - stretch.offset)
        for stretch in stretches(tz)
        if wall - stretch.offset < stretch.end
    )


def _walls(expr: str) -> Iterator[int]:
    """Every wall time the expression names, in seconds as if the wall were in UTC."""
    words = expr.upper().split()
    seconds, minutes, hours, days, months, weekdays = words if len(words) == 6 else ["0", *words]
    times = [
        hour * 3600 + minute * 60 + second
        for hour in sorted(_values(hours, 0, 23))
        for minute in sorted(_values(minutes, 0, 59))
        for second in sorted(_values(seconds, 0, 59))
    ]
    # Two days at each end, for zones that are ahead of or behind the calendar.
    for number in range(2, (_LAST - _FIRST).days - 2):
        day = _FIRST + timedelta(days=number)
        if day.month in _values(months, 1, 12, _MONTHS) and _is_day(day, days, weekdays):
            midnight = _midnight(day)
            yield from (midnight + time for time in times)


def _is_day(day: date, days: str, weekdays: str) -> bool:
    if days == "*" or weekdays == "*":
        return _is_day_of_month(day, days) and _is_weekday(day, weekdays)
    return _is_day_of_month(day, days) or _is_weekday(day, weekdays)


def _is_day_of_month(day: date, text: str) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if text == "L":
        return day.day == last
    if text.endswith("W"):
        return day == _nearest_workday(day.replace(day=min(int(text[:-1]), last)), last)
    return day.day in _values(text, 1, 31)


def _nearest_workday(day: date, last: int) -> date:
    """Saturdays move back, Sundays on, but never into another month."""
    if day.isoweekday() == 6:
        return day - timedelta(days=1) if day.day > 1 else day + timedelta(days=2)
    if day.isoweekday() == 7:
        return day + timedelta(days=1) if day.day < last else day - timedelta(days=2)
    return day


def _is_weekday(day: date, text: str) -> bool:
    today = day.isoweekday() % 7
    last = calendar.monthrange(day.year, day.month)[1]
    if text.startswith("L"):
        return today == int(text[1:]) and day.day > last - 7
    if "#" in text:
        weekday, _, nth = text.partition("#")
        return today == int(weekday) and (day.day - 1) // 7 + 1 == int(nth)
    return today in {value % 7 for value in _values(text, 0, 7, _DAYS)}


def _values(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        ends = (low, high if high != 7 else 6) if span == "*" else (first, last or first)
        begin, end = (names.index(end) + low if end in names else int(end) for end in ends)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _is_beat(text: str, size: int) -> bool:
    """Whether minutes or hours go on evenly, instead of being named."""
    return "*" in text or "/" in text or len(_values(text, 0, size - 1)) == size


def _midnight(day: date) -> int:
    return (day - _EPOCH).days * _DAY


def _offset(tz: str, second: int) -> int:
    delta = datetime.fromtimestamp(second, ZoneInfo(tz)).utcoffset()
    assert delta is not None
    return int(delta.total_seconds())


def _differs(tz: str, second: int, start: int) -> bool:
    return _offset(tz, second) != _offset(tz, start)
