"""Time zones: which names are accepted, and how wall time and instants map onto each other.

Wall time is kept like an instant: milliseconds since 1970-01-01 00:00 on that zone's own clock.
"""

import re
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo, available_timezones

from stentor.domain.spelling import did_you_mean

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# No zone changes its clock twice within this time; a week is the least in the database for 2020 to 2045.
_STRIDE_MS = 12 * 3_600_000

# EST and MST are names in the database too, but of clocks that never change, which is rarely what is meant.
_ABBREVIATIONS = {
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "CDT": ("America/Chicago", "America/Havana"),
    "CEST": ("Europe/Berlin", "Europe/Paris"),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "ECT": ("America/Guayaquil", "Europe/Paris"),
    "EDT": ("America/New_York", "America/Toronto"),
    "EST": ("America/New_York", "America/Panama", "Australia/Brisbane"),
    "GST": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "MDT": ("America/Denver",),
    "MSK": ("Europe/Moscow",),
    "MST": ("America/Denver", "America/Phoenix", "Asia/Kuala_Lumpur"),
    "PDT": ("America/Los_Angeles",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "SST": ("Asia/Singapore", "Pacific/Pago_Pago"),
    "Z": ("UTC",),
}
# On disk beside the zones, but not places: the host's own choice, a placeholder, and copies that count leap seconds.
_NOT_PLACES = re.compile(r"localtime|Factory|posixrules|(posix|right)/.*")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII | re.IGNORECASE)


def moment(ms: int) -> datetime:
    """The instant as a datetime in UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def milliseconds(span: timedelta | None) -> int:
    """Whole milliseconds. The type of `utcoffset` allows None; no zone answers so."""
    return (span or timedelta()) // _MILLISECOND


def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; anything else is refused with what could be meant."""
    if name.upper() in _ABBREVIATIONS:
        raise ValueError(
            f"time zone {name!r} is an abbreviation; name a place: {_either(_ABBREVIATIONS[name.upper()])}"
        )
    if offset := _OFFSET.fullmatch(name):
        raise ValueError(
            f"time zone {name!r} is an offset, which knows no summer time; name {_instead_of(offset)}"
        )
    try:
        if not _NOT_PLACES.fullmatch(name):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    guess = did_you_mean(name, available_timezones())
    raise ValueError(f"time zone {name!r} is unknown{guess}; name an IANA zone such as Europe/Berlin or UTC")


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names)


def _instead_of(offset: re.Match[str]) -> str:
    sign, hours, minutes = offset.groups()
    if int(minutes or 0) or int(hours) > 12:
        return "an IANA zone such as Europe/Berlin"
    if not int(hours):
        return "UTC"
    # The Etc zones count westwards.
    fixed = f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}"
    return f"an IANA zone such as Europe/Berlin, or {fixed} for this very offset all year"


def tz_version() -> str:
    """The version of the packaged time zone database. Whether the host's copy is newer is for an adapter to find out."""
    version: str = import_module("tzdata").IANA_VERSION
    return version


def offset_at(place: ZoneInfo, at_ms: int) -> int:
    """What to add to the instant to get the wall time."""
    return milliseconds(moment(at_ms).astimezone(place).utcoffset())


def first_change(place: ZoneInfo, start_ms: int, end_ms: int) -> int | None:
    """The first instant in (start, end] at which the zone's offset is no longer what it was at `start`."""
    before = offset_at(place, start_ms)
    for low in range(start_ms, end_ms, _STRIDE_MS):
        high = min(low + _STRIDE_MS, end_ms)
        if offset_at(place, high) != before:
            return low + bisect_left(range(low, high), 1, key=lambda at: int(offset_at(place, at) != before))
    return None


def skipped_until(place: ZoneInfo, wall_ms: int) -> int | None:
    """The first instant after the gap which swallows this wall time; None when the wall time exists."""
    before, after = _offsets_of(place, wall_ms)
    if before >= after:
        return None
    return first_change(place, wall_ms - after, wall_ms - before)


def first_instant(place: ZoneInfo, wall_ms: int) -> int:
    """The instant of a wall time: the first of two in an overlap, the end of the gap for one that does not exist."""
    skipped = skipped_until(place, wall_ms)
    return wall_ms - _offsets_of(place, wall_ms)[0] if skipped is None else skipped


def _offsets_of(place: ZoneInfo, wall_ms: int) -> tuple[int, int]:
    """The offsets before and after the change of clocks this wall time falls into; equal when it falls into none."""
    wall = moment(wall_ms).replace(tzinfo=place)
    return milliseconds(wall.utcoffset()), milliseconds(wall.replace(fold=1).utcoffset())
