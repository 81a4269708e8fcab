"""Claims due jobs a little ahead and hands their runs over to fire at the exact instant."""

import asyncio
import logging
from dataclasses import dataclass, field

from stentor.domain.faults import StoreError
from stentor.domain.idents import ident
from stentor.domain.jobs import Job
from stentor.domain.occurrences import ON_TIME_MS, Accounted, account
from stentor.domain.records import Claim, DueJob, JobRow, OccurrenceRow, RunSeed
from stentor.domain.schedules import next_after
from stentor.domain.sessions import session_for
from stentor.domain.states import Trigger
from stentor.ports import Chance, Clock, Store
from stentor.services.executor import Executor

log = logging.getLogger(__name__)
_AHEAD_MS = 250
_BATCH = 256
# Waiting is monotonic and dueness is wall time: looking again this often bounds what a jump of the clock can cost.
_LOOK_AGAIN_SECONDS = 10.0


@dataclass
class Scheduler:
    """Sleeps until the next due instant. Changes arrive as calls, so due work is never polled."""

    store: Store
    clock: Clock
    chance: Chance
    executor: Executor
    boot: str
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _parsed: dict[tuple[str, int], Job] = field(default_factory=dict[tuple[str, int], Job])

    def job_changed(self, job_id: str) -> None:
        """A job was added, edited or removed: what was claimed ahead for it must not fire any more."""
        self.executor.withdraw(job_id)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            try:
                seconds = await self._round()
            except StoreError as error:
                log.warning(
                    "no claims while the store is unavailable: %s", error, extra={"event": "claims_stopped"}
                )
                seconds = 1.0
            if seconds > 0:
                await self.clock.wait(self._changed, seconds)

    async def _round(self) -> float:
        """Claim everything due; how long to sleep before the next look."""
        now = self.clock.now_ms()
        due = await self.store.due(now + _AHEAD_MS, _BATCH)
        if due:
            await asyncio.gather(*(self._claim(job, now) for job in due))
            return 0
        upcoming = await self.store.next_due()
        if upcoming is None:
            return _LOOK_AGAIN_SECONDS
        return min(max((upcoming - _AHEAD_MS - self.clock.now_ms()) / 1000, 0.001), _LOOK_AGAIN_SECONDS)

    async def _claim(self, due: DueJob, now: int) -> None:
        try:
            job = self._job(due.row)
            claim = self._plan(job, due, now)
        except ValueError as error:
            await self.store.park_job(due.row.id, f"unreadable: {error}", at_ms=now)
            return
        claimed = await self.store.claim(claim)
        for run in claimed or ():
            self.executor.submit(run, job)

    def _plan(self, job: Job, due: DueJob, now: int) -> Claim:
        """Account for every instant since the last claim: each one runs, is missed or is skipped, and says why."""
        row = due.row
        accounting = account(
            job.schedule,
            job_id=job.id,
            last_accounted_ms=row.accounted_ms,
            now_ms=now,
            horizon_ms=_AHEAD_MS,
            policy=job.missed.policy,
            grace_ms=(job.missed.grace_seconds or 0) * 1000,
            overlapping=due.running > 0 and job.overlap == "skip",
        )
        rows = [_blocked(entry, row.blocked) for entry in accounting.rows]
        runs = {
            entry.instant_ms: self._seed(job, entry.instant_ms, now)
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

    def _seed(self, job: Job, instant_ms: int, now: int) -> RunSeed:
        late = now - instant_ms >= ON_TIME_MS
        return RunSeed(
            ident("r", now, self.chance.token(10)),
            job.id,
            job.name,
            Trigger.CATCHUP if late else Trigger.SCHEDULE,
            now,
            self.boot,
            session_for(job, ident("s", now, self.chance.token(10))),
            instant_ms,
        )

    def _job(self, row: JobRow) -> Job:
        key = (row.id, row.revision)
        if key not in self._parsed:
            if len(self._parsed) > 20_000:
                self._parsed.clear()
            self._parsed[key] = Job.model_validate_json(row.doc)
        return self._parsed[key]


def _blocked(entry: Accounted, why: str | None) -> Accounted:
    if why is None or entry.outcome != "run":
        return entry
    return Accounted(entry.instant_ms, "skipped", f"blocked: {why}")


def _occurrence(entry: Accounted, run: RunSeed | None) -> OccurrenceRow:
    run_id = run.id if run is not None else None
    return OccurrenceRow(entry.instant_ms, entry.outcome, entry.reason, run_id, entry.last_ms, entry.count)
