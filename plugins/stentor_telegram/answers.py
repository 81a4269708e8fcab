"""What the Bot API's answers mean to the core. Pure: no SDK, no clock."""

import json
import math
import re
from dataclasses import dataclass, replace
from typing import cast

from stentor import Ambiguous, CredentialsRejected, Moved, NotSent, Rejected, Target, Throttled, Unavailable
from stentor.contract.errors import DeliveryError
from stentor_telegram.targets import DIRECT, GENERAL, is_chat_id, make_target

# A file that Telegram will not show as a picture may still go as a file.
BAD_PICTURE = "bad_picture"
DEFAULT_WAIT = 30.0
_LONGEST_WAIT = 86_400.0
_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal in plain facts. `description` is Telegram's own; where it said none, `spoke` is false."""

    status: int
    description: str = ""
    retry_after: float | None = None
    migrate_to: int | None = None
    spoke: bool = True


@dataclass(frozen=True, slots=True)
class Meaning:
    """A reason for the core, and what to say about it."""

    reason: str
    mend: str = ""


_PICTURE = Meaning(BAD_PICTURE, "Telegram cannot show this picture: send it as another kind of file")
_RIGHTS = Meaning("no_permission", "give the bot the right to post there, in a channel as an administrator")
_NO_FILES = Meaning("files_forbidden", "the chat does not allow such files: allow them, or send text only")
_STRANGER = Meaning("not_a_member", "add the bot to the chat again")
_UNKNOWN_CHAT = Meaning(
    "not_found", "check the id; the bot must be in the group, and a person must have pressed Start"
)
_TOPIC = Meaning("thread_gone", "the topic is closed or deleted: reopen it, or change the job's target")
_TOO_LARGE = Meaning("too_large", "send less")
_FORMAT = Meaning("bad_format")
_DEACTIVATED = Meaning("deactivated", "the person's account is gone: change the job's target")
_BLOCKED = Meaning("blocked", "the person has blocked the bot and would have to unblock it")

# The first word found in the description decides, so what is more special stands higher.
_MEANINGS: tuple[tuple[str, Meaning], ...] = (
    ("caption is too long", _TOO_LARGE),
    ("message is too long", _TOO_LARGE),
    ("message_too_long", _TOO_LARGE),
    ("caption_too_long", _TOO_LARGE),
    ("file is too big", _TOO_LARGE),
    ("too large", _TOO_LARGE),
    ("entities_too_long", _TOO_LARGE),
    ("entity_", _FORMAT),
    ("can't parse entities", _FORMAT),
    ("can't parse caption entities", _FORMAT),
    ("image_process_failed", _PICTURE),
    ("photo_", _PICTURE),
    ("wrong type of the web page content", _PICTURE),
    ("text is empty", Meaning("empty", "nothing is left of the text")),
    ("must be non-empty", Meaning("empty", "nothing is left of the text, or the file is empty")),
    ("message_empty", Meaning("empty", "nothing is left of the text")),
    ("thread not found", _TOPIC),
    ("thread_", _TOPIC),
    ("topic_", _TOPIC),
    ("topic not found", _TOPIC),
    ("topic is closed", _TOPIC),
    ("not a forum", Meaning("thread_gone", "the chat has no topics any more: change the job's target")),
    ("upgraded to a supergroup", Meaning("moved", "the group has a new id: change the job's target")),
    ("group chat was deactivated", Meaning("gone", "the group is gone: change the job's target")),
    ("group chat was deleted", Meaning("gone", "the group is gone: change the job's target")),
    ("bot was blocked", _BLOCKED),
    ("user_is_blocked", _BLOCKED),
    ("you_blocked_user", _BLOCKED),
    ("can't initiate", Meaning("blocked", "the person has to press Start in the chat with the bot first")),
    ("messages to bots", Meaning("bad_target", "bots cannot write to bots: change the job's target")),
    ("messages to the bot", Meaning("bad_target", "bots cannot write to bots: change the job's target")),
    ("deactivated", _DEACTIVATED),
    ("was kicked", _STRANGER),
    ("not a member", _STRANGER),
    ("channel_private", _STRANGER),
    ("user_banned_in_channel", _STRANGER),
    ("chat_id is empty", Meaning("bad_target", "change the job's target")),
    ("chat not found", _UNKNOWN_CHAT),
    ("user not found", _UNKNOWN_CHAT),
    ("peer_id_invalid", _UNKNOWN_CHAT),
    ("channel_invalid", _UNKNOWN_CHAT),
    ("username_", _UNKNOWN_CHAT),
    ("voice_messages_forbidden", _NO_FILES),
    ("chat_write_forbidden", _RIGHTS),
    ("chat_send_plain_forbidden", _RIGHTS),
    ("chat_admin_required", _RIGHTS),
    ("chat_restricted", _RIGHTS),
    ("chat_guest_send_forbidden", _RIGHTS),
    ("administrator rights", _RIGHTS),
)
_SEND_RIGHTS = re.compile(r"(?:not enough rights|no rights) to send (?:a )?(\w+)|chat_send_(\w+)_forbidden")
_TEXT = frozenset({"text", "message", "messages", "plain"})
_WAIT = re.compile(r"retry after ([0-9]{1,6})|(?:slowmode|flood)_wait_([0-9]{1,6})", re.IGNORECASE)


