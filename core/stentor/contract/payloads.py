"""Payloads: what a run finished with, and the parts a channel sends of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stentor.contract.targets import Target


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a payload. `path` is the product's own copy: it does not change any more."""

    name: str
    path: Path
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Payload:
    """Neutral text (Markdown) with attachments. `event` is the finished run as JSON, for channels that post it.

    `missing` names the files that were to be sent and cannot be had: the text must say so.
    """

    text: str
    attachments: tuple[Attachment, ...] = ()
    event: Mapping[str, object] = field(default_factory=dict[str, object])
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a message is to be shown, as its author wants it. A channel heeds what its `traits.manners` name, and
    nothing else is ever asked of it; `mentions` is heeded by all that can call people.

    silent         no sound and no banner.
    bare_links     no previews under links.
    broadcast      what goes to a thread is shown beside it too.
    mentions       the text may call people.
    reply_to       the provider's id of the message that this one answers; one that is gone is no obstacle.
    """

    silent: bool = False
    bare_links: bool = False
    broadcast: bool = False
    mentions: bool = False
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One provider message as it will be sent: the outcome of rendering, before it has an identity.

    `plain` says the same without markup, for a provider that refuses the markup; empty where there is none.
    `album` are the files that stand beside `attachment` in one message, where `limits.album` has room for them.
    """

    text: str
    format: str = "plain"
    attachment: Attachment | None = None
    plain: str = ""
    album: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A draft on its way. `id` is the same in every attempt, so it serves as idempotency key (≤ 25 characters).

    `first_tried` is when it was first offered to the provider, whichever process did that: nothing can be known of it
    there from before.
    """

    id: str
    delivery_id: str
    target: "Target"
    n: int
    of: int
    text: str
    attempt: int
    format: str = "plain"
    attachment: Attachment | None = None
    album: tuple[Attachment, ...] = ()
    manner: Manner = field(default_factory=Manner)
    first_tried: datetime | None = None

    @property
    def files(self) -> tuple[Attachment, ...]:
        """All that goes with the text."""
        return () if self.attachment is None else (self.attachment, *self.album)
