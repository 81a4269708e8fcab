"""What a store tells of its own state, beside the rows themselves."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from stentor.adapters.sqlite.health import Health, Named, read_health
from stentor.adapters.sqlite.store import SqliteStore
from stentor.adapters.sqlite.totals import job_totals
from stentor.contract.runners import Usage
from stentor.domain.outbox import Verdict
from stentor.domain.states import DeliveryState, RunStatus
from stentor.testing.points import Trail
from stentor.testing.rows import (
    BOOT,
    HOUR_MS,
    NOW_MS,
    SECOND_MS,
    accepted,
    delivery_seed,
    job_row,
    rejected,
    run_end,
    run_seed,
)
from stentor.testing.store_conformance.steps import answered, delivering_run, finish_one, put, running_run


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path, Trail())
    yield store
    await store.close()


def health(path: Path, now_ms: int = NOW_MS) -> Health:
    return read_health(path, now_ms)


def changed(path: Path, assignment: str) -> None:
    """Change all jobs behind the product's back."""
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE jobs SET {assignment}")
    connection.close()


def test_a_store_that_does_not_exist_yet_is_in_perfect_health(path: Path) -> None:
    assert health(path) == Health()
    assert not path.exists()


async def test_what_a_process_knew_of_time_when_it_began_stays_with_it(
    store: SqliteStore, path: Path
) -> None:
    await store.beat(BOOT, NOW_MS)
    await store.beat(BOOT, NOW_MS + HOUR_MS)
    assert health(path).newest_at_start_ms == 0
    await store.beat("boot-2", SECOND_MS)
    await store.beat("boot-2", 2 * SECOND_MS)
    found = health(path)
    assert (found.newest_ms, found.newest_at_start_ms) == (NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)
    assert found.heartbeat_ms == 2 * SECOND_MS


# instants


async def test_the_oldest_instant_nobody_accounted_for_is_the_earliest_in_the_past(
    store: SqliteStore, path: Path
) -> None:
    for n in (1, 3, 2):
        await store.add_job(job_row(f"job-{n}", next_at_ms=NOW_MS - n * HOUR_MS))
    assert health(path).unaccounted_ms == NOW_MS - 3 * HOUR_MS
    assert health(path, NOW_MS - 4 * HOUR_MS).unaccounted_ms is None


async def test_nobody_accounts_for_jobs_that_are_off_or_blocked(store: SqliteStore, path: Path) -> None:
    await store.add_job(job_row("off", enabled=False))
    await store.add_job(job_row("blocked"))
    await store.block_jobs({"blocked": "plugin_missing: page"})
    assert health(path, NOW_MS + HOUR_MS).unaccounted_ms is None


async def test_jobs_that_wait_after_errors_are_counted(store: SqliteStore, path: Path) -> None:
    await store.add_job(job_row())
    assert health(path).backoff == 0
    changed(path, f"not_before = {NOW_MS + SECOND_MS}")
    assert (health(path).backoff, health(path, NOW_MS + HOUR_MS).backoff) == (1, 0)


# jobs in trouble


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        (RunStatus.OK, ()),
        (RunStatus.SKIPPED, ()),
        (RunStatus.CANCELLED, ()),
        (RunStatus.ERROR, ("brief",)),
        (RunStatus.TIMEOUT, ("brief",)),
        (RunStatus.INTERRUPTED, ("brief",)),
    ],
)
async def test_a_job_has_failed_if_its_last_run_has(
    store: SqliteStore, path: Path, status: RunStatus, failed: tuple[str, ...]
) -> None:
    await running_run(store)
    await finish_one(store, run_end(status=status))
    assert health(path).failed.names == failed


@pytest.mark.parametrize(
    ("assignment", "counts"),
    [
        pytest.param("enabled = 0", False, id="switched off by its owner"),
        pytest.param("enabled = 0, finished = 'failed'", True, id="a one-shot that is over"),
        pytest.param("enabled = 0, auto_disabled = 'hot-loop'", False, id="switched off by itself"),
    ],
)
async def test_of_jobs_that_are_off_only_one_shots_have_failed(
    store: SqliteStore, path: Path, assignment: str, counts: bool
) -> None:
    await running_run(store)
    await finish_one(store, run_end(status=RunStatus.ERROR))
    changed(path, assignment)
    assert bool(health(path).failed.count) is counts


