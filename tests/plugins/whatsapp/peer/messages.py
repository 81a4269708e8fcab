"""What a device has sent, as the one who got it sees it."""

from dataclasses import dataclass
from typing import Any

from pyaileys.proto import WAProto_pb2 as proto

from .media import File, Media
from .people import People, phone_jid
from .stanzas import Node, child, children, number_of, raw, server_of

UNREADABLE = "unreadable"
_TEXTS = ("conversation", "extendedTextMessage")
_BESIDE = ("messageContextInfo", "senderKeyDistributionMessage")
_WRAPPED = ("documentWithCaptionMessage", "ephemeralMessage", "viewOnceMessage")


@dataclass
class Message:
    """`to` is the chat as the device wrote it; `frames` counts how often it has sent this id.

    What can not be decrypted is "unreadable", with the reason for a text, until the device has sent it anew.
    """

    id: str
    to: str
    kind: str
    text: str = ""
    file: File | None = None
    mentions: tuple[str, ...] = ()
    reply_to: str = ""
    content: proto.Message | None = None
    frames: int = 1
    acknowledged: bool = False

    @property
    def is_for_all(self) -> bool:
        """Whether it went to a channel, where nobody tells that it came."""
        return server_of(self.to) == "newsletter"


async def opened(node: Node, sender: str, people: People, media: Media, members: list[str]) -> Message:
    """Read a message with the keys of those it is for."""
    to = node.attrs["to"]
    content = _unwrapped(await _decrypted(node, sender, people, members))
    file = media.file_of(content)
    name, part = _field(content)
    context: Any = getattr(part, "contextInfo", None)
    return Message(
        id=node.attrs["id"],
        to=to,
        kind=file.kind if file else "text" if name in _TEXTS else name,
        text=content.conversation or getattr(part, "text", "") or getattr(part, "caption", ""),
        file=file,
        mentions=tuple(context.mentionedJid) if context else (),
        reply_to=context.stanzaId if context else "",
        content=content,
    )


async def _decrypted(node: Node, sender: str, people: People, members: list[str]) -> proto.Message:
    to = node.attrs["to"]
    plain = child(node, "plaintext")
    if plain is not None:
        message = proto.Message()
        message.ParseFromString(raw(plain))
        return message
    if server_of(to) == "g.us":
        return await _decrypted_in_group(node, sender, people, members)
    sealed = _for(node, people.lid(to))
    if sealed is None:
        raise LookupError(f"the message to {to} has nothing in it for them")
    return await people.person(to).read(sender, sealed)


async def _decrypted_in_group(node: Node, sender: str, people: People, members: list[str]) -> proto.Message:
    reader = people.person(phone_jid(members[0]))
    sealed, body = _for(node, reader.lid), child(node, "enc")
    if sealed is body and sealed is not None:
        return await reader.read(sender, sealed)
    if body is None:
        raise LookupError(f"the message to {node.attrs['to']} has nothing in it for its members")
    key = (await reader.read(sender, sealed)).senderKeyDistributionMessage if sealed else None
    distribution = key.axolotlSenderKeyDistributionMessage if key else b""
    return await reader.read_in_group(node.attrs["to"], sender, distribution, body)


def _for(node: Node, lid: str) -> Node | None:
    """The copy for one person: among those that a message carries, or the only one that they asked for again."""
    if child(node, "participants") is None:
        return child(node, "enc")
    for copy in children(child(node, "participants"), "to"):
        if number_of(copy.attrs["jid"]) == number_of(lid):
            return child(copy, "enc")
    return None


def _unwrapped(content: proto.Message) -> proto.Message:
    for name in _WRAPPED:
        if content.HasField(name):
            return _unwrapped(getattr(content, name).message)
    return content


def _field(content: proto.Message) -> tuple[str, Any]:
    """The one field that says what it is, and its name."""
    told = ((field.name, value) for field, value in content.ListFields() if field.name not in _BESIDE)
    return next(told, ("", None))


def spoken(
    text: str, *, reply_to: str, author: str, mentions: list[str], file: File | None, media: Media
) -> proto.Message:
    """What somebody says: a text, or a file with or without one."""
    message = proto.Message()
    if file is not None:
        media.attach(message, file)
    elif reply_to or mentions:
        message.extendedTextMessage.text = text
    else:
        message.conversation = text
        return message
    context: Any = _field(message)[1].contextInfo
    context.mentionedJid.extend(mentions)
    if reply_to:
        context.stanzaId, context.participant = reply_to, author
        context.quotedMessage.conversation = "…"
    return message
