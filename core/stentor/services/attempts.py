"""One part offered to its channel: an answer in time, none in time, or one that comes late."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import cast

from stentor.contract.channel import Channel, Connection
from stentor.contract.errors import CredentialsRejected, Rejected, Unavailable
from stentor.contract.payloads import Part
from stentor.contract.traits import Traits
from stentor.domain.answers import UNRENDERED, receipt_of
from stentor.domain.outbox import (
    Attempt,
    Verdict,
    accept,
    doubtful,
    judge,
    not_told,
    still_in_doubt,
)
from stentor.domain.plugin_words import PluginFault, named
from stentor.domain.records import Outgoing
from stentor.domain.routing import Directory
from stentor.domain.states import PartState
from stentor.domain.values import value
from stentor.ports import Chance, Clock
from stentor.services.circumstances import attempt_of, traits_for
from stentor.services.connections import Connections
from stentor.services.enclosures import files_of
from stentor.services.lending import Lent
from stentor.services.plugin_calls import Door, Raised

log = logging.getLogger(__name__)
# A send that outlives its deadline may still come back and settle its part; after this it is given up.
_LATE_SECONDS = 300.0
_NEVER_RENDERED = Verdict(
    PartState.REJECTED,
    "plugin_error",
    "the channel's plugin failed to render the text; the log says how",
    uses_attempt=False,
)


@value
class Answer:
    """What an attempt came to, and the secrets it was made with. A late one follows the answer that was given in its
    place at the deadline.
    """

    part: Outgoing
    verdict: Verdict
    at_ms: int
    late: bool = False
    lent: Lent | None = None


@dataclass(frozen=True)
class Attempts:
    """Makes attempts, each in a task of its own, and hands on what they come to."""

    clock: Clock
    chance: Chance
    directory: Directory
    connections: Connections
    answered: Callable[[Answer], None]
    _lines: dict[tuple[str, str], asyncio.Semaphore] = field(
        default_factory=dict[tuple[str, str], asyncio.Semaphore]
    )

    async def make(self, part: Outgoing) -> None:
        """Offer a part to its channel once. Anything a plugin raises stays here."""
        channel, account = part.target.channel, part.target.account or ""
        if part.format == UNRENDERED:
            self._one(part).answer(lambda: _NEVER_RENDERED)
            return
        try:
            connection = await self.connections.get(channel, account)
        except Exception as error:  # noqa: BLE001 - nothing was offered to the wire yet, whatever it was
            failure = error
        else:
            one = self._one(part)
            if not part.doubt or await one.may_go_again(connection):
                await one.offer(connection)
            return
        if not isinstance(failure, Unavailable | CredentialsRejected):
            failure = Unavailable(f"the account could not be opened: {named(failure)}")
        one = self._one(part)
        one.answer(lambda: one.judged(failure, part.started_ms))

    def lines(self, channel: str, account: str, at_once: int) -> asyncio.Semaphore:
        """As many sends of an account as its channel can do at a time."""
        return self._lines.setdefault((channel, account), asyncio.Semaphore(at_once))

    def _one(self, part: Outgoing) -> "_One":
        target = part.target
        lent = self.connections.lent(target.channel, target.account or "")
        return _One(self, part, self.directory.channels.get(target.channel), lent)


@dataclass(frozen=True)
class _One:
    """One attempt under way."""

    attempts: Attempts
    part: Outgoing
    channel: Channel | None
    lent: Lent | None

    @cached_property
    def traits(self) -> Traits:
        return traits_for(self.part, self.channel)

    async def may_go_again(self, connection: Connection) -> bool:
        """It may have arrived. Where the provider can be asked, it is; else time tells whether it still knows."""
        part, traits = self.part, self.traits
        if traits.reconcile != "lookup":
            verdict = doubtful(part.doubt, self.at(self.attempts.clock.now_ms()), traits)
            if verdict is not None:
                self.answer(lambda: verdict)
            return verdict is None
        found = await self.door.call_within(
            traits.send_timeout, "reconcile", lambda: connection.reconcile(wire_part(part)), self.read
        )
        attempt = self.at(self.attempts.clock.now_ms(), self.attempts.chance.jitter())
        if isinstance(found, Raised):
            if attempt.resend_unknown and isinstance(found.error, Rejected):
                return True
            self.answer(lambda: _not_told(found, attempt, traits))
        elif found is not None:
            self.answer(lambda: accept(found, attempt, traits))
        return found is None

    async def offer(self, connection: Connection) -> None:
        """Send it when there is a line for it."""
        if self.channel is None or self.channel.traits.at_once is None:
            await self._send(connection, lambda: None)
            return
        target = self.part.target
        lines = self.attempts.lines(target.channel, target.account or "", self.channel.traits.at_once)
        await lines.acquire()
        free = [lines.release]

        def give_back() -> None:
            """Once, however often: whoever does not answer in time holds nobody up any longer."""
            if free:
                free.pop()()

        try:
            await self._send(connection, give_back)
        finally:
            give_back()

    async def _send(self, connection: Connection, on_overdue: Callable[[], None]) -> None:
        """The provider may answer after our deadline: a late receipt still belongs to its part."""
        part, traits = self.part, self.traits
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        late = False

        def overdue() -> None:
            nonlocal late
            late = True
            loop.call_later(_LATE_SECONDS, task.cancel)
            error = TimeoutError(f"no answer within {traits.send_timeout:g} s")
            self.answer(lambda: self.judged(error, part.started_ms))
            on_overdue()

        deadline = loop.call_later(traits.send_timeout, overdue)
        try:
            returned = await self.door.call("send", lambda: connection.send(wire_part(part)), self.read)
        finally:
            deadline.cancel()
        if not isinstance(returned, Raised):
            self.answer(lambda: accept(returned, self.at(part.started_ms), traits), late=late)
        elif not late:
            self.answer(lambda: self.judged(returned.error, self.attempts.clock.now_ms()))

    @property
    def door(self) -> Door:
        return Door(self.part.target.channel, self.part.target.account or "")

    def read(self, given: object) -> object:
        return receipt_of(given, self.part.address)

    def at(self, at_ms: int, jitter: float = 0.0) -> Attempt:
        return attempt_of(self.part, at_ms, self.channel, jitter)

    def judged(self, error: BaseException, at_ms: int) -> Verdict:
        if isinstance(error, PluginFault):
            return _at_fault(error)
        return judge(error, self.at(at_ms, self.attempts.chance.jitter()), self.traits)

    def answer(self, verdict_of: Callable[[], Verdict], *, late: bool = False) -> None:
        """Whatever goes wrong in finding a verdict, there is one: the part does not stay as `sending`."""
        try:
            verdict = still_in_doubt(verdict_of(), self.part.doubt)
        except Exception as error:
            log.exception("no verdict on %s", self.part.part_id, extra={"event": "no_verdict"})
            verdict = Verdict(PartState.UNKNOWN, "plugin_error", named(error))
        verdict = self._of_today(verdict)
        self.attempts.answered(Answer(self.part, verdict, self.attempts.clock.now_ms(), late, self.lent))

    def _of_today(self, verdict: Verdict) -> Verdict:
        """An account that was opened with other secrets meanwhile is not shut because of the old ones."""
        target, gate = self.part.target, verdict.gate
        if gate is None or not gate.down:
            return verdict
        now = self.attempts.connections.lent(target.channel, target.account or "")
        return verdict if now is self.lent else replace(verdict, gate=None)


def _not_told(found: Raised, attempt: Attempt, traits: Traits) -> Verdict:
    if isinstance(found.error, PluginFault):
        return replace(_at_fault(found.error), uses_attempt=False)
    return not_told(found.error, attempt, traits)


def _at_fault(fault: PluginFault) -> Verdict:
    return Verdict(PartState.UNKNOWN, "plugin_error", f"the channel's plugin is at fault: {fault}")


def wire_part(part: Outgoing) -> Part:
    """The part as the channel gets it."""
    files = files_of(part.attachment)
    return Part(
        part.part_id,
        part.delivery_id,
        part.address,
        part.n,
        part.of,
        part.text,
        part.attempt,
        part.format,
        files[0] if files else None,
        files[1:],
        part.manner,
        datetime.fromtimestamp(part.first_sent_ms / 1000, UTC),
    )
