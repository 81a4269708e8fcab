"""The Telegram channel."""

from collections.abc import Iterable

from stentor import Channel, hookimpl

__all__ = ["stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    return ()
