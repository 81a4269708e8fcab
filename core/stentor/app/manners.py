"""How a message by hand is to be shown, as somebody asks for it."""

from stentor.app.parameters import Parameters
from stentor.contract.channel import Channel
from stentor.contract.payloads import Manner
from stentor.contract.targets import Target
from stentor.domain.manners import WORDS, unheeded
from stentor.domain.refusals import Detail, Refused

MANNERS = ("silent", "linkPreviews", "broadcast", "mentions", "replyTo")


def manner_in(asked: Parameters) -> Manner:
    silent, broadcast, mentions = (asked.flag(name) for name in ("silent", "broadcast", "mentions"))
    bare = "linkPreviews" in asked and not asked.flag("linkPreviews")
    return Manner(silent, bare, broadcast, mentions, asked.text("replyTo") or "")


def check_manner(manner: Manner, channel: Channel, target: Target) -> None:
    """What would say nothing there is refused."""
    idle = tuple(Detail(WORDS[field], why) for field, why in unheeded(manner, channel, target))
    if idle:
        raise Refused("bad_request", "the message cannot be shown in this manner", details=idle)
