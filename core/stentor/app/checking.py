"""Asks a channel something without sending anything."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from stentor.adapters.secrets import Secrets
from stentor.app.probing import probed
from stentor.app.seams import Seams
from stentor.contract.channel import Account, Channel, Connection
from stentor.contract.errors import DeliveryError
from stentor.contract.receipts import LaterReceipt
from stentor.contract.targets import Target
from stentor.domain.redaction import Redactor
from stentor.domain.refusals import Refused
from stentor.domain.routing import Directory, Route
from stentor.services.lending import Context, Lent
from stentor.services.naming import id_of
from stentor.services.opening import closed, opened
from stentor.services.plugin_calls import Door

T = TypeVar("T")


class _NoJournal:
    """A check keeps nothing."""

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        raise RuntimeError(f"a check must not deliver, but {key} for {target} was kept: {len(body)} fields")


def check_target(home: Path, route: Route, directory: Directory) -> Target:
    """The target as the channel knows it: a name becomes an id, an address is looked at by the guard."""
    return asyncio.run(look_up(home, route.target, directory))


async def look_up(home: Path, target: Target, directory: Directory) -> Target:
    """The same inside a loop."""
    channel = directory.channels[target.channel]

    async def ask(connection: Connection) -> Target:
        return await id_of(target, channel, connection)

    return await _asked(home, (channel.name, target.account or ""), directory, ask, "bad_target")


def probe_account(home: Path, channel: str, account: str, directory: Directory) -> str:
    """What the provider says of an account; a `Refused` says what is wrong with it."""

    async def ask(connection: Connection) -> str:
        return await probed(directory.channels[channel], account, connection)

    return asyncio.run(_asked(home, (channel, account), directory, ask, "account_down"))


async def _asked(
    home: Path,
    owner: tuple[str, str],
    directory: Directory,
    ask: Callable[[Connection], Awaitable[T]],
    code: str,
) -> T:
    """What comes of a question to an account that is opened for it; `code` is that of an account that is not there."""
    channel, account = alone(directory, *owner)
    redactor = Redactor()
    context = context_of(home, account, redactor)
    try:
        connection = await opened(channel, account, context)
        try:
            return await ask(connection)
        finally:
            await closed(Door(*owner), connection)
    except DeliveryError as error:
        raise Refused(code, redactor.clean(str(error))) from error
    except Refused as error:
        raise Refused(error.code, redactor.clean(error.message), hint=error.hint) from error


def alone(directory: Directory, channel: str, account: str) -> tuple[Channel, Account]:
    """A channel and one of its accounts, for a process that is no daemon."""
    return directory.channels[channel], Account(channel, account, directory.accounts(channel)[account])


def context_of(home: Path, account: Account, redactor: Redactor) -> Context:
    """The surroundings of an account that sends nothing."""
    return Context(
        account,
        _NoJournal(),
        home / "channels" / account.channel / account.id,
        Seams().clock,
        Lent(Secrets(redactor, os.environ, home)),
        _ignore_report,
        lambda _account, _state, _reason: None,
    )


def _ignore_report(account: Account, receipt: LaterReceipt) -> None:
    """Nothing was sent, so nothing is awaited."""
