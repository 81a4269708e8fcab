"""From a payload to drafts: fill placeholders, cut text, put attachments behind it."""

import re
from collections.abc import Mapping

from stentor.contract.payloads import Draft, Payload
from stentor.contract.traits import Limits
from stentor.domain.chunking import chunk

PLACEHOLDERS = ("jobName", "runId", "scheduledFor", "scheduledForLocal")

_PLACEHOLDER = re.compile(r"\{\{\s*+([^{}\s][^{}]*)\}\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of `{{name}}`. What has no value stays; what a value says is never filled again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1].rstrip(), found[0]), text)


def unknown_placeholders(text: str) -> list[str]:
    """The names in `{{…}}` that mean nothing here, each once, in the order of the text."""
    names = dict.fromkeys(found[1].rstrip() for found in _PLACEHOLDER.finditer(text))
    return [name for name in names if name not in PLACEHOLDERS]


def drafts(payload: Payload, limits: Limits) -> tuple[Draft, ...]:
    """The rendering of channels that have none of their own: text in parts, then one draft per attachment."""
    texts = [Draft(part) for part in chunk(payload.text, limits.text, limits.unit)]
    files = [Draft("", attachment=attachment) for attachment in payload.attachments]
    return (*texts, *files)
