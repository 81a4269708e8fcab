"""Pairs an account with a device of its owner, and ends that again, without a daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from stentor.app.checking import alone, context_of
from stentor.contract.channel import Account, Channel, ChannelContext
from stentor.contract.pairing import PairingDesk
from stentor.domain.plugin_words import said, storable, text_in
from stentor.domain.redaction import Redactor
from stentor.domain.refusals import Refused
from stentor.domain.routing import Directory
from stentor.services.plugin_calls import Door, Raised

_Work = Callable[[Channel, Account, ChannelContext], Awaitable[object]]


def pair_account(home: Path, name: str, account: str, directory: Directory, desk: PairingDesk) -> str:
    """Who the account is from now on; a `Refused` says why it is nobody."""

    async def pair(channel: Channel, paired: Account, context: ChannelContext) -> object:
        return await channel.pair(paired, context, desk)

    return storable(text_in(_done(home, (name, account), directory, "pair", pair), "what pair returns"))


def unpair_account(home: Path, name: str, account: str, directory: Directory) -> None:
    async def unpair(channel: Channel, paired: Account, context: ChannelContext) -> object:
        await channel.unpair(paired, context)
        return None

    _done(home, (name, account), directory, "unpair", unpair)


def _done(home: Path, owner: tuple[str, str], directory: Directory, what: str, work: _Work) -> object:
    channel, account = alone(directory, *owner)
    redactor = Redactor()
    context = context_of(home, account, redactor)
    context.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    call = Door(*owner).call(what, lambda: work(channel, account, context), lambda given: given)
    found = asyncio.run(_to_its_end(call))
    if isinstance(found, Raised):
        raise Refused("not_paired" if what == "pair" else "not_unpaired", redactor.clean(said(found.error)))
    return found


async def _to_its_end(call: Awaitable[object]) -> object:
    return await call
