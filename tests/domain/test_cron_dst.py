"""What a change of clocks does to cron, checked against a walk through real minutes that knows nothing of our code."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor.domain.instants import from_iso, iso
from stentor.domain.schedules import Cron, instants

MINUTE_MS = 60_000
DAY = 1440  # the walk counts in minutes
FIRST_YEAR, LAST_YEAR = 2026, 2028


def between(expr: str, tz: str, after: str, until: str) -> list[str]:
    return [iso(ms) for ms in instants(Cron(expr=expr, tz=tz), from_iso(after), from_iso(until))]


@pytest.mark.parametrize(
    ("expr", "tz", "after", "until", "expected"),
    [
        pytest.param(
            "30 2 * * *", "America/New_York", "2026-03-08T05:00", "2026-03-09T12:00",
            ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"], id="a skipped time fires at the end of the gap",
        ),
        pytest.param(
            "0,15,30 2,3 * * *", "America/New_York", "2026-03-08T05:00", "2026-03-08T12:00",
            ["2026-03-08T07:00:00Z", "2026-03-08T07:15:00Z", "2026-03-08T07:30:00Z"],
            id="times that fall together at the end of the gap fire once",
        ),
        pytest.param(
            "30 1 * * *", "America/New_York", "2026-11-01T04:00", "2026-11-02T12:00",
            ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"], id="a repeated time fires the first time only",
        ),
        pytest.param(
            "30 1 * * *", "America/New_York", "2026-11-01T05:45", "2026-11-02T12:00",
            ["2026-11-02T06:30:00Z"], id="asked anew between the two it does not fire again",
        ),
        pytest.param(
            "30 1 * * *", "America/New_York", "2026-11-01T06:15", "2026-11-02T12:00",
            ["2026-11-02T06:30:00Z"], id="nor asked anew within the second pass",
        ),
        pytest.param(
            "*/30 * * * *", "America/New_York", "2026-11-01T04:45", "2026-11-01T07:45",
            ["2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z",
             "2026-11-01T07:00:00Z", "2026-11-01T07:30:00Z"], id="a beat goes through the overlap",
        ),
        pytest.param(
            "*/30 * * * *", "America/New_York", "2026-03-08T06:15", "2026-03-08T07:45",
            ["2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z"], id="and through the gap",
        ),
        pytest.param(
            "*/30 1 * * *", "America/New_York", "2026-11-01T04:45", "2026-11-01T12:00",
            ["2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"],
            id="steps within one hour are a beat",
        ),
        pytest.param(
            "*/30 2 * * *", "America/New_York", "2026-03-08T05:00", "2026-03-09T06:15",
            ["2026-03-09T06:00:00Z"], id="a beat within the skipped hour is silent that day",
        ),
        pytest.param(
            "27 */2 * * *", "America/New_York", "2026-03-08T04:00", "2026-03-08T09:00",
            ["2026-03-08T05:27:00Z", "2026-03-08T08:27:00Z"], id="stepped hours gain nothing in the gap",
        ),
        pytest.param(
            "0 0-23 * * *", "America/New_York", "2026-11-01T04:30", "2026-11-01T07:30",
            ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"],
            id="a range over the whole day is a beat",
        ),
        pytest.param(
            "*/20 30 1 * * *", "America/New_York", "2026-11-01T05:00", "2026-11-01T07:00",
            ["2026-11-01T05:30:00Z", "2026-11-01T05:30:20Z", "2026-11-01T05:30:40Z"],
            id="seconds do not make a beat",
        ),
        pytest.param(
            "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00", "2026-04-05T12:00",
            ["2026-04-04T14:45:00Z"], id="an overlap of half an hour",
        ),
        pytest.param(
            "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00", "2026-10-04T12:00",
            ["2026-10-03T15:30:00Z"], id="a gap of half an hour",
        ),
        pytest.param(
            "0 1 * * *", "Europe/Dublin", "2026-10-24T12:00", "2026-10-25T12:00",
            ["2026-10-25T00:00:00Z"], id="a zone whose winter counts as the deviation",
        ),
        pytest.param(
            "0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", "2026-04-24T12:00",
            ["2026-04-23T22:00:00Z"], id="a gap at midnight",
        ),
        pytest.param(
            "30 23 * * *", "America/Nuuk", "2026-03-28T12:00", "2026-03-30T12:00",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"], id="a gap before midnight moves to the next date",
        ),
        pytest.param(
            "30 23 * * *", "America/Nuuk", "2026-10-24T12:00", "2026-10-26T12:00",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"], id="an overlap before midnight",
        ),
        pytest.param(
            "0 9 * * *", "Pacific/Apia", "2011-12-29T12:00", "2011-12-31T12:00",
            ["2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T19:00:00Z"], id="a day that was left out",
        ),
    ],
)  # fmt: skip
def test_a_change_of_clocks(expr: str, tz: str, after: str, until: str, expected: list[str]) -> None:
    assert between(expr, tz, after, until) == expected


def test_a_beat_finds_the_overlap_although_the_offset_is_back_when_it_is_due_again() -> None:
    """Morocco repeats an hour, keeps the new offset for a month and is back at the old one in July."""
    found = between("*/20 2 10 3,7 *", "Africa/Casablanca", "2024-03-10T01:50", "2024-07-10T01:00")
    assert found == [
        "2024-03-10T02:00:00Z",
        "2024-03-10T02:20:00Z",
        "2024-03-10T02:40:00Z",
        "2024-07-10T01:00:00Z",
    ]


# --- the walk -------------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """A zone's offset changes from `before` to `after` at `minute`; all in minutes, the last since 1970."""

    tz: str
    minute: int
    before: int
    after: int


