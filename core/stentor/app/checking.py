"""Asks a channel about a target without sending anything."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from stentor.adapters.secrets import Secrets
from stentor.app.seams import Seams
from stentor.contract.channel import Account
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


class _NoJournal:
    """A check keeps nothing."""

    async def append(self, key: str, target: str, body: Mapping[str, object]) -> str:
        raise RuntimeError(f"a check must not deliver, but {key} for {target} was kept: {len(body)} fields")


def check_target(home: Path, route: Route, directory: Directory) -> Target:
    """The target as the channel knows it: a name becomes an id, an address is looked at by the guard."""
    return asyncio.run(_check(home, route, directory))


async def _check(home: Path, route: Route, directory: Directory) -> Target:
    channel = directory.channels[route.target.channel]
    account = Account(channel.name, route.account, directory.accounts(channel.name)[route.account])
    redactor = Redactor()
    context = Context(
        account,
        _NoJournal(),
        home / "channels" / channel.name / route.account,
        Seams().clock,
        Lent(Secrets(redactor, os.environ, home)),
        _ignore_report,
        lambda _account, _state, _reason: None,
    )
    try:
        connection = await opened(channel, account, context)
        try:
            return await id_of(route.target, channel, connection)
        finally:
            await closed(Door(channel.name, route.account), connection)
    except DeliveryError as error:
        raise Refused("bad_target", redactor.clean(str(error))) from error


def _ignore_report(account: Account, receipt: LaterReceipt) -> None:
    """Nothing was sent, so nothing is awaited."""
