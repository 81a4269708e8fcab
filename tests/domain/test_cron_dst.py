"""What a change of clocks does to cron, in chosen places and in every zone of every database at hand."""

from itertools import pairwise

import pytest
from tests.domain.walk import DAY, HOUR, Wish, all_changes, around, firings, places, reached

from stentor.domain.instants import from_iso, iso
from stentor.domain.schedules import Cron, instants


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


DAILY = ((0, 0), (30, 0), (30, 1), (45, 1), (15, 2), (0, 3), (30, 23))
BEATS = {
    "*/30 * * * *": (range(24), (0, 30)),
    "0 * * * *": (range(24), (0,)),
    "27 */2 * * *": (range(0, 24, 2), (27,)),
    "*/20 1 * * *": ((1,), (0, 20, 40)),
    "15 0-23/3 * * *": (range(0, 24, 3), (15,)),
    "10-50/20 0-4 * * *": (range(5), (10, 30, 50)),
}


def product(expr: str, tz: str, first: int, last: int) -> list[int]:
    """What the product fires in these real minutes, in seconds."""
    found = instants(Cron(expr=expr, tz=tz), first * 60_000 - 1, last * 60_000)
    return [ms // 1000 for ms in found]


def test_the_sweep_covers_the_zones_that_change_their_clocks(database: str) -> None:
    changes = all_changes(database)
    by_zone: dict[str, list[int]] = {}
    for change in sorted(changes):
        for tz in changes[change]:
            by_zone.setdefault(tz, []).append(change.minute)
    assert len(places()) > 580
    assert len(by_zone) > 150
    assert sum(map(len, by_zone.values())) > 900
    assert {change.after - change.before for change in changes} >= {60, -60, 30, -30}
    # What the walk around a change relies on: its zones have no other one near.
    assert all(
        later - earlier > 5 * DAY for minutes in by_zone.values() for earlier, later in pairwise(minutes)
    )


@pytest.mark.parametrize(("minute", "hour"), DAILY, ids=[f"{hour:02}:{minute:02}" for minute, hour in DAILY])
def test_a_daily_time_fires_once_for_each_nominal_date_in_every_zone(
    database: str, minute: int, hour: int
) -> None:
    wrong: list[tuple[str, list[int], list[int]]] = []
    for change, zones in all_changes(database).items():
        date = (change.minute + change.before) // DAY
        nominal = [day * DAY + hour * HOUR + minute for day in (date - 1, date, date + 1)]
        real = list(reached(around(change, 2 * DAY + 3 * HOUR), nominal).values())
        expected = [minute * 60 for minute in real]
        for tz in zones:
            found = product(f"{minute} {hour} * * *", tz, real[0], real[-1])
            if found != expected:
                wrong.append((tz, found, expected))
    assert wrong == []


@pytest.mark.parametrize("expr", BEATS)
def test_a_beat_follows_real_time_in_every_zone(database: str, expr: str) -> None:
    hours, minutes = BEATS[expr]
    wish = Wish(expr, frozenset(hours), frozenset(minutes), lambda _: True, beat=True)
    wrong: list[tuple[str, list[int], list[int]]] = []
    for change, zones in all_changes(database).items():
        shown = around(change, 6 * HOUR)
        expected = firings(wish, shown)
        for tz in zones:
            found = product(expr, tz, shown[0][0], shown[-1][0])
            if found != expected:
                wrong.append((tz, found, expected))
    assert wrong == []
