"""Targets by which deliveries are looked for: any spelling finds what the canonical one finds."""

from collections.abc import Callable

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader
from stentor.domain.routing import Address, Directory, channel_of, resolve


def target_of_deliveries(reader: Reader, text: str | None, directory: Callable[[], Directory]) -> str | None:
    """The canonical target. What is written so in the store needs no plugin to be understood."""
    if text is None:
        return None
    _, sent = reader.delivery_page(Asked(target=text), limit=0, offset=0)
    return text if sent else canonical(text, directory())


def canonical(text: str, directory: Directory) -> str:
    """How a target is written in the store. Its account does not matter there, so any of them will do."""
    channel, _ = channel_of(Address(text), directory)
    account = next(iter(sorted(directory.accounts(channel.name))), None)
    return resolve(Address(text, account=account), directory).target.canonical
