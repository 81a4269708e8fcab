"""Sends what is in the outbox: lane by lane, `sending` on the disk before the socket, the answer with its receipt."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from stentor.contract.channel import Connection
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.payloads import Attachment, Part
from stentor.contract.traits import Traits
from stentor.domain.faults import StoreError
from stentor.domain.outbox import Attempt, Verdict, accept, judge
from stentor.domain.records import Outgoing, Settlement
from stentor.domain.redaction import Redactor
from stentor.domain.routing import Directory
from stentor.domain.states import PartState
from stentor.ports import Chance, Clock, Store
from stentor.services.connections import Connections
from stentor.services.persistence import insist
from stentor.services.recovery import attempt_of

log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 10.0
# A send that outlives its deadline may still come back and settle its part; after this it is given up.
_LATE_SECONDS = 300.0


class PluginMisbehaved(Exception):
    """A plugin let something escape that would end the process."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a plugin's `send` returned, whatever that is, or what it raised."""

    value: object = None
    error: BaseException | None = None

    def verdict(self, attempt: Attempt, traits: Traits) -> Verdict:
        return accept(self.value, attempt) if self.error is None else judge(self.error, attempt, traits)


@dataclass
class Dispatcher:
    """The ordinary way and the recovery are one: it reads the table, whoever filled it."""

    store: Store
    clock: Clock
    chance: Chance
    directory: Directory
    connections: Connections
    redactor: Redactor
    boot: str
    slots: int
    on_receipt: Callable[[Outgoing, Verdict], None]
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
        async with asyncio.TaskGroup() as sends:
            while True:
                self._wake.clear()
                try:
                    seconds = await self._round(sends)
                except StoreError as error:
                    log.warning(
                        "no sends while the store is unavailable: %s", error, extra={"event": "sends_stopped"}
                    )
                    seconds = 1.0
                await self.clock.wait(self._wake, seconds)

    async def drained(self, seconds: float) -> bool:
        """Send what is ready and wait for what is under way, at most `seconds`; then begin nothing more."""
        self._draining = True
        self.wake()
        drained = await self.clock.wait(self._idle, seconds)
        self._stopping = True
        return drained

    async def _round(self, sends: asyncio.TaskGroup) -> float:
        """Start as many sends as there are free slots; how long until the next one could be due."""
        free = self.slots - self._busy
        if free <= 0 or self._stopping:
            return _LOOK_AGAIN_SECONDS
        now = self.clock.now_ms()
        parts = await self.store.begin_sends(now, free, self.boot)
        for part in parts:
            self._busy += 1
            sends.create_task(self._deliver(part, sends), name=f"send {part.part_id}")
        if self._draining and not parts and self._busy == 0:
            # Only between rounds: one that is half begun would leave its parts as `sending`, and unsent.
            self._stopping = True
            self._idle.set()
        if len(parts) == free:
            return _LOOK_AGAIN_SECONDS  # a finished send wakes us
        upcoming = await self.store.next_send()
        if upcoming is None:
            return _LOOK_AGAIN_SECONDS
        return min(max((upcoming - self.clock.now_ms()) / 1000, 0.001), _LOOK_AGAIN_SECONDS)

    async def _deliver(self, part: Outgoing, sends: asyncio.TaskGroup) -> None:
        try:
            verdict = await self._attempt(part, sends)
            await self._settle(part, verdict)
        finally:
            self._busy -= 1
            self.wake()

    async def _attempt(self, part: Outgoing, sends: asyncio.TaskGroup) -> Verdict:
        """One attempt and what it means. Anything a plugin raises stays here."""
        channel = self.directory.channels.get(part.target.channel)
        traits = channel.traits if channel is not None else Traits()
        attempt = attempt_of(part, part.started_ms, self.chance.jitter())
        try:
            connection = await self.connections.get(part.target.channel, part.target.account or "")
        except (Unavailable, CredentialsRejected) as error:
            return judge(error, attempt, traits)
        except Exception as error:  # noqa: BLE001 - nothing was offered to the wire yet, whatever it was
            failed = Unavailable(f"the account could not be opened: {type(error).__name__}: {error}")
            return judge(failed, attempt, traits)
        sending = sends.create_task(_contained(connection, wire_part(part)), name=f"wire {part.part_id}")
        done, _ = await asyncio.wait({sending}, timeout=traits.send_timeout)
        if not done:
            sends.create_task(self._late(part, attempt, sending), name=f"late {part.part_id}")
            return judge(TimeoutError(f"no answer within {traits.send_timeout:g} s"), attempt, traits)
        return sending.result().verdict(replace(attempt, started_ms=self.clock.now_ms()), traits)

    async def _late(self, part: Outgoing, attempt: Attempt, sending: "asyncio.Task[_Answer]") -> None:
        """The provider may answer after our deadline: a late receipt still belongs to its part."""
        done, _ = await asyncio.wait({sending}, timeout=_LATE_SECONDS)
        if not done:
            sending.cancel()
            return
        if not sending.cancelled() and sending.result().error is None:
            await self._settle(part, accept(sending.result().value, attempt))

    def _cleaned(self, verdict: Verdict) -> Verdict:
        """Providers and plugins quote what they were given: nothing of it is written down unread."""
        gate = verdict.gate
        if gate is not None:
            gate = replace(gate, reason=self.redactor.clean(gate.reason))
        return replace(verdict, error=self.redactor.clean(verdict.error), gate=gate)

    async def _settle(self, part: Outgoing, verdict: Verdict) -> None:
        clean = self._cleaned(verdict)
        settlement = Settlement(part.part_id, part.attempt, self.clock.now_ms(), clean)
        settled = await insist(
            self.clock, f"the answer to {part.part_id}", lambda: self.store.settle(settlement)
        )
        if settled and clean.state is PartState.ACCEPTED:
            self.on_receipt(part, clean)
        elif not settled:
            log.warning("a late answer to %s changed nothing", part.part_id, extra={"event": "late_answer"})


def wire_part(part: Outgoing) -> Part:
    """The part as the channel gets it."""
    attachment = None
    if part.attachment is not None:
        kept: Mapping[str, str | int] = json.loads(part.attachment)
        attachment = Attachment(
            str(kept["name"]), Path(str(kept["path"])), str(kept["mediaType"]), int(kept["size"])
        )
    return Part(
        part.part_id,
        part.delivery_id,
        part.target,
        part.n,
        part.of,
        part.text,
        part.attempt,
        part.format,
        attachment,
    )


async def _contained(connection: Connection, part: Part) -> _Answer:
    """A plugin's `send`, of which nothing escapes: not an error, not an attempt to end the process."""
    try:
        return _Answer(await connection.send(part))
    except asyncio.CancelledError:
        raise
    except (SystemExit, KeyboardInterrupt) as error:
        return _Answer(error=PluginMisbehaved(f"send raised {type(error).__name__}"))
    except BaseException as error:  # noqa: BLE001 - the verdict on it is the domain's
        return _Answer(error=error)
