"""Time zones: which names are accepted."""

import re
from itertools import filterfalse
from zoneinfo import ZoneInfo, available_timezones

from stentor.domain.spelling import nearest

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
    guess = nearest(name, filterfalse(_NOT_PLACES.fullmatch, available_timezones()))
    meant = f" (did you mean {guess!r}?)" if guess else ""
    raise ValueError(f"time zone {name!r} is unknown{meant}; name an IANA zone such as Europe/Berlin or UTC")


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
