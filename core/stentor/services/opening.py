"""Opens an account and closes it again, whatever its plugin makes of that."""

from stentor.contract.channel import Account, Channel, ChannelContext, Connection
from stentor.contract.errors import CredentialsRejected, Unavailable
from stentor.domain.plugin_words import PluginFault, kind_of
from stentor.services.plugin_calls import Door, Raised

_OPENING_SECONDS = 60.0
_CLOSING_SECONDS = 5.0


async def opened(channel: Channel, account: Account, context: ChannelContext) -> Connection:
    """Raises nothing but `Unavailable` and `CredentialsRejected`: nothing was offered to the wire yet."""
    door = Door(account.channel, account.id)
    found = await door.call_within(
        _OPENING_SECONDS, "open", lambda: channel.open(account, context), _connection_of
    )
    if not isinstance(found, Raised):
        return found
    if isinstance(found.error, Unavailable | CredentialsRejected):
        raise found.error
    raise Unavailable(f"the account could not be opened: {found.error}") from found.error


async def closed(door: Door, connection: Connection) -> None:
    """Whatever comes of it: the connection is not used any more."""
    await door.call_within(_CLOSING_SECONDS, "close", connection.close, _nothing)


def _connection_of(given: object) -> Connection:
    if not isinstance(given, Connection):
        raise PluginFault(f"open must return a Connection, not {kind_of(given)}")
    return given


def _nothing(given: object) -> None:
    """Nobody asked for it."""
