"""Work that no schedule asked for: an agent sent another one, or somebody woke it. It is a run like any other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from stentor.domain.faults import StoreError
from stentor.domain.jobs import Job
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.states import RunStatus, Trigger
from stentor.ports import Clock, Store
from stentor.services.errand import Errand, Lineage
from stentor.services.persistence import undivided

log = logging.getLogger(__name__)


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
    # It is on its way, or never will be.
    is_settled: asyncio.Event


@dataclass
class Errands:
    """Sends them, and knows what they came to for as long as somebody may ask."""

    store: Store
    clock: Clock
    # To whoever executes runs, with the number of runs that wait for it.
    submit: Callable[[RunSeed, Job, int], None]
    cancel: Callable[[str], Awaitable[bool]]
    new_id: Callable[[str], str]
    clean: Callable[[str], str]
    boot: str
    _under_way: dict[str, _Sent] = field(default_factory=dict[str, _Sent])
    # What each run has sent, for as long as that is under way.
    _children: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _told: set[str] = field(default_factory=set[str])
    # Those that outlive whoever asked, and whose answer is waited for right now.
    _awaited: set[str] = field(default_factory=set[str])

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
            errand=errand.seed(self.clean),
        )
        # It counts from now on: another one may be sent before it is written down.
        self._keep(errand, run)
        return await undivided(partial(self._sent, errand, run))

    async def _sent(self, errand: Errand, run: RunSeed) -> RunSeed:
        try:
            run = await self.store.queue_run(run)
        except BaseException:
            self._forget(errand, run.id)
            raise
        self._go(errand, run)
        return run

    def go_on(self, run: RunSeed, errand: Errand) -> None:
        """With what an earlier process had written down and not begun."""
        self._keep(errand, run)
        self._go(errand, run)

    def _go(self, errand: Errand, run: RunSeed) -> None:
        sent = self._under_way[run.id] = replace(self._under_way[run.id], run=run)
        self.submit(run, errand.job, errand.nested)
        sent.is_settled.set()

    def _keep(self, errand: Errand, run: RunSeed) -> None:
        self._under_way[run.id] = _Sent(
            errand, run, asyncio.get_running_loop().create_future(), asyncio.Event()
        )
        if errand.awaiting:
            self._awaited.add(run.id)
        if errand.parent is not None:
            self._children.setdefault(errand.parent, []).append(run.id)

    def _forget(self, errand: Errand, run_id: str) -> None:
        self._under_way.pop(run_id).is_settled.set()
        self._awaited.discard(run_id)
        if errand.parent in self._children:
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

    def unanswered(self, run_id: str) -> int:
        """How many errands of a run are under way that outlive it."""
        sent = [each.errand for each in self._under_way.values()]
        return sum(errand.outlives and errand.asked_by == run_id for errand in sent)

    def waits_for(self, session_key: str) -> Collection[str]:
        """The sessions without which one does not go on: what it waits for is done there, and so on from there."""
        found = [session_key]
        for key in found:
            found += dict.fromkeys(each for each in self._waited_for_by(key) if each not in found)
        return found

    def _waited_for_by(self, session_key: str) -> Iterator[str]:
        for run_id, sent in self._under_way.items():
            is_waited_for = sent.errand.parent is not None or run_id in self._awaited
            if is_waited_for and not sent.over.done() and sent.errand.lineage.sessions[-1:] == (session_key,):
                yield sent.errand.session.key

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
        try:
            await self.one_over((run_id,), seconds)
        finally:
            self._awaited.discard(run_id)
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
            await self._under_way[child].is_settled.wait()
            if self.result(child) is None:
                await self.cancel(child)
            self._told.discard(child)
            sent = self._under_way.pop(child, None)
            # What is stopped with the whole process is looked after at the next start.
            if sent is not None and sent.over.done():
                await self.put_away(sent.run, sent.errand)

    async def put_away(self, run: RunSeed, errand: Errand) -> None:
        """Now that its run is over, and nobody asks for it any more."""
        if errand.kept:
            return
        try:
            await self.store.remove_session(run.session.id)
        except StoreError as error:
            log.warning(
                "the session of run %s stays for now: %s", run.id, error, extra={"event": "session_kept"}
            )


def _text_of(end: RunEnd) -> str:
    said = [entry.text for entry in end.messages if entry.role == "assistant"]
    return said[-1] if said and end.status is RunStatus.OK else end.error or end.status.value
