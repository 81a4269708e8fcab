"""What core makes of a payload for a channel: the parts that will be sent, in the channel's dialect and limits."""

from collections.abc import Sequence

from stentor.contract.channel import Channel
from stentor.contract.payloads import Draft, Payload
from stentor.contract.targets import Target
from stentor.domain.answers import drafts_of
from stentor.domain.rendering import drafts


def rendered(channel: Channel, payload: Payload | str, target: Target) -> Sequence[Draft]:
    """The channel's own rendering where it has one, else core's."""
    if isinstance(payload, str):
        payload = Payload(payload)
    own = drafts_of(channel.render(payload, target))
    return drafts(payload, channel.limits, channel.dialect) if own is None else own
