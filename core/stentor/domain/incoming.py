"""What people write to an account: whether it is sound, and whether they may."""

from datetime import datetime
from typing import cast

from stentor.contract.inbox import Incoming
from stentor.contract.settings import AccountSettings, ChatSettings
from stentor.domain.answers import target_of
from stentor.domain.plugin_words import PluginFault, few_in, kind_of, name_in, shown, storable, text_in
from stentor.domain.records import Arrival

_LONGEST_TEXT = 100_000
_MOST_FILES = 100


def incoming_of(given: object, channel: str, account: str) -> Incoming:
    """A message of sound values, of this very account."""
    if not isinstance(given, Incoming):
        raise PluginFault(f"what comes in must be an Incoming, not {kind_of(given)}")
    target = target_of(given.target, "target of what comes in")
    if target.channel != channel:
        raise PluginFault(f"target of what comes in is one of {target.channel!r}")
    at = cast("object", given.at)
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise PluginFault(f"at of what comes in must be a datetime with its zone, not {shown(at)}")
    message_id, sender = (_word(given, name) for name in ("message_id", "sender"))
    return Incoming(
        target.on(account),
        message_id,
        sender,
        storable(text_in(given.text, "text of what comes in"), _LONGEST_TEXT),
        at,
        storable(text_in(given.sender_name, "sender_name of what comes in")),
        bool(given.direct),
        bool(given.addressed),
        name_in(given.reply_to, "reply_to of what comes in"),
        tuple(
            storable(text_in(name, "a file of what comes in"))
            for name in few_in(given.files, "files of what comes in", _MOST_FILES)
        ),
    )


def arrival_of(message: Incoming, settings: AccountSettings, received_ms: int) -> Arrival | None:
    """What is kept of a message; None for what is not meant for us, or not wanted."""
    if not (message.direct or message.addressed):
        return None
    policy = settings.dm_policy if isinstance(settings, ChatSettings) else "open"
    if message.direct and policy == "disabled":
        return None
    allowed = settings.allow_from if isinstance(settings, ChatSettings) else ()
    known = message.sender in allowed
    may_write = known or "*" in allowed or policy == "open"
    at_ms = int(message.at.timestamp() * 1000)
    return Arrival(message, at_ms, received_ms, held=not may_write, known=known)


def _word(given: Incoming, name: str) -> str:
    value = name_in(cast("object", getattr(given, name)), f"{name} of what comes in")
    if not value:
        raise PluginFault(f"{name} of what comes in is empty")
    return value
