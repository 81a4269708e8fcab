"""When a cron expression fires.

Its fields speak of wall time, which knows neither gaps nor overlaps; what a change of clocks does is decided here:

- an expression that names its hours and minutes fires once for each nominal wall time: at the end of the gap when the
  clocks skip it, the first time only when they repeat it;
- one with `*` or steps there keeps its beat in real time: skipped wall times do not fire, repeated ones fire twice.
"""

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from stentor.domain.cron_grammar import Pattern, read
from stentor.domain.cron_walls import next_date, next_wall
from stentor.domain.offsets import first_change, first_instant, offset_at
from stentor.domain.zones import zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_KNOWN = 16
_FIRST_OF_2000 = 10_957


@lru_cache(maxsize=16_384)
def check(expr: str) -> str:
    """The expression with single blanks, or ValueError: not understood, or without a single firing."""
    if next_date(read(expr).dates, _FIRST_OF_2000) is None:
        raise ValueError(f"cron expression {expr!r} never fires: no such date exists; check day and month")
    return " ".join(expr.split())


def next_fire(expr: str, tz: str, after_ms: int) -> int | None:
    """The first instant strictly after `after_ms`."""
    return _timetable(expr, tz).next_after(after_ms)


def forget_zones() -> None:
    """Compute everything anew: the zones have changed."""
    _timetable.cache_clear()


class _Timetable:
    """One expression in one zone. Jobs that share it share its searches, whatever instant each of them asks from."""

    def __init__(self, pattern: Pattern, place: "ZoneInfo") -> None:
        self._pattern = pattern
        self._place = place
        # An instant and all firings after it, up to the last one found.
        self._known: tuple[int, ...] = (0,)

    def next_after(self, after_ms: int) -> int | None:
        known = self._known
        if known[0] <= after_ms < known[-1]:
            return known[bisect_right(known, after_ms)]
        search = _next_nominal if self._pattern.fixed else _next_real
        found = search(self._pattern, self._place, after_ms)
        if found is not None:
            self._known = _joined(known, after_ms, found)
        return found


def _joined(known: tuple[int, ...], after_ms: int, found: int) -> tuple[int, ...]:
    """What is known now: what was known before stays if it touches the new firing."""
    if after_ms == known[-1]:
        return (*known[-_KNOWN:], found)
    return (after_ms, *known[known.index(found) :]) if found in known else (after_ms, found)


@lru_cache(maxsize=16_384)
def _timetable(expr: str, tz: str) -> _Timetable:
    return _Timetable(read(expr), zone(tz))


def _next_nominal(pattern: Pattern, place: "ZoneInfo", after_ms: int) -> int | None:
    wall_ms = next_wall(pattern, after_ms + offset_at(place, after_ms))
    while wall_ms is not None:
        instant_ms = first_instant(place, wall_ms)
        if instant_ms > after_ms:
            return instant_ms
        # Seen from the second pass of an overlap, the wall times of the first still lie ahead.
        wall_ms = next_wall(pattern, wall_ms)
    return None


def _next_real(pattern: Pattern, place: "ZoneInfo", after_ms: int) -> int | None:
    start_ms = after_ms + 1
    while True:
        offset = offset_at(place, start_ms)
        wall_ms = next_wall(pattern, start_ms - 1 + offset)
        if wall_ms is None:
            return None
        instant_ms = wall_ms - offset
        change_ms = first_change(place, start_ms, instant_ms)
        if change_ms is None:
            return instant_ms
        # Found with an offset that no longer holds by then: search on from the change with the new one.
        start_ms = change_ms
