"""WhatsApp's addresses: phone numbers, and the ids of groups, newsletters and hidden numbers. Pure and strict."""

import re
from typing import NoReturn
from urllib.parse import parse_qs, unquote

from stentor import InvalidTarget, Target, TargetHints
from stentor_whatsapp.numbers import Number, read

CHANNEL = "whatsapp"
PHONES = "s.whatsapp.net"

_HOW = "write +6281234567890, or the id of a group such as 120363401234567890@g.us"
_MOST_SHOWN = 60
_ID = r"[1-9][0-9]{0,19}"
# A device of somebody is written behind the number; messages go to all of them.
_DEVICE = r"(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?"
_PHONE = re.compile(rf"\+?(?P<id>{_ID}){_DEVICE}")
_SERVERS = {
    PHONES: _PHONE,
    "c.us": _PHONE,
    "lid": re.compile(rf"(?P<id>{_ID}){_DEVICE}"),
    "g.us": re.compile(rf"(?P<id>{_ID}(?:-{_ID})?)"),
    "newsletter": re.compile(rf"(?P<id>{_ID})"),
}
_NAMES = {"lid": "lid", "g.us": "group", "newsletter": "newsletter"}
_KINDS = {"lid": "user", "g.us": "group", "newsletter": "channel"}
_PREFIX = re.compile(r"(?P<word>[A-Za-z][A-Za-z0-9_\-]*)\s*:\s*(?P<rest>.*)", re.DOTALL)
# The prefix of the channel has been taken from links that begin with whatsapp://
_APP_LINK = re.compile(r"//send/?\?(?P<query>[^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII)
_LINK = re.compile(
    r"(?:https?://|//)?(?P<host>(?:www\.)?wa\.me|(?:www\.|api\.|web\.|chat\.)?whatsapp\.com)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE | re.ASCII,
)
_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?//|[\w\-]+(?:\.[\w\-]+)+/", re.ASCII)


def parse_target(body: str, region: str, hints: TargetHints) -> Target:
    """Read an address without its channel's prefix. `region` is the country of numbers that name none."""
    if hints.thread is not None:
        _refuse("WhatsApp has no threads", "leave the thread out")
    if not body:
        _refuse("nothing is named", _HOW)
    return _linked(body) or _of_kind(body, region) or _of_id(body) or _phone(read(body, region))


def of_jid(jid: str) -> Target:
    """The target of a chat that WhatsApp has named. What it says of numbers is not doubted."""
    user, _, server = jid.lower().rpartition("@")
    known = _user(user, server)
    return _phone(Number(f"+{known}")) if server in (PHONES, "c.us") else _chat(known, server)


def jid_of(target: Target) -> str:
    """What WhatsApp's protocol calls the target."""
    return f"{target.id.removeprefix('+')}@{PHONES}" if target.id.startswith("+") else target.id


def _phone(number: Number, warnings: tuple[str, ...] = ()) -> Target:
    return Target(
        channel=CHANNEL,
        kind="user",
        id=number.e164,
        address=number.e164,
        display=number.shown,
        warnings=(*warnings, *number.warnings),
    )


def _chat(user: str, server: str) -> Target:
    jid = f"{user}@{server}"
    return Target(channel=CHANNEL, kind=_KINDS[server], id=jid, address=f"{_NAMES[server]}:{jid}")


def _of_kind(body: str, region: str) -> Target | None:
    found = _PREFIX.fullmatch(body)
    if found is None:
        return None
    word, rest = found["word"].lower(), found["rest"].strip()
    if word == "tel":
        return _phone(read(rest, region))
    if word not in _NAMES.values():
        _refuse(f"{word}: means nothing in front of a WhatsApp target", _HOW)
    if word == "lid" and rest.isdecimal():
        rest = f"{rest}@lid"
    target = _of_id(rest)
    if target is None or not target.address.startswith(f"{word}:"):
        server = next(server for server, name in _NAMES.items() if name == word)
        _refuse(f"{_shown(rest)} is no {word}", f"write {word}:120363401234567890@{server}")
    return target


def _of_id(text: str) -> Target | None:
    """An address with its server behind it. Its digits are an id, and are never looked at as a number elsewhere."""
    user, at, server = text.lower().rpartition("@")
    if not at:
        return None
    known = _user(user, server)
    return _phone(read(f"+{known}")) if server in (PHONES, "c.us") else _chat(known, server)


def _user(user: str, server: str) -> str:
    if server == "broadcast":
        _refuse(
            "a status or a list of recipients is no conversation",
            "write to each person, or to a group of them",
        )
    if server not in _SERVERS:
        _refuse(f"{_shown(server)} is no server of WhatsApp's", f"they are {', '.join(sorted(_SERVERS))}")
    found = _SERVERS[server].fullmatch(user)
    if found is None:
        _refuse(f"{_shown(user)} is no id at {server}", _HOW)
    return found["id"]


def _linked(body: str) -> Target | None:
    """The number in a link that opens a chat."""
    if app := _APP_LINK.fullmatch(body):
        return _asked_for(app["query"])
    found = _LINK.fullmatch(body)
    if found is None:
        if _URL.match(body):
            _refuse("this link opens no chat on WhatsApp", "write the number, or https://wa.me/6281234567890")
        return None
    host = found["host"].lower().removeprefix("www.")
    path, query = (found["path"] or "").strip("/"), found["query"] or ""
    if host == "chat.whatsapp.com" or path.lower().startswith(("invite/", "channel/")):
        _refuse(
            "an invitation names no chat until somebody has joined",
            "join first with the phone, then write the id: group:…@g.us or newsletter:…@newsletter",
        )
    if host == "wa.me" and path:
        return _phone(read(unquote(path).strip()), _left_out(query))
    if path.lower() not in ("", "send"):
        _refuse("this link names no number", "write the number")
    return _asked_for(query)


def _asked_for(query: str) -> Target:
    numbers = {number.strip() for number in parse_qs(query).get("phone", [])}
    if len(numbers) != 1:
        _refuse("the link names no number, or several", "write the number")
    return _phone(read(numbers.pop()), _left_out(query))


def _left_out(query: str) -> tuple[str, ...]:
    return ("the text that the link carries is left out",) if "text" in parse_qs(query) else ()


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")


def _refuse(message: str, hint: str) -> NoReturn:
    raise InvalidTarget(message, hint=hint)
