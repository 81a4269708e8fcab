"""Pairs an account with a device of its owner, and ends that again, without a daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from stentor.app.checking import alone, context_of
from stentor.contract.channel import Account, Channel, ChannelContext
from stentor.contract.pairing import PairingDesk
from stentor.domain.plugin_words import said, storable, text_in
from stentor.domain.redaction import Redactor
from stentor.domain.refusals import Refused
from stentor.domain.routing import Directory
from stentor.services.plugin_calls import Door, Raised

T = TypeVar("T")
_Work = Callable[[Channel, Account, ChannelContext], Awaitable[object]]


class _Asked(NamedTuple):
    """Which account."""

    home: Path
    channel: str
    account: str
    directory: Directory


def pair_account(home: Path, name: str, account: str, directory: Directory, desk: PairingDesk) -> str:
    """Who the account is from now on; a `Refused` says why it is nobody."""

    async def pair(channel: Channel, paired: Account, context: ChannelContext) -> object:
        return await channel.pair(paired, context, desk)

    return _done(_Asked(home, name, account, directory), "pair", pair, _who)


def unpair_account(home: Path, name: str, account: str, directory: Directory) -> None:
    async def unpair(channel: Channel, paired: Account, context: ChannelContext) -> object:
        await channel.unpair(paired, context)
        return None

    _done(_Asked(home, name, account, directory), "unpair", unpair, lambda _given: None)


def _done(asked: _Asked, what: str, work: _Work, read: Callable[[object], T]) -> T:
    channel, account = alone(asked.directory, asked.channel, asked.account)
    redactor = Redactor()
    context = context_of(asked.home, account, redactor)
    context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    call = Door(account.channel, account.id).call(what, lambda: work(channel, account, context), read)
    found = asyncio.run(_to_its_end(call))
    if isinstance(found, Raised):
        raise Refused("not_paired" if what == "pair" else "not_unpaired", redactor.clean(said(found.error)))
    return found


def _who(given: object) -> str:
    return storable(text_in(given, "what pair returns"))


async def _to_its_end(call: Awaitable[T]) -> T:
    return await call
