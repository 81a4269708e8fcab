"""The grammar of Telegram targets: chats by id or public name, and topics inside them."""

import re
from typing import NoReturn

from stentor import InvalidTarget, Target, TargetHints

# The first topic of every forum. It has a number, but messages to it must not carry it.
GENERAL = "1"
DIRECT = "direct-topic:"

_HINT = "write an id such as -1001234567890, a public @name, or a t.me link"
_SIGNIFICANT_BITS = 52
_LAST_NUMBER = 2**31 - 1
# What separates the number in a link to a private chat from the id of that chat.
_CHANNELS_BEGIN = 10**12

_ID = re.compile(r"-?[1-9][0-9]{0,15}")
_NAME = re.compile(r"[a-z](?!\w*__)[a-z0-9_]{2,30}[a-z0-9]", re.ASCII)
_TOPIC = re.compile(r"(?:(?P<kind>topic|direct-topic):)?(?P<number>[1-9][0-9]{0,9})", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://)?(?:www\.)?(?:t\.me|telegram\.me|telegram\.dog)(?:/(.*))?", re.IGNORECASE)
_NUMERIC = re.compile(r"[+-]*[0-9][0-9 ().-]*")
# Paths of t.me that look like names and lead to no chat.
_NO_NAMES = frozenset(
    {
        *("addemoji", "addlist", "addstickers", "addtheme", "boost", "confirmphone", "contact", "giftcode"),
        *("invoice", "login", "proxy", "setlanguage", "share", "socks"),
    }
)


def parse_target(body: str, hints: TargetHints) -> Target:
    """Read a target without its channel's prefix."""
    if not body.isascii():
        _refuse(f"{body!r} holds characters outside ASCII", "ids and names are plain digits and letters")
    link = _LINK.fullmatch(body)
    if link is not None:
        return _read_link((link[1] or "").removesuffix("/"), hints)
    if body.startswith("//"):
        _refuse("links that begin with tg:// are for apps", _HINT)
    chat, colon, thread = _without_group(body).partition(":")
    if colon and re.fullmatch(r"[A-Za-z][\w-]*", chat):
        _refuse(f"{chat}: means nothing in front of a Telegram target", _HINT)
    return make_target(_chat(chat), _one_thread(_topic(thread, body) if colon else None, hints))


def make_target(chat: str, thread: str | None = None, warnings: tuple[str, ...] = ()) -> Target:
    """The target of a chat that is known to be one: an id, or a name with its @ in lower case."""
    if thread is not None and thread.startswith(DIRECT):
        address, shown = f"{chat}:{thread}", f", direct messages {thread.removeprefix(DIRECT)}"
    elif thread is not None:
        address = f"{chat}:topic:{thread}"
        shown = ", topic General" if thread == GENERAL else f", topic {thread}"
    else:
        address, shown = chat, ""
    kind = "name" if chat.startswith("@") else "group" if chat.startswith("-") else "user"
    return Target(
        channel="telegram",
        kind=kind,
        id=chat,
        address=address,
        thread=thread,
        display=(chat if kind == "name" else f"{kind} {chat}") + shown,
        warnings=warnings,
    )


def is_chat_id(number: int) -> bool:
    return number != 0 and number.bit_length() <= _SIGNIFICANT_BITS


def chat_id(target: Target) -> int | str:
    """What the API takes for the chat."""
    return target.id if target.kind == "name" else int(target.id)


def topic_numbers(target: Target) -> tuple[int | None, int | None]:
    """What the API takes for the topic, and for the topic in a channel's direct messages."""
    if target.thread is None or target.thread == GENERAL:
        return None, None
    if target.thread.startswith(DIRECT):
        return None, int(target.thread.removeprefix(DIRECT))
    return int(target.thread), None


def message_number(message_id: str) -> int | None:
    """None for what can be no message of Telegram's."""
    sound = re.fullmatch(r"[1-9][0-9]{0,9}", message_id) and int(message_id) <= _LAST_NUMBER
    return int(message_id) if sound else None


def _without_group(body: str) -> str:
    """Groups may be called that: OpenClaw writes `telegram:group:-100…`."""
    kind, colon, rest = body.partition(":")
    if not colon or kind.lower() != "group":
        return body
    if not rest.startswith("-"):
        _refuse(f"{rest!r} is no group: the ids of groups are negative", "leave `group:` out")
    return rest


def _chat(text: str) -> str:
    if text.startswith("@"):
        return f"@{_name(text[1:])}"
    if not _ID.fullmatch(text):
        _refuse_chat(text)
    if not is_chat_id(int(text)):
        _refuse(f"{text} is too large for the id of a chat", "copy the id again")
    return text


def _name(text: str) -> str:
    name = text.lower()
    if not _NAME.fullmatch(name):
        _refuse(
            f"@{text} cannot be a public name",
            "names have 4 to 32 letters, digits and single underscores, begin with a letter "
            "and do not end with an underscore",
        )
    return name


def _refuse_chat(text: str) -> NoReturn:
    if not text:
        _refuse("no chat is named", _HINT)
    if _NUMERIC.fullmatch(text):
        _refuse(
            f"{text!r} is not the id of a chat",
            "ids have no plus, blanks or leading zeros; bots cannot write to phone numbers",
        )
    if "/" in text or "\\" in text:
        _refuse(f"{text!r} looks like a path or a link to somewhere else", _HINT)
    if _NAME.fullmatch(text.lower()):
        _refuse(f"{text!r} is a bare word", f"if the public name is meant, write @{text}; else write the id")
    _refuse(f"{text!r} is neither the id nor the public name of a chat", _HINT)


def _topic(text: str, where: str) -> str:
    found = _TOPIC.fullmatch(text)
    if found is None or int(found["number"]) > _LAST_NUMBER:
        _refuse(
            f"{where!r} names no topic behind the chat",
            "write :topic:42, with the number that the link to the topic ends with",
        )
    direct = (found["kind"] or "").lower() == DIRECT.removesuffix(":")
    return f"{DIRECT}{found['number']}" if direct else found["number"]


def _one_thread(written: str | None, hints: TargetHints) -> str | None:
    """The topic that the target names, or the surroundings, or both alike."""
    if hints.thread is None:
        return written
    named = _topic(hints.thread.strip(), hints.thread)
    if written not in (None, named):
        _refuse(f"the target names topic {written}, but topic {named} is asked for", "name one of them")
    return named


def _read_link(path: str, hints: TargetHints) -> Target:
    if "?" in path or "#" in path:
        _refuse("the link says more than which chat it leads to", "leave out the ? or # and what follows")
    first, *numbers = path.split("/")
    if first.startswith("+") or first.lower() == "joinchat":
        _refuse(
            "an invite link names no chat until one has joined", "add the bot to the chat and write its id"
        )
    if first.lower() in _NO_NAMES:
        _refuse(f"a link to /{first} leads to no chat", _HINT)
    if first.lower() == "c":
        chat, numbers = _private_chat(numbers), numbers[1:]
    else:
        chat = _chat(f"@{first}")
    return _in_chat(chat, numbers, hints)


def _private_chat(numbers: list[str]) -> str:
    number = numbers[0] if numbers else ""
    if not re.fullmatch(r"[1-9][0-9]{0,12}", number):
        _refuse("the link names no chat", "copy it again, or write the id")
    return _chat(str(-_CHANNELS_BEGIN - int(number)))


def _in_chat(chat: str, numbers: list[str], hints: TargetHints) -> Target:
    """A link with one number behind the chat leads to a topic or to a message: it does not say which."""
    if not numbers and chat.startswith("@"):
        return make_target(chat, _one_thread(None, hints))
    if len(numbers) == 1:
        topic = _topic(numbers[0], numbers[0])
        _refuse(
            f"{topic} may be a topic or a message of the chat",
            f"write telegram:{chat}:topic:{topic} for the topic, telegram:{chat} for the chat",
        )
    if len(numbers) != 2:
        _refuse("the link does not say where in the chat it leads", f"write telegram:{chat} for the chat")
    topic, message = (_topic(number, number) for number in numbers)
    left_out = f"message {message} of the link is left out: its topic is the target"
    return make_target(chat, _one_thread(topic, hints), (left_out,))


def _refuse(message: str, hint: str) -> NoReturn:
    raise InvalidTarget(message, hint=hint)
