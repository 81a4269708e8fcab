"""Executes runs: a slot, the turn with its clock, and one transaction that ends the run and fills the outbox."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from stentor.contract.payloads import Attachment
from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.states import RunStatus, Trigger
from stentor.ports import AttachmentLost, Clock, Spool, Store
from stentor.services.conclusion import Conclusion, conclude
from stentor.services.interruption import interruption
from stentor.services.outgoing import Outgoings, RoutePlan
from stentor.services.persistence import insist
from stentor.services.turns import TurnFailed, TurnOutcome, Turns

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Ticket:
    run: RunSeed
    job: Job
    withdrawn: asyncio.Event
    started: bool = False


@dataclass
class Executor:
    """Owns the runs of this process. Runs of one job never overlap; the number of all is bounded."""

    store: Store
    clock: Clock
    turns: Turns
    outgoings: Outgoings
    spool: Spool
    boot: str
    slots: asyncio.Semaphore
    new_id: Callable[[str], str]
    on_outbox: Callable[[], None]
    on_finished: Callable[[str], None]
    _tickets: asyncio.Queue[_Ticket] = field(default_factory=asyncio.Queue[_Ticket])
    _open: dict[str, _Ticket] = field(default_factory=dict[str, _Ticket])
    _turns_of: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def submit(self, run: RunSeed, job: Job) -> None:
        """Take over a run that is written down already."""
        ticket = _Ticket(run, job, asyncio.Event())
        self._open[run.id] = ticket
        self._idle.clear()
        self._tickets.put_nowait(ticket)

    def withdraw(self, job_id: str) -> None:
        """Do not start what was claimed ahead for a job that has just changed."""
        for ticket in self._open.values():
            if ticket.run.job_id == job_id:
                ticket.withdrawn.set()

    async def run(self) -> None:
        """Until cancelled; then runs in progress are ended as interrupted."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                ticket = await self._tickets.get()
                tasks.create_task(self._guarded(ticket), name=f"run {ticket.run.id}")

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing runs, at most `seconds`."""
        return not self._open or await self.clock.wait(self._idle, seconds)

    async def _guarded(self, ticket: _Ticket) -> None:
        """One broken run must not cancel its siblings."""
        run, job = ticket.run, ticket.job
        try:
            await self._execute(ticket)
        except asyncio.CancelledError:
            # What has not begun stays queued: the next start takes it over as it is.
            if ticket.started:
                await self.store.finish_run(interruption(run, job, self._cut_short(run), new_id=self.new_id))
            raise
        except StoreError:
            log.exception("run %s could not be written down", run.id, extra={"event": "run_lost"})
        finally:
            self._forget(ticket)

    async def _execute(self, ticket: _Ticket) -> None:
        run, job = ticket.run, ticket.job
        if await self._changed_before_its_instant(ticket):
            now = self.clock.now_ms()
            end = RunEnd(run.id, self.boot, RunStatus.CANCELLED, "queued", now, error="the job was changed")
            await self._end(end)
            return
        async with self._turn_of(job.id), self.slots:
            started = self.clock.now_ms()
            begin = partial(self.store.start_run, run.id, self.boot, started)
            ticket.started = await insist(self.clock, f"the start of run {run.id}", begin)
            if ticket.started:
                await self._end(await self._work(run, job, started))

    async def _changed_before_its_instant(self, ticket: _Ticket) -> bool:
        """Runs are claimed a little ahead; until the instant itself the user may still change the job."""
        if ticket.run.scheduled_ms is None:
            return False
        seconds = (ticket.run.scheduled_ms - self.clock.now_ms()) / 1000
        return seconds > 0 and await self.clock.wait(ticket.withdrawn, seconds)

    async def _work(self, run: RunSeed, job: Job, started: int) -> RunEnd:
        """Route, turn, reply. Whatever goes wrong is a status with a phase, never an exception."""
        plan = RoutePlan()
        try:
            plan = self.outgoings.plan(job)
            if plan.fatal is not None:
                raise TurnFailed("route", "delivery_target", plan.fatal)
            outcome = await self.turns.take(run, job)
            attachments, lost = await self._collect(job, outcome)
            case = Conclusion(run, job, plan, outcome, attachments, lost, started, self.clock.now_ms())
            return conclude(case, self.boot, self.outgoings, retire=retirement(run, job, ok=True))
        except TurnFailed as failure:
            return self._failed(run, job, plan, started, failure)
        except Exception as error:
            log.exception("run %s failed", run.id, extra={"event": "run_crashed"})
            crash = TurnFailed("reply", "internal", f"{type(error).__name__}: {error}")
            return self._failed(run, job, plan, started, crash)

    async def _collect(
        self, job: Job, outcome: TurnOutcome
    ) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
        """Our own copies of the files the turn wants sent; what cannot be had is named, not dropped in silence."""
        agent = self.turns.agents.get(job.agent_id)
        root = agent.workspace if agent is not None else None
        kept: list[Attachment] = []
        lost: list[str] = []
        for wanted in outcome.attachments:
            try:
                kept.append(await self.spool.take(wanted.path, wanted.name, root))
            except AttachmentLost as error:
                lost.append(str(error))
        return tuple(kept), tuple(lost)

    def _failed(self, run: RunSeed, job: Job, plan: RoutePlan, started: int, failure: TurnFailed) -> RunEnd:
        return RunEnd(
            run.id,
            self.boot,
            RunStatus.TIMEOUT if failure.kind == "timeout" else RunStatus.ERROR,
            failure.phase,
            self.clock.now_ms(),
            started_ms=started,
            error=str(failure),
            error_kind=failure.kind,
            routes=plan.as_json(),
            messages=failure.messages,
            retire=retirement(run, job, ok=False),
        )

    def _cut_short(self, run: RunSeed) -> RunEnd:
        now = self.clock.now_ms()
        error = "the daemon was stopped while the run was under way"
        return RunEnd(
            run.id, self.boot, RunStatus.INTERRUPTED, None, now, error=error, error_kind="interrupted"
        )

    async def _end(self, end: RunEnd) -> None:
        finished = await insist(
            self.clock, f"the result of run {end.run_id}", lambda: self.store.finish_run(end)
        )
        if finished.kept:
            self.on_outbox()
            self.on_finished(end.run_id)

    @asynccontextmanager
    async def _turn_of(self, job_id: str) -> AsyncGenerator[None]:
        async with self._turns_of.setdefault(job_id, asyncio.Lock()):
            yield

    def _forget(self, ticket: _Ticket) -> None:
        self._open.pop(ticket.run.id, None)
        if all(other.job.id != ticket.job.id for other in self._open.values()):
            self._turns_of.pop(ticket.job.id, None)
        if not self._open:
            self._idle.set()


def retirement(run: RunSeed, job: Job, *, ok: bool) -> str | None:
    """A one-shot has had its only instant when the run for it ends; a manual run does not use it up."""
    if not job.is_one_shot or run.trigger is Trigger.MANUAL:
        return None
    return "done" if ok else "failed"
