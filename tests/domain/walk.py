"""An oracle for schedules: it walks through real minutes and looks at the wall. It shares nothing with the product."""

import calendar
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

HOUR, DAY = 60, 1440  # the walk counts in minutes
FIRST_YEAR, LAST_YEAR = 2026, 2028
# Refused as names of zones. None of them changes its clocks, save for the host's own, which has a better name.
NO_PLACES = frozenset({"EST", "MST", "Factory", "localtime", "GMT+0", "GMT-0"})
_EPOCH = date(1970, 1, 1)


class Change(NamedTuple):
    """An offset changes from `before` to `after` at `minute`; all in minutes, the last since 1970."""

    minute: int
    before: int
    after: int


@dataclass(frozen=True)
class Wish:
    """What an expression asks for. `beat`: in real time, rather than once for each nominal wall time."""

    expr: str
    hours: frozenset[int]
    minutes: frozenset[int]
    on: Callable[[date], bool]
    beat: bool
    seconds: frozenset[int] = frozenset({0})

    def names(self, wall: int) -> bool:
        """Whether the expression names this wall minute."""
        in_time = wall // HOUR % 24 in self.hours and wall % HOUR in self.minutes
        return in_time and self.on(_EPOCH + timedelta(wall // DAY))


def minute_of(year: int, month: int = 1, day: int = 1) -> int:
    return calendar.timegm((year, month, day, 0, 0, 0)) // 60


def offset_minutes(place: ZoneInfo, minute: int) -> int:
    delta = datetime.fromtimestamp(minute * 60, place).utcoffset()
    assert delta is not None
    return delta // timedelta(minutes=1)


def places() -> list[str]:
    return sorted(available_timezones() - NO_PLACES)


@cache
def all_changes(database: str) -> Mapping[Change, Sequence[str]]:
    """Every change of every zone, with its zones. The database in use is named, for the answer depends on it."""
    assert database
    found: dict[Change, list[str]] = {}
    for tz in places():
        for change in _changes(ZoneInfo(tz), minute_of(FIRST_YEAR), minute_of(LAST_YEAR + 1), (DAY, HOUR, 1)):
            found.setdefault(change, []).append(tz)
    return found


def _changes(place: ZoneInfo, start: int, end: int, steps: Sequence[int]) -> Iterator[Change]:
    """Step by step, and in smaller steps where the offset was another at the step before."""
    step, *smaller = steps
    before = offset_minutes(place, start)
    for minute in range(start + step, end + 1, step):
        after = offset_minutes(place, minute)
        if after != before and smaller:
            yield from _changes(place, minute - step, minute, smaller)
        elif after != before:
            yield Change(minute, before, after)
        before = after


def walk(tz: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Real minutes from first to last, each with what the wall shows."""
    place = ZoneInfo(tz)
    for minute in range(first, last + 1):
        yield minute, minute + offset_minutes(place, minute)


def around(change: Change, reach: int) -> list[tuple[int, int]]:
    """The same for the minutes around a change that has no other near it."""
    minutes = range(change.minute - reach, change.minute + reach)
    return [(real, real + (change.before if real < change.minute else change.after)) for real in minutes]


def reached(shown: Iterable[tuple[int, int]], wanted: Iterable[int]) -> dict[int, int]:
    """For each wall time the first real minute at which the wall shows it or has gone past it."""
    pending = deque(sorted(wanted))
    found: dict[int, int] = {}
    for minute, wall in shown:
        while pending and wall >= pending[0]:
            found[pending.popleft()] = minute
        if not pending:
            break
    return found


def firings(wish: Wish, shown: list[tuple[int, int]]) -> list[int]:
    """The seconds since 1970 at which the wish comes true during the walk."""
    if wish.beat:
        return sorted(
            real * 60 + second for real, wall in shown if wish.names(wall) for second in wish.seconds
        )
    walls = dict(shown)
    nominal = range(shown[0][1], max(wall for _, wall in shown) + 1)
    found = reached(shown, filter(wish.names, nominal))
    # Where the wall has gone past, all seconds of the minute have; otherwise each has its own turn.
    return sorted(
        {
            real * 60 + (second if walls[real] == wall else 0)
            for wall, real in found.items()
            for second in wish.seconds
        }
    )
