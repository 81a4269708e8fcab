"""Keeps those accounts open that hear of their messages only while they are there."""

import asyncio
from dataclasses import dataclass

from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.contract.traits import RetrySchedule
from stentor.ports import Clock
from stentor.services.connections import Connections
from stentor.services.directory import Directory

_PAUSES = RetrySchedule()
# What is not there after so many tries is worth telling people, whether or not anything waits for it.
_TELL_AFTER = 3


@dataclass
class Attending:
    """A service for the app."""

    directory: Directory
    connections: Connections
    clock: Clock

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as attending:
            for name, channel in self.directory.channels.items():
                if channel.traits.stays_open:
                    for account in self.directory.accounts(name):
                        attending.create_task(self._attend(name, account))

    async def _attend(self, channel: str, account: str) -> None:
        failures = 0
        while True:
            renewed = self.connections.renewal(channel, account)
            if away := self.connections.given_away_for(channel, account):
                await self.clock.wait(renewed, away)
                continue
            try:
                await self.connections.get(channel, account)
            except Unavailable as error:
                if failures == _TELL_AFTER:
                    await self.connections.take_down(channel, account, str(error))
                failures += 1
                await self.clock.wait(renewed, _PAUSES.delay(failures))
                continue
            except CredentialsRejected as error:
                lent = self.connections.lent(channel, account)
                # Nobody has to send anything before people learn of it.
                await self.connections.take_down(channel, account, str(error))
                if lent is not None:
                    self.connections.refused(channel, account, lent)
            else:
                if failures > _TELL_AFTER:
                    await self.connections.bring_back(channel, account)
            failures = 0
            await renewed.wait()
