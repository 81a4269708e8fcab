"""When a cron expression fires.

croniter searches wall time only, which has neither gaps nor overlaps; what a change of clocks does is decided here:

- an expression that names its hours and minutes fires once for each nominal wall time: at the end of the gap when the
  clocks skip it, the first time only when they repeat it;
- one with `*` or steps there keeps its beat in real time: skipped wall times do not fire, repeated ones fire twice.
"""

from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING

from stentor.domain.cron_grammar import Pattern, read
from stentor.domain.zones import first_change, first_instant, offset_at, zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from croniter import croniter

# The engine gives up fifty years later, which is longer than any date that exists at all stays away.
_YEAR_2000_MS = 946_684_800_000


@lru_cache(maxsize=1024)
def check(expr: str) -> str:
    """The expression with single blanks, or ValueError: not understood, or without a single firing."""
    if _next_wall(read(expr).fields, _YEAR_2000_MS) is None:
        raise ValueError(f"cron expression {expr!r} never fires: no such date exists; check day and month")
    return " ".join(expr.split())


@lru_cache(maxsize=8192)
def next_fire(expr: str, tz: str, after_ms: int) -> int | None:
    """The first instant strictly after `after_ms`. Jobs with equal schedules share one search."""
    pattern, place = read(expr), zone(tz)
    return (_next_nominal if pattern.fixed else _next_real)(pattern, place, after_ms)


def _next_nominal(pattern: Pattern, place: "ZoneInfo", after_ms: int) -> int | None:
    wall_ms = _next_wall(pattern.fields, after_ms + offset_at(place, after_ms))
    while wall_ms is not None:
        instant_ms = first_instant(place, wall_ms)
        if instant_ms > after_ms:
            return instant_ms
        # Seen from the second pass of an overlap, the wall times of the first still lie ahead.
        wall_ms = _next_wall(pattern.fields, wall_ms)
    return None


def _next_real(pattern: Pattern, place: "ZoneInfo", after_ms: int) -> int | None:
    start_ms = after_ms + 1
    while True:
        offset = offset_at(place, start_ms)
        wall_ms = _next_wall(pattern.fields, start_ms - 1 + offset)
        if wall_ms is None:
            return None
        instant_ms = wall_ms - offset
        change_ms = first_change(place, start_ms, instant_ms)
        if change_ms is None:
            return instant_ms
        # Found with an offset that no longer holds by then: search on from the change with the new one.
        start_ms = change_ms


def _next_wall(fields: str, after_ms: int) -> int | None:
    engine = copy(_engine(fields))  # a search moves the engine's own clock
    try:
        return int(engine.get_next(float, after_ms // 1000)) * 1000
    except (ValueError, OverflowError):  # no match within fifty years, or none before the calendar ends
        return None


@lru_cache(maxsize=1024)
def _engine(fields: str) -> "croniter[float]":
    from croniter import croniter  # noqa: PLC0415 - costs 60 ms, and jobs without cron never need it

    return croniter(fields, 0.0, second_at_beginning=True)
