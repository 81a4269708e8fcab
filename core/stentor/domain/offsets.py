"""Offsets: how wall time in a zone and instants map onto each other.

Wall time is kept like an instant: milliseconds since 1970-01-01 00:00 on that zone's own clock.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# No zone changes its clock twice within this time; a week is the least in the database for 2020 to 2045.
_STRIDE_MS = 12 * 3_600_000
# Changes are looked up and remembered a month at a time.
_MONTH_MS = 60 * _STRIDE_MS


def moment(ms: int) -> datetime:
    """The instant as a datetime in UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def milliseconds(span: timedelta | None) -> int:
    """Whole milliseconds. The type of `utcoffset` allows None; no zone answers so."""
    return (span or timedelta()) // _MILLISECOND


def offset_at(place: ZoneInfo, at_ms: int) -> int:
    """What to add to the instant to get the wall time."""
    return milliseconds(datetime.fromtimestamp(at_ms // 1000, place).utcoffset())


def first_change(place: ZoneInfo, start_ms: int, end_ms: int) -> int | None:
    """The first instant in (start, end] at which the zone's offset is no longer what it was at `start`."""
    for month in range(start_ms // _MONTH_MS, end_ms // _MONTH_MS + 1):
        for change_ms in _changes(place, month):
            if start_ms < change_ms <= end_ms:
                return change_ms
    return None


def first_instant(place: ZoneInfo, wall_ms: int) -> int:
    """The instant of a wall time: the first of two in an overlap, the end of the gap for one that does not exist."""
    before, after = _offsets_of(place, wall_ms)
    change_ms = first_change(place, wall_ms - after, wall_ms - before) if before < after else None
    return wall_ms - before if change_ms is None else change_ms


def skipped_until(place: ZoneInfo, wall_ms: int) -> int | None:
    """The first instant after the gap which swallows this wall time; None when the wall time exists."""
    instant_ms = first_instant(place, wall_ms)
    return None if instant_ms + offset_at(place, instant_ms) == wall_ms else instant_ms


def _offsets_of(place: ZoneInfo, wall_ms: int) -> tuple[int, int]:
    """The offsets before and after the change of clocks this wall time falls into; equal when it falls into none."""
    wall = datetime.fromtimestamp(wall_ms // 1000, UTC).replace(tzinfo=place)
    return milliseconds(wall.utcoffset()), milliseconds(wall.replace(fold=1).utcoffset())


@lru_cache(maxsize=4096)
def _changes(place: ZoneInfo, month: int) -> tuple[int, ...]:
    """The instants after the beginning of this month, up to its end, at which the offset becomes another."""
    start_ms = month * _MONTH_MS
    strides = range(start_ms, start_ms + _MONTH_MS, _STRIDE_MS)
    found = (_change_within_stride(place, low) for low in strides)
    return tuple(change_ms for change_ms in found if change_ms is not None)


def _change_within_stride(place: ZoneInfo, start_ms: int) -> int | None:
    before = offset_at(place, start_ms)
    if offset_at(place, start_ms + _STRIDE_MS) == before:
        return None
    instants = range(start_ms, start_ms + _STRIDE_MS)
    return start_ms + bisect_left(instants, 1, key=lambda at: int(offset_at(place, at) != before))
