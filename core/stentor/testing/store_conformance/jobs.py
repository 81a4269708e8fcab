"""Jobs: each change is made against the revision it was decided on."""

from dataclasses import replace

import pytest

from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.ports import Store
from stentor.testing.rows import HOUR_MS, NOW_MS, job_row
from stentor.testing.store_conformance.steps import RunLog, stored_job


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

    async def test_a_job_is_replaced_at_the_revision_that_was_looked_at(self, store: Store) -> None:
        await store.add_job(job_row())
        changed = replace(job_row(enabled=False), name="Renamed", revision=2, updated_ms=NOW_MS)
        await store.replace_job(changed, expected_revision=1)
        assert await store.job("brief") == changed

    async def test_a_change_decided_on_an_old_revision_is_refused_and_writes_nothing(
        self, store: Store
    ) -> None:
        await store.add_job(job_row())
        first = replace(job_row(), name="First", revision=2)
        await store.replace_job(first, expected_revision=1)
        with pytest.raises(StaleRevision, match="look at it again"):
            await store.replace_job(replace(first, name="Second"), expected_revision=1)
        assert await store.job("brief") == first

    async def test_a_change_to_a_removed_job_is_refused(self, store: Store) -> None:
        await store.add_job(job_row())
        await store.remove_job("brief", at_ms=NOW_MS)
        with pytest.raises(StaleRevision):
            await store.replace_job(replace(job_row(), revision=2), expected_revision=1)
        assert await store.job("brief") is None

    async def test_removing_a_job_says_whether_it_was_there(self, store: Store) -> None:
        await store.add_job(job_row())
        assert await store.remove_job("brief", at_ms=NOW_MS) is True
        assert await store.remove_job("brief", at_ms=NOW_MS) is False
        assert list(await store.jobs()) == []

    async def test_a_removed_id_is_free_again(self, store: Store) -> None:
        await store.add_job(job_row())
        await store.remove_job("brief", at_ms=NOW_MS)
        await store.add_job(job_row())
        assert await store.job("brief") == job_row()

    async def test_a_job_that_cannot_be_read_leaves_the_schedule_with_an_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        await store.park_job("brief", "unreadable: no schedule", at_ms=NOW_MS)
        parked = await stored_job(store)
        assert (parked.blocked, parked.next_at_ms) == ("unreadable: no schedule", None)
        assert await store.next_due() is None
        alert = read.alerts(10)[0]
        assert (alert["cause"], alert["jobId"]) == ("unreadable", "brief")
        assert "no schedule" in alert["message"]

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
