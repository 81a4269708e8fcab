"""What people write to the bot: read from updates as Telegram hands them out, and asked for again and again."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar, cast

from stentor import Ambiguous, ChannelContext, NotSent, Throttled
from stentor.contract.inbox import Inbox, Incoming
from stentor_telegram.targets import DIRECT, make_target

T = TypeVar("T")
Update = Mapping[str, object]

KINDS_OF_UPDATES = ("message",)
_LONGEST_PAUSE = 60
_END_OF_TIME = 2**37
_ANONYMOUS_ADMIN, _SPEAKING_CHANNEL = 1087968824, 136817688
_NAMED_FILES = ("document", "animation", "video", "audio")
_NAMELESS_FILES = {
    "photo": "photo.jpg",
    "animation": "animation.mp4",
    "video": "video.mp4",
    "audio": "audio.mp3",
    "voice": "voice.ogg",
    "video_note": "video.mp4",
    "sticker": "sticker.webp",
    "document": "document",
}


@dataclass(frozen=True, slots=True)
class Myself:
    """The bot, as others address it."""

    id: int
    username: str


class Telegram(Protocol):
    """What reception asks of Telegram. All of it raises delivery errors."""

    async def myself(self) -> Myself: ...

    async def updates(self, offset: int | None) -> Sequence[Update]: ...

    async def call(self, url: str, secret: str) -> None: ...

    async def call_nobody(self) -> None: ...


async def poll(telegram: Telegram, ctx: ChannelContext, inbox: Inbox) -> None:
    """Ask for updates until cancelled. Asking for the next ones confirms those before: they are kept by then."""
    await patiently(ctx, telegram.call_nobody)
    me = await patiently(ctx, telegram.myself)
    offset: int | None = None
    while True:
        begun = ctx.now()
        updates = await patiently(ctx, lambda: telegram.updates(offset))  # noqa: B023 - awaited at once
        for update in updates:
            message = incoming(update, me)
            if message is not None:
                await inbox.put(message)
            number = _number(update, "update_id")
            offset = offset if number is None else number + 1
        if not updates and (ctx.now() - begun).total_seconds() < 1:
            # Whoever does not wait for updates, as Telegram does, is not to be asked without a pause.
            await ctx.sleep(1)


async def patiently(ctx: ChannelContext, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer: what fails on the way is asked again, ever more seldom."""
    pause = 1.0
    while True:
        try:
            return await ask()
        except Throttled as error:
            await ctx.sleep(error.retry_after)
        except (NotSent, Ambiguous):
            await ctx.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def incoming(update: Update, me: Myself) -> Incoming | None:
    """What a person wrote; None for what no person wrote, and for what nobody has written anything in."""
    message = _part(update, "message")
    sender = _sender(message)
    text = _text(message, "text") or _text(message, "caption")
    files = tuple(_files(message))
    chat, number, date = (
        _number(_part(message, "chat"), "id"),
        _number(message, "message_id"),
        _number(message, "date"),
    )
    if sender is None or not (text or files) or message.get("is_automatic_forward"):
        return None
    if chat is None or number is None or date is None or not 0 < date < _END_OF_TIME:
        return None
    reply = _reply(message)
    return Incoming(
        target=make_target(str(chat), _thread(message)),
        message_id=str(number),
        sender=sender,
        text=text,
        at=datetime.fromtimestamp(date, UTC),
        sender_name=_name(message),
        direct=_part(message, "chat").get("type") == "private",
        addressed=_part(reply, "from").get("id") == me.id or _names(message, me),
        reply_to=str(reply.get("message_id", "")),
        files=files,
    )


def _sender(message: Update) -> str | None:
    """Who wrote it: a person, or the group or channel in whose name somebody did. Bots are nobody."""
    author = _part(message, "from")
    number, speaker = _number(author, "id"), _number(_part(message, "sender_chat"), "id")
    if speaker is not None and number in (_ANONYMOUS_ADMIN, _SPEAKING_CHANNEL):
        return str(speaker)
    return None if number is None or author.get("is_bot") else str(number)


def _name(message: Update) -> str:
    author, speaker = _part(message, "from"), _part(message, "sender_chat")
    if speaker:
        return _text(speaker, "title")
    names = (_text(author, "first_name"), _text(author, "last_name"))
    return " ".join(filter(None, names))


def _thread(message: Update) -> str | None:
    direct = _number(_part(message, "direct_messages_topic"), "topic_id")
    thread = _number(message, "message_thread_id")
    if direct is not None:
        return f"{DIRECT}{direct}"
    return str(thread) if thread is not None and message.get("is_topic_message") else None


def _reply(message: Update) -> Update:
    """The message that this one answers. In a topic, everything answers the message that opened it."""
    reply = _part(message, "reply_to_message")
    return {} if "forum_topic_created" in reply else reply


def _names(message: Update, me: Myself) -> bool:
    """Whether the bot is called by its name."""
    handle = f"@{me.username.lower()}"
    for field in ("text", "caption"):
        units = _text(message, field).encode("utf-16-le", "surrogatepass")
        entities = message.get("entities" if field == "text" else "caption_entities")
        for entity in cast("list[object]", entities) if isinstance(entities, list) else []:
            if isinstance(entity, dict) and _calls(cast("Update", entity), units, handle, me.id):
                return True
    return False


def _calls(entity: Update, units: bytes, handle: str, number: int) -> bool:
    offset, length = _number(entity, "offset"), _number(entity, "length")
    if entity.get("type") == "text_mention":
        return _part(entity, "user").get("id") == number
    if entity.get("type") not in ("mention", "bot_command") or offset is None or length is None:
        return False
    end = offset + length
    return units[2 * offset : 2 * end].decode("utf-16-le", "replace").lower().endswith(handle)


def _files(message: Update) -> Sequence[str]:
    found: list[str] = []
    for kind, nameless in _NAMELESS_FILES.items():
        # An animation comes as a document too.
        if message.get(kind) and not (kind == "document" and "animation" in message):
            named = _text(_part(message, kind), "file_name") if kind in _NAMED_FILES else ""
            found.append(named or nameless)
    return found


def _part(of: Update, name: str) -> Update:
    value = of.get(name)
    return cast("Update", value) if isinstance(value, dict) else {}


def _number(of: Update, name: str) -> int | None:
    value = of.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(of: Update, name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""
