"""How a message is to be shown, as the store keeps it, and who can show it so."""

import json
from collections.abc import Iterator

from stentor.contract.channel import Channel
from stentor.contract.payloads import Manner
from stentor.contract.targets import Target
from stentor.domain.json_types import JsonObject

USUAL = Manner()
# What people call the fields.
WORDS = {
    "silent": "silent",
    "bare_links": "linkPreviews",
    "broadcast": "broadcast",
    "mentions": "mentions",
    "reply_to": "replyTo",
}
_NOBODY = {
    "silent": "cannot send without a sound",
    "bare_links": "cannot leave out the previews of links",
    "broadcast": "cannot show a thread's messages beside it",
    "reply_to": "cannot answer a message",
}


def kept(manner: Manner) -> str | None:
    """What is written down of it: only what is not as usual."""
    if manner == USUAL:
        return None
    values = ((field, getattr(manner, field)) for field in WORDS)
    return json.dumps({field: value for field, value in values if value != getattr(USUAL, field)})


def manner_of(text: str | None) -> Manner:
    return USUAL if text is None else Manner(**json.loads(text))


def shown(text: str | None) -> JsonObject:
    """What was written down, in people's words."""
    said: JsonObject = {} if text is None else json.loads(text)
    # The only one that is said the other way round.
    return {WORDS[field]: not value if field == "bare_links" else value for field, value in said.items()}


def unheeded(manner: Manner, channel: Channel, target: Target) -> Iterator[tuple[str, str]]:
    """The fields that would say nothing to this target, each with the reason."""
    for field, why in _NOBODY.items():
        if getattr(manner, field) and field not in channel.traits.manners:
            yield field, f"channel {channel.name} {why}"
    if manner.broadcast and "broadcast" in channel.traits.manners and target.thread is None:
        yield "broadcast", f"{target.canonical} is no thread"
