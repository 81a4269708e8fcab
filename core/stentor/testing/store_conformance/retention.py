"""What goes with time and what stays: runs by age, number and size, and everything that hangs on them."""

from dataclasses import replace
from functools import partial

import pytest

from stentor.contract.runners import Message
from stentor.domain.job_changes import Audit, Closing, JobRemoved
from stentor.domain.outbox import Verdict
from stentor.domain.records import OccurrenceRow
from stentor.domain.retention import Limits, Position
from stentor.ports import Store
from stentor.testing.rows import (
    HOUR_MS,
    NOW_MS,
    SECOND_MS,
    accepted,
    claim_of,
    delivery_seed,
    job_row,
    rejected,
    room,
    run_end,
    run_seed,
    settlement,
    unavailable,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    claim_one,
    delivering_run,
    events_of,
    finish_one,
    logged_delivery,
    logged_run,
    open_accounts,
    running_run,
    settle_one,
    stored_job,
    swept,
)

DAY_MS = 24 * HOUR_MS
LATER_MS = NOW_MS + 100 * DAY_MS
_swept = partial(swept, now_ms=LATER_MS)
A_WEEK = Limits(days=7)


class RetentionRules:
    async def test_old_runs_go_and_young_ones_stay(self, store: Store, read: RunLog) -> None:
        await _history(store, 10, every_ms=DAY_MS)
        removed = await _swept(store, A_WEEK, now_ms=NOW_MS + 10 * DAY_MS)
        assert removed.runs == 3
        assert _runs(read) == [f"brief-{n}" for n in range(3, 10)]

    async def test_each_job_keeps_its_newest_runs(self, store: Store, read: RunLog) -> None:
        await _history(store, 5)
        await _history(store, 2, job_id="other")
        assert (await _swept(store, Limits(runs=3))).runs == 2
        assert _runs(read) == ["brief-2", "brief-3", "brief-4", "other-0", "other-1"]

    async def test_each_job_keeps_as_much_text_as_is_allowed(self, store: Store, read: RunLog) -> None:
        await _history(store, 5, says="x" * 1000)
        removed = await _swept(store, Limits(bytes=3500))
        assert (removed.runs, removed.bytes >= 2000) == (2, True)
        assert _runs(read) == ["brief-2", "brief-3", "brief-4"]

    async def test_the_newest_run_stays_however_much_it_says(self, store: Store, read: RunLog) -> None:
        await _history(store, 2, says="x" * 1000)
        await _swept(store, Limits(bytes=10))
        assert _runs(read) == ["brief-1"]

    async def test_without_limits_everything_stays(self, store: Store, read: RunLog) -> None:
        await _history(store, 5, says="x" * 1000)
        assert not await _swept(store, Limits())
        assert len(_runs(read)) == 5
        assert events_of(read, "job.added")

    async def test_a_sweep_of_many_slices_comes_to_the_same(self, store: Store, read: RunLog) -> None:
        await _history(store, 130)
        assert (await _swept(store, Limits(runs=5))).runs == 125
        assert _runs(read) == [f"brief-{n}" for n in range(125, 130)]
        assert (await _swept(store, Limits(days=1))).runs == 5

    async def test_a_slice_is_small(self, store: Store) -> None:
        await _history(store, 130)
        first = await store.prune(Limits(days=1), LATER_MS, Position())
        assert 0 < first.removed.runs < 100
        assert first.following is not None

    async def test_what_is_gone_is_not_removed_again(self, store: Store) -> None:
        await _history(store, 5)
        assert await _swept(store, A_WEEK)
        assert not await _swept(store, A_WEEK)

    async def test_a_job_is_found_behind_many_that_have_nothing_to_remove(
        self, store: Store, read: RunLog
    ) -> None:
        for n in range(40):
            await _history(store, 1, job_id=f"job-{n:03}")
        await _history(store, 2, job_id="last")
        assert (await _swept(store, Limits(runs=1))).runs == 1
        assert "last-0" not in _runs(read)

    async def test_an_instant_is_found_behind_many_that_stay(self, store: Store) -> None:
        for n in range(41):
            job, at_ms = job_row(f"job-{n:03}"), NOW_MS if n == 40 else NOW_MS + 9 * DAY_MS
            await store.add_job(job)
            lost = (OccurrenceRow(at_ms, "skipped", "overlap"),)
            await claim_one(store, claim_of(job, lost=lost, until_ms=at_ms))
        assert (await _swept(store, A_WEEK, now_ms=NOW_MS + 10 * DAY_MS)).instants == 1

    async def test_the_history_of_a_removed_job_ends_too(self, store: Store, read: RunLog) -> None:
        await _history(store, 3)
        job = await stored_job(store)
        audit, closing = Audit("somebody", None, None), Closing(job.accounted_ms)
        await store.change_jobs([JobRemoved(job.id, job.revision, NOW_MS, audit, closing)])
        await _swept(store, A_WEEK)
        assert _runs(read) == []

    async def test_an_instant_that_did_not_run_is_kept_as_long_as_a_run(self, store: Store) -> None:
        await store.add_job(job_row())
        lost = tuple(OccurrenceRow(NOW_MS + n * DAY_MS, "missed", "grace") for n in range(10))
        await claim_one(store, claim_of(job_row(), lost=lost, until_ms=NOW_MS + 9 * DAY_MS))
        assert (await _swept(store, A_WEEK, now_ms=NOW_MS + 10 * DAY_MS)).instants == 3
        assert (await _swept(store, Limits(runs=2))).instants == 0
        assert (await _swept(store, A_WEEK)).instants == 7

    async def test_instants_before_the_oldest_run_that_is_kept_go_with_the_runs_before_it(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        lost = tuple(OccurrenceRow(NOW_MS - n * SECOND_MS, "missed", "grace") for n in (5, 4, 3))
        await claim_one(store, claim_of(job_row(), lost=lost, until_ms=NOW_MS - SECOND_MS))
        await _runs_of(store, "brief", 3, SECOND_MS)
        assert (await _swept(store, Limits(runs=4))).instants == 0
        assert (await _swept(store, Limits(runs=2))).instants == 3
        assert _runs(read) == ["brief-1", "brief-2"]

    async def test_a_range_of_instants_is_as_old_as_its_last_one(self, store: Store) -> None:
        await store.add_job(job_row())
        lost = (OccurrenceRow(NOW_MS, "missed", "grace", last_ms=NOW_MS + 9 * DAY_MS, count=10),)
        await claim_one(store, claim_of(job_row(), lost=lost, until_ms=NOW_MS + 9 * DAY_MS))
        assert (await _swept(store, A_WEEK, now_ms=NOW_MS + 10 * DAY_MS)).instants == 0
        assert (await _swept(store, A_WEEK, now_ms=NOW_MS + 20 * DAY_MS)).instants == 1


class KeptRules:
    async def test_a_run_that_is_open_stays(self, store: Store, read: RunLog) -> None:
        await running_run(store, run_seed("r-open"))
        assert not (await _swept(store, Limits(runs=1, days=1, bytes=1))).runs
        assert logged_run(read, "r-open")["status"] == "running"

    @pytest.mark.parametrize(
        "verdict", [unknown(), unavailable(LATER_MS)], ids=["unknown", "still to be sent"]
    )
    async def test_a_run_whose_delivery_is_open_stays_whole(
        self, store: Store, read: RunLog, verdict: Verdict
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, verdict)
        await _history(store, 3, job_id="other")
        assert (await _swept(store, Limits(runs=1, days=1))).runs == 3
        assert _runs(read) == ["r-1"]
        assert len(logged_delivery(read)["parts"]) == 1
        assert [event["runId"] for event in events_of(read, "run.ended")] == ["r-1"]

    async def test_one_open_delivery_among_several_keeps_the_run(self, store: Store, read: RunLog) -> None:
        seeds = [delivery_seed(f"d-{n}", run_id="r-1", to=room(f"room{n}")) for n in (1, 2)]
        await delivering_run(store, *seeds)
        for part in await store.begin_sends(NOW_MS, 1, "boot-1"):
            await settle_one(store, settlement(part, accepted()))
        await _swept(store, A_WEEK)
        assert len(read.deliveries(run="r-1")) == 2

    async def test_a_shared_session_outlives_its_runs(self, store: Store, read: RunLog) -> None:
        run = await running_run(store, run_seed(shared_key="agent:ops:main"))
        await finish_one(store, replace(run_end(), messages=(Message("assistant", "hello"),)))
        assert (await _swept(store, A_WEEK)).runs == 1
        assert [message.text for message in await store.history(run.session.id)] == ["hello"]
        assert read.counts()["sessions"] == 1

    async def test_a_session_that_a_run_under_way_uses_outlives_the_run_it_was_made_for(
        self, store: Store, read: RunLog
    ) -> None:
        first = await running_run(store)
        await finish_one(store, replace(run_end(), messages=(Message("assistant", "hello"),)))
        second = run_seed("r-2", scheduled_ms=None)
        queued = await store.queue_run(replace(second, session=replace(first.session, shared=True)))
        assert queued.session.id == first.session.id
        await _swept(store, A_WEEK)
        assert _runs(read) == ["r-2"]
        assert len(await store.history(first.session.id)) == 1

    async def test_an_old_event_of_a_run_that_stays_stays(self, store: Store, read: RunLog) -> None:
        await running_run(store)
        await _swept(store, A_WEEK)
        assert [event["kind"] for event in read.events(0)] == ["run.queued"]

    async def test_a_job_stays_and_is_not_due_again(self, store: Store) -> None:
        await _history(store, 3)
        before = await stored_job(store)
        await _swept(store, A_WEEK)
        assert await stored_job(store) == before

    async def test_a_message_sent_by_hand_stays(self, store: Store, read: RunLog) -> None:
        await open_accounts(store, [delivery_seed()])
        await store.enqueue(delivery_seed())
        await answered(store, accepted())
        await _swept(store, A_WEEK)
        assert logged_delivery(read)["state"] == "accepted"


class GoneRules:
    @pytest.mark.parametrize("verdict", [accepted(), rejected()], ids=["accepted", "rejected"])
    async def test_with_a_run_go_its_deliveries(self, store: Store, read: RunLog, verdict: Verdict) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1", texts=("one",)))
        await answered(store, verdict)
        assert (await _swept(store, A_WEEK)).runs == 1
        assert (_runs(read), read.deliveries()) == ([], [])

    async def test_with_a_run_go_its_receipts(self, store: Store) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted("m-1"))
        await _swept(store, A_WEEK)
        assert await store.later_receipt("page", "main", "m-1", "read", LATER_MS) is False

    async def test_the_receipts_of_others_stay(self, store: Store) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted("m-1"))
        await store.enqueue(delivery_seed("d-2"))
        await answered(store, accepted("m-2"))
        await _swept(store, A_WEEK)
        assert await store.later_receipt("page", "main", "m-2", "read", LATER_MS) is True

    async def test_with_a_run_goes_the_session_made_for_it(self, store: Store, read: RunLog) -> None:
        run = await running_run(store)
        await finish_one(store, replace(run_end(), messages=(Message("assistant", "hello"),)))
        await _swept(store, A_WEEK)
        assert list(await store.history(run.session.id)) == []
        assert read.counts()["sessions"] == 0

    async def test_with_a_run_goes_its_instant(self, store: Store) -> None:
        """Otherwise the row would go in the same sweep as one whose run is gone."""
        await _history(store, 5)
        removed = await _swept(store, Limits(runs=2))
        assert (removed.runs, removed.instants) == (3, 0)

    async def test_old_events_go(self, store: Store, read: RunLog) -> None:
        await _history(store, 2)
        assert (await _swept(store, A_WEEK)).events == 5
        assert read.events(0) == []

    async def test_the_lane_of_a_delivery_that_is_gone_goes_on(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted())
        await _swept(store, A_WEEK)
        await store.enqueue(delivery_seed("d-2", expires_ms=LATER_MS))
        await answered(store, accepted("m-2"))
        assert logged_delivery(read, "d-2")["state"] == "accepted"

    async def test_space_is_given_back_until_none_is_left_to_give(self, store: Store) -> None:
        assert await store.give_back() is False


async def _history(
    store: Store, count: int, *, job_id: str = "brief", every_ms: int = SECOND_MS, says: str = ""
) -> None:
    """A job and `count` runs of it that ended well, `every_ms` apart; the oldest is called JOB-0."""
    await store.add_job(job_row(job_id))
    await _runs_of(store, job_id, count, every_ms, says)


async def _runs_of(store: Store, job_id: str, count: int, every_ms: int, says: str = "") -> None:
    for n in range(count):
        at_ms = NOW_MS + n * every_ms
        run = replace(run_seed(f"{job_id}-{n}", job_id=job_id, scheduled_ms=at_ms), queued_ms=at_ms)
        claim = claim_of(await stored_job(store, job_id), run, until_ms=at_ms, next_at_ms=at_ms + every_ms)
        await claim_one(store, claim)
        await finish_one(store, replace(run_end(run.id, ended_ms=at_ms), summary=says or None))


def _runs(read: RunLog) -> list[str]:
    return sorted(run["runId"] for run in read.runs(limit=1000, offset=0)[0])
