"""Which wall times a cron pattern names.

croniter finds the dates, in all their forms; the times of a day are a few numbers in order. So patterns of equal dates
share the search with the engine, and patterns of every date do without it.
"""

from bisect import bisect_left
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING

from stentor.domain.cron_grammar import EVERY_DATE, Pattern
from stentor.domain.instants import LAST_MS

if TYPE_CHECKING:
    from croniter import croniter

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_LAST_DATE = LAST_MS // 1000 // _DAY


def next_wall(pattern: Pattern, after_ms: int) -> int | None:
    """The first wall time strictly after this one; None when no matching date is left."""
    first, second = divmod(after_ms // 1000 + 1, _DAY)
    date = next_date(pattern.dates, first)
    time = _first_time(pattern, second if date == first else 0)
    if time is None:
        date, time = next_date(pattern.dates, first + 1), _first_time(pattern, 0)
    return None if date is None or time is None else (date * _DAY + time) * 1000


@lru_cache(maxsize=16_384)
def next_date(dates: str, first: int) -> int | None:
    """The first matching date from this one on, in days since 1970; None when there is none within fifty years."""
    found = first if dates == EVERY_DATE else _search(dates, first)
    return found if found is not None and found < _LAST_DATE else None


def _search(dates: str, first: int) -> int | None:
    engine = copy(_engine(dates))  # a search moves the engine's own clock
    try:
        return int(engine.get_next(float, first * _DAY - 1)) // _DAY
    except (ValueError, OverflowError):  # it gave up, or reached the end of the calendar
        return None


@lru_cache(maxsize=1024)
def _engine(dates: str) -> "croniter[float]":
    from croniter import croniter  # noqa: PLC0415 - costs 60 ms, and most jobs never need it

    return croniter(f"0 0 {dates}", 0.0)


def _first_time(pattern: Pattern, second: int) -> int | None:
    """The first time of day from this one on, in seconds since midnight."""
    hour = _at_least(pattern.hours, second // _HOUR)
    while hour is not None:
        within = _first_within_hour(pattern, max(second - hour * _HOUR, 0))
        if within is not None:
            return hour * _HOUR + within
        hour = _at_least(pattern.hours, hour + 1)
    return None


def _first_within_hour(pattern: Pattern, second: int) -> int | None:
    minute = _at_least(pattern.minutes, second // _MINUTE)
    while minute is not None:
        within = _at_least(pattern.seconds, max(second - minute * _MINUTE, 0))
        if within is not None:
            return minute * _MINUTE + within
        minute = _at_least(pattern.minutes, minute + 1)
    return None


def _at_least(values: tuple[int, ...], low: int) -> int | None:
    at = bisect_left(values, low)
    return values[at] if at < len(values) else None
