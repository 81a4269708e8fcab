"""Claims: every instant is accounted for once, together with the run it fires, or not at all."""

import asyncio
from dataclasses import replace

import pytest

from stentor.domain.faults import StoreError
from stentor.domain.records import OccurrenceRow
from stentor.ports import Store
from stentor.testing.job_changes import removed, renamed, set_back
from stentor.testing.rows import BOOT, HOUR_MS, NOW_MS, SECOND_MS, claim_of, job_row, run_end, run_seed
from stentor.testing.store_conformance.steps import (
    RunLog,
    claim_one,
    events_of,
    finish_one,
    logged_run,
    stored_job,
)


class ClaimRules:
    async def test_a_claim_moves_the_account_and_queues_the_run_together(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        assert await claim_one(store, claim_of(job_row(), run_seed())) == [run_seed()]
        job = await stored_job(store)
        assert (job.accounted_ms, job.next_at_ms) == (NOW_MS, NOW_MS + HOUR_MS)
        assert list(await store.due(NOW_MS, 10)) == []
        run = logged_run(read)
        assert (run["status"], run["scheduledFor"]) == ("queued", "2026-07-01T07:00:00Z")

    async def test_a_claim_from_a_stale_account_writes_nothing(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        stale = claim_of(replace(job_row(), accounted_ms=NOW_MS - 2 * SECOND_MS), run_seed())
        assert await claim_one(store, stale) is None
        assert await store.job("brief") == job_row()
        assert read.runs(limit=10, offset=0) == ([], 0)

    async def test_a_claim_on_an_older_revision_writes_nothing(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        edited = renamed(job_row(), "Renamed")
        await store.change_jobs([edited])
        assert await claim_one(store, claim_of(job_row(), run_seed())) is None
        assert await store.job("brief") == edited.row
        assert read.runs(limit=10, offset=0) == ([], 0)

    async def test_a_refused_claim_leaves_its_instants_to_the_next_one(self, store: Store) -> None:
        await store.add_job(job_row())
        stale = claim_of(replace(job_row(), accounted_ms=0), run_seed("r-refused"))
        await claim_one(store, stale)
        assert await claim_one(store, claim_of(job_row(), run_seed())) == [run_seed()]

    async def test_a_disabled_job_is_not_claimed(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row(enabled=False))
        assert await claim_one(store, claim_of(job_row(), run_seed())) is None
        assert read.runs(limit=10, offset=0) == ([], 0)

    async def test_a_removed_job_is_not_claimed(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        await store.change_jobs([removed(job_row())])
        assert await claim_one(store, claim_of(job_row(), run_seed())) is None
        assert read.runs(limit=10, offset=0) == ([], 0)

    async def test_a_claim_that_fails_half_way_writes_nothing(self, store: Store, read: RunLog) -> None:
        for job_id in ("brief", "other"):
            await store.add_job(job_row(job_id))
        await claim_one(store, claim_of(job_row("other"), run_seed("r-taken", job_id="other")))
        with pytest.raises(StoreError):
            await claim_one(
                store, claim_of(job_row(), run_seed("r-1"), run_seed("r-taken", scheduled_ms=NOW_MS - 1))
            )
        assert await store.job("brief") == job_row()
        assert (read.runs(limit=10, offset=0)[1], read.counts()["sessions"]) == (1, 1)
        assert await claim_one(store, claim_of(job_row(), run_seed("r-1"))) == [run_seed("r-1")]

    async def test_of_two_claims_at_once_one_wins(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        claims = (claim_of(job_row(), run_seed(run_id)) for run_id in ("r-1", "r-2"))
        outcomes = await asyncio.gather(*(claim_one(store, claim) for claim in claims))
        assert [outcome for outcome in outcomes if outcome is None] == [None]
        assert read.runs(limit=10, offset=0)[1] == 1

    async def test_an_instant_runs_once_even_if_the_account_was_set_back(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        await store.change_jobs([set_back(await stored_job(store), job_row())])
        again = claim_of(await stored_job(store), run_seed("r-2"))
        assert await claim_one(store, again) == []
        assert [run["runId"] for run in read.runs(limit=10, offset=0)[0]] == ["r-1"]

    async def test_an_instant_that_was_missed_does_not_run_later(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), lost=(OccurrenceRow(NOW_MS, "missed", "grace"),)))
        await store.change_jobs([set_back(await stored_job(store), job_row())])
        assert await claim_one(store, claim_of(await stored_job(store), run_seed())) == []
        assert read.runs(limit=10, offset=0) == ([], 0)

    async def test_of_a_claim_that_was_partly_accounted_for_only_the_new_instants_run(
        self, store: Store
    ) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        await store.change_jobs([set_back(await stored_job(store), job_row())])
        old, new = run_seed("r-2"), run_seed("r-3", scheduled_ms=NOW_MS + SECOND_MS)
        assert await claim_one(store, claim_of(await stored_job(store), old, new)) == [new]

    async def test_one_row_accounts_for_a_whole_range_of_instants(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        lost = OccurrenceRow(NOW_MS - HOUR_MS, "missed", "grace", last_ms=NOW_MS - SECOND_MS, count=3600)
        await claim_one(store, claim_of(job_row(), run_seed(), lost=(lost,)))
        assert (await stored_job(store)).accounted_ms == NOW_MS
        assert "3600 missed" in read.alerts(10)[0]["message"]

    async def test_an_instant_inside_an_accounted_range_does_not_run(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        lost = OccurrenceRow(NOW_MS - HOUR_MS, "missed", "grace", last_ms=NOW_MS, count=3601)
        await claim_one(store, claim_of(job_row(), lost=(lost,)))
        await store.change_jobs([set_back(await stored_job(store), job_row())])
        inside, last = run_seed("r-1", scheduled_ms=NOW_MS - SECOND_MS), run_seed("r-2")
        after = run_seed("r-3", scheduled_ms=NOW_MS + SECOND_MS)
        assert await claim_one(store, claim_of(await stored_job(store), inside, last, after)) == [after]
        assert [run["runId"] for run in read.runs(limit=10, offset=0)[0]] == ["r-3"]

    async def test_the_same_instant_of_another_job_is_another_occurrence(self, store: Store) -> None:
        for job_id in ("a", "b"):
            await store.add_job(job_row(job_id))
            run = run_seed(f"r-{job_id}", job_id=job_id)
            assert await claim_one(store, claim_of(job_row(job_id), run)) == [run]

    async def test_a_missed_instant_has_one_alert_with_its_reason(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        lost = tuple(OccurrenceRow(NOW_MS - n, "missed", "coalesced") for n in (3, 2, 1))
        await claim_one(store, claim_of(job_row(), run_seed(), lost=lost))
        alerts = read.alerts(10)
        assert [(alert["cause"], alert["jobId"]) for alert in alerts] == [("missed", "brief")]
        assert "3 missed (coalesced)" in alerts[0]["message"]

    async def test_an_instant_that_was_skipped_on_purpose_has_no_alert(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), lost=(OccurrenceRow(NOW_MS, "skipped", "overlap"),)))
        assert read.alerts(10) == []

    async def test_a_one_shot_that_missed_its_instant_is_disabled_as_missed(self, store: Store) -> None:
        await store.add_job(job_row())
        lost = (OccurrenceRow(NOW_MS, "missed", "grace"),)
        await claim_one(store, claim_of(job_row(), lost=lost, next_at_ms=None, finished="missed"))
        job = await stored_job(store)
        assert (job.enabled, job.finished, job.next_at_ms) == (False, "missed", None)

    async def test_a_due_job_says_how_many_of_its_runs_are_under_way(self, store: Store) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed(), next_at_ms=NOW_MS + SECOND_MS))
        assert [due.running for due in await store.due(NOW_MS + SECOND_MS, 10)] == [1]
        await finish_one(store, run_end())
        assert [due.running for due in await store.due(NOW_MS + SECOND_MS, 10)] == [0]


class SessionRules:
    async def test_a_run_has_its_session_from_the_moment_it_is_queued(
        self, store: Store, read: RunLog
    ) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        run = logged_run(read)
        assert (run["sessionId"], run["sessionKey"]) == ("s-r-1", run_seed().session.key)
        assert read.counts()["sessions"] == 1
        assert list(await store.history("s-r-1")) == []

    async def test_a_shared_session_is_found_by_its_key(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        shared = [
            await store.queue_run(run_seed(run_id, scheduled_ms=None, shared_key="agent:ops:main"))
            for run_id in ("r-1", "r-2")
        ]
        assert [run.session.id for run in shared] == ["s-r-1", "s-r-1"]
        assert logged_run(read, "r-2")["sessionId"] == "s-r-1"
        assert read.counts()["sessions"] == 1

    async def test_another_key_is_another_session(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        for run_id in ("r-1", "r-2"):
            await store.queue_run(run_seed(run_id, scheduled_ms=None, shared_key=f"agent:ops:{run_id}"))
        assert read.counts()["sessions"] == 2

    async def test_an_isolated_run_always_has_a_session_of_its_own(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        queued = [await store.queue_run(run_seed(run_id, scheduled_ms=None)) for run_id in ("r-1", "r-2")]
        assert [run.session.id for run in queued] == ["s-r-1", "s-r-2"]
        assert read.counts()["sessions"] == 2

    async def test_a_run_by_hand_is_queued_beside_the_schedule(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        run = run_seed(scheduled_ms=None)
        assert await store.queue_run(run) == run
        assert logged_run(read)["trigger"] == "manual"
        assert await store.job("brief") == job_row()
        assert [due.running for due in await store.due(NOW_MS, 10)] == [1]

    async def test_a_queued_run_leaves_its_mark_among_the_events(self, store: Store, read: RunLog) -> None:
        await store.add_job(job_row())
        await claim_one(store, claim_of(job_row(), run_seed()))
        assert [event["runId"] for event in events_of(read, "run.queued")] == ["r-1"]


class LeaseRules:
    async def test_a_run_starts_once(self, store: Store, read: RunLog) -> None:
        await _claimed(store)
        assert await store.start_run("r-1", BOOT, NOW_MS + 5, None) is True
        assert await store.start_run("r-1", BOOT, NOW_MS + 6, None) is False
        run = logged_run(read)
        assert (run["status"], run["startedAt"]) == ("running", "2026-07-01T07:00:00.005Z")

    async def test_a_process_without_the_lease_cannot_start_a_run(self, store: Store, read: RunLog) -> None:
        await _claimed(store)
        assert await store.start_run("r-1", "boot-0", NOW_MS, None) is False
        assert logged_run(read)["status"] == "queued"

    async def test_a_run_nobody_queued_does_not_start(self, store: Store) -> None:
        assert await store.start_run("r-none", BOOT, NOW_MS, None) is False

    async def test_an_ended_run_does_not_start(self, store: Store) -> None:
        await _claimed(store)
        await finish_one(store, run_end())
        assert await store.start_run("r-1", BOOT, NOW_MS, None) is False

    async def test_the_lease_holder_notes_phases_until_the_run_ends(self, store: Store, read: RunLog) -> None:
        await _claimed(store)
        await store.start_run("r-1", BOOT, NOW_MS, None)
        await store.note_phase("r-1", BOOT, "model-call")
        assert logged_run(read)["phase"] == "model-call"
        await store.note_phase("r-1", "boot-0", "forged")
        assert logged_run(read)["phase"] == "model-call"
        await finish_one(store, run_end())
        await store.note_phase("r-1", BOOT, "late")
        assert logged_run(read)["phase"] == "done"


async def _claimed(store: Store) -> None:
    await store.add_job(job_row())
    await claim_one(store, claim_of(job_row(), run_seed()))
