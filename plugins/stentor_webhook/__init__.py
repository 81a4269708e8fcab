"""The webhook channel: posts the finished event as JSON, signed and guarded."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_webhook.channel import WebhookChannel

__all__ = ["WebhookChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield WebhookChannel()
