"""Accounts that open and close as they should, but for one rule."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pager import PagerChannel, PagerConnection, only, pager

from stentor import (
    Account,
    Ambiguous,
    ChannelContext,
    Connection,
    InvalidTarget,
    Part,
    Target,
    Unavailable,
)
from stentor.contract.errors import DeliveryError


class NoResolver(PagerConnection):
    async def resolve(self, target: Target) -> Target:
        return target


class Guesser(PagerConnection):
    """Takes the name of nobody for the pager on duty."""

    async def resolve(self, target: Target) -> Target:
        try:
            return await super().resolve(target)
        except InvalidTarget:
            return pager("4711", None)


class Talkative(PagerConnection):
    def said(self, answer: Any) -> Mapping[str, Any]:
        if answer.status_code >= 500:
            raise Ambiguous(f"{answer.status_code} to {dict(self.client.headers)}")
        return super().said(answer)


class Chatty(PagerConnection):
    """Says what it does, to whoever has the log say everything."""

    def said(self, answer: Any) -> Mapping[str, Any]:
        logging.getLogger("pager").debug("asked with %s", dict(self.client.headers))
        return super().said(answer)


class Blabbing(PagerChannel):
    """Says what it tried to open the account with."""

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        connection = await super().open(account, ctx)
        assert isinstance(connection, PagerConnection)
        try:
            await connection.probe()
        except DeliveryError as error:
            await connection.close()
            raise Unavailable(f"not let in with {dict(connection.client.headers)}") from error
        return connection


class Trier(PagerConnection):
    async def probe(self) -> str:
        await self.ask("POST", "/pages", json={**self.page(_part()), "text": "probing"})
        return "it works"


class Hurried(PagerChannel):
    """Lets out whatever goes wrong while connecting."""

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        connection = await super().open(account, ctx)
        assert isinstance(connection, PagerConnection)
        try:
            await connection.probe()
        except DeliveryError:
            await connection.close()
            raise
        return connection


class Leaky(PagerChannel):
    """Says rightly that it cannot open, and leaves what it has opened."""

    async def open(self, account: Account, ctx: ChannelContext) -> Connection:
        connection = await super().open(account, ctx)
        assert isinstance(connection, PagerConnection)
        try:
            await connection.probe()
        except DeliveryError as error:
            asyncio.create_task(asyncio.Event().wait())  # noqa: RUF006 - that is what is wrong with it
            await connection.close()
            raise Unavailable("the gateway is not well") from error
        return connection


class Untidy(PagerConnection):
    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.task = asyncio.create_task(asyncio.Event().wait())


class Open(PagerConnection):
    async def close(self) -> None:
        """Nothing."""


class Once(PagerConnection):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("it is closed")
        self.closed = True
        await super().close()


def _part() -> Part:
    return Part("probe", "probe", pager("4711", None), 1, 1, "probing", 1)


# The bad channels of each rule.
BAD: Mapping[str, Sequence[type[PagerChannel]]] = {
    "names": [only(NoResolver), only(Guesser)],
    "secrets": [only(Talkative), only(Chatty), Blabbing],
    "probe": [only(Trier)],
    "opening": [Hurried, Leaky],
    "closing": [only(Untidy), only(Open), only(Once)],
}
