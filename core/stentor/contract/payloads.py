"""Payloads: what a run finished with, and the parts a channel sends of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Draft:
    """One provider message as it will be sent: the outcome of rendering, before it has an identity.

    `plain` says the same without markup, for a provider that refuses the markup; empty where there is none.
    """

    text: str
    format: str = "plain"
    attachment: Attachment | None = None
    plain: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A draft on its way. `id` is the same in every attempt, so it serves as idempotency key (≤ 25 characters)."""

    id: str
    delivery_id: str
    target: "Target"
    n: int
    of: int
    text: str
    attempt: int
    format: str = "plain"
    attachment: Attachment | None = None
