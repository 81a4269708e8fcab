"""The stored jobs: adding, editing, applying and removing them, each change once and with who made it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.domain.idents import ident
from stentor.domain.job_changes import JobChange, job_id_of
from stentor.domain.jobs import Job
from stentor.domain.json_types import JsonObject
from stentor.domain.records import RunSeed
from stentor.domain.refusals import Refused
from stentor.domain.routing import Directory
from stentor.domain.session_resets import Resets
from stentor.domain.sessions import session_for
from stentor.domain.states import Trigger
from stentor.ports import Chance, Clock, Conversations, Store
from stentor.services.courtesy import Courtesy
from stentor.services.job_answers import answer
from stentor.services.job_apply import ApplyPlan, planning
from stentor.services.job_edits import StoredJob, first_row, removal
from stentor.services.job_memory import JobMemory
from stentor.services.job_patches import edited
from stentor.services.job_rules import JobDefaults, JobRules, Origin, Prepared
from stentor.services.naming import Naming
from stentor.services.persistence import undivided

# A job that fires each second moves on between a look and its edit; one of so many looks is quick enough.
_TRIES = 20
_STEPS_AT_ONCE = 16


@dataclass
class JobBook:
    """`on_change` hears of every change after its commit."""

    store: Store
    clock: Clock
    chance: Chance
    directory: Directory
    defaults: JobDefaults
    courtesy: Courtesy
    memory: JobMemory
    on_change: Callable[[str], None]
    boot: str
    conversations: Conversations
    naming: Naming
    resets: Resets = field(default_factory=Resets)

    @cached_property
    def rules(self) -> JobRules:
        return JobRules(self.clock, self.chance, self.directory, self.defaults, self.conversations)

    async def add(self, raw: Mapping[str, Any], *, by: str, origin: Origin | None = None) -> JsonObject:
        """Check and store a job; the answer is the stored job with its preview. `origin` is where it is made."""

        async def prepare() -> Prepared:
            return self.rules.prepare(raw, origin)

        prepared = await self.naming.knowing(prepare)
        row = first_row(prepared, self.clock.now_ms())
        await self.store.add_job(row, by=by)
        self.on_change(prepared.job.id)
        self.memory.read(row)
        return answer(self.rules, prepared)

    async def edit(
        self, job_id: str, patch: JsonObject, *, by: str, origin: Origin | None = None
    ) -> JsonObject | None:
        """Change a stored job. With `revision` in the patch only that revision, else whichever is the newest.

        `origin` is where that is said.
        """
        wanted = patch.get("revision")
        if wanted is not None and (not isinstance(wanted, int) or isinstance(wanted, bool)):
            raise Refused("bad_request", "revision must be a whole number")
        given = {key: value for key, value in patch.items() if key != "revision"}
        return await self.naming.knowing(lambda: self._edit(job_id, given, wanted, by, origin))

    async def _edit(
        self, job_id: str, given: JsonObject, wanted: int | None, by: str, origin: Origin | None
    ) -> JsonObject | None:
        for _ in range(_TRIES):
            row = await self.store.job(job_id)
            if row is None:
                return None
            if wanted is not None and wanted != row.revision:
                raise StaleRevision(f"job {job_id!r} is at revision {row.revision}, not {wanted}")
            result = edited(self.rules, StoredJob.read(row), given, by=by, origin=origin)
            if result.change is None or await self._committed([result.change]):
                changed = {"before": result.before, "after": result.after}
                return {**answer(self.rules, result.prepared), "changed": changed}
        raise _moving(job_id)

    async def remove(self, job_id: str, *, by: str) -> bool:
        for _ in range(_TRIES):
            row = await self.store.job(job_id)
            if row is None:
                return False
            if await self._committed([removal(StoredJob.read(row), self.clock.now_ms(), by=by)]):
                return True
        raise _moving(job_id)

    async def apply(
        self, jobs: Sequence[Mapping[str, Any]], *, by: str, prune: bool, dry_run: bool
    ) -> JsonObject:
        """Make the stored jobs those of a file: all of it in one transaction, or nothing."""
        return await self.naming.knowing(lambda: self._apply(jobs, by, prune=prune, dry_run=dry_run))

    async def _apply(
        self, jobs: Sequence[Mapping[str, Any]], by: str, *, prune: bool, dry_run: bool
    ) -> JsonObject:
        for _ in range(_TRIES):
            rows = await self.store.jobs()
            plan = await self._unhurried(planning(self.rules, rows, jobs, by=by, prune=prune))
            if dry_run or not plan.changes or await self._committed(plan.changes):
                return plan.as_json()
        raise _moving("one of them")

    async def manual_run(self, job_id: str, submit: Callable[[RunSeed, Job], None]) -> RunSeed | None:
        """A run outside the schedule, written down and submitted; it uses up no instant."""
        row = await self.store.job(job_id)
        if row is None:
            return None
        now = self.clock.now_ms()
        job = self.memory.read(row)
        session = self.resets.applied(session_for(job, ident("s", now, self.chance.token(10))), now)
        run_id = ident("r", now, self.chance.token(10))
        seed = RunSeed(run_id, job.id, job.name, Trigger.MANUAL, now, self.boot, session)

        async def queued() -> RunSeed:
            run = await self.store.queue_run(seed)
            submit(run, job)
            return run

        return await undivided(queued)

    async def _unhurried(self, steps: Generator[None, None, ApplyPlan]) -> ApplyPlan:
        """A long calculation that lets whatever is due go in between."""
        while True:
            try:
                for _ in range(_STEPS_AT_ONCE):
                    next(steps)
            except StopIteration as done:
                plan: ApplyPlan = done.value
                return plan
            await self.courtesy.turn()

    async def _committed(self, changes: Sequence[JobChange]) -> bool:
        """Write changes down; False when a job has moved on since it was looked at."""
        try:
            await self.store.change_jobs(changes)
        except (StaleRevision, AlreadyExists):
            return False
        for change in changes:
            self.on_change(job_id_of(change))
        return True


def _moving(job_id: str) -> StaleRevision:
    return StaleRevision(f"job {job_id!r} kept changing while it was being edited")
