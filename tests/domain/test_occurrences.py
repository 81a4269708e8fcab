from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor.domain.instants import from_iso, iso
from stentor.domain.occurrences import Accounted, Accounting, account
from stentor.domain.schedules import At, Cron, Every, Schedule, instants

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DAILY = Cron(expr="0 7 * * *", tz="Europe/Berlin")
FIVE_MINUTES = Cron(expr="*/5 * * * *", tz="UTC")
SECONDLY = Every(every_ms=1_000)


def accounted(schedule: Schedule, since: str, now: str, **more: Any) -> Accounting:
    facts: dict[str, Any] = {
        "horizon_ms": 250,
        "policy": "latest",
        "grace_ms": 2 * HOUR,
        "job_id": "j",
        **more,
    }
    return account(schedule, last_accounted_ms=from_iso(since), now_ms=from_iso(now), **facts)


def fates(accounting: Accounting) -> list[tuple[str, str]]:
    return [(iso(row.instant_ms)[11:-1], row.reason or row.outcome) for row in accounting.rows]


def test_an_instant_claimed_ahead_of_time_runs_and_is_not_seen_again() -> None:
    first = accounted(DAILY, "2026-07-01T04:00", "2026-07-01T04:59:59.800Z")
    assert fates(first) == [("05:00:00", "run")]
    assert first.accounted_until_ms == from_iso("2026-07-01T05:00:00.050Z")
    again = accounted(DAILY, iso(first.accounted_until_ms), "2026-07-01T05:00:00.100Z")
    assert again.rows == ()
    assert again.complete


def test_nothing_due_still_moves_the_account_forward() -> None:
    accounting = accounted(DAILY, "2026-07-01T05:00", "2026-07-01T06:00")
    assert accounting == Accounting((), from_iso("2026-07-01T06:00:00.250Z"), complete=True)


def test_after_a_short_outage_the_run_is_late_and_within_grace() -> None:
    assert fates(accounted(DAILY, "2026-07-01T04:59", "2026-07-01T05:20")) == [("05:00:00", "run")]


def test_after_a_long_outage_the_instant_is_missed_by_grace() -> None:
    assert fates(accounted(DAILY, "2026-07-01T04:59", "2026-07-01T08:00")) == [("05:00:00", "grace")]


@pytest.mark.parametrize(
    ("late", "fate"),
    [
        pytest.param("05:00:00.999", "run", id="on time needs no grace"),
        pytest.param("05:00:01", "grace", id="late"),
    ],
)
def test_without_grace_only_an_instant_on_time_runs(late: str, fate: str) -> None:
    accounting = accounted(DAILY, "2026-07-01T04:59", f"2026-07-01T{late}Z", grace_ms=0)
    assert fates(accounting) == [("05:00:00", fate)]


def test_grace_ends_after_its_last_millisecond() -> None:
    assert fates(accounted(DAILY, "2026-07-01T04:59", "2026-07-01T07:00")) == [("05:00:00", "run")]
    assert fates(accounted(DAILY, "2026-07-01T04:59", "2026-07-01T07:00:00.001Z")) == [("05:00:00", "grace")]


def test_a_jump_of_an_hour_gives_one_run_and_eleven_coalesced() -> None:
    accounting = accounted(FIVE_MINUTES, "2026-07-01T12:00", "2026-07-01T13:00")
    assert [reason for _, reason in fates(accounting)] == ["coalesced"] * 11 + ["run"]
    assert accounting.rows[-1].instant_ms == from_iso("2026-07-01T13:00")


def test_a_clock_that_goes_back_accounts_for_nothing_and_forgets_nothing() -> None:
    accounting = accounted(FIVE_MINUTES, "2026-07-01T11:00", "2026-07-01T09:00")
    assert accounting == Accounting((), from_iso("2026-07-01T11:00"), complete=True)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("latest", ["grace", "grace", "coalesced", "coalesced", "run"]),
        ("all", ["grace", "grace", "run", "run", "run"]),
        ("skip", ["skipped_by_policy", "skipped_by_policy", "skipped_by_policy", "skipped_by_policy", "run"]),
    ],
)
def test_the_policy_decides_about_what_is_late(policy: str, expected: list[str]) -> None:
    accounting = accounted(
        FIVE_MINUTES, "2026-07-01T12:00", "2026-07-01T12:25", policy=policy, grace_ms=12 * MINUTE
    )
    assert [reason for _, reason in fates(accounting)] == expected


