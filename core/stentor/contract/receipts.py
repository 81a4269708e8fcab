"""Receipts: what a provider said about a part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stentor.contract.targets import Target


class ReceiptLevel(StrEnum):
    """How far a provider has confirmed a part."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's acceptance of one part.

    `target` is the target the provider says it accepted the part for: build it from the answer where the answer
    names it. An empty `message_id` proves nothing, and the part becomes unknown. `degraded` names what the
    recipient gets less than was asked for. `opened` is a conversation that this part has begun, such as the thread of
    a forum post: the later parts of its delivery go there.
    """

    target: Target
    message_id: str
    degraded: str = ""
    detail: Mapping[str, str] = field(default_factory=dict[str, str])
    opened: Target | None = None


@dataclass(frozen=True, slots=True)
class LaterReceipt:
    """News about a message accepted earlier; it may overtake the return of `send` and may concern a stranger.

    `part_id` is for a connection that knows which part became this message though `send` never returned, such as
    after a crash: a part of which nobody knew whether it arrived is accepted from then on.
    """

    message_id: str
    level: ReceiptLevel
    at: datetime
    part_id: str = ""
