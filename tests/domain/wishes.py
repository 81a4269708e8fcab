"""Random cron expressions, each with what it asks for in plain sets and dates."""

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hypothesis import strategies as st
from tests.domain.walk import Wish

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Field:
    """The text of a field and the values it stands for."""

    text: str
    values: frozenset[int]

    @property
    def restricts(self) -> bool:
        return not {"*", "*/1"} & set(self.text.split(","))

    def is_beat(self, size: int) -> bool:
        return "*" in self.text or "/" in self.text or len(self.values) == size


@dataclass(frozen=True)
class Days:
    """A field for days that looks at the month around them."""

    text: str
    on: Callable[[date], bool]


@st.composite
def fields(
    draw: st.DrawFn, low: int, high: int, *, likely: int | None = None, names: Sequence[str] = ()
) -> Field:
    """`*`, values, ranges, steps and lists of them, in numbers or names. Most values are at most `likely`."""
    value = st.integers(low, high if likely is None else likely) | st.integers(low, high)

    def spelled(number: int) -> str:
        by_name = bool(names) and draw(st.booleans())
        return names[number - low] if by_name else f"{number:0{draw(st.integers(1, 2))}}"

    def item() -> tuple[str, range]:
        kind = draw(st.sampled_from(["value", "value", "range", "stepped", "star"]))
        first, last = sorted((draw(value), draw(value)))
        step = draw(st.integers(1, high - low + 1))
        match kind:
            case "value":
                return spelled(first), range(first, first + 1)
            case "range":
                return f"{spelled(first)}-{spelled(last)}", range(first, last + 1)
            case "stepped":
                return f"{spelled(first)}-{spelled(last)}/{step}", range(first, last + 1, step)
            case _:
                return f"*/{step}", range(low, high + 1, step)

    if draw(st.integers(0, 3)) == 0:
        return Field("*", frozenset(range(low, high + 1)))
    items = [item() for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3])))]
    return Field(",".join(text for text, _ in items), frozenset().union(*(values for _, values in items)))


def last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def nearest_workday(year: int, month: int, wanted: int) -> int:
    """The day from Monday to Friday nearest to this one, within the month."""
    days = [day for day in calendar.Calendar().itermonthdates(year, month) if day.month == month]
    meant = days[min(wanted, len(days)) - 1]
    workdays = [day for day in days if day.weekday() < 5]
    # A Saturday is as near to Friday as can be, a Sunday to Monday.
    return min(workdays, key=lambda day: abs(day - meant)).day


def is_nth(day: date, weekday: int, nth: int) -> bool:
    return (
        day.isoweekday() % 7 == weekday
        and (day - timedelta(7 * (nth - 1))).month == day.month != (day - timedelta(7 * nth)).month
    )


def is_last(day: date, weekday: int) -> bool:
    return day.isoweekday() % 7 == weekday and (day + timedelta(7)).month != day.month


@st.composite
def last_days(draw: st.DrawFn) -> Days:
    """`L`, alone or beside plain values."""
    beside = draw(st.none() | fields(1, 31, likely=28).filter(lambda field: field.restricts))
    if beside is None:
        return Days("L", lambda day: day.day == last_day(day))
    return Days(f"{beside.text},L", lambda day: day.day in beside.values or day.day == last_day(day))


def near_days() -> st.SearchStrategy[Days]:
    return st.tuples(st.integers(1, 31), st.sampled_from(["{}W", "W{}", "{}w"])).map(
        lambda drawn: Days(
            drawn[1].format(drawn[0]), lambda day: day.day == nearest_workday(day.year, day.month, drawn[0])
        )
    )


def nth_weekdays() -> st.SearchStrategy[Days]:
    one = st.tuples(st.integers(0, 6), st.integers(1, 5), st.booleans())
    return st.lists(one, min_size=1, max_size=2).map(
        lambda drawn: Days(
            ",".join(f"{WEEKDAYS[weekday] if named else weekday}#{nth}" for weekday, nth, named in drawn),
            lambda day: any(is_nth(day, weekday, nth) for weekday, nth, _ in drawn),
        )
    )


def last_weekdays() -> st.SearchStrategy[Days]:
    return st.integers(0, 7).map(lambda weekday: Days(f"L{weekday}", lambda day: is_last(day, weekday % 7)))


def weekdays() -> st.SearchStrategy[Field]:
    """Plain weekdays, in which Sunday may also be 7."""
    with_seven = st.integers(1, 7).map(
        lambda first: Field(f"{first}-7", frozenset(value % 7 for value in range(first, 8)))
    )
    return fields(0, 6, names=WEEKDAYS) | with_seven


@st.composite
def dates(draw: st.DrawFn) -> Days:
    """Day of month, month and day of week, as they stand in an expression."""
    month = draw(st.just(Field("*", frozenset(range(1, 13)))) | fields(1, 12, names=MONTHS))
    kind = draw(st.sampled_from(["plain", "plain", "plain", "last", "near", "weekday"]))
    plain_weekday = draw(weekdays())

    def in_month(day: date) -> bool:
        return day.month in month.values

    def on_weekday(day: date) -> bool:
        return day.isoweekday() % 7 in plain_weekday.values

    if kind == "near":
        near = draw(near_days())
        return Days(f"{near.text} {month.text} *", lambda day: in_month(day) and near.on(day))
    if kind == "weekday":
        special = draw(nth_weekdays() | last_weekdays())
        return Days(f"* {month.text} {special.text}", lambda day: in_month(day) and special.on(day))
    if kind == "last":
        last = draw(last_days())
        restricted = True
        text, on_day = last.text, last.on
    else:
        field = draw(fields(1, 31))
        restricted = field.restricts
        text, on_day = field.text, lambda day: day.day in field.values
    either = restricted and plain_weekday.restricts

    def on(day: date) -> bool:
        wanted = on_day(day) or on_weekday(day) if either else on_day(day) and on_weekday(day)
        return in_month(day) and wanted

    return Days(f"{text} {month.text} {plain_weekday.text}", on)


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    """Any expression: of five fields or six, most often firing in the small hours, when clocks change."""
    second = draw(st.none() | fields(0, 59))
    minute, hour = draw(fields(0, 59)), draw(fields(0, 23, likely=4))
    days = draw(st.just(Days("* * *", lambda _: True)) | dates())
    text = f"{minute.text} {hour.text} {days.text}"
    return Wish(
        text if second is None else f"{second.text} {text}",
        hour.values,
        minute.values,
        days.on,
        beat=minute.is_beat(60) or hour.is_beat(24),
        seconds=frozenset({0}) if second is None else second.values,
    )
