"""Claims due jobs a little ahead and hands their runs over to fire at the exact instant."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from stentor.domain.faults import StoreError
from stentor.domain.idents import ident
from stentor.domain.jobs import Job
from stentor.domain.occurrences import Accounted, Look, MissedRule, account
from stentor.domain.pacing import Pace, Starts
from stentor.domain.records import Claim, DueJob, OccurrenceRow, RunSeed
from stentor.domain.schedules import next_after
from stentor.domain.session_resets import Resets
from stentor.domain.sessions import session_for
from stentor.domain.states import Trigger
from stentor.ports import Chance, Clock, Store
from stentor.services.courtesy import Courtesy
from stentor.services.executor import Executor
from stentor.services.job_memory import JobMemory
from stentor.services.vigil import Vigil

log = logging.getLogger(__name__)
_AHEAD_MS = 250
_BATCH = 256
# Few enough that planning them never keeps the loop to itself, many enough that writing them down is one thing.
_PLANNED_AT_ONCE = 4
_CLAIMED_TOGETHER = 16
# Waiting is monotonic and dueness is wall time: looking again this often bounds what a jump of the clock can cost.
_LOOK_AGAIN_SECONDS = 10.0
_SCHEDULE_TRIES = 3


@dataclass
class Scheduler:
    """Sleeps until the next due instant. Changes arrive as calls, so due work is never polled."""

    store: Store
    clock: Clock
    chance: Chance
    executor: Executor
    courtesy: Courtesy
    memory: JobMemory
    boot: str
    vigil: Vigil
    catch_up: Pace
    starts: Starts
    keep_ms: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    resets: Resets = field(default_factory=Resets)

    def job_changed(self, job_id: str) -> None:
        """A job was added, edited or removed."""
        self.executor.job_changed(job_id)
        self.changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        await self.vigil.begin()
        while True:
            self.changed.clear()
            try:
                seconds = await self._round()
            except* StoreError as group:
                why = group.exceptions[0]
                log.warning("no claims, the store is unavailable: %s", why, extra={"event": "claims_stopped"})
                seconds = 1.0
            if seconds > 0:
                await self.clock.wait(self.changed, seconds)

    async def _round(self) -> float:
        """Claim everything due; how long to sleep before the next look."""
        now = self.vigil.look()
        found = await self.store.due(now + _AHEAD_MS, _BATCH)
        due = [job for job in found if not _may_be_over_by_then(job, now)]
        if due:
            due.sort(key=lambda job: job.row.next_at_ms or 0)
            await self._claim_all(due, now)
            return 0
        # Jobs that still run are looked at again at their instant itself, not ahead of it.
        waiting = min((job.row.next_at_ms or now for job in found), default=None)
        upcoming = await self.store.next_due() if waiting is None else waiting + _AHEAD_MS
        if upcoming is None:
            return _LOOK_AGAIN_SECONDS
        return min(max((upcoming - _AHEAD_MS - self.clock.now_ms()) / 1000, 0.001), _LOOK_AGAIN_SECONDS)

    async def _claim_all(self, due: Sequence[DueJob], now: int) -> None:
        """Plan a handful at a time, so that nobody waits for the loop, while the store writes those before."""
        async with asyncio.TaskGroup() as writing:
            for begin in range(0, len(due), _CLAIMED_TOGETHER):
                planned: list[tuple[Job, Claim]] = []
                for n, found in enumerate(due[begin : begin + _CLAIMED_TOGETHER]):
                    if n % _PLANNED_AT_ONCE == 0:
                        await self.courtesy.turn()
                    try:
                        job = self.memory.read(found.row)
                        planned.append((job, self._plan(job, found, now)))
                    except ValueError as error:
                        writing.create_task(self._cannot_tell(found.row.id, error, now))
                writing.create_task(self._claim(planned, now))

    async def _claim(self, planned: Sequence[tuple[Job, Claim]], now: int) -> None:
        claims = await self.store.claim([claim for _, claim in planned])
        for (job, _), claimed in zip(planned, claims, strict=True):
            if isinstance(claimed, StoreError):
                await self._cannot_tell(job.id, claimed, now)
                continue
            for run in claimed or ():
                await self._begin(run, job, now)

    async def _begin(self, run: RunSeed, job: Job, now: int) -> None:
        self.executor.submit(run, job)
        # What makes up for an absence is spread out by itself and ends by itself.
        if run.trigger is not Trigger.CATCHUP and self.starts.too_many(job.id, now):
            why = f"it started more than {self.starts.most} times within a minute"
            if await self.store.switch_off(job.id, "hot-loop", why, at_ms=now):
                self.job_changed(job.id)

    def _plan(self, job: Job, due: DueJob, now: int) -> Claim:
        """Account for every instant since the last claim: each one runs, is missed or is skipped, and says why."""
        row = due.row
        look = Look(
            now,
            _AHEAD_MS,
            self.vigil.awake_ms,
            due.not_before_ms or 0,
            0 if self.keep_ms is None else now - self.keep_ms,
            overlapping=due.running > 0 and job.overlap == "skip",
        )
        missed = MissedRule(job.missed.policy, (job.missed.grace_seconds or 0) * 1000)
        accounting = account(job.schedule, missed, look, job_id=job.id, last_accounted_ms=row.accounted_ms)
        rows = [_blocked(entry, row.blocked) for entry in accounting.rows]
        runs = {
            entry.instant_ms: self._seed(job, entry, now, due.not_before_ms)
            for entry in rows
            if entry.outcome == "run"
        }
        occurrences = tuple(_occurrence(entry, runs.get(entry.instant_ms)) for entry in rows)
        next_at = next_after(job.schedule, accounting.accounted_until_ms, job_id=job.id)
        lost = job.is_one_shot and next_at is None and not runs
        return Claim(
            job.id,
            row.revision,
            row.accounted_ms,
            accounting.accounted_until_ms,
            next_at,
            now,
            occurrences,
            tuple(runs.values()),
            "missed" if lost else None,
        )

    def _seed(self, job: Job, entry: Accounted, now: int, not_before_ms: int | None) -> RunSeed:
        return RunSeed(
            ident("r", now, self.chance.token(10)),
            job.id,
            job.name,
            Trigger.CATCHUP if entry.late else Trigger.SCHEDULE,
            now,
            self.boot,
            self.resets.applied(
                session_for(job, ident("s", now, self.chance.token(10))), max(now, entry.instant_ms)
            ),
            entry.instant_ms,
            not_before_ms=self.catch_up.next_start(now) if entry.late else not_before_ms,
        )

    async def _cannot_tell(self, job_id: str, error: Exception, now: int) -> None:
        """One job that cannot be read or computed must not stop the others."""
        why = f"the schedule cannot be computed: {error}"
        log.error("job %s: %s", job_id, why, extra={"event": "schedule_error"})
        await self.store.schedule_failed(
            job_id, why, at_ms=now, look_again_ms=now + 1000, most=_SCHEDULE_TRIES
        )


def _may_be_over_by_then(job: DueJob, now: int) -> bool:
    """Whether a run is in the way stands firm only at the instant itself."""
    return job.running > 0 and (job.row.next_at_ms or 0) > now


def _blocked(entry: Accounted, why: str | None) -> Accounted:
    if why is None or entry.outcome != "run":
        return entry
    return Accounted(entry.instant_ms, "skipped", f"blocked: {why}")


def _occurrence(entry: Accounted, run: RunSeed | None) -> OccurrenceRow:
    run_id = run.id if run is not None else None
    return OccurrenceRow(entry.instant_ms, entry.outcome, entry.reason, run_id, entry.last_ms, entry.count)
