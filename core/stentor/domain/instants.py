"""Instants as text: reading what people write, and writing what both people and programs read."""

import re
from datetime import UTC, datetime

from stentor.domain.durations import parse_duration
from stentor.domain.offsets import EPOCH, first_instant, milliseconds, moment, skipped_until
from stentor.domain.zones import zone

# A year short of what a datetime can hold, so that no zone's offset runs over the edge.
LAST_MS = milliseconds(datetime(9999, 1, 1, tzinfo=UTC) - EPOCH)

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_YEAR = 31_557_600_000
_TOLERATED_PAST_MS = _MINUTE
_FARTHEST_MS = 10 * _YEAR

# The parser of the standard library also takes week dates, `20260501`, a blank for the T and, in newer versions, 24:00.
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)
_EPOCH_MS = re.compile(r"[0-9]{1,16}")
_FROM_NOW = re.compile(r"\+?((?:[0-9.]+(?:ms|[smhd]))+)", re.IGNORECASE)
_FORMS = (
    "write 2026-05-01T09:00, 2026-05-01T09:00+02:00, 2026-05-01, milliseconds since 1970, or 20m from now"
)


def iso(ms: int) -> str:
    """`2026-05-01T09:00:00Z`; milliseconds only when there are some."""
    return _text(moment(ms)).replace("+00:00", "Z")


def local(ms: int, tz: str) -> str:
    """The wall time in `tz`, with its offset."""
    return _text(moment(ms).astimezone(zone(tz)))


def from_iso(text: str) -> int:
    """The instant an ISO 8601 text names; without an offset it is UTC."""
    return _instant(text.strip(), None)


def absolute(text: str, tz: str | None) -> int:
    """An ISO 8601 text or milliseconds since 1970. Without an offset it is wall time in `tz`, or UTC."""
    plain = text.strip()
    return _within_range(int(plain), text) if _EPOCH_MS.fullmatch(plain) else _instant(plain, tz)


def parse_at(text: str, *, tz: str | None, now_ms: int) -> int:
    """When a one-shot is to run: an absolute time or a duration from now, neither past nor out of sight."""
    ahead = _FROM_NOW.fullmatch(text.strip())
    at_ms = now_ms + parse_duration(ahead.group(1)) if ahead else absolute(text, tz)
    early = now_ms - at_ms
    if early > _TOLERATED_PAST_MS:
        raise ValueError(
            f"{text!r} lies {_distance(early)} in the past (it is {iso(now_ms)} now); give a later time"
            + _if_seconds(text, now_ms)
        )
    if -early > _FARTHEST_MS:
        raise ValueError(
            f"{text!r} lies {_distance(-early)} ahead (it is {iso(now_ms)} now); give a time within ten years"
        )
    return at_ms


def _if_seconds(text: str, now_ms: int) -> str:
    """The end of a refusal, for a number that would have been fine if it counted seconds."""
    plain = text.strip()
    meant = int(plain) * 1000 if _EPOCH_MS.fullmatch(plain) else 0
    if not now_ms <= meant <= now_ms + _FARTHEST_MS:
        return ""
    return f", or {meant} if seconds were meant: a number counts milliseconds"


def _instant(plain: str, tz: str | None) -> int:
    if not _ISO.fullmatch(plain.upper()):
        raise ValueError(f"{plain!r} is not a time; {_FORMS}")
    try:
        when = datetime.fromisoformat(plain.upper())
    except ValueError as error:
        raise ValueError(f"{plain!r} is not in the calendar: {error}") from None
    if when.tzinfo is not None:
        return _within_range(milliseconds(when - EPOCH), plain)
    wall_ms = _within_range(milliseconds(when.replace(tzinfo=UTC) - EPOCH), plain)
    return wall_ms if tz is None else _in_zone(wall_ms, tz, plain)


def _in_zone(wall_ms: int, tz: str, plain: str) -> int:
    place = zone(tz)
    skipped = skipped_until(place, wall_ms)
    if skipped is not None:
        raise ValueError(
            f"{plain!r} does not exist in {tz}: the clocks are put forward then; "
            f"the first time after it is {local(skipped, tz)}"
        )
    return first_instant(place, wall_ms)


def _within_range(ms: int, text: str) -> int:
    if not 0 <= ms < LAST_MS:
        raise ValueError(f"{text!r} lies outside the years 1970 to 9998")
    return ms


def _text(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds" if when.microsecond else "seconds")


def _distance(ms: int) -> str:
    """How far away, in the largest unit of which there are at least two."""
    for unit, size in (("year", _YEAR), ("day", _DAY), ("hour", _HOUR)):
        if ms >= 2 * size:
            return f"{round(ms / size)} {unit}s"
    minutes = round(ms / _MINUTE)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