def read_answer(status: int, body: bytes) -> Answer | None:
    """What a refusal says, None if it is a success with a result. Whatever else came is an answer without words."""
    try:
        said = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not ({"ok", "description", "error_code"} & said.keys()):
        return Answer(status, spoke=False)
    fields = cast("dict[str, object]", said)
    if fields.get("ok") is True and "result" in fields and 200 <= status < 300:
        return None
    parameters = fields.get("parameters")
    named = cast("dict[str, object]", parameters if isinstance(parameters, dict) else {})
    return Answer(
        _status(status, fields.get("error_code")),
        _one_line(str(fields.get("description") or ""))[:_EXCERPT],
        _seconds(named.get("retry_after")),
        _chat(named.get("migrate_to_chat_id")),
    )


def refusal(answer: Answer, target: Target | None = None) -> DeliveryError:
    """What the core is to do about an answer that is no success. `target` is what it was asked about, if anything."""
    if answer.migrate_to is not None and target is not None:
        return Moved(make_target(str(answer.migrate_to), target.thread))
    said, wait = _said(answer), _wait(answer)
    match answer.status:
        case 429:
            return _throttled(wait, said)
        case status if status >= 500:
            why = "what broke there may have broken after the message was taken in"
            return Ambiguous(f"{said}: {why}", retry_after=wait or 0)
        case status if status >= 400:
            return _refused(answer, said) if wait is None else _throttled(wait, said)
        case status if status >= 300:
            why = "`base_url` is not the root of a Bot API server, or a login page is in between"
            return Unavailable(f"{said}, a redirect: {why}")
        case _:
            return Ambiguous(f"{said} with something that is no answer of the Bot API")


def _refused(answer: Answer, said: str) -> DeliveryError:
    match answer.status:
        case 401:
            return CredentialsRejected(
                f"{said}: the token is not valid (any more); get it from @BotFather and put it where the "
                "setting `token` points"
            )
        case 404:
            return CredentialsRejected(
                f"{said}: either the token is malformed, or `base_url` is not the root of a Bot API server"
            )
        case 413:
            return Rejected("too_large", f"{said}: send less")
        case _ if not answer.spoke:
            return NotSent(f"{said} in place of the Bot API: is there a proxy in between?", refused=True)
        case status:
            meaning = meaning_of(status, answer.description)
            return Rejected(meaning.reason, f"{said}: {meaning.mend}" if meaning.mend else said)


def meaning_of(status: int, description: str) -> Meaning:
    """What a refusal for good is about."""
    text = description.lower()
    rights = _SEND_RIGHTS.search(text)
    if rights is not None:
        return _RIGHTS if (rights[1] or rights[2]) in _TEXT else _NO_FILES
    for words, meaning in _MEANINGS:
        if words in text:
            return meaning
    if status == 403 or "not enough rights" in text or "have no rights" in text:
        return _RIGHTS
    return Meaning("refused_by_telegram")


def deafness(answer: Answer) -> DeliveryError:
    """What a refusal to hand out updates means."""
    if answer.status == 409:
        return Unavailable(
            f"{_said(answer)}: another program receives with the same token. Stop it, or give Stentor a bot of its own"
        )
    return refusal(answer)


@dataclass(frozen=True, slots=True)
class Place:
    """Where Telegram says it put a message."""

    chat: int
    thread: int | None = None
    in_topic: bool = False
    direct_topic: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What Telegram says it has accepted, message by message."""

    messages: tuple[int, ...]
    place: Place
    link: str = ""


def landed(meant: Target, place: Place, *, answering: bool = False) -> Target:
    """The target that the answer names. It is the one that was meant, wherever the answer does not deny it.

    A public name stands for whatever chat Telegram finds behind it; an answer to a message goes to the topic of that.
    """
    chat = meant.id if meant.id.startswith("@") else str(place.chat)
    thread = _thread_of(place, meant)
    if meant.thread is None and answering:
        thread = None
    if (chat, thread) == (meant.id, meant.thread):
        return meant
    return replace(make_target(chat, thread), account=meant.account)


def _thread_of(place: Place, meant: Target) -> str | None:
    if place.direct_topic is not None:
        return f"{DIRECT}{place.direct_topic}"
    thread = None if place.thread is None else str(place.thread)
    if meant.thread in (None, GENERAL) and thread in (None, GENERAL):
        # What goes to no topic goes to General, whether or not the answer says so.
        return meant.thread
    if meant.thread is None and not place.in_topic:
        # Where there are no topics, every reply bears the number of a thread.
        return None
    return thread


def _throttled(wait: float | None, said: str) -> DeliveryError:
    if wait is None:
        return Throttled(DEFAULT_WAIT, scope="account", message=f"{said} without a time to wait")
    return Throttled(wait, scope="target", message=f"{said}: quiet for {wait:g} s")


def _wait(answer: Answer) -> float | None:
    seconds = answer.retry_after
    if seconds is None:
        found = _WAIT.search(answer.description)
        seconds = float(found[1] or found[2]) if found else None
    return None if seconds is None else min(max(seconds, 1.0), _LONGEST_WAIT)


def _said(answer: Answer) -> str:
    return f"Telegram answered {answer.status}" + (f" ({answer.description})" if answer.description else "")


def _status(status: int, error_code: object) -> int:
    """A proxy may have answered 200 in Telegram's place; the code in the body is Telegram's own."""
    code = _whole(error_code)
    return code if 200 <= status < 300 and code is not None and 300 <= code < 600 else status


def _seconds(value: object) -> float | None:
    # JSON has no NaN, but Python reads it.
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(min(value, 1)):
        return None
    return float(min(value, _LONGEST_WAIT))


def _chat(value: object) -> int | None:
    number = _whole(value)
    return number if number is not None and is_chat_id(number) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
