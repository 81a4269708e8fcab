"""Work that no schedule asked for: an agent sent another one, or somebody woke it. It is a run like any other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.records import RunEnd, RunSeed, SessionSeed
from stentor.domain.states import RunStatus, Trigger
from stentor.ports import Clock, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What led to a run: the sessions of the runs above it, and whether a job's own run stands at the top."""

    sessions: tuple[str, ...] = ()
    from_job: bool = False

    @property
    def depth(self) -> int:
        return len(self.sessions)

    def below(self, session_key: str) -> "Lineage":
        """That of what is sent from this session."""
        return replace(self, sessions=(*self.sessions, session_key))


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done, in the words of a job, and in which session.

    A `parent` run waits for it, and what is still under way when that ends is stopped. Somebody else may be `awaiting`
    it for a while. An errand that is not to be `kept` takes its session with it when its parent is over.
    """

    job: Job
    session: SessionSeed
    parent: str | None = None
    lineage: Lineage = Lineage()
    awaiting: bool = False
    kept: bool = True
    # The instant it stands for, if nobody asked for it just now.
    scheduled_ms: int | None = None

    @property
    def nested(self) -> int:
        """How many runs wait for it, one for the other; 0 if nobody does."""
        return max(1, self.lineage.depth) if self.awaiting or self.parent is not None else 0


@dataclass(frozen=True, slots=True)
class Result:
    """What an errand came to: what was said, or why nothing was."""

    run_id: str
    status: RunStatus
    text: str

    @property
    def is_ok(self) -> bool:
        return self.status is RunStatus.OK


@dataclass(frozen=True, slots=True)
class _Sent:
    errand: Errand
    run: RunSeed
    over: "asyncio.Future[Result]"


@dataclass
class Errands:
    """Sends them, and knows what they came to for as long as somebody may ask."""

    store: Store
    clock: Clock
    # To whoever executes runs, with the number of runs that wait for it.
    submit: Callable[[RunSeed, Job, int], None]
    cancel: Callable[[str], Awaitable[bool]]
    new_id: Callable[[str], str]
    boot: str
    _under_way: dict[str, _Sent] = field(default_factory=dict[str, _Sent])
    # What each run has sent, for as long as that is under way.
    _children: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _told: set[str] = field(default_factory=set[str])

    async def send(self, errand: Errand) -> RunSeed:
        """Written down and on its way."""
        run = RunSeed(
            self.new_id("r"),
            errand.job.id,
            errand.job.name,
            Trigger.WAKE,
            self.clock.now_ms(),
            self.boot,
            errand.session,
            errand.scheduled_ms,
        )
        # It counts from now on: another one may be sent before it is written down.
        self._keep(errand, run)
        try:
            run = await self.store.queue_run(run)
        except BaseException:
            self._forget(errand, run.id)
            raise
        self._under_way[run.id] = replace(self._under_way[run.id], run=run)
        self.submit(run, errand.job, errand.nested)
        return run

    def _keep(self, errand: Errand, run: RunSeed) -> None:
        self._under_way[run.id] = _Sent(errand, run, asyncio.get_running_loop().create_future())
        if errand.parent is not None:
            self._children.setdefault(errand.parent, []).append(run.id)

    def _forget(self, errand: Errand, run_id: str) -> None:
        del self._under_way[run_id]
        if errand.parent is not None:
            self._children[errand.parent].remove(run_id)

    def lineage(self, run: RunSeed) -> Lineage:
        """What led to a run that is under way."""
        sent = self._under_way.get(run.id)
        return Lineage(from_job=run.trigger is not Trigger.WAKE) if sent is None else sent.errand.lineage

    def run(self, run_id: str) -> RunSeed | None:
        """The run of an errand that somebody may still ask for."""
        sent = self._under_way.get(run_id)
        return None if sent is None else sent.run

    def children(self, run_id: str) -> tuple[str, ...]:
        """The errands of a run, in the order in which they were sent."""
        return tuple(self._children.get(run_id, ()))

    def result(self, run_id: str) -> Result | None:
        """What it came to, if it is over."""
        sent = self._under_way.get(run_id)
        return sent.over.result() if sent is not None and sent.over.done() else None

    def untold(self, run_id: str) -> tuple[Result, ...]:
        """What the errands of a run came to that it has not been told yet."""
        over = [self.result(child) for child in self.children(run_id) if child not in self._told]
        return tuple(result for result in over if result is not None)

    def told(self, results: Iterable[Result]) -> None:
        """Whoever sent them knows now: nobody is told twice."""
        self._told.update(result.run_id for result in results)

    async def wait(self, run_id: str, seconds: float | None) -> Result | None:
        """Until it is over, or so many seconds have passed."""
        sent = self._under_way.get(run_id)
        if sent is None:
            return None
        await self.one_over((run_id,), seconds)
        return sent.over.result() if sent.over.done() else None

    async def one_over(self, run_ids: Iterable[str], seconds: float | None) -> None:
        """Until one of several is over, or so many seconds have passed."""
        over = asyncio.Event()
        for sent in filter(None, map(self._under_way.get, run_ids)):
            sent.over.add_done_callback(lambda _: over.set())
        await self.clock.wait(over, seconds)

    def finished(self, end: RunEnd) -> None:
        """A run is over: whoever waits for it may know."""
        sent = self._under_way.get(end.run_id)
        if sent is None:
            return
        if not sent.over.done():
            sent.over.set_result(Result(end.run_id, end.status, _text_of(end)))
        if sent.errand.parent is None:
            del self._under_way[end.run_id]

    async def recall(self, run_id: str) -> None:
        """The run that sent them is over: what still goes on is stopped."""
        for child in self._children.pop(run_id, ()):
            if self.result(child) is None:
                await self.cancel(child)
            self._told.discard(child)
            sent = self._under_way.pop(child)
            if not sent.errand.kept:
                await self._remove_session(sent.run)

    async def _remove_session(self, run: RunSeed) -> None:
        try:
            await self.store.remove_session(run.session.id)
        except StoreError as error:
            log.warning(
                "the session of run %s stays for now: %s", run.id, error, extra={"event": "session_kept"}
            )


def _text_of(end: RunEnd) -> str:
    said = [entry.text for entry in end.messages if entry.role == "assistant"]
    return said[-1] if said and end.status is RunStatus.OK else end.error or end.status.value
