"""Sends what is in the outbox: lane by lane, `sending` on the disk before the socket, the answer with its receipt."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from stentor.domain.faults import StoreError, StoreUnavailable
from stentor.domain.outbox import Verdict
from stentor.domain.plugin_words import storable
from stentor.domain.records import Outgoing, Settlement
from stentor.domain.redaction import Redactor
from stentor.domain.routing import Directory
from stentor.domain.states import PartState
from stentor.ports import Chance, Clock, Store
from stentor.services.attempts import Answer, Attempts
from stentor.services.connections import Connections
from stentor.services.courtesy import Courtesy

log = logging.getLogger(__name__)
# An answer, and what is written down of it.
Heard = tuple[Answer, Settlement]
_LOOK_AGAIN_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_LOST = "answer_lost"
# So many sends are begun, or heard of, before everybody else on the loop has a turn.
_AT_ONCE = 4


@dataclass
class Dispatcher:
    """The ordinary way and the recovery are one: it reads the table, whoever filled it.

    It goes in rounds. What begins and what came back are one commit; while that is being written, sends go on, and
    their answers wait for the commit after it.
    """

    store: Store
    clock: Clock
    chance: Chance
    directory: Directory
    connections: Connections
    courtesy: Courtesy
    redactor: Redactor
    boot: str
    slots: int
    on_receipt: Callable[[Outgoing, Verdict], None]
    # What came back, as it is to be written down.
    _heard: deque[Heard] = field(default_factory=deque[Heard])
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: int = 0
    _draining: bool = False
    _stopping: bool = False

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        attempts = Attempts(self.clock, self.chance, self.directory, self.connections, self._answered)
        async with asyncio.TaskGroup() as sends:
            while True:
                self._wake.clear()
                seconds = await self._round(attempts, sends)
                await self.clock.wait(self._wake, seconds)

    async def drained(self, seconds: float) -> bool:
        """Send what is ready and wait for what is under way, at most `seconds`; then begin nothing more."""
        self._draining = True
        self.wake()
        drained = await self.clock.wait(self._idle, seconds)
        self._stopping = True
        return drained

    def _answered(self, answer: Answer) -> None:
        self._heard.append((answer, self._settlement(answer)))
        self.wake()

    async def _round(self, attempts: Attempts, sends: asyncio.TaskGroup) -> float:
        """One commit; how long until there could be a reason for the next."""
        # What this round finds to begin says nothing about a drain that is asked for while it looks, nor about the
        # lanes that go on with what it settles.
        draining = self._draining
        heard = self._take()
        free = 0 if self._stopping else self.slots - self._busy + _ended(heard)
        # In this order no part begins in the very commit of the one before it: who dies after that leaves no doubt.
        async with asyncio.TaskGroup() as commit:
            beginning = commit.create_task(self._begin(free))
            settling = commit.create_task(self._settle(heard))
            looking = commit.create_task(self._until_next())
        settled, begun = settling.result(), beginning.result()
        if begun:
            self._busy += len(begun)
            sends.create_task(self._start(attempts, begun, sends))
        if begun is None or not settled:
            return _PAUSE_SECONDS
        if draining and not begun and not heard and self._busy == 0:
            # Only between rounds: one that is half begun would leave its parts as `sending`, and unsent.
            self._stopping = True
            self._idle.set()
        # With all slots taken, the end of a send is the next reason.
        return _LOOK_AGAIN_SECONDS if len(begun) == free else looking.result()

    def _take(self) -> list[Heard]:
        """What came back. A late answer to a part waits until the one before it is settled."""
        taken: dict[str, Heard] = {}
        while self._heard and self._heard[0][1].part_id not in taken:
            heard = self._heard.popleft()
            taken[heard[1].part_id] = heard
        return list(taken.values())

    async def _settle(self, heard: Sequence[Heard]) -> bool:
        """Write down what came back. If the store cannot take it now, it waits in memory."""
        if not heard:
            return True
        try:
            results = await self.store.settle([settlement for _, settlement in heard])
        except StoreUnavailable as error:
            log.warning(
                "%d answers wait for the store: %s", len(heard), error, extra={"event": "store_unavailable"}
            )
            self._heard.extendleft(reversed(heard))
            return False
        self.wake()  # their lanes go on
        for n, ((answer, _), result) in enumerate(zip(heard, results, strict=True), start=1):
            if isinstance(result, StoreError):
                self._put_differently(answer, result)
                continue
            self._busy -= not answer.late
            self._tell(answer, settled=result)
            if n % _AT_ONCE == 0:
                await self.courtesy.turn()
        return True

    async def _begin(self, free: int) -> Sequence[Outgoing] | None:
        """Take the next parts out of the outbox. None while the store is unavailable."""
        if free <= 0:
            return ()
        try:
            return await self.store.begin_sends(self.clock.now_ms(), free, self.boot)
        except StoreError as error:
            log.warning(
                "no sends while the store is unavailable: %s", error, extra={"event": "sends_stopped"}
            )
            return None

    async def _until_next(self) -> float:
        try:
            upcoming = await self.store.next_send()
        except StoreError:
            return _PAUSE_SECONDS
        if upcoming is None:
            return _LOOK_AGAIN_SECONDS
        return min(max((upcoming - self.clock.now_ms()) / 1000, 0.001), _LOOK_AGAIN_SECONDS)

    async def _start(self, attempts: Attempts, parts: Sequence[Outgoing], sends: asyncio.TaskGroup) -> None:
        """Begin a round's sends, each in its own task, a few at a time."""
        for n, part in enumerate(parts, start=1):
            sends.create_task(attempts.make(part), name=f"send {part.part_id}")
            if n % _AT_ONCE == 0:
                await self.courtesy.turn()

    def _settlement(self, answer: Answer) -> Settlement:
        """Providers and plugins quote what they were given: nothing of it is written down unread."""
        verdict = answer.verdict
        if verdict.error:
            verdict = replace(verdict, error=self.redactor.clean(verdict.error))
        if verdict.gate is not None:
            gate = replace(verdict.gate, reason=self.redactor.clean(verdict.gate.reason))
            verdict = replace(verdict, gate=gate)
        return Settlement(answer.part.part_id, answer.part.attempt, answer.at_ms, verdict)

    def _put_differently(self, answer: Answer, why: StoreError) -> None:
        """An answer that the store does not take must not keep its lane waiting: then it is unknown what it was."""
        part = answer.part.part_id
        if answer.verdict.reason == _LOST:
            text = "the answer to %s cannot be written, the next start will look at it again: %s"
            log.error(text, part, why, extra={"event": "answer_lost"})
            self._busy -= not answer.late
            return
        log.error("the answer to %s cannot be written: %s", part, why, extra={"event": "answer_refused"})
        told = f"{answer.verdict.state.value} {answer.verdict.message_id}".strip()
        lost = Verdict(
            PartState.UNKNOWN, _LOST, f"the store did not take the answer ({told}): {storable(str(why))}"
        )
        self._answered(replace(answer, verdict=lost))

    def _tell(self, answer: Answer, *, settled: bool) -> None:
        part, gate = answer.part, answer.verdict.gate
        if not settled:
            log.warning("a late answer to %s changed nothing", part.part_id, extra={"event": "late_answer"})
            return
        if gate is not None and gate.down and answer.lent is not None:
            self.connections.refused(part.target.channel, part.target.account or "", answer.lent)
        if answer.verdict.state is PartState.ACCEPTED:
            self.on_receipt(part, answer.verdict)


def _ended(heard: Sequence[Heard]) -> int:
    """How many slots are free again: a late answer had given its own back before."""
    return sum(not answer.late for answer, _ in heard)
