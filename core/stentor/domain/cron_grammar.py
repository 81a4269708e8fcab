"""Cron expressions, read strictly.

Every field is turned into explicit values here. croniter behind would take a reversed range, an equal range or a random
field for something nobody meant, so it never gets to see one.
"""

import re
from dataclasses import dataclass

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    special: re.Pattern[str] | None = None

    @property
    def size(self) -> int:
        return self.high - self.low + 1


_LAST_OR_NEAREST = re.compile(r"L|(?:[1-9]|[12]\d|3[01])W|W(?:[1-9]|[12]\d|3[01])", re.ASCII)
_NTH_OR_LAST = re.compile(rf"(?:[0-7]|{'|'.join(_DAYS)})#[1-5]|L[0-7]", re.ASCII)
_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31, special=_LAST_OR_NEAREST)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 6, _DAYS, _NTH_OR_LAST)
_DATE_FIELDS = (_DAY, _MONTH, _WEEKDAY)
# Sunday is 0 and, at the end of a range or by itself, also 7.
_SUNDAY = 7

_ITEM = re.compile(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]{1,4}))?", re.ASCII)
_HINTS = (
    (re.compile(r""), "a comma is missing its value"),
    (re.compile(r"\?"), "write * instead of ?"),
    (re.compile(r"[RH](\(.*\))?(/.*)?"), "random and hashed values are not taken; name the value"),
    (re.compile(r"[0-7]L|\w+#L"), "the last Friday is written L5"),
    (
        re.compile(r"\w*#\w*"),
        "the second Friday is written 5#2 or FRI#2, and the fifth is the last there can be",
    ),
    (re.compile(r"L(-\w*)?"), "L is the last day of the month; as a day of week, L5 is the last Friday"),
    (re.compile(r"L?W\d*L?|\d+W"), "the nearest weekday needs a day of the month, as in 15W"),
    (re.compile(rf"({'|'.join((*_MONTHS, *_DAYS))})[A-Z]+"), "names have three letters, such as JAN and MON"),
    (re.compile(r"(CRON_)?TZ=.*"), "the zone is not part of the expression; name it as the schedule's tz"),
)
_SAMPLES = "write *, */15, 5, 1-5, 10-50/20 or 1,3,5; months and weekdays also JAN and MON"


EVERY_DATE = "* * *"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The times of a day in order, and day of month, month and day of week as croniter gets them.

    `fixed`: hours and minutes are named, so nominal wall times fire.
    """

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    dates: str
    fixed: bool


def read(expr: str) -> Pattern:
    """The pattern of an expression of 5 fields, or of 6 with the seconds first."""
    if len(expr) > _LONGEST:
        raise ValueError(f"a cron expression has at most {_LONGEST} characters; this one has {len(expr)}")
    try:
        words = _words(expr.upper())
        second, minute, hour, *dates = words if len(words) == 6 else ("0", *words)
        seconds, minutes, hours = _times(_SECOND, second), _times(_MINUTE, minute), _times(_HOUR, hour)
        texts = [_date(field, word) for field, word in zip(_DATE_FIELDS, dates, strict=True)]
        _refuse_mixed_days(texts[0], texts[2])
    except ValueError as error:
        raise ValueError(f"cron expression {expr!r}: {error}") from None
    beats = _is_beat(_MINUTE, minute, minutes) or _is_beat(_HOUR, hour, hours)
    return Pattern(hours, minutes, seconds, " ".join(texts), fixed=not beats)


def _words(expr: str) -> list[str]:
    words = re.findall(r"\S+", expr, re.ASCII)
    if words and words[0].startswith("@"):
        alias = _ALIASES.get(words[0].lower())
        if alias is None or len(words) > 1:
            raise ValueError(
                f"of the names with @ only {', '.join(_ALIASES)} are taken; for an interval use a schedule of kind every"
            )
        return alias.split()
    if len(words) not in (5, 6):
        year = "; a year cannot be given" if len(words) == 7 else ""
        raise ValueError(
            f"it has {len(words)} field{'' if len(words) == 1 else 's'}{year}; write minute, hour, day of month, month and day of week, "
            "with seconds in front if wanted"
        )
    return words


def _times(field: _Field, word: str) -> tuple[int, ...]:
    return tuple(sorted({value for item in word.split(",") for value in _values(field, item)}))


def _date(field: _Field, word: str) -> str:
    """The field with every range and step spelled out."""
    items = word.split(",")
    special = [item for item in items if field.special and field.special.fullmatch(item)]
    values = {value for item in items if item not in special for value in _values(field, item)}
    if "*" in items or "*/1" in items:
        return "*"
    if values and special and special != ["L"]:
        raise ValueError(f"{field.name} {word!r} mixes {special[0]} with plain values; make it two jobs")
    if field is _DAY and any("W" in item for item in special) and len(items) > 1:
        raise ValueError(f"{field.name} {word!r}: W stands alone; make it two jobs")
    return ",".join([*map(str, sorted(values)), *special])


def _values(field: _Field, item: str) -> range:
    match = _ITEM.fullmatch(item)
    if match is None or (match[1] == "*" and match[2]):
        raise ValueError(f"{field.name} {item!r} is not understood: {_hint(item)}")
    first, last = _bounds(field, item, match)
    step = int(match[3] or 1)
    if match[3] and match[1] != "*" and not match[2]:
        raise ValueError(
            f"{field.name} {item!r} has a step but no end; write {match[1]}-{field.high}/{match[3]}"
        )
    if not 1 <= step <= field.size:
        raise ValueError(f"{field.name} {item!r}: a step is 1 to {field.size}")
    return range(first, last + 1, step)


def _bounds(field: _Field, item: str, match: re.Match[str]) -> tuple[int, int]:
    if match[1] == "*":
        return field.low, field.high
    first = _number(field, match[1])
    last = _number(field, match[2] or match[1])
    if field is _WEEKDAY and last == 0 < first and match[2] in _DAYS:
        last = _SUNDAY
    if last < first:
        parts = _in_parts(field, first, last)
        raise ValueError(
            f"{field.name} {item!r} runs backwards; write it as two ranges with a comma: {parts}"
        )
    return first, last


def _in_parts(field: _Field, first: int, last: int) -> str:
    """A range beyond the end of its field as what it means before and after."""
    ranges = ((first, field.high), (field.low, last))
    return ",".join(f"{low}-{high}" if low < high else f"{low}" for low, high in ranges if low <= high)


def _number(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not text.isdecimal():
        raise ValueError(f"{field.name} {text!r} is not understood: {_hint(text)}")
    number = int(text)
    high = _SUNDAY if field is _WEEKDAY else field.high
    if not field.low <= number <= high:
        raise ValueError(f"{field.name} {text} is outside {field.low}-{high}")
    return number


def _hint(item: str) -> str:
    return next((hint for pattern, hint in _HINTS if pattern.fullmatch(item)), _SAMPLES)


def _refuse_mixed_days(day: str, weekday: str) -> None:
    """With a plain day of month *or* a plain weekday either one fires; with these forms one of the two would be lost."""
    if ("W" in day and weekday != "*") or (_NTH_OR_LAST.search(weekday) and day != "*"):
        raise ValueError(
            "15W, L5 and 5#2 cannot stand beside a restriction of the other day field; make it two jobs"
        )


def _is_beat(field: _Field, word: str, values: tuple[int, ...]) -> bool:
    """Whether the field keeps a beat through the hour or the day, rather than naming times of the clock."""
    return "*" in word or "/" in word or len(values) == field.size
