from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stentor.domain.instants import from_iso, iso
from stentor.domain.occurrences import Accounted, Accounting, Look, MissedRule, account
from stentor.domain.schedules import At, Cron, Every, Schedule, instants

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DAILY = Cron(expr="0 7 * * *", tz="Europe/Berlin")
FIVE_MINUTES = Cron(expr="*/5 * * * *", tz="UTC")
SECONDLY = Every(every_ms=1_000)


def accounted(
    schedule: Schedule,
    since: str,
    now: str,
    *,
    policy: Any = "latest",
    grace_ms: int = 2 * HOUR,
    awake: str = "1970-01-01",
    **look: Any,
) -> Accounting:
    """The account of a process that has been watching since `awake`."""
    moment = Look(from_iso(now), 250, from_iso(awake), **look)
    return account(
        schedule, MissedRule(policy, grace_ms), moment, job_id="j", last_accounted_ms=from_iso(since)
    )


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
    ("now", "awake", "fate"),
    [
        pytest.param("05:00:59.999", "04:00", "run", id="a busy minute needs no grace"),
        pytest.param("05:01:00", "04:00", "grace", id="frozen for longer"),
        pytest.param("05:00:02", "05:00:02", "grace", id="just started"),
        pytest.param("05:00:02", "05:00:00", "grace", id="started in that very millisecond"),
        pytest.param("05:00:02", "04:59:59.999", "run", id="started just before"),
    ],
)
def test_without_grace_only_what_fell_due_while_somebody_watched_runs(
    now: str, awake: str, fate: str
) -> None:
    accounting = accounted(
        DAILY, "2026-07-01T04:00", f"2026-07-01T{now}Z", grace_ms=0, awake=f"2026-07-01T{awake}Z"
    )
    assert fates(accounting) == [("05:00:00", fate)]


def test_only_a_run_that_nobody_watched_for_is_called_late() -> None:
    watched = accounted(DAILY, "2026-07-01T04:00", "2026-07-01T05:00:02Z", awake="2026-07-01T04:30")
    missed = accounted(DAILY, "2026-07-01T04:00", "2026-07-01T05:00:02Z", awake="2026-07-01T05:00:01Z")
    assert [row.late for row in (*watched.rows, *missed.rows)] == [False, True]


def test_in_a_backoff_the_newest_instant_waits_for_its_end_and_the_others_are_skipped() -> None:
    until = from_iso("2026-07-01T12:17")
    accounting = accounted(
        FIVE_MINUTES, "2026-07-01T12:00", "2026-07-01T12:17", grace_ms=0, not_before_ms=until
    )
    assert fates(accounting) == [("12:05:00", "backoff"), ("12:10:00", "backoff"), ("12:15:00", "run")]
    assert not accounting.rows[-1].late


def test_a_backoff_does_not_excuse_a_time_when_nobody_watched() -> None:
    accounting = accounted(
        FIVE_MINUTES,
        "2026-07-01T12:00",
        "2026-07-01T12:17",
        grace_ms=0,
        awake="2026-07-01T12:16",
        not_before_ms=from_iso("2026-07-01T12:17"),
    )
    assert fates(accounting) == [("12:05:00", "grace"), ("12:10:00", "grace"), ("12:15:00", "grace")]


def test_instants_the_run_log_would_forget_are_counted_in_one_row() -> None:
    accounting = accounted(
        FIVE_MINUTES,
        "2026-07-01T12:00",
        "2026-07-01T13:00",
        grace_ms=10 * MINUTE,
        keep_from_ms=from_iso("2026-07-01T12:30"),
    )
    first, *rest = accounting.rows
    assert (iso(first.instant_ms), first.last_ms, first.count, first.reason) == (
        "2026-07-01T12:05:00Z", from_iso("2026-07-01T12:25"), 5, "grace",
    )  # fmt: skip
    assert [reason for _, reason in fates(Accounting(tuple(rest), 0, complete=True))] == [
        *["grace"] * 4, "coalesced", "coalesced", "run",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "reason"), [("latest", "grace"), ("all", "grace"), ("skip", "skipped_by_policy")]
)
def test_the_silent_years_of_a_beat_are_counted_at_once(policy: str, reason: str) -> None:
    now = "2026-07-01T12:00:00.100Z"
    accounting = accounted(
        SECONDLY,
        "1971-01-01",
        now,
        policy=policy,
        grace_ms=MINUTE,
        awake=now,
        keep_from_ms=from_iso("2026-06-01"),
    )
    (row,) = accounting.rows
    assert (row.reason, iso(row.instant_ms), iso(row.last_ms or 0)) == (
        reason, "1971-01-01T00:00:01Z", "2026-05-31T23:59:59Z",
    )  # fmt: skip
    assert row.count == (from_iso("2026-06-01") - from_iso("1971-01-01")) // 1000 - 1
    assert (accounting.accounted_until_ms, accounting.complete) == (row.last_ms, False)


def test_a_beat_of_many_weeks_keeps_its_rhythm_through_the_years() -> None:
    beat = Every(every_ms=40 * DAY, anchor_ms=0)
    accounting = accounted(
        beat,
        "1971-01-01",
        "2026-07-01",
        grace_ms=50 * DAY,
        awake="2026-07-01",
        keep_from_ms=from_iso("2026-06-01"),
    )
    (row,) = accounting.rows
    assert (row.count, row.last_ms) == (
        len(list(instants(beat, from_iso("1971-01-01"), row.last_ms or 0))),
        row.last_ms,
    )


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
    st.sampled_from([HOUR, DAY]),
    STEPS,
)
@settings(max_examples=150, deadline=None)
def test_any_history_of_claims_accounts_for_every_instant_exactly_once(
    schedule: Schedule, policy: Any, grace_ms: int, limit: int, keep_ms: int, steps: list[tuple[int, int]]
) -> None:
    start = until = now = from_iso("2026-10-31T20:00")
    awake = not_before = 0
    seen: list[int] = []
    for number, (step, horizon_ms) in enumerate(steps):
        now += step
        awake = now if number % 3 == 0 else awake
        not_before = now if number % 4 == 1 else not_before
        complete = False
        while not complete:
            part = account(
                schedule,
                MissedRule(policy, grace_ms),
                Look(now, horizon_ms, awake, not_before, now - keep_ms),
                job_id="j",
                last_accounted_ms=until,
                limit=limit,
            )
            assert len(part.rows) <= limit
            runs = [row for row in part.rows if row.outcome == "run"]
            if policy == "latest":
                assert len(runs) <= part.complete
            unwatched = [row for row in runs if row.instant_ms <= awake]
            assert all(now - row.instant_ms <= grace_ms for row in unwatched)
            assert all(row.reason for row in part.rows if row.outcome != "run")
            for row in part.rows:
                covered = list(
                    instants(schedule, row.instant_ms - 1, row.last_ms or row.instant_ms, job_id="j")
                )
                assert len(covered) == row.count
                seen += covered
            assert until <= part.accounted_until_ms
            until, complete = part.accounted_until_ms, part.complete
    assert seen == list(instants(schedule, start, until, job_id="j"))
    assert all(earlier < later for earlier, later in pairwise(seen))
