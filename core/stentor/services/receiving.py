"""Takes in what people write: each account that receives is listened to, and again when that ends."""

import asyncio
from dataclasses import dataclass
from functools import partial

from stentor.contract.channel import Channel
from stentor.contract.errors import CredentialsRejected, DeliveryError, Unavailable
from stentor.contract.inbox import Incoming
from stentor.contract.settings import AccountSettings
from stentor.contract.traits import RetrySchedule
from stentor.domain.incoming import arrival_of, incoming_of
from stentor.domain.plugin_words import asked, said
from stentor.ports import Clock, Store
from stentor.services.connections import Connections
from stentor.services.directory import Directory
from stentor.services.persistence import insist
from stentor.services.plugin_calls import Door, Raised

_PAUSES = RetrySchedule()
# Who was listened to for so long begins anew with the shortest pause.
_STEADY_SECONDS = 300
# What was to fail at once has failed by then.
_SETTLED_SECONDS = 10
_LEAVE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class AccountInbox:
    """The inbox of one account."""

    channel: str
    account: str
    settings: AccountSettings
    store: Store
    clock: Clock

    async def put(self, message: Incoming) -> None:
        """Only what is on the disk has been taken in."""
        sound = asked(lambda: incoming_of(message, self.channel, self.account))
        arrival = arrival_of(sound, self.settings, self.clock.now_ms())
        if arrival is not None:
            keep = partial(self.store.take_in, arrival)
            await insist(self.clock, f"a message from {sound.target.canonical}", keep)


@dataclass
class Receiving:
    """A service for the app."""

    directory: Directory
    connections: Connections
    store: Store
    clock: Clock

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as receiving:
            for name, channel in self.directory.channels.items():
                for account, settings in self.directory.accounts(name).items():
                    if _receives(channel, account, settings):
                        receiving.create_task(self._listen(name, account, settings))

    async def _listen(self, channel: str, account: str, settings: AccountSettings) -> None:
        inbox = AccountInbox(channel, account, settings, self.store, self.clock)
        failures = 0
        while True:
            renewed = self.connections.renewal(channel, account)
            if away := self.connections.given_away_for(channel, account):
                await self.clock.wait(renewed, away)
                continue
            began = self.clock.monotonic()
            lent = self.connections.lent(channel, account)
            why = await self._once(inbox, renewed)
            if isinstance(why, CredentialsRejected) and lent is not None:
                self.connections.refused(channel, account, lent)
            failures = 0 if self.clock.monotonic() - began > _STEADY_SECONDS else failures + 1
            await self.clock.wait(renewed, _PAUSES.delay(failures))

    async def _once(self, inbox: AccountInbox, renewed: asyncio.Event) -> Exception:
        """Listen until that ends, or the account is opened anew, and say why it did."""
        try:
            connection = await self.connections.get(inbox.channel, inbox.account)
        except DeliveryError as error:
            return error
        door = Door(inbox.channel, inbox.account)
        call = door.call("receive", lambda: connection.receive(inbox), lambda given: given)
        # Not in a group: one that does not end when it is told to would keep everything else from ending.
        listening = asyncio.Task(call, name=f"receive of {inbox.channel}:{inbox.account}")
        leaving = asyncio.Task(renewed.wait(), name=f"renewal of {inbox.channel}:{inbox.account}")
        first_of = partial(asyncio.wait, [listening, leaving], return_when=asyncio.FIRST_COMPLETED)
        try:
            done, _ = await first_of(timeout=_SETTLED_SECONDS)
            if not done:
                self.connections.news.seems(inbox.channel, inbox.account, "ready")
                await first_of()
        finally:
            leaving.cancel()
            # Its connection is closed, or will be next: it gets the time to let go.
            if listening.cancel():
                await asyncio.wait([listening], timeout=_LEAVE_SECONDS)
        if renewed.is_set():
            return Unavailable("the account is opened anew")
        found = listening.result()
        why = found.error if isinstance(found, Raised) else Unavailable("the channel stopped listening")
        self.connections.news.seems(
            inbox.channel, inbox.account, "degraded", f"nothing comes in: {said(why)}"
        )
        return why


def _receives(channel: Channel, account: str, settings: AccountSettings) -> bool:
    found = Door(channel.name, account).hear("receives", lambda: bool(channel.receives(settings)))
    return found is True