def offset_minutes(place: ZoneInfo, minute: int) -> int:
    delta = datetime.fromtimestamp(minute * 60, place).utcoffset()
    assert delta is not None
    return int(delta / timedelta(minutes=1))


@cache
def all_changes() -> tuple[Change, ...]:
    start = int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()) // 60
    end = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) // 60
    found: list[Change] = []
    for tz in sorted(available_timezones() - {"EST", "MST", "Factory", "localtime", "GMT+0", "GMT-0"}):
        place = ZoneInfo(tz)
        before = offset_minutes(place, start)
        for day in range(start, end, DAY):
            if offset_minutes(place, day + DAY) == before:
                continue
            for minute in range(day + 1, day + DAY + 1):
                after = offset_minutes(place, minute)
                if after != before:
                    found.append(Change(tz, minute, before, after))
                    before = after
    return tuple(found)


def walk(change: Change, reach: int) -> Iterator[tuple[int, int]]:
    """Real minutes around the change, each with what the wall shows."""
    for minute in range(change.minute - reach, change.minute + reach):
        yield minute, minute + (change.before if minute < change.minute else change.after)


def reached(change: Change, reach: int, wanted: list[int]) -> dict[int, int]:
    """For each wall time the first real minute at which the wall shows it or has gone past it."""
    pending = deque(sorted(wanted))
    found: dict[int, int] = {}
    for minute, wall in walk(change, reach):
        while pending and wall >= pending[0]:
            found[pending.popleft()] = minute
        if not pending:
            break
    return found


