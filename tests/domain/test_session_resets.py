from datetime import UTC, datetime

import pytest

from stentor.domain.instants import from_iso
from stentor.domain.records import Freshness, SessionSeed
from stentor.domain.session_resets import ResetPolicy, Resets, last_time_of_day

NAMED = SessionSeed("s-1", "k", "k", "named", "main", "Weekly", shared=True)
NOW_MS = from_iso("2026-07-01T07:00:00Z")
FOUR = 4 * 60


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("now", "time_of_day", "tz", "expected"),
    [
        pytest.param(
            "2026-07-01T04:00:00Z", "04:00", "UTC", "2026-07-01T04:00:00Z", id="at the moment itself"
        ),
        pytest.param("2026-07-01T03:59:59Z", "04:00", "UTC", "2026-06-30T04:00:00Z", id="a moment before"),
        pytest.param(
            "2026-07-01T23:59:59Z", "04:00", "UTC", "2026-07-01T04:00:00Z", id="at the end of a day"
        ),
        pytest.param("2026-07-01T00:00:00Z", "00:00", "UTC", "2026-07-01T00:00:00Z", id="midnight"),
        pytest.param("2026-07-01T01:00:00Z", "04:00", "Asia/Tokyo", "2026-06-30T19:00:00Z", id="east"),
        pytest.param("2026-07-01T05:00:00Z", "23:00", "America/New_York", "2026-07-01T03:00:00Z", id="west"),
        pytest.param(
            "2026-03-29T10:00:00Z",
            "02:30",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
            id="no such time that day",
        ),
        pytest.param(
            "2026-03-29T00:59:59Z", "02:30", "Europe/Berlin", "2026-03-28T01:30:00Z", id="before the gap"
        ),
        pytest.param(
            "2026-10-25T10:00:00Z",
            "02:30",
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            id="the first of two times",
        ),
        pytest.param(
            "2026-10-25T01:15:00Z", "02:30", "Europe/Berlin", "2026-10-25T00:30:00Z", id="between the two"
        ),
        pytest.param(
            "2026-10-25T00:29:59Z", "02:30", "Europe/Berlin", "2026-10-24T00:30:00Z", id="before both"
        ),
        pytest.param(
            "2026-03-29T04:00:00Z",
            "04:00",
            "Europe/Berlin",
            "2026-03-29T02:00:00Z",
            id="an hour earlier since",
        ),
        pytest.param(
            "2026-07-01T02:00:00Z",
            "23:00",
            "America/New_York",
            "2026-06-30T03:00:00Z",
            id="still yesterday there",
        ),
        pytest.param(
            "2010-11-07T02:45:00Z",
            "00:00",
            "America/St_Johns",
            "2010-11-07T02:30:00Z",
            id="back over midnight",
        ),
        pytest.param(
            "2011-12-31T12:00:00Z",
            "12:00",
            "Pacific/Apia",
            "2011-12-30T22:00:00Z",
            id="after a day that there was not",
        ),
        pytest.param(
            "2011-12-30T12:00:00Z",
            "12:00",
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            id="noon of a day that was left out",
        ),
    ],
)
def test_a_day_begins_when_the_clock_last_showed_its_time(
    now: str, time_of_day: str, tz: str, expected: str
) -> None:
    hours, minutes = time_of_day.split(":")
    assert iso(last_time_of_day(from_iso(now), int(hours) * 60 + int(minutes), tz)) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(ResetPolicy(FOUR), Freshness(NOW_MS - 3 * 3_600_000, 0), id="daily"),
        pytest.param(ResetPolicy(None, 30), Freshness(0, NOW_MS - 30 * 60_000), id="idle"),
        pytest.param(
            ResetPolicy(FOUR, 30),
            Freshness(NOW_MS - 3 * 3_600_000, NOW_MS - 30 * 60_000),
            id="whichever is first",
        ),
    ],
)
def test_a_policy_says_what_is_fresh_enough(policy: ResetPolicy, expected: Freshness) -> None:
    assert Resets(general=policy).applied(NAMED, NOW_MS).fresh == expected


def test_without_a_policy_a_session_is_always_fresh() -> None:
    assert Resets().applied(NAMED, NOW_MS) is NAMED


def test_the_policy_of_a_kind_stands_in_for_the_general_one() -> None:
    resets = Resets("UTC", ResetPolicy(FOUR), {"named": ResetPolicy(None, 30), "main": ResetPolicy()})
    main = SessionSeed("s-2", "m", "m", "main", "main", "Main", shared=True)
    assert resets.applied(NAMED, NOW_MS).fresh == Freshness(0, NOW_MS - 30 * 60_000)
    assert resets.applied(main, NOW_MS).fresh is None


def test_a_session_of_one_run_has_nothing_to_go_on_with() -> None:
    isolated = SessionSeed("s-3", "r", "c", "run", "main", "Cron", shared=False)
    assert Resets(general=ResetPolicy(FOUR)).applied(isolated, NOW_MS) is isolated
