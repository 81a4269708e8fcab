"""The Telegram channel: messages, files and albums through the Bot API, and what people write to the bot."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_telegram.channel import TelegramChannel

__all__ = ["TelegramChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield TelegramChannel()
