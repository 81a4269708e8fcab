"""Takes over what an earlier process left: its runs and the parts it was sending."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stentor.contract.channel import Channel
from stentor.contract.targets import Target
from stentor.domain.answers import target_of
from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.outbox import Attempt, Verdict, orphaned
from stentor.domain.plugin_words import PluginFault
from stentor.domain.records import OpenRun, Outgoing, RunEnd, Settlement
from stentor.domain.states import PartState, RunStatus
from stentor.ports import Clock, Store
from stentor.services.executor import Executor
from stentor.services.plugin_calls import Door
from stentor.services.successors import interrupted

log = logging.getLogger(__name__)


@dataclass
class Recovery:
    """Runs once at every start. A kind stop and a kill leave the same kind of rows, so there is one way back."""

    store: Store
    clock: Clock
    channels: Mapping[str, Channel]
    executor: Executor
    new_id: Callable[[str], str]
    boot: str

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
            verdict = orphaned(attempt_of(part, now, channel), channel.traits)
        return Settlement(part.part_id, part.attempt, now, verdict)

    async def _resume(self, found: OpenRun) -> None:
        run, now = found.seed, self.clock.now_ms()
        row = await self.store.job(run.job_id)
        end = RunEnd(run.id, self.boot, RunStatus.INTERRUPTED, None, now)
        if row is None:
            await self.store.finish_runs([_because(end, "the job was removed")])
            return
        try:
            job = Job.model_validate_json(row.doc)
        except ValueError as error:
            await self.store.finish_runs([_because(end, f"the job cannot be read: {error}")])
            return
        if not found.started and not _too_late(found, job, now):
            self.executor.submit(run, job)
            return
        why = (
            "the process ended before the run did" if found.started else "it could not start within its grace"
        )
        end = _because(end, why)
        if found.started:
            end = interrupted(run, job, end, new_id=self.new_id, sent_something=found.sent_something)
        elif job.is_one_shot:
            end = replace(end, retire="missed")
        for finished in await self.store.finish_runs([end]):
            if not isinstance(finished, StoreError) and finished.successor is not None:
                self.executor.submit(finished.successor, job)


def attempt_of(part: Outgoing, now_ms: int, channel: Channel | None, jitter: float = 0.0) -> Attempt:
    """The circumstances of a send, as the outbox rules ask for them."""
    return Attempt(
        part.target,
        part.attempt,
        part.refusals,
        now_ms,
        part.first_sent_ms,
        part.expires_ms,
        resend_unknown=part.on_unknown == "resend",
        jitter=jitter * 0.1,
        has_plain=part.has_plain,
        parent=_parent(part, channel),
        readdressed=part.readdressed,
    )


def _parent(part: Outgoing, channel: Channel | None) -> Target | None:
    """Where a part may go whose thread is gone. Whatever a plugin makes of the question, it is no reason to fail."""
    if channel is None or part.on_thread_gone != "parent" or part.target.thread is None:
        return None
    door = Door(channel.name, part.target.account or "")
    parent = door.hear("parent", lambda: _parent_of(part.target, channel))
    return None if parent is None else parent.on(part.target.account or "")


def _parent_of(target: Target, channel: Channel) -> Target | None:
    given: object = channel.parent(target)
    if given is None:
        return None
    parent = target_of(given, "what parent returns")
    if parent.channel != target.channel:
        raise PluginFault(f"parent returned a target of {parent.channel!r}")
    return parent


def _because(end: RunEnd, why: str) -> RunEnd:
    return replace(end, error=why, error_kind="interrupted")


def _too_late(found: OpenRun, job: Job, now_ms: int) -> bool:
    scheduled = found.seed.scheduled_ms
    grace = job.missed.grace_seconds
    return scheduled is not None and grace is not None and now_ms - scheduled > grace * 1000