async def test_a_job_that_was_switched_off_counts_until_it_is_on_again(
    store: SqliteStore, path: Path
) -> None:
    await store.add_job(job_row())
    changed(path, "enabled = 0, auto_disabled = 'hot-loop'")
    assert health(path).switched_off == Named(1, ("brief",))
    changed(path, "enabled = 1")
    assert health(path).switched_off == Named()


async def test_of_many_jobs_three_are_named(store: SqliteStore, path: Path) -> None:
    for name in "edcba":
        await store.add_job(job_row(name))
    changed(path, "enabled = 0, auto_disabled = 'hot-loop'")
    assert health(path).switched_off == Named(5, ("a", "b", "c"))


# deliveries


@pytest.mark.parametrize(
    ("verdict", "count"), [(accepted(), 0), (rejected(), 1)], ids=["accepted", "rejected"]
)
async def test_a_result_that_did_not_arrive_counts_until_the_next_one_does(
    store: SqliteStore, path: Path, verdict: Verdict, count: int
) -> None:
    await delivering_run(store, delivery_seed(run_id="r-1"))
    await answered(store, verdict)
    assert health(path).undelivered.count == count
    await store.queue_run(replace(run_seed("r-2", scheduled_ms=None), queued_ms=NOW_MS + SECOND_MS))
    await finish_one(store, run_end("r-2", RunStatus.OK, delivery_seed("d-2", run_id="r-2")))
    await answered(store, accepted("m-2"))
    assert health(path).undelivered.count == 0


async def test_a_result_that_was_kept_back_on_purpose_has_not_failed(store: SqliteStore, path: Path) -> None:
    silent = replace(delivery_seed(run_id="r-1", texts=()), state=DeliveryState.SUPPRESSED, reason="empty")
    await delivering_run(store, silent)
    assert health(path).undelivered.count == 0


async def test_a_result_nobody_requires_may_fail(store: SqliteStore, path: Path) -> None:
    await delivering_run(store, replace(delivery_seed(run_id="r-1"), required=False))
    await answered(store, rejected())
    assert health(path).undelivered.count == 0


async def test_a_message_by_hand_that_failed_counts_for_a_day(store: SqliteStore, path: Path) -> None:
    await put(store, delivery_seed())
    await answered(store, rejected())
    assert health(path).failed_sends == 1
    assert health(path, NOW_MS + 25 * HOUR_MS).failed_sends == 0


# sums


async def test_sums_are_over_all_runs_of_the_job_and_no_others(store: SqliteStore, path: Path) -> None:
    ends = [(RunStatus.OK, 0.1), (RunStatus.OK, 0.2), (RunStatus.TIMEOUT, None), (RunStatus.SKIPPED, None)]
    await store.add_job(job_row())
    await store.add_job(job_row("other"))
    for n, (status, cost) in enumerate(ends):
        at_ms = NOW_MS + n * SECOND_MS
        await store.queue_run(replace(run_seed(f"r-{n}", scheduled_ms=None), queued_ms=at_ms))
        usage = Usage(10, 2, None, cost) if cost else Usage()
        await finish_one(store, replace(run_end(f"r-{n}", status), usage=usage))
    await store.queue_run(run_seed("r-other", job_id="other", scheduled_ms=None))
    assert job_totals(path, "brief") == {
        "runs": 4,
        "ok": 2,
        "errors": 1,
        "skipped": 1,
        "inputTokens": 20,
        "outputTokens": 4,
        "cachedTokens": None,
        "costUsd": 0.3,
        "since": "2026-07-01T07:00:00Z",
    }


async def test_a_job_that_never_ran_has_used_nothing(store: SqliteStore, path: Path) -> None:
    await store.add_job(job_row())
    totals = job_totals(path, "brief")
    assert (totals["runs"], totals["costUsd"], totals["since"]) == (0, None, None)
