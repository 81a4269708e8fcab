"""What a run and its deliveries amount to: for the outbox, for the run log and for the job."""

from dataclasses import replace

import pytest

from stentor.domain.json_types import JsonObject
from stentor.domain.records import Finished, JobRow
from stentor.domain.states import DeliveryState, Purpose, RunStatus
from stentor.ports import Store
from stentor.testing.job_changes import removed
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    SECOND_MS,
    accepted,
    delivery_seed,
    job_row,
    rejected,
    room,
    run_end,
    run_seed,
    settlement,
    unknown,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    answered,
    delivering_run,
    finish_one,
    handed_out,
    logged_delivery,
    logged_run,
    put,
    running_run,
    settle_one,
    stored_job,
)


class OutboxOfRunRules:
    async def test_what_a_run_wants_sent_is_in_the_outbox_when_it_has_ended(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1", texts=("one", "two")))
        assert [part["state"] for part in logged_delivery(read)["parts"]] == ["pending", "pending"]
        assert logged_run(read)["deliveryStatus"] == "unknown"
        assert await handed_out(store) == ["d-1.1"]

    async def test_the_same_intent_of_a_run_is_one_delivery(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed("d-1", run_id="r-1"), delivery_seed("d-2", run_id="r-1"))
        await put(store, delivery_seed("d-3", run_id="r-1"))
        assert [delivery["id"] for delivery in read.deliveries()] == ["d-1"]
        assert await handed_out(store) == ["d-1.1"]

    async def test_another_purpose_target_or_account_is_another_delivery(
        self, store: Store, read: RunLog
    ) -> None:
        seeds = (
            delivery_seed("d-1", run_id="r-1"),
            replace(delivery_seed("d-2", run_id="r-1"), purpose=Purpose.TOOL),
            delivery_seed("d-3", run_id="r-1", to=room("room2")),
            delivery_seed("d-4", run_id="r-1", to=room(account="second")),
        )
        await delivering_run(store, *seeds)
        assert {delivery["id"] for delivery in read.deliveries()} == {"d-1", "d-2", "d-3", "d-4"}

    async def test_the_same_delivery_by_hand_is_one_delivery(self, store: Store, read: RunLog) -> None:
        await put(store, delivery_seed(), delivery_seed())
        assert len(read.deliveries()) == 1
        assert await handed_out(store) == ["d-1.1"]

    async def test_a_delivery_left_out_on_purpose_is_a_row_with_its_reason(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        silent = delivery_seed(run_id="r-1", texts=())
        silent = replace(silent, state=DeliveryState.SUPPRESSED, reason="silent_token")
        await finish_one(store, replace(run_end(), deliveries=(silent,), suppression="silent_token"))
        delivery = logged_delivery(read)
        assert (delivery["state"], delivery["reason"], delivery["parts"]) == (
            "suppressed",
            "silent_token",
            [],
        )
        assert _derived(read) == ("ok", "not-delivered", "succeeded")
        assert await store.next_send() is None


class DerivedRules:
    async def test_a_run_that_delivers_nothing_has_succeeded(self, store: Store, read: RunLog) -> None:
        await delivering_run(store)
        assert _derived(read) == ("ok", "not-requested", "succeeded")

    async def test_a_run_has_succeeded_when_what_it_had_to_deliver_was_accepted(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        assert _derived(read) == ("ok", "unknown", "unknown")
        await answered(store, accepted())
        assert _derived(read) == ("ok", "delivered", "succeeded")

    async def test_what_becomes_of_a_delivery_never_changes_the_status_of_its_run(
        self, store: Store, read: RunLog
    ) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, rejected())
        assert _derived(read) == ("ok", "not-delivered", "failed")

    async def test_a_delivery_of_best_effort_does_not_fail_its_run(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, replace(delivery_seed(run_id="r-1"), required=False))
        await answered(store, rejected())
        assert _derived(read) == ("ok", "not-delivered", "succeeded")

    async def test_an_unknown_delivery_leaves_its_run_undecided(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, unknown())
        assert _derived(read) == ("ok", "unknown", "unknown")

    async def test_all_deliveries_of_one_run_may_be_settled_together(
        self, store: Store, read: RunLog
    ) -> None:
        seeds = (delivery_seed(f"d-{n}", to=room(f"room{n}"), run_id="r-1") for n in range(3))
        await delivering_run(store, *seeds)
        one, two, three = await store.begin_sends(NOW_MS, 3, BOOT)
        await store.settle([settlement(one, accepted("m-1")), settlement(two, accepted("m-2"))])
        assert _derived(read) == ("ok", "unknown", "unknown")
        await settle_one(store, settlement(three, accepted("m-3")))
        assert _derived(read) == ("ok", "delivered", "succeeded")

    async def test_the_job_shows_what_became_of_its_last_delivery(self, store: Store, read: RunLog) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"))
        await answered(store, accepted())
        assert _job_state(read)["lastDeliveryStatus"] == "delivered"


class JobAfterRunRules:
    @pytest.mark.parametrize(
        ("ended", "errors", "skipped"),
        [
            ("error", 1, 0),
            ("error timeout", 2, 0),
            ("error ok", 0, 0),
            ("skipped skipped", 0, 2),
            ("error skipped", 1, 1),
            ("skipped error", 1, 0),
            ("skipped ok", 0, 0),
            ("error interrupted", 1, 0),
            ("error cancelled error", 2, 0),
        ],
    )
    @pytest.mark.parametrize("together", [False, True])
    async def test_errors_and_skips_in_a_row_are_counted_apart(
        self, store: Store, read: RunLog, ended: str, errors: int, skipped: int, *, together: bool
    ) -> None:
        statuses = ended.split()
        await store.add_job(job_row())
        for n in range(len(statuses)):
            await store.queue_run(run_seed(f"r-{n}", scheduled_ms=None))
        ends = [run_end(f"r-{n}", RunStatus(status)) for n, status in enumerate(statuses)]
        for some in [ends] if together else [[end] for end in ends]:
            assert all(isinstance(end, Finished) and end.kept for end in await store.finish_runs(some))
        state = _job_state(read)
        assert (state["consecutiveErrors"], state["consecutiveSkipped"]) == (errors, skipped)
        assert state["lastRunStatus"] == statuses[-1]

    async def test_the_job_shows_how_its_last_run_ended_and_when_it_ran(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        assert _job_state(read)["runningAtMs"] == NOW_MS
        await finish_one(store, run_end(status=RunStatus.ERROR, error="it broke"))
        state = _job_state(read)
        assert (state["runningAtMs"], state["lastRunAtMs"]) == (None, NOW_MS)
        assert (state["lastRunStatus"], state["lastError"]) == ("error", "it broke")

    @pytest.mark.parametrize("retire", ["done", "failed"])
    async def test_a_one_shot_is_retired_by_the_run_that_used_it_up(self, store: Store, retire: str) -> None:
        await running_run(store)
        await finish_one(store, replace(run_end(), retire=retire))
        job = await stored_job(store)
        assert (job.enabled, job.finished, job.next_at_ms) == (False, retire, None)

    async def test_a_run_that_retires_nothing_leaves_its_job_in_the_schedule(self, store: Store) -> None:
        await running_run(store)
        await finish_one(store, run_end())
        job = await stored_job(store)
        assert (job.enabled, job.finished, job.next_at_ms) == (True, None, NOW_MS)

    async def test_a_job_removed_during_its_run_does_not_keep_the_run_from_ending(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        await store.change_jobs([removed(await stored_job(store))])
        assert (await finish_one(store, run_end())).kept
        assert logged_run(read)["status"] == "ok"
        assert await store.job("brief") is None


class DeleteAfterRunRules:
    async def test_it_is_removed_only_when_its_delivery_was_accepted(self, store: Store) -> None:
        await _last_run(store, job_row(delete_after_run=True))
        assert (await stored_job(store)).finished == "done"
        await answered(store, accepted())
        assert await store.job("brief") is None
        assert list(await store.jobs()) == []

    async def test_it_stays_when_its_delivery_failed(self, store: Store) -> None:
        await _last_run(store, job_row(delete_after_run=True))
        await answered(store, rejected())
        assert (await stored_job(store)).finished == "done"

    async def test_it_stays_while_nobody_knows_whether_its_delivery_arrived(self, store: Store) -> None:
        await _last_run(store, job_row(delete_after_run=True))
        part = await answered(store, unknown())
        assert (await stored_job(store)).finished == "done"
        await settle_one(store, settlement(part, accepted(), NOW_MS + SECOND_MS))
        assert await store.job("brief") is None

    async def test_it_stays_while_another_run_is_under_way(self, store: Store) -> None:
        await _last_run(store, job_row(delete_after_run=True))
        await store.queue_run(run_seed("r-2", scheduled_ms=None))
        await answered(store, accepted())
        assert (await stored_job(store)).finished == "done"
        await finish_one(store, run_end("r-2"))
        assert await store.job("brief") is None

    async def test_it_is_removed_at_the_end_of_a_run_that_delivers_nothing(self, store: Store) -> None:
        await running_run(store, job=job_row(delete_after_run=True))
        await finish_one(store, replace(run_end(), retire="done"))
        assert await store.job("brief") is None

    async def test_a_run_by_hand_does_not_remove_it_before_its_time(self, store: Store) -> None:
        await delivering_run(store, delivery_seed(run_id="r-1"), job=job_row(delete_after_run=True))
        await answered(store, accepted())
        assert (await stored_job(store)).finished is None

    async def test_a_failed_run_keeps_it(self, store: Store) -> None:
        await running_run(store, job=job_row(delete_after_run=True))
        await finish_one(store, replace(run_end(status=RunStatus.ERROR, error="it broke"), retire="failed"))
        assert (await stored_job(store)).finished == "failed"

    async def test_a_job_that_did_not_ask_for_it_is_kept(self, store: Store) -> None:
        await _last_run(store, job_row())
        await answered(store, accepted())
        assert (await stored_job(store)).finished == "done"


async def _last_run(store: Store, job: JobRow) -> None:
    """The only run of a one-shot has ended and its delivery is waiting."""
    seed = delivery_seed(run_id="r-1")
    await running_run(store, job=job)
    await store.set_accounts([PAGER], NOW_MS)
    await finish_one(store, replace(run_end("r-1", RunStatus.OK, seed), retire="done"))


def _derived(read: RunLog) -> tuple[str, str, str]:
    run = logged_run(read)
    return run["status"], run["deliveryStatus"], run["completionStatus"]


def _job_state(read: RunLog) -> JsonObject:
    job = read.job("brief")
    if job is None:
        raise AssertionError("the job is gone")
    state: JsonObject = job["state"]
    return state
