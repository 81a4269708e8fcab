"""What plugins give and raise, made into values of the declared kind that are finite, bounded and can be stored.

What cannot be made into one is a `PluginFault`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from stentor.contract.errors import (
    Ambiguous,
    CredentialsRejected,
    DeliveryError,
    Moved,
    NotSent,
    Rejected,
    Throttled,
    ThrottleScope,
    Unavailable,
)
from stentor.contract.payloads import Attachment, Draft
from stentor.contract.receipts import LaterReceipt, Receipt, ReceiptLevel
from stentor.contract.targets import Target
from stentor.domain.plugin_words import (
    PluginFault,
    asked,
    few_in,
    kind_of,
    name_in,
    named,
    said,
    shown,
    storable,
    text_in,
)

# The format of a text that its channel failed to render: it is kept, and never offered to the channel.
UNRENDERED = "unrendered"
_LONGEST_DRAFT = 1_000_000
_LONGEST_REASON = 100
_LONGEST_ID = 65_536
_MOST_DRAFTS = 1_000
_MOST_ENTRIES = 100
_LONGEST_QUIET_SECONDS = 86_400
# Errors that carry nothing but their text.
_BARE: tuple[type[DeliveryError], ...] = (CredentialsRejected, Unavailable)


@dataclass(frozen=True, slots=True)
class Report:
    """A later receipt as it is written down."""

    message_id: str
    level: str
    at_ms: int
    part_id: str = ""


def raised(error: BaseException) -> DeliveryError | TimeoutError | PluginFault:
    """An error of a plugin as one of the contract's own classes, with facts that can be reckoned with."""
    try:
        return asked(lambda: _raised(error, said(error)))
    except PluginFault as fault:
        return fault


def receipt_of(given: object, meant: Target) -> object:
    """A receipt of sound values. What is no receipt at all is left to the rules of the outbox."""
    if not isinstance(given, Receipt):
        return given
    message_id = name_in(given.message_id, "message_id of the receipt", _LONGEST_ID)
    target = given.target if given.target is meant else target_of(given.target, "target of the receipt")
    detail = cast("object", given.detail)
    opened = None if given.opened is None else target_of(given.opened, "opened of the receipt")
    if given.degraded == "" and detail == {}:
        return given if message_id is given.message_id else replace(given, message_id=message_id)
    degraded = storable(text_in(given.degraded, "degraded of the receipt"))
    return Receipt(target, message_id, degraded, _detail(detail), opened)


def target_of(given: object, what: str) -> Target:
    """A target whose words are words."""
    if not isinstance(given, Target):
        raise PluginFault(f"{what} must be a Target, not {kind_of(given)}")
    for word in ("channel", "kind", "id", "address"):
        name_in(cast("object", getattr(given, word)), f"{word} of {what}")
    for word in ("thread", "account"):
        value = cast("object", getattr(given, word))
        if value is not None:
            name_in(value, f"{word} of {what}")
    for note in (given.display, *few_in(given.warnings, f"warnings of {what}", _MOST_ENTRIES)):
        name_in(note, f"a note of {what}")
    return given


def parsed_by(channel: str, given: object) -> Target:
    """A target as that channel reads it: nobody else's."""
    target = target_of(given, "what parse_target returns")
    if target.channel != channel:
        raise PluginFault(f"parse_target returned a target of {target.channel!r}")
    return target


def drafts_of(given: object) -> tuple[Draft, ...] | None:
    """What `render` returns; None where it leaves the text to the core."""
    if given is None:
        return None
    return tuple(_draft(draft) for draft in few_in(given, "what render returns", _MOST_DRAFTS))


def report_of(given: object) -> Report:
    """A later receipt of sound values."""
    if not isinstance(given, LaterReceipt):
        raise PluginFault(f"a report must be a LaterReceipt, not {kind_of(given)}")
    message_id = name_in(given.message_id, "message_id of the report", _LONGEST_ID)
    if not message_id:
        raise PluginFault("message_id of the report is empty")
    at = cast("object", given.at)
    if not isinstance(at, datetime):
        raise PluginFault(f"at of the report must be a datetime, not {kind_of(at)}")
    at_ms = int(at.timestamp() * 1000)
    if at_ms < 0:
        raise PluginFault(f"at of the report is {shown(at)}")
    part_id = name_in(given.part_id, "part_id of the report")
    return Report(message_id, ReceiptLevel(given.level).value, at_ms, part_id)


def _raised(error: BaseException, text: str) -> DeliveryError | TimeoutError | PluginFault:
    match error:
        case NotSent():
            return NotSent(text, refused=bool(getattr(error, "refused", False)))
        case Throttled():
            return Throttled(_seconds(error.retry_after), scope=_scope(error.scope), message=text)
        case Ambiguous():
            return Ambiguous(text, retry_after=_seconds(error.retry_after))
        case Rejected():
            return Rejected(storable(text_in(error.reason, "reason of Rejected"), _LONGEST_REASON), text)
        case Moved():
            return Moved(target_of(error.new_target, "new_target of Moved"))
        case DeliveryError():
            return next((kind for kind in _BARE if isinstance(error, kind)), DeliveryError)(text)
        case TimeoutError():
            return TimeoutError(text)
        case PluginFault():
            return error
        case _:
            return PluginFault(named(error))


def _seconds(given: object) -> float:
    """A wait that was over before it began is none, and after a day it is worth asking again, whatever was said."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise PluginFault(f"retry_after of Throttled must be a number of seconds, not {shown(given)}")
    return float(max(0, min(given, _LONGEST_QUIET_SECONDS)))


def _scope(given: object) -> ThrottleScope:
    if given == "account":
        return "account"
    if given == "target":
        return "target"
    raise PluginFault(f"scope of Throttled must be 'target' or 'account', not {shown(given)}")


def _detail(given: object) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise PluginFault(f"detail of the receipt must be a mapping, not {kind_of(given)}")
    entries = cast("Mapping[object, object]", given)
    keys = few_in(entries, "detail of the receipt", _MOST_ENTRIES)
    return {
        storable(text_in(key, "a key in detail of the receipt")): storable(
            text_in(entries[key], "a value in detail of the receipt")
        )
        for key in keys
    }


def _draft(given: object) -> Draft:
    if not isinstance(given, Draft):
        raise PluginFault(f"render returned {kind_of(given)} where a Draft belongs")
    text, plain = text_in(given.text, "text of a draft"), text_in(given.plain, "plain of a draft")
    if max(len(text), len(plain)) > _LONGEST_DRAFT:
        raise PluginFault(f"a draft may have {_LONGEST_DRAFT} characters, and has {len(text) + len(plain)}")
    attachment = None if given.attachment is None else _attachment(given.attachment)
    album = tuple(_attachment(file) for file in few_in(given.album, "album of a draft", _MOST_ENTRIES))
    if album and attachment is None:
        raise PluginFault("a draft has an album and no attachment: its first file is the attachment")
    return Draft(
        storable(text, _LONGEST_DRAFT),
        name_in(given.format, "format of a draft"),
        attachment,
        storable(plain, _LONGEST_DRAFT),
        album,
    )


def _attachment(given: object) -> Attachment:
    if not isinstance(given, Attachment):
        raise PluginFault(f"attachment of a draft must be an Attachment, not {kind_of(given)}")
    size = cast("object", given.size)
    if not isinstance(size, int):
        raise PluginFault(f"size of an attachment must be a whole number, not {shown(size)}")
    for word in (given.name, str(given.path), given.media_type):
        name_in(word, "attachment of a draft")
    return given
