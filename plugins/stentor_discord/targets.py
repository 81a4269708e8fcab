"""The grammar of Discord targets: `channel:ID`, `user:ID`, `forum:ID` and `webhook:NAME`, and all that means them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import parse_qs

from stentor import InvalidTarget, Target, TargetHints

WEBHOOK_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_ID = re.compile(r"[1-9][0-9]{0,19}")
_LARGEST_ID = 2**64 - 1
# What Discord hands out has at least so many digits.
_USUAL_LENGTH = 17
_LONGEST_NAME = 100
_LINK = re.compile(
    r"<?(?:https?:)?(?://)?(?:(?:www|ptb|canary)\.)?discord(?:app)?\.com/channels/(?:@me|[0-9]+)/(?P<channel>[0-9]+)"
    r"(?:/threads/(?P<thread>[0-9]+))?(?P<message>/[0-9]+)?/?(?:[?#][^>]*)?>?",
    re.IGNORECASE,
)
_MENTION = re.compile(r"<(?P<mark>@!?|#)(?P<id>[0-9]+)>")
_IN_THREAD = re.compile(r"(?P<place>[^:]*):thread:(?P<thread>[^:]*)", re.IGNORECASE)
_HOOK_URL = re.compile(
    r"(?P<root>https?://[^/?#@\s]+(?:/[^/?#\s]+)*)/webhooks/(?P<id>[0-9]{1,20})/(?P<token>[A-Za-z0-9._~-]+)/?"
    r"(?:\?(?P<query>[^#\s]*))?"
)
_UNVERSIONED = re.compile(r"https://(?:(?:www|ptb|canary)\.)?discord(?:app)?\.com/api", re.IGNORECASE)
_COPY_ID = "turn on Developer Mode in Discord's settings, then right-click the place and choose Copy ID"
_WAYS = "write channel:ID for a channel or thread, user:ID for a person, or paste the link to the channel"


def channel(ident: str) -> Target:
    """A channel, a thread or a direct conversation, by its id."""
    return Target(
        channel="discord", kind="channel", id=ident, address=f"channel:{ident}", display=f"channel {ident}"
    )


def user(ident: str) -> Target:
    return Target(channel="discord", kind="user", id=ident, address=f"user:{ident}", display=f"user {ident}")


def forum(ident: str) -> Target:
    return Target(
        channel="discord", kind="forum", id=ident, address=f"forum:{ident}", display=f"forum {ident}"
    )


def webhook(name: str, thread: str | None = None) -> Target:
    """An incoming webhook, by the name it has in the account's settings."""
    address = f"webhook:{name}" if thread is None else f"webhook:{name}:thread:{thread}"
    return Target(
        channel="discord",
        kind="webhook",
        id=name,
        address=address,
        thread=thread,
        display=address.replace(":", " "),
    )


def named(name: str) -> Target:
    """A channel by its name, which has to be looked up."""
    return Target(
        channel="discord", kind="channel", id=name, address=f"#{name}", display=f"#{name}", is_name=True
    )


@dataclass(frozen=True, slots=True)
class HookUrl:
    """An incoming webhook's URL in its parts. `thread` is the one it names, if it does."""

    root: str
    id: str
    token: str = field(repr=False)
    thread: str | None = None


def parse_hook_url(url: str) -> HookUrl:
    """Read the URL of an incoming webhook as Discord shows it, or of one elsewhere. A `ValueError` never repeats it."""
    found = _HOOK_URL.fullmatch(url.strip())
    if found is None:
        raise ValueError(
            "it is not the URL of an incoming webhook, which looks like https://discord.com/api/webhooks/ID/TOKEN"
        )
    threads = parse_qs(found["query"] or "").get("thread_id", [])
    if len(threads) > 1 or not all(map(_ID.fullmatch, threads)):
        raise ValueError("its thread_id is not the id of a thread")
    root = found["root"]
    # Without a version Discord speaks one that it has given up.
    root = f"{root}/v10" if _UNVERSIONED.fullmatch(root) else root
    return HookUrl(root, found["id"], found["token"], threads[0] if threads else None)


def parse_target(body: str, hints: TargetHints, *, prefixed: bool) -> Target:
    """Read an address without its channel's prefix; `prefixed` says that it had one."""
    target = _read(body, hints.default_kind, prefixed=prefixed)
    return target if hints.thread is None else _in_thread(target, _ident(hints.thread.strip()))


def _read(body: str, default_kind: str | None, *, prefixed: bool) -> Target:
    if link := _LINK.fullmatch(body):
        return _linked(link)
    if "/" in body and (not body.startswith("#") or _is_of_webhook(body)):
        _refuse_address(body)
    if body.startswith("<"):
        return _mentioned(body)
    if body.startswith("@"):
        return _person(body[1:])
    if body.startswith("#"):
        return named(_name(body[1:]))
    kind, colon, rest = body.partition(":")
    if colon:
        return _of_kind(kind.strip().lower(), rest.strip())
    if body.isascii() and body.isdigit():
        return _bare(_ident(body), default_kind, prefixed=prefixed)
    raise InvalidTarget(
        f"{body!r} is no Discord target" if body else "the target is empty",
        hint=f"write #{body} for the channel of that name; else {_WAYS}" if body else _WAYS,
    )


