"""Asks an account who it is."""

from stentor.contract.channel import Channel, Connection
from stentor.domain.plugin_words import said, storable, text_in
from stentor.domain.refusals import Refused
from stentor.services.plugin_calls import Door, Raised


async def probed(channel: Channel, account: str, connection: Connection) -> str:
    """What the provider says of the account; a `Refused` says what is wrong with it."""
    door = Door(channel.name, account)
    found = await door.call_within(channel.traits.send_timeout, "probe", connection.probe, _line)
    if isinstance(found, Raised):
        raise Refused("account_down", said(found.error)) from found.error
    return found


def _line(given: object) -> str:
    return storable(text_in(given, "what probe returns"))
