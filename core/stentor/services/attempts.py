"""One part offered to its channel: an answer in time, none in time, or one that comes late."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from stentor.contract.channel import Connection
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.payloads import Attachment, Part
from stentor.contract.traits import Traits
from stentor.domain.outbox import Verdict, accept, judge
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
        channel = self.directory.channels.get(part.target.channel)
        traits = channel.traits if channel is not None else Traits()
        try:
            connection = await self.connections.get(part.target.channel, part.target.account or "")
        except (Unavailable, CredentialsRejected) as error:
            self._answer(part, self._judge(error, part, part.started_ms, traits))
        except Exception as error:  # noqa: BLE001 - nothing was offered to the wire yet, whatever it was
            failed = Unavailable(f"the account could not be opened: {type(error).__name__}: {error}")
            self._answer(part, self._judge(failed, part, part.started_ms, traits))
        else:
            await self._offer(part, connection, traits)

    async def _offer(self, part: Outgoing, connection: Connection, traits: Traits) -> None:
        """The provider may answer after our deadline: a late receipt still belongs to its part."""
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        late = False

        def overdue() -> None:
            nonlocal late
            late = True
            loop.call_later(_LATE_SECONDS, task.cancel)
            error = TimeoutError(f"no answer within {traits.send_timeout:g} s")
            self._answer(part, self._judge(error, part, part.started_ms, traits))

        deadline = loop.call_later(traits.send_timeout, overdue)
        try:
            returned = await _contained(connection, part, task)
        finally:
            deadline.cancel()
        if not isinstance(returned, _Raised):
            verdict = accept(returned, attempt_of(part, part.started_ms))
            self._answer(part, verdict, late=late)
        elif not late:
            self._answer(part, self._judge(returned.error, part, self.clock.now_ms(), traits))

    def _judge(self, error: BaseException, part: Outgoing, at_ms: int, traits: Traits) -> Verdict:
        return judge(error, attempt_of(part, at_ms, self.chance.jitter()), traits)

    def _answer(self, part: Outgoing, verdict: Verdict, *, late: bool = False) -> None:
        self.answered(Answer(part, verdict, self.clock.now_ms(), late))


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


async def _contained(connection: Connection, part: Outgoing, task: "asyncio.Task[None]") -> object:
    """What a plugin's `send` returns, whatever that is. Nothing it raises escapes, not even an end of the process."""
    try:
        return await connection.send(wire_part(part))
    except asyncio.CancelledError:
        if task.cancelling():
            raise
        return _Raised(PluginMisbehaved("send was cancelled from within"))
    except (SystemExit, KeyboardInterrupt) as error:
        return _Raised(PluginMisbehaved(f"send raised {type(error).__name__}"))
    except BaseException as error:  # noqa: BLE001 - the verdict on it is the domain's
        return _Raised(error)
