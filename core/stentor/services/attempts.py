"""One part offered to its channel: an answer in time, none in time, or one that comes late."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from stentor.contract.channel import Channel, Connection
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.payloads import Attachment, Part
from stentor.contract.traits import Traits
from stentor.domain.outbox import Verdict, accept, doubtful, judge, not_told, still_in_doubt
from stentor.domain.records import Outgoing
from stentor.domain.routing import Directory
from stentor.ports import Chance, Clock
from stentor.services.connections import Connections
from stentor.services.recovery import attempt_of

# A send that outlives its deadline may still come back and settle its part; after this it is given up.
_LATE_SECONDS = 300.0


class PluginMisbehaved(Exception):
    """A plugin let something escape that would end the process."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to. A late one follows the answer that was given in its place at the deadline."""

    part: Outgoing
    verdict: Verdict
    at_ms: int
    late: bool = False


@dataclass(frozen=True)
class Attempts:
    """Makes attempts, each in a task of its own, and hands on what they come to."""

    clock: Clock
    chance: Chance
    directory: Directory
    connections: Connections
    answered: Callable[[Answer], None]

    async def make(self, part: Outgoing) -> None:
        """Offer a part to its channel once. Anything a plugin raises stays here."""
        try:
            connection = await self.connections.get(part.target.channel, part.target.account or "")
        except (Unavailable, CredentialsRejected) as error:
            if isinstance(error, CredentialsRejected):
                self.connections.refused(part.target.channel, part.target.account or "")
            self._answer(part, self._judge(error, part, part.started_ms))
        except Exception as error:  # noqa: BLE001 - nothing was offered to the wire yet, whatever it was
            failed = Unavailable(f"the account could not be opened: {type(error).__name__}: {error}")
            self._answer(part, self._judge(failed, part, part.started_ms))
        else:
            if not part.doubt or await self._may_go_again(part, connection):
                await self._offer(part, connection)

    async def _may_go_again(self, part: Outgoing, connection: Connection) -> bool:
        """It may have arrived. Where the provider can be asked, it is; else time tells whether it still knows."""
        traits = self._traits(part)
        if traits.reconcile != "lookup":
            attempt = attempt_of(part, self.clock.now_ms(), self._channel(part))
            verdict = doubtful(part.doubt, attempt, traits)
            if verdict is not None:
                self._answer(part, verdict)
            return verdict is None
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            async with asyncio.timeout(traits.send_timeout):
                found = await _contained(lambda: connection.reconcile(wire_part(part)), task)
        except TimeoutError as error:
            found = _Raised(error)
        attempt = attempt_of(part, self.clock.now_ms(), self._channel(part), self.chance.jitter())
        if isinstance(found, _Raised):
            self._answer(part, not_told(found.error, attempt, traits))
        elif found is not None:
            self._answer(part, accept(found, attempt, traits))
        return found is None

    async def _offer(self, part: Outgoing, connection: Connection) -> None:
        """The provider may answer after our deadline: a late receipt still belongs to its part."""
        traits = self._traits(part)
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        late = False

        def overdue() -> None:
            nonlocal late
            late = True
            loop.call_later(_LATE_SECONDS, task.cancel)
            error = TimeoutError(f"no answer within {traits.send_timeout:g} s")
            self._answer(part, self._judge(error, part, part.started_ms))

        deadline = loop.call_later(traits.send_timeout, overdue)
        try:
            returned = await _contained(lambda: connection.send(wire_part(part)), task)
        finally:
            deadline.cancel()
        if not isinstance(returned, _Raised):
            attempt = attempt_of(part, part.started_ms, self._channel(part))
            self._answer(part, accept(returned, attempt, traits), late=late)
        elif not late:
            if isinstance(returned.error, CredentialsRejected):
                self.connections.refused(part.target.channel, part.target.account or "")
            self._answer(part, self._judge(returned.error, part, self.clock.now_ms()))

    def _channel(self, part: Outgoing) -> Channel | None:
        return self.directory.channels.get(part.target.channel)

    def _traits(self, part: Outgoing) -> Traits:
        channel = self._channel(part)
        return channel.traits if channel is not None else Traits()

    def _judge(self, error: BaseException, part: Outgoing, at_ms: int) -> Verdict:
        attempt = attempt_of(part, at_ms, self._channel(part), self.chance.jitter())
        return judge(error, attempt, self._traits(part))

    def _answer(self, part: Outgoing, verdict: Verdict, *, late: bool = False) -> None:
        self.answered(Answer(part, still_in_doubt(verdict, part.doubt), self.clock.now_ms(), late))


@dataclass(frozen=True, slots=True)
class _Raised:
    """Told apart from everything a plugin may return."""

    error: BaseException


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


async def _contained(call: Callable[[], Awaitable[object]], task: "asyncio.Task[None]") -> object:
    """What a plugin returns, whatever that is. Nothing it raises escapes, not even an end of the process."""
    try:
        return await call()
    except asyncio.CancelledError:
        if task.cancelling():
            raise
        return _Raised(PluginMisbehaved("it was cancelled from within"))
    except (SystemExit, KeyboardInterrupt) as error:
        return _Raised(PluginMisbehaved(f"it raised {type(error).__name__}"))
    except BaseException as error:  # noqa: BLE001 - the verdict on it is the domain's
        return _Raised(error)
