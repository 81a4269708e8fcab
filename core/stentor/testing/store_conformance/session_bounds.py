"""Which sessions go by themselves: those of single runs after a while, and of all what is too old, many or large."""

from dataclasses import replace

import pytest

from stentor.contract.runners import Message
from stentor.domain.job_changes import Audit, Closing, JobRemoved
from stentor.domain.records import RunSeed
from stentor.domain.retention import Limits, Position, Removed
from stentor.domain.rulings import Hand
from stentor.domain.session_limits import SessionLimits, SessionTallies, Tally
from stentor.domain.states import RunStatus
from stentor.domain.wishes import Wishes
from stentor.ports import Store
from stentor.testing.rows import HOUR_MS, NOW_MS, SECOND_MS, job_row, run_end, run_seed, session_seed
from stentor.testing.store_conformance.steps import RunLog, finish_one, logged_run, stored_job, swept

DAY_MS = 24 * HOUR_MS
A_DAY = SessionLimits(retention_ms=DAY_MS)
SOMEBODY = Hand("cli:somebody", NOW_MS)
OVER = [status for status in RunStatus if status not in (RunStatus.QUEUED, RunStatus.RUNNING)]


class RunSessionRules:
    @pytest.mark.parametrize("status", OVER, ids=[status.value for status in OVER])
    async def test_the_session_of_a_run_goes_however_the_run_ended(
        self, store: Store, read: RunLog, status: RunStatus
    ) -> None:
        run = await _run(store, "r-1", status=status)
        assert await _sweep(store, A_DAY, NOW_MS + DAY_MS) == SessionTallies()
        assert await _sweep(store, A_DAY, NOW_MS + DAY_MS + 1) == SessionTallies(retention=Tally(1, 5))
        assert list(await store.history(run.session.id)) == []
        assert _left(read) == 0

    async def test_the_run_log_still_says_what_the_session_was(self, store: Store, read: RunLog) -> None:
        run = await _run(store, "r-1")
        before = logged_run(read)
        await _sweep(store, A_DAY, NOW_MS + 2 * DAY_MS)
        assert logged_run(read) == before
        assert (before["sessionId"], before["sessionKey"]) == (run.session.id, run.session.key)

    async def test_a_run_that_ended_later_without_a_word_keeps_its_session_for_as_long(
        self, store: Store, read: RunLog
    ) -> None:
        await _queued(store, "r-1")
        await finish_one(store, run_end("r-1", RunStatus.ERROR, ended_ms=NOW_MS + 9 * HOUR_MS))
        await _sweep(store, A_DAY, NOW_MS + DAY_MS + 9 * HOUR_MS)
        assert _left(read) == 1
        await _sweep(store, A_DAY, NOW_MS + DAY_MS + 9 * HOUR_MS + 1)
        assert _left(read) == 0

    async def test_the_session_of_an_open_run_stays(self, store: Store, read: RunLog) -> None:
        await _queued(store, "r-1")
        await _sweep(store, A_DAY, NOW_MS + 9 * DAY_MS)
        assert _left(read) == 1

    async def test_a_session_stays_as_long_as_one_that_its_run_made_is_in_use(
        self, store: Store, read: RunLog
    ) -> None:
        parent = await _run(store, "r-1")
        child = await _run(store, "r-2", parent=parent.session.id)
        await _queued(store, "r-3", parent=child.session.id)
        await _run(store, "r-4")
        await _sweep(store, A_DAY, NOW_MS + 9 * DAY_MS)
        assert [read.session(f"s-r-{n}") is not None for n in (1, 2, 3, 4)] == [True, True, True, False]
        await finish_one(store, run_end("r-3", ended_ms=NOW_MS + 9 * DAY_MS))
        await _sweep(store, A_DAY, NOW_MS + 11 * DAY_MS)
        assert _left(read) == 0

    async def test_the_sessions_of_a_removed_job_go_too(self, store: Store, read: RunLog) -> None:
        await _run(store, "r-1")
        job = await stored_job(store)
        closing = Closing(job.accounted_ms)
        removal = JobRemoved(job.id, job.revision, NOW_MS, Audit("somebody", None, None), closing)
        await store.change_jobs([removal])
        await _sweep(store, A_DAY, NOW_MS + 2 * DAY_MS)
        assert _left(read) == 0

    async def test_a_session_that_has_outlived_its_run_goes_too(self, store: Store, read: RunLog) -> None:
        run = await _run(store, "r-1")
        await store.prefer(run.session.base_key, Wishes(pinned=True), SOMEBODY)
        await swept(store, Limits(days=1), now_ms=NOW_MS + 2 * DAY_MS)
        assert (read.run("r-1"), _left(read)) == (None, 1)
        await store.prefer(run.session.base_key, Wishes(pinned=False), SOMEBODY)
        await _sweep(store, A_DAY, NOW_MS + 2 * DAY_MS)
        assert _left(read) == 0

    async def test_a_pinned_session_stays(self, store: Store) -> None:
        run = await _run(store, "r-1")
        await store.prefer(run.session.base_key, Wishes(pinned=True), SOMEBODY)
        assert await _sweep(store, A_DAY, NOW_MS + 9 * DAY_MS) == SessionTallies()
        assert len(await store.history(run.session.id)) == 1

    async def test_a_conversation_has_no_such_end(self, store: Store, read: RunLog) -> None:
        await _run(store, "r-1", shared_key="weekly")
        await _sweep(store, A_DAY, NOW_MS + 999 * DAY_MS)
        assert _left(read) == 1


