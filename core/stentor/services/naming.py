"""Names are asked for once, where a job or a message is made: what is stored and sent to is always an id."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from stentor.contract.channel import Channel, Connection
from stentor.contract.errors import DeliveryError, InvalidTarget
from stentor.contract.targets import Target
from stentor.domain.answers import target_of
from stentor.domain.plugin_words import PluginFault, said
from stentor.domain.refusals import Refused
from stentor.domain.routing import name_behind
from stentor.services.connections import Connections
from stentor.services.directory import Directory
from stentor.services.plugin_calls import Door

T = TypeVar("T")
# A job has so many targets at most that are names.
_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Naming:
    """Finds out what names stand for, by way of `ask`."""

    directory: Directory
    ask: Callable[[Target], Awaitable[Target]]
    clean: Callable[[str], str]

    async def knowing(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do some work that resolves targets; whatever name it meets is asked for, and the work begun anew."""
        asked: list[Target] = []
        try:
            while True:
                try:
                    return await work()
                except Exception as error:
                    name = name_behind(error)
                    if name is None or name in asked or len(asked) == _MOST_NAMES:
                        raise
                asked.append(name)
                self.directory.learn(name, await self._id_of(name))
        finally:
            # The next one asks anew: it may stand for something else by then.
            for name in asked:
                self.directory.forget(name)

    async def _id_of(self, name: Target) -> Target:
        try:
            return await self.ask(name)
        except DeliveryError as error:
            message = f"{name.canonical} could not be looked up: {self.clean(str(error))}"
            hint = "try again when the account works (`stentor status`), or write the id"
            raise Refused("name_unknown", message, hint=hint) from error


@dataclass(frozen=True, slots=True)
class OverConnections:
    """Asks the accounts that are open, or opens them."""

    directory: Directory
    connections: Connections

    async def ask(self, name: Target) -> Target:
        connection = await self.connections.get(name.channel, name.account or "")
        return await id_of(name, self.directory.channels[name.channel], connection)


async def id_of(name: Target, channel: Channel, connection: Connection) -> Target:
    """What the channel says of a target: its id, where it is a name. Raises `Refused`, and what a channel may raise."""

    async def ask() -> object:
        try:
            return await connection.resolve(name)
        except InvalidTarget as refusal:
            return refusal

    account = name.account or ""
    found = await Door(channel.name, account).call_within(
        channel.traits.send_timeout, "resolve", ask, lambda given: _answer(given, channel)
    )
    if isinstance(found, InvalidTarget):
        raise Refused("bad_target", said(found), hint=str(getattr(found, "hint", ""))) from found
    if isinstance(found, Target):
        return found.on(account)
    if isinstance(found.error, DeliveryError):
        raise found.error
    raise Refused("bad_target", f"{name.canonical}: {said(found.error)}") from found.error


def _answer(given: object, channel: Channel) -> Target | InvalidTarget:
    if isinstance(given, InvalidTarget):
        return given
    target = target_of(given, "what resolve returns")
    if target.channel != channel.name or target.is_name:
        raise PluginFault(f"resolve returned {target.canonical!r}, which is no id of {channel.name!r}")
    return target
