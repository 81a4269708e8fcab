"""The accounts there are, as the outbox has to know them."""

from collections.abc import Sequence

from stentor.contract.channel import Channel
from stentor.contract.settings import AccountSettings
from stentor.contract.traits import Rate
from stentor.domain.plugin_words import PluginFault
from stentor.domain.promises import flaw_of_rates
from stentor.domain.records import AccountRow
from stentor.domain.routing import Directory
from stentor.services.plugin_calls import Door

# While one part is with the provider, the next is being written down as begun, and the last one's answer as heard.
_BEGUN_FOR_ONE = 3


def account_rows(directory: Directory, *, gated: bool) -> list[AccountRow]:
    """All of them. If they are `gated`, one part of each goes ahead: nobody knows what has become of them."""
    return [
        AccountRow(
            name,
            account,
            "open",
            rates=_rates(channel, account, settings),
            gated=gated,
            patience_ms=int(channel.traits.send_timeout * 1000),
            at_once=_begun_at_once(channel),
        )
        for name, channel in directory.channels.items()
        for account, settings in directory.accounts(name).items()
    ]


def _begun_at_once(channel: Channel) -> int | None:
    at_once = channel.traits.at_once
    return None if at_once is None else at_once * _BEGUN_FOR_ONE


def _rates(channel: Channel, account: str, settings: AccountSettings) -> tuple[Rate, ...]:
    found = Door(channel.name, account).hear("rates", lambda: _sound(channel.rates(settings)))
    return channel.traits.rates if found is None else found


def _sound(rates: Sequence[Rate]) -> tuple[Rate, ...]:
    wrong = flaw_of_rates(rates)
    if wrong:
        raise PluginFault(wrong)
    return tuple(rates)