def test_an_instant_on_time_stands_for_the_late_ones_before_it() -> None:
    accounting = accounted(FIVE_MINUTES, "2026-07-01T12:00", "2026-07-01T12:09:59.900Z")
    assert fates(accounting) == [("12:05:00", "coalesced"), ("12:10:00", "run")]


@pytest.mark.parametrize("policy", ["latest", "all", "skip"])
def test_what_would_run_is_skipped_while_the_job_still_runs(policy: str) -> None:
    accounting = accounted(
        FIVE_MINUTES, "2026-07-01T12:00", "2026-07-01T12:10", policy=policy, overlapping=True
    )
    assert accounting.rows[-1] == Accounted(from_iso("2026-07-01T12:10"), "skipped", "overlap")
    assert not [row for row in accounting.rows if row.outcome == "run"]


def test_a_one_shot_runs_within_its_grace_or_is_missed() -> None:
    once = At(at="2026-06-30T09:00-07:00")
    assert fates(accounted(once, "2026-06-30T15:00", "2026-07-01T15:00", grace_ms=DAY)) == [
        ("16:00:00", "run")
    ]
    assert fates(accounted(once, "2026-06-30T15:00", "2026-07-03T16:00", grace_ms=DAY)) == [
        ("16:00:00", "grace")
    ]


def test_a_long_outage_is_accounted_in_slices_and_only_the_last_one_runs() -> None:
    since, now = "2026-07-01T12:00", "2026-07-01T12:41:39"
    slices: list[Accounting] = []
    while not slices or not slices[-1].complete:
        slices.append(accounted(SECONDLY, since, now))
        since = iso(slices[-1].accounted_until_ms)
    assert [len(part.rows) for part in slices] == [1000, 1000, 499]
    assert [row.instant_ms for part in slices for row in part.rows if row.outcome == "run"] == [from_iso(now)]


def test_a_policy_of_all_runs_in_every_slice() -> None:
    accounting = accounted(SECONDLY, "2026-07-01T12:00", "2026-07-01T12:41:39", policy="all")
    assert not accounting.complete
    assert {row.outcome for row in accounting.rows} == {"run"}


STEPS = st.lists(
    st.tuples(st.integers(-2 * HOUR, 8 * HOUR), st.integers(0, 10 * MINUTE)), min_size=1, max_size=12
)


@given(
    st.sampled_from(
        [DAILY, FIVE_MINUTES, Every(every_ms=7 * MINUTE), Cron(expr="30 1 * * *", tz="America/New_York")]
    ),
    st.sampled_from(["latest", "all", "skip"]),
    st.sampled_from([0, 10 * MINUTE, 2 * HOUR]),
    st.integers(1, 40),
    STEPS,
)
@settings(max_examples=150, deadline=None)
def test_any_history_of_claims_accounts_for_every_instant_exactly_once(
    schedule: Schedule, policy: Any, grace_ms: int, limit: int, steps: list[tuple[int, int]]
) -> None:
    start = until = now = from_iso("2026-10-31T20:00")
    seen: list[int] = []
    for step, horizon_ms in steps:
        now += step
        complete = False
        while not complete:
            part = account(
                schedule,
                job_id="j",
                last_accounted_ms=until,
                now_ms=now,
                horizon_ms=horizon_ms,
                policy=policy,
                grace_ms=grace_ms,
                limit=limit,
            )
            assert len(part.rows) <= limit
            runs = [row for row in part.rows if row.outcome == "run"]
            if policy == "latest":
                assert len(runs) <= part.complete
            assert all(now - row.instant_ms <= max(grace_ms, 999) for row in runs)
            assert all(row.reason for row in part.rows if row.outcome != "run")
            seen += [row.instant_ms for row in part.rows]
            assert until <= part.accounted_until_ms
            until, complete = part.accounted_until_ms, part.complete
    assert seen == list(instants(schedule, start, until, job_id="j"))
    assert all(earlier < later for earlier, later in pairwise(seen))
