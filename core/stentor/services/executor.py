"""Executes runs: each begins at its time and when there is room, and ends in one transaction that fills the outbox."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from itertools import count

from stentor.domain.faults import StoreError
from stentor.domain.jobs import FixedText, Job
from stentor.domain.plugin_words import storable
from stentor.domain.records import Finished, RunEnd, RunSeed
from stentor.domain.states import RunStatus, Trigger
from stentor.ports import Clock, Store
from stentor.services.admission import Admission
from stentor.services.courtesy import Courtesy
from stentor.services.outgoing import SHORT
from stentor.services.persistence import insist
from stentor.services.successors import interrupted, retirement
from stentor.services.tickets import Ticket
from stentor.services.turn_clocks import limit_seconds
from stentor.services.work import Work

log = logging.getLogger(__name__)
# Few enough that making them never keeps the loop to itself, many enough that writing them down is one thing.
_SAID_AT_ONCE = 2
_HEARD_AT_ONCE = 8
_ENDED_TOGETHER = 32
_LOOK_AGAIN_SECONDS = 10.0
# How long after its limit a run may still hold its lease: stopping takes a moment.
_LEASE_GRACE_MS = 60_000


@dataclass
class Executor:
    """Owns the runs of this process."""

    store: Store
    clock: Clock
    work: Work
    admission: Admission
    courtesy: Courtesy
    boot: str
    on_outbox: Callable[[], None]
    on_finished: Callable[[RunEnd], None]
    # A run's end may bring its job's next instant forward.
    on_rescheduled: Callable[[], None]
    _numbers: Iterator[int] = field(default_factory=count)
    _open: dict[str, Ticket] = field(default_factory=dict[str, Ticket])
    _of_job: dict[str, set[Ticket]] = field(default_factory=dict[str, set[Ticket]])
    _later: list[tuple[int, tuple[int, int, int], Ticket]] = field(
        default_factory=list[tuple[int, tuple[int, int, int], Ticket]]
    )
    _texts: deque[Ticket] = field(default_factory=deque[Ticket])
    # Runs whose time has come and that are not over, by id.
    _due: set[str] = field(default_factory=set[str])
    _leases: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _is_stopping: bool = False

    def submit(self, run: RunSeed, job: Job, *, nested: int = 0) -> None:
        """Take over a run that is written down already. For a `nested` one so many runs wait, one for the other."""
        ticket = Ticket(run, job, next(self._numbers), nested)
        self._open[run.id] = ticket
        self._of_job.setdefault(job.id, set()).add(ticket)
        heappush(self._later, (run.due_ms, ticket.order, ticket))
        self._wake.set()

    def waiting(self, job_id: str) -> RunSeed | None:
        """A run of a job that begins as soon as it can, if there is one. One whose time has not come is none."""
        now = self.clock.now_ms()
        waiting = (
            each.run for each in self._of_job.get(job_id, ()) if not each.started and not each.cancelled
        )
        return next((run for run in waiting if run.due_ms <= now), None)

    def is_busy_with(self, job_id: str) -> bool:
        """Whether a run of a job waits or is under way."""
        return job_id in self._of_job

    def job_changed(self, job_id: str) -> None:
        """What has not begun of a job is looked at again when its time comes."""
        for ticket in self._of_job.get(job_id, ()):
            ticket.stale = True

    async def cancel(self, run_id: str, why: str = "cancelled by its owner") -> bool:
        """Stop a run or take it out of the queue. False when it is over already.

        While all are stopped, none is stopped for a reason of its own: the next start says what becomes of each.
        """
        ticket = self._open.get(run_id)
        if ticket is None or self._is_stopping:
            return False
        ticket.cancelled = why
        if ticket.task is not None:
            ticket.task.cancel()
            await asyncio.wait({ticket.task})
        else:
            await self._give_up(ticket, ticket.cancelled)
        return True

    async def run(self) -> None:
        """Until cancelled; then runs in progress are ended as interrupted."""
        async with asyncio.TaskGroup() as tasks:
            try:
                await self._go_on(tasks)
            finally:
                self._is_stopping = True

    async def _go_on(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self.courtesy.turn()
            self._wake.clear()
            seconds = self._sort_out(_ENDED_TOGETHER)
            await self._say_texts(tasks)
            while (ticket := self.admission.next()) is not None:
                ticket.task = tasks.create_task(self._guarded(ticket, tasks), name=f"run {ticket.run.id}")
            await self._reap()
            if seconds > 0:
                await self.clock.wait(self._wake, seconds)

    @property
    def at_rest(self) -> bool:
        """Whether no run's time has come that is not over."""
        return not self._due

    async def drained(self, seconds: float) -> bool:
        """Wait until nothing runs or could run, at most `seconds`."""
        self._sort_out(len(self._later))
        return not self._due or await self.clock.wait(self._idle, seconds)

    def _sort_out(self, most: int) -> float:
        """Send whatever's time has come on its way, at most so many; how long until the next."""
        now = self.clock.now_ms()
        while self._later and self._later[0][0] <= now:
            if most == 0:
                return 0
            most -= 1
            ticket = heappop(self._later)[2]
            if ticket.run.id not in self._open:
                continue
            self._due.add(ticket.run.id)
            self._idle.clear()
            if ticket.needs_room:
                self.admission.enter(ticket)
            else:
                self._texts.append(ticket)
        if not self._later:
            return _LOOK_AGAIN_SECONDS
        return min(max((self._later[0][0] - now) / 1000, 0.001), _LOOK_AGAIN_SECONDS)

    async def _say_texts(self, tasks: asyncio.TaskGroup) -> None:
        """Fixed texts need no turn: they are ended a handful at a time, without a start of their own."""
        while self._texts:
            said: list[tuple[Ticket, RunEnd]] = []
            while self._texts and len(said) < _ENDED_TOGETHER:
                await self.courtesy.turn()
                tickets = [self._texts.popleft() for _ in range(min(_SAID_AT_ONCE, len(self._texts)))]
                for ticket in tickets:
                    if ticket.stale:
                        await self._look_again(ticket)
                said += [
                    (ticket, self.work.say(ticket.run, ticket.job, text))
                    for ticket, text in self._still_texts(tickets, tasks)
                ]
            # Some may have been cancelled while others had their turn.
            said = [(ticket, end) for ticket, end in said if ticket.run.id in self._open]
            if said:
                tasks.create_task(self._end_texts(said), name=f"{len(said)} texts")

    def _still_texts(
        self, tickets: Sequence[Ticket], tasks: asyncio.TaskGroup
    ) -> list[tuple[Ticket, FixedText]]:
        """Without those that are over, and without long ones, which go their own way.

        Where a job has come to need an agent, its run waits for room like any other.
        """
        texts: list[tuple[Ticket, FixedText]] = []
        for ticket in tickets:
            payload = ticket.job.payload
            if ticket.run.id not in self._open:
                continue
            if not isinstance(payload, FixedText):
                self.admission.enter(ticket)
            elif len(payload.text) > SHORT:
                tasks.create_task(self._say_long(ticket, payload), name=f"run {ticket.run.id}")
            else:
                texts.append((ticket, payload))
        return texts

    async def _say_long(self, ticket: Ticket, text: FixedText) -> None:
        await self._end_texts([(ticket, await self.work.say_beside(ticket.run, ticket.job, text))])

    async def _end_texts(self, said: Sequence[tuple[Ticket, RunEnd]]) -> None:
        try:
            await self._end([end for _, end in said])
        finally:
            for ticket, _ in said:
                self._forget(ticket)

    async def _guarded(self, ticket: Ticket, tasks: asyncio.TaskGroup) -> None:
        """One broken run must not cancel its siblings."""
        run, job = ticket.run, ticket.job
        try:
            await self._execute(ticket, tasks)
        except asyncio.CancelledError:
            if ticket.cancelled:
                await self._give_up(ticket, ticket.cancelled)
                return
            # What has not begun stays queued: the next start takes it over as it is.
            if ticket.started:
                end = interrupted(run, job, self._cut_short(run), new_id=self.work.new_id)
                await self.store.finish_runs([end])
            raise
        except StoreError:
            log.exception("run %s could not be written down", run.id, extra={"event": "run_lost"})
        finally:
            self._forget(ticket)

    async def _execute(self, ticket: Ticket, tasks: asyncio.TaskGroup) -> None:
        if ticket.stale and not await self._look_again(ticket):
            return
        run, job = ticket.run, ticket.job
        started = self.clock.now_ms()
        limit = limit_seconds(job)
        ticket.deadline_ms = started + round(limit * 1000) + _LEASE_GRACE_MS if limit else None
        if ticket.deadline_ms is not None:
            heappush(self._leases, (ticket.deadline_ms, run.id))
        begin = partial(self.store.start_run, run.id, self.boot, started, ticket.deadline_ms)
        ticket.started = await insist(self.clock, f"the start of run {run.id}", begin)
        if ticket.started:
            await self._end([await self.work.do(run, job, started, tasks)])

    async def _look_again(self, ticket: Ticket) -> bool:
        """The job was changed while the run waited: go on with what it says now, if it still wants this run."""
        row = await self.store.job(ticket.run.job_id)
        if row is None:
            await self._give_up(ticket, "the job was removed")
            return False
        job = Job.model_validate_json(row.doc)
        manual = ticket.run.trigger is Trigger.MANUAL
        if not manual and (not row.enabled and row.finished is None):
            await self._give_up(ticket, "the job was switched off")
            return False
        if not manual and job.schedule != ticket.job.schedule:
            await self._give_up(ticket, "the job was given another time")
            return False
        ticket.job, ticket.stale = job, False
        return True

    async def _give_up(self, ticket: Ticket, why: str) -> None:
        run = ticket.run
        now = self.clock.now_ms()
        phase = None if ticket.started else "queued"
        end = RunEnd(run.id, self.boot, RunStatus.CANCELLED, phase, now, error=why, error_kind="cancelled")
        if ticket.cancelled:
            end = replace(end, retire=retirement(run, ticket.job, ok=False))
        await self._end([end])
        self._forget(ticket)

    def _cut_short(self, run: RunSeed) -> RunEnd:
        now = self.clock.now_ms()
        error = "the daemon was stopped while the run was under way"
        return RunEnd(
            run.id, self.boot, RunStatus.INTERRUPTED, None, now, error=error, error_kind="interrupted"
        )

    async def _reap(self) -> None:
        """Close leases that outlasted their limit: whatever still holds on to them is fenced off from then on."""
        now = self.clock.now_ms()
        while self._leases and self._leases[0][0] < now:
            ticket = self._open.get(heappop(self._leases)[1])
            if ticket is None:
                continue
            run = ticket.run
            error = "the run went on long after its limit; what it still does is not counted"
            end = RunEnd(run.id, self.boot, RunStatus.TIMEOUT, None, now, error=error, error_kind="zombie")
            await self._end([replace(end, retire=retirement(run, ticket.job, ok=False))])
            self._forget(ticket)

    async def _end(self, ends: Sequence[RunEnd]) -> None:
        """Write ends down, however long the store takes, and let everybody know who acts on them."""
        what = f"the result of {ends[0].run_id}" if len(ends) == 1 else f"the results of {len(ends)} runs"
        jobs = {end.run_id: self._open[end.run_id].job for end in ends if end.run_id in self._open}
        finished = await insist(self.clock, what, lambda: self.store.finish_runs(ends))
        for n, (end, result) in enumerate(zip(ends, finished, strict=True), start=1):
            if n % _HEARD_AT_ONCE == 0:
                await self.courtesy.turn()
            if isinstance(result, StoreError):
                log.error("run %s could not be ended: %s", end.run_id, result, extra={"event": "run_lost"})
                await self._end_without_result(end, result)
            elif result.kept:
                self._after(end, result, jobs.get(end.run_id))
        self.on_outbox()

    async def _end_without_result(self, end: RunEnd, why: StoreError) -> None:
        """A result that the store never takes is lost; its run must not go on for ever because of that."""
        error = f"the result could not be written down: {storable(str(why))}"
        plain = RunEnd(
            end.run_id, end.boot, RunStatus.ERROR, "done", end.ended_ms, error=error, error_kind="internal"
        )
        plain = replace(plain, started_ms=end.started_ms, retire=end.retire, most_errors=end.most_errors)
        (result,) = await insist(
            self.clock, f"the end of run {end.run_id}", lambda: self.store.finish_runs([plain])
        )
        if isinstance(result, StoreError):
            log.error("nor without its result: %s", result, extra={"event": "run_lost"})
        else:
            self.on_finished(plain)

    def _after(self, end: RunEnd, result: Finished, job: Job | None) -> None:
        if result.successor is not None and job is not None:
            self.submit(result.successor, job)
        if result.rescheduled:
            self.on_rescheduled()
        self.on_finished(end)

    def _forget(self, ticket: Ticket) -> None:
        if self._open.pop(ticket.run.id, None) is None:
            return
        siblings = self._of_job[ticket.job.id]
        siblings.discard(ticket)
        if not siblings:
            del self._of_job[ticket.job.id]
        self.admission.leave(ticket)
        self._due.discard(ticket.run.id)
        self._wake.set()
        if not self._due:
            self._idle.set()
