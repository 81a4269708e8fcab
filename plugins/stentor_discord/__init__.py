"""The Discord channel: messages to channels, threads, people and forums, and through incoming webhooks."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_discord.channel import DiscordChannel

__all__ = ["DiscordChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield DiscordChannel()
