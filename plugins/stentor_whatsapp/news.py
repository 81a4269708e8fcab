"""What the library's events and log lines mean, as plain facts. Its protocol messages are read by their fields alone."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

News = tuple[str, Mapping[str, object]]

_TAG = re.compile(r"<(?P<tag>[\w:]+)(?P<attributes>(?: [\w:.-]+=\"[^\"]*\")*)")
_ATTRIBUTE = re.compile(r" ([\w:.-]+)=\"([^\"]*)\"")
_LEVELS = {1: "delivered", 4: "read", 6: "read"}
_LAST_WORD = re.compile(
    r'<failure [^>]*\breason="(?!500"|503")|<stream:error[^>]*><conflict type="(?:replaced|device_removed)"'
)
_BANS = {
    1: "it wrote to too many people who do not have its number",
    2: "too many people have blocked it",
    3: "it made too many groups",
    4: "it sent the same message too often",
    5: "it wrote to too many people at once",
}
_UNLINKED = 2
# The library connects again by itself after the last two. Of other reasons it can say nothing, and gives up.
_TOLD_BY_EVENTS = ("401", "402", "403", "405", "406", "500", "503")
_FILES = {
    "documentMessage": "document",
    "imageMessage": "image.jpg",
    "videoMessage": "video.mp4",
    "audioMessage": "audio.ogg",
    "stickerMessage": "sticker.webp",
}
_WRITTEN = ("extendedTextMessage", *_FILES)
_PAIR = "pair the account anew with stentor channels login whatsapp"


class Stanza(NamedTuple):
    """The outermost element of what goes over the wire."""

    tag: str
    attributes: Mapping[str, str]


def stanza_of(line: str) -> Stanza | None:
    """The stanza that a line of the library's log shows."""
    found = _TAG.match(line)
    return Stanza(found["tag"], dict(_ATTRIBUTE.findall(found["attributes"]))) if found else None


def announced_id(stanza: Stanza) -> str:
    """The id of a message that is sent for the first time; empty for anything else."""
    attributes = stanza.attributes
    # Messages to our own devices have a category, and those sent again because someone could not read them a time.
    if stanza.tag != "message" or "category" in attributes or "t" in attributes:
        return ""
    return attributes.get("id", "")


class Acknowledgement(NamedTuple):
    """What WhatsApp says of a message that it has seen; `at` in milliseconds."""

    message_id: str
    at: int
    refused: bool


def acknowledgement_of(stanza: Stanza) -> Acknowledgement | None:
    attributes = stanza.attributes
    if stanza.tag != "ack" or attributes.get("class") != "message":
        return None
    time, error = attributes.get("t", ""), attributes.get("error", "0")
    return Acknowledgement(
        attributes.get("id", ""), 1000 * int(time) if time.isdecimal() else 0, error != "0"
    )


def is_last_word(line: str) -> bool:
    """Whether WhatsApp ends the conversation for good. An event says why, before or after the connection is gone."""
    return _LAST_WORD.match(line) is not None


def failure_of(stanza: Stanza) -> Iterator[News]:
    """Why WhatsApp does not let us in, where the library has no event for it."""
    reason = stanza.attributes.get("reason", "")
    if stanza.tag == "failure" and reason not in _TOLD_BY_EVENTS:
        words = stanza.attributes.get("message") or f"reason {reason}"
        yield _state("refused", f"WhatsApp refuses the connection: {words}")


def news_of(code: int, event: Any) -> Iterator[News]:
    """What an event means, by the number that the library gives to its kind."""
    yield from _EVENTS[code](event)


def event_codes() -> Sequence[int]:
    """The kinds of events that mean something here."""
    return tuple(_EVENTS)


def jid_text(jid: Any) -> str:
    """An address without the device: `628…@s.whatsapp.net`."""
    return f"{jid.User}@{jid.Server}" if jid.User else ""


def _ourselves(event: Any) -> Iterator[News]:
    yield "ourselves", {"me": event.JID.User, "lid": jid_text(event.LID), "name": event.PushName}


