"""Takes over what an earlier process left: its runs and the parts it was sending."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stentor.contract.channel import Channel
from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.outbox import Verdict, orphaned
from stentor.domain.records import ErrandSeed, OpenRun, Outgoing, RunEnd, RunSeed, Settlement
from stentor.domain.states import PartState, RunStatus
from stentor.ports import Clock, Store
from stentor.services.circumstances import attempt_of, traits_for
from stentor.services.errand import Errand
from stentor.services.errands import Errands
from stentor.services.executor import Executor
from stentor.services.successors import interrupted

log = logging.getLogger(__name__)
_CUT_SHORT = "the process ended before the run did"


@dataclass
class Recovery:
    """Runs once at every start. A kind stop and a kill leave the same kind of rows, so there is one way back."""

    store: Store
    clock: Clock
    channels: Mapping[str, Channel]
    executor: Executor
    errands: Errands
    new_id: Callable[[str], str]
    boot: str
    # What runs do that nobody asked for and no stored job says.
    unstored: Callable[[RunSeed], Job | None]

    async def run(self) -> None:
        found = await self.store.recover(self.boot)
        if found.parts:
            await self._settle(found.parts)
        for run in found.runs:
            await self._resume(run)
        if found.parts or found.runs:
            log.info(
                "took over %d runs and %d parts",
                len(found.runs),
                len(found.parts),
                extra={"event": "recovered"},
            )

    async def _settle(self, parts: Sequence[Outgoing]) -> None:
        settled = await self.store.settle([self._settlement(part) for part in parts])
        for part, result in zip(parts, settled, strict=True):
            if isinstance(result, StoreError):
                log.error("%s stays as it was: %s", part.part_id, result, extra={"event": "recovery_failed"})

    def _settlement(self, part: Outgoing) -> Settlement:
        """Nobody can know whether the part arrived, unless the channel makes a second sending harmless."""
        now = self.clock.now_ms()
        channel = self.channels.get(part.target.channel)
        if channel is None:
            verdict = Verdict(PartState.UNKNOWN, "crash_after_send", "the channel's plugin is gone")
        else:
            verdict = orphaned(attempt_of(part, now, channel), traits_for(part, channel))
        return Settlement(part.part_id, part.attempt, now, verdict)

    async def _resume(self, found: OpenRun) -> None:
        run, now = found.seed, self.clock.now_ms()
        if run.errand is not None:
            await self._resume_errand(found, run.errand)
            return
        end = RunEnd(run.id, self.boot, RunStatus.INTERRUPTED, None, now)
        try:
            job = await self._job_of(run)
        except LookupError as error:
            await self.store.finish_runs([_because(end, str(error))])
            return
        if not found.started and not _too_late(found, job, now):
            self.executor.submit(run, job)
            return
        end = _because(end, _CUT_SHORT if found.started else "it could not start within its grace")
        if found.started:
            end = interrupted(run, job, end, new_id=self.new_id, sent_something=found.sent_something)
        elif job.is_one_shot:
            end = replace(end, retire="missed")
        for finished in await self.store.finish_runs([end]):
            if not isinstance(finished, StoreError) and finished.successor is not None:
                self.executor.submit(finished.successor, job)

    async def _resume_errand(self, found: OpenRun, seed: ErrandSeed) -> None:
        """What was said in another session is still answered there. Nobody waits for what a dead run sent others to do."""
        run = found.seed
        end = RunEnd(run.id, self.boot, RunStatus.INTERRUPTED, None, self.clock.now_ms())
        try:
            errand = Errand.of(run, seed)
        except ValueError as error:
            await self.store.finish_runs([_because(end, f"what it was to do cannot be read: {error}")])
            return
        if errand.outlives and not found.started:
            self.errands.go_on(run, errand)
            return
        why = _CUT_SHORT if found.started else "the process of the run that asked for it ended"
        await self.store.finish_runs([_because(end, why)])
        await self.errands.put_away(run, errand)

    async def _job_of(self, run: RunSeed) -> Job:
        unstored = self.unstored(run)
        if unstored is not None:
            return unstored
        row = await self.store.job(run.job_id)
        if row is None:
            raise LookupError("the job was removed")
        try:
            return Job.model_validate_json(row.doc)
        except ValueError as error:
            raise LookupError(f"the job cannot be read: {error}") from error


def _because(end: RunEnd, why: str) -> RunEnd:
    return replace(end, error=why, error_kind="interrupted")


def _too_late(found: OpenRun, job: Job, now_ms: int) -> bool:
    scheduled = found.seed.scheduled_ms
    grace = job.missed.grace_seconds
    return scheduled is not None and grace is not None and now_ms - scheduled > grace * 1000
