"""Connections that listen as they should, but for one rule."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pager import PagerChannel, PagerConnection, only

from stentor.contract.inbox import Inbox


class Stuttering(PagerConnection):
    async def take(self, inbox: Inbox, message: Mapping[str, Any]) -> None:
        if message["sender"] != "us":
            await inbox.put(self.incoming(message))
        await super().take(inbox, message)


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


# The bad channels of each rule.
BAD: Mapping[str, Sequence[type[PagerChannel]]] = {
    "heard-once": [only(Stuttering)],
    "kept-first": [only(Hasty)],
    "not-ours": [only(Echoing)],
    "listening-ends": [only(Stubborn)],
}
