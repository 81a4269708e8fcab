"""What a start makes sure of before anything is scheduled: which jobs cannot run, and when the others do."""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from stentor.domain.jobs import Job
from stentor.domain.records import JobRow
from stentor.domain.refusals import details_of
from stentor.domain.schedules import next_after
from stentor.ports import Clock, Store
from stentor.services.job_memory import JobMemory

log = logging.getLogger(__name__)
_AT_ONCE = 500


@dataclass
class Readying:
    """One walk over the stored jobs. Plugins come and go between two starts, and so do time zone databases."""

    store: Store
    clock: Clock
    memory: JobMemory
    tz_version: str
    # Why a job cannot run now; empty when it can.
    obstacle: Callable[[Job], str]

    async def run(self) -> None:
        known = await self.store.tz_version()
        moved: dict[str, int | None] = {}
        blocked: dict[str, str] = {}
        async for row in self._jobs():
            try:
                job = self.memory.read(row)
            except ValidationError as error:
                mistakes = (f"{detail.path}: {detail.message}" for detail in details_of(error, Job))
                blocked[row.id] = f"unreadable: {'; '.join(mistakes)}"
                continue
            why = self.obstacle(job)
            if why:
                blocked[row.id] = why
            if known != self.tz_version and row.enabled and row.next_at_ms is not None:
                next_at = next_after(job.schedule, row.accounted_ms, job_id=row.id)
                if next_at != row.next_at_ms:
                    moved[row.id] = next_at
        await self.store.block_jobs(blocked)
        if known != self.tz_version:
            await self.store.retime(moved, self.tz_version, at_ms=self.clock.now_ms())
            if known is not None:
                log.info(
                    "time zones are those of %s now, before %s: %d jobs have another next time",
                    self.tz_version,
                    known,
                    len(moved),
                    extra={"event": "tz_changed"},
                )

    async def _jobs(self) -> AsyncIterator[JobRow]:
        rows: Sequence[JobRow] = await self.store.jobs_after("", _AT_ONCE)
        while rows:
            for row in rows:
                yield row
            rows = await self.store.jobs_after(rows[-1].id, _AT_ONCE)
