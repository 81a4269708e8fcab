"""The WhatsApp channel: writes to people and groups as a device that is paired with a phone."""

from collections.abc import Iterable

from stentor import Channel, hookimpl
from stentor_whatsapp.channel import WhatsAppChannel

__all__ = ["WhatsAppChannel", "stentor_channels"]


@hookimpl
def stentor_channels() -> Iterable[Channel]:
    yield WhatsAppChannel()
