"""What can be asked of the accounts of a running product: only one process may have some of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stentor.app.assembly import App
from stentor.app.missing import NotFound
from stentor.app.parameters import Parameters, not_valid
from stentor.app.probing import probed
from stentor.contract.channel import Connection
from stentor.contract.errors import CredentialsRejected, DeliveryError, Unavailable
from stentor.domain.json_types import JsonObject
from stentor.domain.plugin_words import said
from stentor.domain.refusals import Refused
from stentor.domain.routing import Address, Route, read
from stentor.domain.target_json import spelt
from stentor.services.naming import id_of

# What names an account.
_NAMES = ("channel", "accountId")
# Whoever pairs an account has it for so long at most.
PAIRING_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class AccountOperations:
    """Takes and gives JSON; raises `Refused` and `NotFound`."""

    app: App

    async def probe(self, raw: Mapping[str, Any]) -> JsonObject:
        """Ask a provider who the account is."""
        channel, account = self._account(Parameters(raw, *_NAMES))
        connection = await self._open(channel, account)
        return {"said": await probed(self.app.ground.directory.channels[channel], account, connection)}

    async def check(self, raw: Mapping[str, Any]) -> JsonObject:
        """Ask a channel what it knows of a target."""
        asked = Parameters(raw, *_NAMES, "target")
        channel, account = self._account(asked)
        address = Address(_word(asked, "target"), channel, account)
        target = read(address, self.app.ground.directory).target
        connection = await self._open(channel, account)
        try:
            found = await id_of(target, self.app.ground.directory.channels[channel], connection)
        except DeliveryError as error:
            raise Refused("bad_target", self.app.ground.redactor.clean(said(error))) from error
        return spelt(found)

    async def known(self, route: Route) -> JsonObject:
        """What its channel knows of a target."""
        target = route.target
        return await self.check(
            {"channel": target.channel, "accountId": route.account, "target": target.canonical}
        )

    async def give_away(self, raw: Mapping[str, Any]) -> JsonObject:
        """Let go of an account for somebody who pairs it, until it is renewed."""
        channel, account = self._account(Parameters(raw, *_NAMES))
        await self.app.connections.give_away(channel, account, PAIRING_SECONDS)
        return {"channel": channel, "accountId": account}

    async def renew(self, raw: Mapping[str, Any]) -> JsonObject:
        """Open an account anew."""
        channel, account = self._account(Parameters(raw, *_NAMES))
        await self.app.connections.renew(channel, account)
        return {"channel": channel, "accountId": account}

    async def _open(self, channel: str, account: str) -> Connection:
        try:
            return await self.app.connections.get(channel, account)
        except (CredentialsRejected, Unavailable) as error:
            raise Refused("account_down", self.app.ground.redactor.clean(said(error))) from error

    def _account(self, asked: Parameters) -> tuple[str, str]:
        channel, account = (_word(asked, name) for name in _NAMES)
        if account not in self.app.ground.directory.accounts(channel):
            raise NotFound(
                f"this daemon has no account {account!r} of channel {channel!r}: it was started before "
                "that was configured, or it was never"
            )
        return channel, account


def _word(asked: Parameters, name: str) -> str:
    """A text that must be there."""
    text = asked.text(name)
    if text is None or not text.strip():
        raise not_valid(name, "must not be blank")
    return text