def _linked(link: re.Match[str]) -> Target:
    target = channel(_ident(link["thread"] or link["channel"]))
    if link["message"] is None:
        return target
    warning = "the link names a message: what is sent goes to its channel, not as an answer to it"
    return replace(target, warnings=(warning,))


def _refuse_address(body: str) -> NoReturn:
    # Neither message repeats the text: an incoming webhook's URL is a secret, and so is its end.
    if _is_of_webhook(body):
        raise InvalidTarget(
            "the URL of an incoming webhook is a secret, so it is no target",
            hint='put it into the account: webhooks = { alerts = { env = "DISCORD_ALERTS_URL" } } under '
            "[channels.discord.accounts.default]; then write discord:webhook:alerts",
        )
    raise InvalidTarget(
        "this web address is no link to a Discord channel",
        hint="in Discord right-click the channel and choose Copy Link: https://discord.com/channels/…/…",
    )


def _is_of_webhook(address: str) -> bool:
    return "webhooks/" in address.lower()


def _mentioned(body: str) -> Target:
    found = _MENTION.fullmatch(body)
    if found:
        return (channel if found["mark"] == "#" else user)(_ident(found["id"]))
    if body.startswith("<@&"):
        raise InvalidTarget(f"{body!r} is a role, and a role is never a target", hint=_WAYS)
    raise InvalidTarget(f"{body!r} is neither <#ID> nor <@ID>", hint=_WAYS)


def _person(name: str) -> Target:
    if name.lower() in ("everyone", "here"):
        raise InvalidTarget(f"@{name} is never a target", hint=_WAYS)
    if name.isascii() and name.isdigit():
        return user(_ident(name))
    raise InvalidTarget(
        f"@{name} is a name, and a direct message needs the person's id",
        hint=f"write user:ID; for the id {_COPY_ID}",
    )


def _name(name: str) -> str:
    if not name or len(name) > _LONGEST_NAME or any(char in "#@:<>" or char.isspace() for char in name):
        raise InvalidTarget(f"#{name} is no channel's name", hint="write it as Discord shows it: #general")
    if _ID.fullmatch(name) and len(name) >= _USUAL_LENGTH:
        raise InvalidTarget(f"#{name} looks like an id", hint=f"write channel:{name}")
    # Discord's own names of text channels are in lower case; one spelling for all.
    return name.lower()


def _of_kind(kind: str, rest: str) -> Target:
    if kind not in _KINDS:
        raise InvalidTarget(
            f"{kind!r} is no kind of Discord target", hint=f"one of {', '.join(_KINDS)}: {_WAYS}"
        )
    if kind in ("channel", "thread") and rest.startswith("#"):
        return named(_name(rest[1:]))
    found = _IN_THREAD.fullmatch(rest)
    place, thread = (found["place"], found["thread"]) if found else (rest, None)
    target = _KINDS[kind](place.strip())
    return target if thread is None else _in_thread(target, _ident(thread.strip()))


def _webhook_named(text: str) -> Target:
    if not WEBHOOK_NAME.fullmatch(text.lower()):
        raise InvalidTarget(
            "this is no webhook's name", hint="write webhook: and the name from the account's settings"
        )
    return webhook(text.lower())


def _in_thread(target: Target, thread: str) -> Target:
    """To Discord a thread is a channel of its own, so it stands instead of the channel it belongs to."""
    if target.kind == "user":
        raise InvalidTarget("a direct conversation has no threads", hint="leave the thread out")
    if target.kind != "webhook":
        return channel(thread)
    if target.thread not in (None, thread):
        raise InvalidTarget(
            f"two threads are named: {target.thread} and {thread}", hint="leave out the wrong one"
        )
    return webhook(target.id, thread)


def _bare(ident: str, default_kind: str | None, *, prefixed: bool) -> Target:
    if prefixed:
        warning = f"read as a person, as OpenClaw does; write channel:{ident} if it is a channel"
        return replace(user(ident), warnings=(warning,))
    if default_kind in ("channel", "thread"):
        warning = f"read as a channel; write user:{ident} if it is a person"
        return replace(channel(ident), warnings=(warning,))
    if default_kind in ("user", "forum"):
        return _KINDS[default_kind](ident)
    raise InvalidTarget(
        f"{ident} may be a channel or a person",
        hint=f"write channel:{ident} for a channel or thread, user:{ident} for a person, or paste the link to "
        f"the channel: https://discord.com/channels/SERVER/{ident}",
    )


def is_id(text: str) -> bool:
    """Whether Discord could have given it out."""
    return bool(_ID.fullmatch(text)) and int(text) <= _LARGEST_ID


def _ident(text: str) -> str:
    if not is_id(text):
        raise InvalidTarget(f"{text!r} is no Discord id", hint=f"an id is 17 to 20 digits: {_COPY_ID}")
    return text


_KINDS: dict[str, Callable[[str], Target]] = {
    "channel": lambda text: channel(_ident(text)),
    "thread": lambda text: channel(_ident(text)),
    "user": lambda text: user(_ident(text)),
    "forum": lambda text: forum(_ident(text)),
    "webhook": _webhook_named,
}