class SessionLimitRules:
    async def test_what_nobody_has_used_for_long_goes_whatever_its_kind(
        self, store: Store, read: RunLog
    ) -> None:
        await _run(store, "r-1")
        await _run(store, "r-2", shared_key="weekly")
        await _run(store, "r-3", shared_key="daily", at_ms=NOW_MS + 1)
        removed = await _sweep(store, SessionLimits(age_ms=DAY_MS), NOW_MS + DAY_MS + 1)
        assert removed == SessionTallies(age=Tally(2, 10))
        assert read.session("daily") is not None

    async def test_of_too_many_the_oldest_go_and_those_of_single_runs_before_all_others(
        self, store: Store, read: RunLog
    ) -> None:
        for n in range(6):
            await _run(store, f"r-{n}", shared_key=f"talk-{n}" if n < 3 else None, at_ms=NOW_MS + n)
        removed = await _sweep(store, SessionLimits(entries=4))
        assert removed == SessionTallies(entries=Tally(2, 10))
        kept = [read.session(f"s-r-{n}") is not None for n in range(6)]
        assert kept == [True, True, True, False, False, True]
        await _sweep(store, SessionLimits(entries=1))
        assert [read.session(f"s-r-{n}") is not None for n in range(3)] == [False, False, True]

    async def test_of_too_much_the_oldest_goes(self, store: Store, read: RunLog) -> None:
        for n in range(5):
            await _run(store, f"r-{n}", at_ms=NOW_MS + n, says="x" * 100)
        removed = await _sweep(store, SessionLimits(bytes=250))
        assert removed == SessionTallies(disk=Tally(3, 300))
        assert read.session_figures()["bytes"] == 200

    async def test_what_is_used_or_pinned_stays_and_others_go_for_it(
        self, store: Store, read: RunLog
    ) -> None:
        await _queued(store, "r-0")
        pinned = await _run(store, "r-1", shared_key="weekly", at_ms=NOW_MS + 1)
        await store.prefer(pinned.session.base_key, Wishes(pinned=True), SOMEBODY)
        for n in (2, 3, 4):
            await _run(store, f"r-{n}", at_ms=NOW_MS + n)
        limits = SessionLimits(age_ms=1, entries=1, bytes=1)
        await _sweep(store, replace(limits, age_ms=0, entries=3))
        assert [read.session(f"s-r-{n}") is not None for n in range(5)] == [True, True, False, False, False]
        await _sweep(store, limits, NOW_MS + 99 * DAY_MS)
        assert _left(read) == 2

    async def test_a_session_that_was_reset_counts_as_any_other(self, store: Store, read: RunLog) -> None:
        first = await _run(store, "r-1", shared_key="weekly")
        await store.reset_session(first.session.id, SOMEBODY)
        second = await _run(store, "r-2", shared_key="weekly", at_ms=NOW_MS + 1)
        await _sweep(store, SessionLimits(entries=1))
        assert (read.session(first.session.id), _left(read)) == (None, 1)
        assert len(await store.history(second.session.id)) == 1

    async def test_without_limits_everything_stays(self, store: Store, read: RunLog) -> None:
        await _run(store, "r-1")
        assert await _sweep(store, SessionLimits(), NOW_MS + 9999 * DAY_MS) == SessionTallies()
        assert _left(read) == 1

    async def test_a_run_finds_no_session_that_is_gone(self, store: Store) -> None:
        first = await _run(store, "r-1", shared_key="weekly")
        await _sweep(store, SessionLimits(age_ms=1), NOW_MS + DAY_MS)
        second = await _run(store, "r-2", shared_key="weekly")
        assert second.session.id != first.session.id

    async def test_a_slice_is_small_and_many_come_to_the_same(self, store: Store, read: RunLog) -> None:
        for n in range(450):
            await _run(store, f"r-{n}", at_ms=NOW_MS + n)
        # It is the last stage of a sweep.
        position: Position | None = Position()
        sizes: list[int] = []
        while position is not None:
            slice_ = await store.prune(Limits(sessions=SessionLimits(entries=10)), NOW_MS + DAY_MS, position)
            position = slice_.following
            sizes.append(slice_.removed.sessions.total.sessions)
        assert (max(sizes), sum(sizes), _left(read)) == (200, 440, 10)

    async def test_a_sweep_is_noted_for_whoever_asks(self, store: Store, read: RunLog) -> None:
        assert read.session_figures()["lastSweep"] is None
        removed = Removed(sessions=SessionTallies(age=Tally(2, 10)), beyond=SessionTallies(disk=Tally(1, 7)))
        await store.swept(removed, NOW_MS)
        noted = read.session_figures()["lastSweep"]
        assert noted["at"] == "2026-07-01T07:00:00Z"
        assert noted["removed"]["age"] == noted["removed"]["total"] == {"sessions": 2, "bytes": 10}
        assert noted["beyond"]["disk"] == {"sessions": 1, "bytes": 7}

    async def test_the_figures_are_by_kind(self, store: Store, read: RunLog) -> None:
        for n in range(3):
            await _run(store, f"r-{n}", shared_key=f"weekly-{n}" if n else None)
        figures = read.session_figures()
        assert (figures["total"], figures["byKind"], figures["bytes"]) == (3, {"named": 2, "run": 1}, 15)


