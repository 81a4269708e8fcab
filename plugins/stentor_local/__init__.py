"""The local channel: inboxes kept in the product's own store."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_local.channel import LocalChannel

__all__ = ["LocalChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield LocalChannel()
