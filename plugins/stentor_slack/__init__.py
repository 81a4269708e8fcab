"""The Slack channel: posts through the Web API and incoming webhooks, and listens by Socket Mode."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_slack.channel import SlackChannel

__all__ = ["SlackChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield SlackChannel()
