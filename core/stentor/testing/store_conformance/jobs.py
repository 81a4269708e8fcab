"""Jobs: each change is made against the revision it was decided on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.domain.job_changes import JobChange
from stentor.domain.records import JobRow, OccurrenceRow
from stentor.domain.states import RunStatus
from stentor.ports import Store
from stentor.testing.job_changes import AUTHOR, added, removed, renamed, restarted
from stentor.testing.rows import HOUR_MS, NOW_MS, claim_of, job_row, run_end, run_seed
from stentor.testing.store_conformance.steps import (
    RunLog,
    claim_one,
    finish_one,
    running_run,
    stored_job,
)


class JobRules:
    async def test_an_added_job_is_read_back_as_it_was_given(self, store: Store) -> None:
        job = replace(job_row(), doc='{"id": "brief", "text": "Grüße 👋"}', finished="done", blocked="why")
        await store.add_job(job)
        assert await store.job("brief") == job

    async def test_a_job_nobody_added_is_not_there(self, store: Store) -> None:
        assert await store.job("brief") is None
        assert list(await store.jobs()) == []

    async def test_a_second_job_of_the_same_id_is_refused_and_the_first_stays(self, store: Store) -> None:
        await store.add_job(job_row())
        with pytest.raises(AlreadyExists, match="brief"):
            await store.add_job(replace(job_row(), name="Another"))
        assert list(await store.jobs()) == [job_row()]

    async def test_jobs_are_listed_in_the_order_they_were_made(self, store: Store) -> None:
        for job_id, created_ms in (("b", 2), ("c", 1), ("a", 2)):
            await store.add_job(job_row(job_id, created_ms=created_ms))
        assert [job.id for job in await store.jobs()] == ["c", "a", "b"]

    async def test_a_change_is_read_back_as_it_was_given(self, store: Store) -> None:
        await store.add_job(job_row())
        change = restarted(job_row(), enabled=False)
        await store.change_jobs([change])
        assert await store.job("brief") == change.row

    async def test_a_change_that_leaves_the_schedule_alone_does_not_move_it(self, store: Store) -> None:
        """A claim between the look and the edit must not be undone by it."""
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        await store.change_jobs([renamed(job_row(), "Renamed")])
        job = await stored_job(store)
        assert (job.name, job.revision) == ("Renamed", 2)
        assert (job.next_at_ms, job.accounted_ms) == (NOW_MS + HOUR_MS, NOW_MS)

    async def test_a_change_decided_on_an_old_revision_is_refused_and_writes_nothing(
        self, store: Store
    ) -> None:
        await store.add_job(job_row())
        await store.change_jobs([renamed(job_row(), "First")])
        with pytest.raises(StaleRevision, match="look at it again"):
            await store.change_jobs([renamed(job_row(), "Second")])
        assert (await stored_job(store)).name == "First"

    @pytest.mark.parametrize("change", [restarted, removed])
    async def test_an_account_that_moved_on_is_not_ended_where_it_was(
        self, store: Store, change: Callable[[JobRow], JobChange]
    ) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        with pytest.raises(StaleRevision):
            await store.change_jobs([change(job_row())])
        assert (await stored_job(store)).revision == 1

    async def test_the_end_of_an_account_has_a_row_for_each_instant_and_an_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        lost = [OccurrenceRow(NOW_MS - n, "missed", "rescheduled") for n in (2, 1)]
        await store.change_jobs([restarted(job_row(), *lost)])
        (alert,) = read.alerts(10)
        assert (alert["cause"], alert["message"]) == ("missed", "2 missed (rescheduled)")
        # What has a row is never written again, and so never runs again.
        job = await stored_job(store)
        assert await claim_one(store, claim_of(job, run_seed(scheduled_ms=NOW_MS - 1))) == []

    async def test_switching_on_forgives_what_errors_put_in_the_way(self, store: Store, read: RunLog) -> None:
        run = await running_run(store)
        await finish_one(store, run_end(run.id, RunStatus.ERROR, error="no"))
        off = restarted(await stored_job(store), enabled=False)
        await store.change_jobs([off])
        await store.change_jobs([restarted(off.row, enabled=True)])
        job = read.job("brief") or {}
        assert (job["state"]["consecutiveErrors"], job["state"]["nextRunAtMs"]) == (0, NOW_MS + 1)

    async def test_a_change_to_a_removed_job_is_refused(self, store: Store) -> None:
        await store.add_job(job_row())
        await store.change_jobs([removed(job_row())])
        for change in (renamed(job_row(), "Late"), removed(job_row())):
            with pytest.raises(StaleRevision):
                await store.change_jobs([change])
        assert list(await store.jobs()) == []

    async def test_of_several_changes_all_are_made_or_none(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        stale = replace(renamed(job_row("brief"), "x"), expected_revision=7)
        with pytest.raises(StaleRevision):
            await store.change_jobs([added(job_row("new")), stale])
        assert [job.id for job in await store.jobs()] == ["brief"]
        await store.change_jobs([added(job_row("new")), removed(job_row())])
        assert [job.id for job in await store.jobs()] == ["new"]
        assert read.edits("brief", limit=10)[1] == 2

    async def test_each_change_says_who_made_it_and_what_was_before(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row(), by="api:local")
        await store.change_jobs([renamed(job_row(), "Renamed")])
        await store.change_jobs([removed(replace(job_row(), revision=2))])
        entries, total = read.edits("brief", limit=2)
        assert total == 3
        gone, changed = entries
        assert (gone["action"], gone["by"], gone["after"]) == ("removed", AUTHOR, None)
        assert (changed["action"], changed["by"]) == ("changed", AUTHOR)
        assert (changed["before"], changed["after"]) == ({"name": "Brief"}, {"name": "Renamed"})
        first = read.edits(limit=1, offset=2)[0][0]
        assert (first["action"], first["by"], first["before"]) == ("added", "api:local", None)
        assert first["after"]["name"] == "Brief"

    async def test_a_removed_id_is_free_again(self, store: Store) -> None:
        await store.add_job(job_row())
        await store.change_jobs([removed(job_row())])
        await store.add_job(job_row())
        assert await store.job("brief") == job_row()

    async def test_blocking_marks_the_jobs_it_names_and_frees_all_others(self, store: Store) -> None:
        for job_id in ("a", "b"):
            await store.add_job(job_row(job_id))
        await store.block_jobs({"a": "the channel is gone"})
        await store.block_jobs({"b": "the runner is gone"})
        assert [job.blocked for job in await store.jobs()] == [None, "the runner is gone"]

    async def test_a_blocked_job_stays_due_so_that_its_instants_are_accounted_for(self, store: Store) -> None:
        await store.add_job(job_row())
        await store.block_jobs({"brief": "the channel is gone"})
        assert [due.row.blocked for due in await store.due(NOW_MS, 10)] == ["the channel is gone"]


class DueRules:
    async def test_due_jobs_come_in_the_order_of_their_instants(self, store: Store) -> None:
        for job_id, at_ms in (("late", NOW_MS), ("early", NOW_MS - 2), ("middle", NOW_MS - 1)):
            await store.add_job(job_row(job_id, next_at_ms=at_ms))
        assert [due.row.id for due in await store.due(NOW_MS, 10)] == ["early", "middle", "late"]

    async def test_no_more_jobs_are_due_than_were_asked_for_and_the_earliest_come_first(
        self, store: Store
    ) -> None:
        for n in range(5):
            await store.add_job(job_row(f"job-{n}", next_at_ms=NOW_MS - n))
        assert [due.row.id for due in await store.due(NOW_MS, 2)] == ["job-4", "job-3"]

    async def test_a_job_is_due_at_its_instant_and_not_a_millisecond_before(self, store: Store) -> None:
        await store.add_job(job_row())
        assert list(await store.due(NOW_MS - 1, 10)) == []
        assert [due.row for due in await store.due(NOW_MS, 10)] == [job_row()]

    async def test_disabled_and_unscheduled_jobs_are_never_due(self, store: Store) -> None:
        await store.add_job(job_row("disabled", enabled=False))
        await store.add_job(job_row("unscheduled", next_at_ms=None))
        assert list(await store.due(NOW_MS + HOUR_MS, 10)) == []
        assert await store.next_due() is None

    async def test_the_next_due_instant_is_the_earliest_of_the_enabled_jobs(self, store: Store) -> None:
        await store.add_job(job_row("disabled", enabled=False, next_at_ms=NOW_MS))
        await store.add_job(job_row("later", next_at_ms=NOW_MS + 2))
        await store.add_job(job_row("sooner", next_at_ms=NOW_MS + 1))
        assert await store.next_due() == NOW_MS + 1
