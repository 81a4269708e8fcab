"""The life of a store: the heartbeat, the journal lent to channels, and the end."""

import asyncio

import pytest

from stentor.domain.faults import AlreadyExists, StoreError
from stentor.ports import Store
from stentor.testing.rows import BOOT, HOUR_MS, NOW_MS, SECOND_MS, job_row
from stentor.testing.store_conformance.steps import RunLog


class LifeRules:
    async def test_the_last_heartbeat_counts(self, store: Store, read: RunLog) -> None:
        assert read.heartbeat() is None
        await store.beat(BOOT, NOW_MS)
        await store.beat("boot-2", NOW_MS + SECOND_MS)
        assert read.heartbeat() == NOW_MS + SECOND_MS

    async def test_a_journal_keeps_an_equal_key_once(self, store: Store) -> None:
        first = await _append(store, "main", "k-1", "hello")
        assert first
        assert await _append(store, "main", "k-1", "another text") == first

    async def test_another_key_is_another_record(self, store: Store) -> None:
        ids = {await _append(store, "main", f"k-{n}", "hello") for n in range(3)}
        assert len(ids) == 3

    async def test_each_account_has_a_journal_of_its_own(self, store: Store) -> None:
        assert await _append(store, "main", "k-1", "x") != await _append(store, "second", "k-1", "x")

    async def test_nobody_has_said_anything_in_a_session_nobody_had(self, store: Store) -> None:
        assert list(await store.history("s-none")) == []

    async def test_an_operation_that_fails_takes_no_other_with_it(self, store: Store) -> None:
        jobs = [job_row(job_id) for job_id in ("a", "b", "a", "c")]
        outcomes = await asyncio.gather(*(store.add_job(job) for job in jobs), return_exceptions=True)
        assert [isinstance(outcome, AlreadyExists) for outcome in outcomes] == [False, False, True, False]
        assert sorted(job.id for job in await store.jobs()) == ["a", "b", "c"]

    async def test_a_closed_store_refuses_what_is_asked_of_it(self, store: Store) -> None:
        await store.close()
        with pytest.raises(StoreError):
            await store.add_job(job_row())

    async def test_the_newest_time_a_store_has_seen_never_goes_back(self, store: Store, read: RunLog) -> None:
        assert await store.newest_ms() == 0
        await store.beat(BOOT, NOW_MS)
        await store.beat(BOOT, NOW_MS - 2 * HOUR_MS)
        assert (await store.newest_ms(), read.heartbeat()) == (NOW_MS, NOW_MS - 2 * HOUR_MS)
        await store.beat(BOOT, NOW_MS + SECOND_MS)
        assert await store.newest_ms() == NOW_MS + SECOND_MS

    async def test_a_note_is_an_event_and_one_of_kind_alert_an_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await store.note("history.removed", {"runs": 3}, NOW_MS)
        await store.note("alert", {"cause": "stalled", "message": "31 s"}, NOW_MS)
        assert [(event["kind"], event["data"]) for event in read.events(0)][:1] == [
            ("history.removed", {"runs": 3})
        ]
        assert [(alert["cause"], alert["message"]) for alert in read.alerts(10)] == [("stalled", "31 s")]

    async def test_closing_twice_is_closing_once(self, store: Store) -> None:
        await store.close()
        await store.close()

    async def test_what_was_asked_before_the_end_is_done(self, store: Store, read: RunLog) -> None:
        async with asyncio.TaskGroup() as asked:
            for n in range(20):
                asked.create_task(store.add_job(job_row(f"job-{n}")))
            asked.create_task(store.close())
        assert read.counts()["jobs"] == 20


async def _append(store: Store, account: str, key: str, text: str) -> str:
    return await store.append("local", account, key, "local:notes", {"text": text}, NOW_MS)