def _state(state: str, reason: str = "", **more: object) -> News:
    return "state", {"state": state, "reason": reason, **more}


def _pairing(event: Any) -> Iterator[News]:
    if event.Error:
        yield _state("refused", f"the phone and this machine could not be paired: {event.Error}")
    else:
        yield "paired", {"me": event.ID.User}


def _connected(_: Any) -> Iterator[News]:
    yield _state("connected")


def _silent(_: Any) -> Iterator[News]:
    yield _state("disconnected", "WhatsApp does not answer")


def _disconnected(_: Any) -> Iterator[News]:
    yield _state("disconnected", "the connection to WhatsApp was lost, and is being made again")


def _logged_out(event: Any) -> Iterator[News]:
    if event.Reason == _UNLINKED:
        yield _state("logged_out", f"this device was unlinked on the phone: {_PAIR}")
    else:
        yield _state(
            "logged_out",
            "WhatsApp has locked or banned the account, or it is no longer on its phone: open WhatsApp there, "
            f"and when it works again {_PAIR}",
        )


def _replaced(_: Any) -> Iterator[News]:
    yield _state("replaced", "another program has connected with this session: end it, or pair this one anew")


def _banned(event: Any) -> Iterator[News]:
    why = _BANS.get(event.Code, "it did not say why")
    yield _state("banned", f"WhatsApp has banned the account for a while: {why}", seconds=event.Expire)


def _outdated(_: Any) -> Iterator[News]:
    yield _state(
        "outdated",
        "WhatsApp wants a newer neonize: pip install --upgrade 'stentor[whatsapp]', and restart Stentor",
    )


def _stream_error(event: Any) -> Iterator[News]:
    yield "trouble", {"text": f"WhatsApp broke off the conversation with code {event.Code or 'unknown'}"}


def _receipt(event: Any) -> Iterator[News]:
    level = _LEVELS.get(event.Type)
    if level is not None:
        for message_id in event.MessageIDs:
            yield "receipt", {"message_id": message_id, "level": level, "at": 1000 * event.Timestamp}


def _message(event: Any) -> Iterator[News]:
    info, content = event.Info, event.Message
    source = info.MessageSource
    text, files = _text_of(content), _files_of(content)
    if (
        not (text or files)
        or source.IsFromMe
        or info.Edit
        or source.Chat.Server in ("broadcast", "newsletter")
    ):
        return
    context = _context_of(content)
    yield (
        "message",
        {
            "message_id": info.ID,
            "chat": jid_text(source.Chat),
            "sender": jid_text(source.Sender),
            "sender_name": info.Pushname,
            "sender_pn": next(
                (jid_text(j) for j in (source.Sender, source.SenderAlt) if j.Server == "s.whatsapp.net"), ""
            ),
            "text": text,
            "at": info.Timestamp,
            "direct": not source.IsGroup,
            "named": [*context.mentionedJID, context.participant] if context else [],
            "reply_to": context.stanzaID if context else "",
            "files": files,
        },
    )


def _text_of(content: Any) -> str:
    """Text, or what stands below a file."""
    for name in _WRITTEN:
        part = getattr(content, name)
        text = getattr(part, "text", "") or getattr(part, "caption", "")
        if text:
            return str(text)
    return str(content.conversation)


def _files_of(content: Any) -> list[str]:
    return [
        getattr(getattr(content, name), "fileName", "") or nameless
        for name, nameless in _FILES.items()
        if content.HasField(name)
    ]


def _context_of(content: Any) -> Any:
    """What a message answers, and whom it names."""
    for name in _WRITTEN:
        if content.HasField(name):
            return getattr(content, name).contextInfo
    return None


_EVENTS: Mapping[int, Callable[[Any], Iterator[News]]] = {
    0: _ourselves,
    2: _pairing,
    3: _connected,
    4: _silent,
    5: _connected,
    6: _logged_out,
    7: _replaced,
    8: _banned,
    10: _outdated,
    11: _stream_error,
    12: _disconnected,
    17: _message,
    18: _receipt,
}