class DryRunRules:
    async def test_what_would_go_is_what_goes(self, store: Store, read: RunLog) -> None:
        await _mixed(store)
        limits = SessionLimits(DAY_MS, 5 * DAY_MS, 4, 150)
        told = read.sessions_beyond(limits, NOW_MS + 9 * DAY_MS).sessions
        assert _left(read) == 12
        assert await _sweep(store, limits, NOW_MS + 9 * DAY_MS) == told
        # Those that go anyway make room: nothing that is younger goes for them.
        assert told == SessionTallies(Tally(2, 28), Tally(3, 35), Tally(3, 45), Tally(1, 18))

    async def test_limits_that_only_warn_remove_nothing_but_what_single_runs_left(
        self, store: Store, read: RunLog
    ) -> None:
        await _mixed(store)
        limits = SessionLimits(DAY_MS, 5 * DAY_MS, 4, 150, enforced=False)
        removed = await swept(store, Limits(sessions=limits), now_ms=NOW_MS + 9 * DAY_MS)
        assert removed.sessions == SessionTallies(retention=Tally(2, 28))
        assert removed.beyond == SessionTallies(age=Tally(3, 35), entries=Tally(3, 45), disk=Tally(1, 18))
        assert _left(read) == 10

    async def test_a_sweep_that_only_warns_is_none(self, store: Store) -> None:
        await _run(store, "r-1")
        limits = SessionLimits(age_ms=1, enforced=False)
        assert not await swept(store, Limits(sessions=limits), now_ms=NOW_MS + DAY_MS)


async def _mixed(store: Store) -> None:
    """Two sessions a day: conversations but for two of them, and one that is large."""
    for n in range(12):
        shared = None if n in (1, 7) else f"talk-{n}"
        at_ms = NOW_MS + n // 2 * DAY_MS + n % 2 + 2 * DAY_MS
        await _run(store, f"r-{n}", shared_key=shared, at_ms=at_ms, says="x" * (100 if n == 9 else 10 + n))


async def _run(
    store: Store,
    run_id: str,
    *,
    shared_key: str | None = None,
    parent: str | None = None,
    at_ms: int = NOW_MS,
    says: str = "hello",
    status: RunStatus = RunStatus.OK,
) -> RunSeed:
    """A run that is over, of which its session remembers one message."""
    run = await _queued(store, run_id, shared_key=shared_key, parent=parent, at_ms=at_ms)
    await finish_one(
        store, replace(run_end(run_id, status, ended_ms=at_ms), messages=(Message("user", says),))
    )
    return run


async def _queued(
    store: Store,
    run_id: str,
    *,
    shared_key: str | None = None,
    parent: str | None = None,
    at_ms: int = NOW_MS,
) -> RunSeed:
    if await store.job("brief") is None:
        await store.add_job(job_row())
    session = replace(session_seed(f"s-{run_id}", shared_key=shared_key), parent_id=parent)
    seed = replace(run_seed(run_id, scheduled_ms=None), session=session, queued_ms=at_ms)
    return await store.queue_run(seed)


async def _sweep(store: Store, limits: SessionLimits, now_ms: int = NOW_MS + SECOND_MS) -> SessionTallies:
    return (await swept(store, Limits(sessions=limits), now_ms=now_ms)).sessions


def _left(read: RunLog) -> int:
    total: int = read.session_figures()["total"]
    return total
