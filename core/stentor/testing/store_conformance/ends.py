"""Ends of runs: the outcome, what is sent of it and what the job learns from it, all in one moment, once."""

from dataclasses import replace

import pytest

from stentor.contract.runners import Message, Usage
from stentor.domain.faults import StoreError
from stentor.domain.records import Finished
from stentor.domain.states import RunStatus
from stentor.ports import Store
from stentor.testing.rows import (
    BOOT,
    NOW_MS,
    PAGER,
    accepted,
    delivery_seed,
    job_row,
    room,
    run_end,
    run_seed,
    settlement,
)
from stentor.testing.store_conformance.steps import (
    RunLog,
    alerts_about,
    events_of,
    finish_one,
    logged_run,
    open_accounts,
    running_run,
    stored_job,
)

# Not a round number: whatever a store does in portions, some are left.
_MANY = 150


class EndRules:
    async def test_an_ended_run_shows_what_it_came_to(self, store: Store, read: RunLog) -> None:
        await running_run(store)
        usage = Usage(input=10, output=20, cached=3, cost_usd=0.25)
        end = replace(run_end(), model="m", usage=usage, summary="All well", warnings=("slow",))
        assert await finish_one(store, end) == Finished(kept=True)
        run = logged_run(read)
        assert (run["status"], run["summary"], run["model"]) == ("ok", "All well", "m")
        assert run["usage"] == {"input": 10, "output": 20, "cached": 3, "costUsd": 0.25}
        assert (run["warnings"], run["endedAt"]) == (["slow"], "2026-07-01T07:00:01Z")

    async def test_a_run_ends_once_and_what_comes_late_is_recorded(self, store: Store, read: RunLog) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=RunStatus.TIMEOUT, error="too slow"))
        assert await finish_one(store, run_end()) == Finished(kept=False)
        assert logged_run(read)["status"] == "timeout"
        late = events_of(read, "run.late_output")
        assert [(event["runId"], event["data"]["what"]) for event in late] == [("r-1", "ended as ok")]

    async def test_only_the_holder_of_the_lease_ends_a_run(self, store: Store, read: RunLog) -> None:
        await running_run(store)
        assert await finish_one(store, run_end(boot="boot-0")) == Finished(kept=False)
        assert logged_run(read)["status"] == "running"
        assert len(events_of(read, "run.late_output")) == 1

    async def test_an_end_without_a_run_is_refused(self, store: Store) -> None:
        assert await finish_one(store, run_end("r-none")) == Finished(kept=False)

    async def test_a_refused_end_sends_nothing_says_nothing_and_queues_nothing(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        await finish_one(store, run_end())
        late = run_end("r-1", RunStatus.ERROR, delivery_seed(run_id="r-1"), error="late")
        late = replace(
            late, messages=(Message("assistant", "late"),), successor=run_seed("r-2"), retire="failed"
        )
        await finish_one(store, late)
        assert read.deliveries() == []
        assert list(await store.history("s-r-1")) == []
        assert read.runs(limit=10, offset=0)[1] == 1
        assert (await stored_job(store)).finished is None
        assert alerts_about(read, run="r-1") == []

    async def test_an_end_that_fails_half_way_writes_nothing(self, store: Store, read: RunLog) -> None:
        await running_run(store)
        end = run_end("r-1", RunStatus.INTERRUPTED, delivery_seed(run_id="r-1"))
        taken = run_seed("r-1")
        with pytest.raises(StoreError):
            await finish_one(store, replace(end, messages=(Message("assistant", "half"),), successor=taken))
        assert logged_run(read)["status"] == "running"
        assert (read.deliveries(), list(await store.history("s-r-1"))) == ([], [])
        assert (await finish_one(store, run_end())).kept is True

    @pytest.mark.parametrize("status", [RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.INTERRUPTED])
    async def test_a_bad_end_has_an_alert(self, store: Store, read: RunLog, status: RunStatus) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=status, error="it broke"))
        alert = read.alerts(1)[0]
        assert (alert["cause"], alert["jobId"], alert["runId"]) == (status.value, "brief", "r-1")
        assert "it broke" in alert["message"]

    @pytest.mark.parametrize("status", [RunStatus.OK, RunStatus.SKIPPED, RunStatus.CANCELLED])
    async def test_an_end_that_was_meant_has_no_alert(
        self, store: Store, read: RunLog, status: RunStatus
    ) -> None:
        await running_run(store)
        await finish_one(store, run_end(status=status))
        assert read.alerts(10) == []

    async def test_the_messages_of_runs_follow_each_other_in_their_session(self, store: Store) -> None:
        await store.add_job(job_row())
        for run_id in ("r-1", "r-2"):
            await store.queue_run(run_seed(run_id, scheduled_ms=None, shared_key="agent:ops:main"))
            talk = (Message("user", f"{run_id} asks"), Message("assistant", f"{run_id} answers"))
            await finish_one(store, replace(run_end(run_id), messages=talk))
        said = [(message.role, message.text) for message in await store.history("s-r-1")]
        assert said == [
            ("user", "r-1 asks"),
            ("assistant", "r-1 answers"),
            ("user", "r-2 asks"),
            ("assistant", "r-2 answers"),
        ]

    async def test_what_ends_together_is_sent_and_settled_like_each_by_itself(
        self, store: Store, read: RunLog
    ) -> None:
        names = [f"{n:03}" for n in range(_MANY)]
        sends = [delivery_seed(f"d-{name}", to=room(name), run_id=f"r-{name}") for name in names]
        await open_accounts(store, sends)
        for name in names:
            await store.add_job(job_row(f"job-{name}"))
            await store.queue_run(run_seed(f"r-{name}", job_id=f"job-{name}", scheduled_ms=None))
        ends = [run_end(f"r-{name}", RunStatus.OK, send) for name, send in zip(names, sends, strict=True)]
        assert list(await store.finish_runs(ends)) == [Finished(kept=True)] * _MANY
        parts = await store.begin_sends(NOW_MS, _MANY, BOOT)
        assert [(part.part_id, part.target.canonical) for part in parts] == [
            (f"d-{name}.1", f"{PAGER.channel}:{name}") for name in names
        ]
        verdicts = [settlement(part, accepted(f"m-{name}")) for part, name in zip(parts, names, strict=True)]
        assert list(await store.settle(verdicts)) == [True] * _MANY
        for name in names:
            run = logged_run(read, f"r-{name}")
            assert (run["status"], run["deliveryStatus"]) == ("ok", "delivered")
            (delivery,) = read.deliveries(run=f"r-{name}")
            assert [part["messageId"] for part in delivery["parts"]] == [f"m-{name}"]

    async def test_a_successor_is_queued_in_the_moment_its_run_is_given_up(
        self, store: Store, read: RunLog
    ) -> None:
        await running_run(store)
        successor = run_seed("r-2", attempt=2)
        end = replace(run_end(status=RunStatus.INTERRUPTED), successor=successor)
        assert await finish_one(store, end) == Finished(kept=True, successor=successor)
        assert logged_run(read, "r-1")["status"] == "interrupted"
        assert (logged_run(read, "r-2")["status"], logged_run(read, "r-2")["attempt"]) == ("queued", 2)
        assert [due.running for due in await store.due(NOW_MS, 10)] == [1]
