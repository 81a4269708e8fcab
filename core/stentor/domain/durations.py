"""Durations as people write them: `30s`, `1h30m`, `1.5h`."""

import re
from decimal import Decimal

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
# Each unit at most once and the larger first: `30m1h` is more likely a slip than a wish.
_WITH_UNITS = re.compile("".join(rf"(?:({_NUMBER}){unit}(?![a-z]))?" for unit in _UNITS))
_BARE = re.compile(_NUMBER)


def parse_duration(text: str, *, default_unit: str = "ms") -> int:
    """Milliseconds. A bare number counts in `default_unit`."""
    plain = text.strip().lower()
    if _BARE.fullmatch(plain):
        return round(Decimal(plain) * _UNITS[default_unit])
    match = _WITH_UNITS.fullmatch(plain)
    if not plain or match is None:
        raise ValueError(f"{text!r} is not a duration; write it like 500ms, 30s, 5m, 2h, 1d, 1h30m or 1.5h")
    numbers = zip(match.groups(), _UNITS.values(), strict=True)
    return round(sum((Decimal(number) * unit for number, unit in numbers if number), Decimal()))


def in_seconds(seconds: float) -> str:
    """`8 s`, `0.25 s`: a time as a message says it, no finer than anybody wants to know."""
    return f"{round(seconds, 1 if seconds >= 1 else 3):.15g} s"


def format_duration(ms: int) -> str:
    """The shortest text that reads back as `ms`; `0s` for nothing."""
    rest = abs(ms)
    words: list[str] = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return ("-" if ms < 0 else "") + ("".join(words) or "0s")