def product(expr: str, change: Change, first: int, last: int) -> list[int]:
    """What the product fires in the real minutes from `first` to `last`."""
    found = instants(Cron(expr=expr, tz=change.tz), first * MINUTE_MS - 1, last * MINUTE_MS)
    return [ms // MINUTE_MS for ms in found]


DAILY = ((0, 0), (30, 0), (30, 1), (45, 1), (15, 2), (0, 3), (30, 23))
BEATS: dict[str, Callable[[int, int], bool]] = {
    "*/30 * * * *": lambda hour, minute: minute % 30 == 0,
    "0 * * * *": lambda hour, minute: minute == 0,
    "27 */2 * * *": lambda hour, minute: minute == 27 and hour % 2 == 0,
    "*/20 1 * * *": lambda hour, minute: minute % 20 == 0 and hour == 1,
    "15 0-23/3 * * *": lambda hour, minute: minute == 15 and hour % 3 == 0,
    "10-50/20 0-4 * * *": lambda hour, minute: minute in {10, 30, 50} and hour <= 4,
}


def test_the_sweep_covers_the_zones_that_change_their_clocks() -> None:
    changes = all_changes()
    assert len({change.tz for change in changes}) > 150
    assert len(changes) > 900
    assert {change.after - change.before for change in changes} >= {60, -60, 30, -30}


@pytest.mark.parametrize(("minute", "hour"), DAILY, ids=[f"{hour:02}:{minute:02}" for minute, hour in DAILY])
def test_a_daily_time_fires_once_for_each_nominal_date_in_every_zone(minute: int, hour: int) -> None:
    wrong: list[tuple[Change, list[int], list[int]]] = []
    for change in all_changes():
        date = (change.minute + change.before) // DAY
        nominal = [day * DAY + hour * 60 + minute for day in (date - 1, date, date + 1)]
        expected = list(reached(change, 2 * DAY + 180, nominal).values())
        found = product(f"{minute} {hour} * * *", change, expected[0], expected[-1])
        if found != expected:
            wrong.append((change, found, expected))
    assert wrong == []


@pytest.mark.parametrize("expr", BEATS)
def test_a_beat_follows_real_time_in_every_zone(expr: str) -> None:
    wrong: list[tuple[Change, list[int], list[int]]] = []
    distinct = {(change.minute, change.before, change.after): change for change in all_changes()}
    for change in distinct.values():
        shown = list(walk(change, 360))
        expected = [real for real, wall in shown if BEATS[expr](wall // 60 % 24, wall % 60)]
        found = product(expr, change, shown[0][0], shown[-1][0])
        if found != expected:
            wrong.append((change, found, expected))
    assert wrong == []


class FieldSample(NamedTuple):
    """The text of a field, the values it stands for, and whether it is a beat rather than a list of times."""

    text: str
    values: frozenset[int]
    beat: bool


def field_samples(low: int, high: int, likely: int | None = None) -> st.SearchStrategy[FieldSample]:
    """Fields of `low` to `high`, with named values up to `likely`."""
    every = frozenset(range(low, high + 1))
    named = st.integers(low, likely or high)
    steps = st.integers(1, len(every)).map(
        lambda step: FieldSample(f"*/{step}", frozenset(range(low, high + 1, step)), beat=True)
    )
    ranges = st.tuples(named, named).map(
        lambda ends: FieldSample(
            f"{min(ends)}-{max(ends)}",
            frozenset(range(min(ends), max(ends) + 1)),
            beat=set(ends) == {low, high},
        )
    )
    lists = st.sets(named, min_size=1, max_size=4).map(
        lambda values: FieldSample(",".join(map(str, values)), frozenset(values), beat=False)
    )
    return st.one_of(st.just(FieldSample("*", every, beat=True)), steps, ranges, lists)


def day_matches(wall: int, day: FieldSample, weekday: FieldSample) -> bool:
    date = datetime.fromtimestamp(wall * 60, UTC)
    on_day, on_weekday = date.day in day.values, date.isoweekday() % 7 in weekday.values
    restricted = [sample.text not in {"*", "*/1"} for sample in (day, weekday)]
    return on_day or on_weekday if all(restricted) else on_day and on_weekday


@given(
    st.integers(0, 10**6),
    field_samples(0, 59),
    field_samples(0, 23, likely=4),
    st.one_of(st.just(FieldSample("*", frozenset(range(1, 32)), beat=True)), field_samples(1, 31)),
    st.one_of(st.just(FieldSample("*", frozenset(range(7)), beat=True)), field_samples(0, 6)),
)
@settings(max_examples=120, deadline=None)
def test_any_expression_agrees_with_the_walk_around_any_change(
    pick: int, minute: FieldSample, hour: FieldSample, day: FieldSample, weekday: FieldSample
) -> None:
    changes = all_changes()
    change = changes[pick % len(changes)]
    reach = 30 * 60
    shown = list(walk(change, reach))
    matching = [
        wall
        for wall in range(shown[0][1], shown[-1][1] + 1)
        if wall % 60 in minute.values and wall // 60 % 24 in hour.values and day_matches(wall, day, weekday)
    ]
    if minute.beat or hour.beat:
        walls = set(matching)
        expected = [real for real, wall in shown if wall in walls]
    else:
        expected = sorted(set(reached(change, reach, matching).values()))
    expr = f"{minute.text} {hour.text} {day.text} * {weekday.text}"
    assert product(expr, change, shown[0][0], shown[-1][0]) == expected
