"""Connections that listen as they should, but for one rule."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from pager import PagerChannel, PagerConnection, only

from stentor import Account, AccountSettings, ChannelContext, Connection
from stentor.contract.inbox import Inbox, Incoming


class Stuttering(PagerConnection):
    async def take(self, inbox: Inbox, message: Mapping[str, Any]) -> None:
        if message["sender"] != "us":
            await inbox.put(self.incoming(message))
        await super().take(inbox, message)


class Undated(PagerConnection):
    """Says when by a clock that knows no zone."""

    def incoming(self, message: Mapping[str, Any]) -> Incoming:
        return replace(super().incoming(message), at=datetime(2027, 3, 14))  # noqa: DTZ001 - that is what is wrong


class Hasty(PagerConnection):
    async def take(self, inbox: Inbox, message: Mapping[str, Any]) -> None:
        await self.ask("PUT", f"/inbox/{message['number']}")
        await super().take(inbox, message)


class Echoing(PagerConnection):
    async def take(self, inbox: Inbox, message: Mapping[str, Any]) -> None:
        await super().take(inbox, {**message, "sender": "somebody"})


class Stubborn(PagerConnection):
    async def receive(self, inbox: Inbox) -> None:
        try:
            await super().receive(inbox)
        except asyncio.CancelledError:
            return


class Deaf(PagerConnection):
    async def receive(self, inbox: Inbox) -> None:
        return


class Eager(PagerChannel):
    """Says that it receives for accounts that are told not to."""

    def receives(self, settings: AccountSettings) -> bool:
        return True

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        connection = await super().open(account, ctx)
        return connection if super().receives(account.settings) else Deaf(cast("Any", connection).client)


# The bad channels of each rule.
BAD: Mapping[str, Sequence[type[PagerChannel]]] = {
    "heard-once": [only(Stuttering), only(Undated)],
    "kept-first": [only(Hasty)],
    "not-ours": [only(Echoing)],
    "listening-ends": [only(Stubborn), Eager],
}
