"""Slack's addresses: ids, threads, mentions, links and names. Pure, and no text is ever half understood."""

import re
from typing import NamedTuple
from urllib.parse import parse_qs

from stentor import InvalidTarget, Target, TargetHints

CHANNEL = "slack"
_HOW = "write slack:C0123456789, slack:user:U0123456789 or slack:#name"
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{6}")
# Written in capitals by definition: C, G and D are conversations, U and W are people.
_ID = re.compile(r"[CGDUW][A-Z0-9]{1,20}")
_LONG = 9
# What stands behind a letter may be the rest of a kind's address, so that only a whole ts is a thread there.
_THREAD = re.compile(
    r"(?P<place>.+?):(?:thread:(?P<named>.*)"
    r"|(?P<bare>(?<![a-z]:)[0-9][0-9.]*|(?<!webhook:)[0-9]+\.[0-9]{6}))",
    re.IGNORECASE,
)
_KIND = re.compile(r"(?P<kind>[a-z]+)\s*:\s*(?P<rest>.*)", re.IGNORECASE)
_MENTION = re.compile(r"<(?P<sign>[#@])(?P<id>[A-Z0-9]+)(?:\|(?P<label>[^<>]*))?>", re.IGNORECASE)
_CROWDS = frozenset({"channel", "here", "everyone"})
_CHANNEL_NAME = re.compile(r"[\w.\-]{1,80}")
_USER_NAME = re.compile(r"[^\s@#<>:|!`*/\\](?:[^@#<>:|`*/\\]{0,78}[^\s@#<>:|`*/\\])?")
_HOOK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
# What looks like a secret is refused without being repeated.
_SECRET = re.compile(r"hooks\.slack|/services/T|/workflows/T|/triggers/|xox[a-z]?-|xapp-", re.IGNORECASE)
_URL = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?//|[\w.\-]+\.(?:com|net|org|io)/", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?://)?[a-z0-9.\-]+\.slack(?:-gov)?\.com/(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
_ARCHIVES = re.compile(
    r"(?:archives|messages)/(?P<id>\w+)(?:/p(?P<s>[0-9]{1,12})(?P<us>[0-9]{6}))?", re.IGNORECASE
)
_CLIENT = re.compile(
    r"client/[TE]\w+/(?P<id>\w+)(?:/thread/(?P<in>\w+)-(?P<ts>[0-9.]+))?", re.IGNORECASE | re.ASCII
)
_PROFILE = re.compile(r"team/(?P<id>\w+)", re.IGNORECASE)


class _Place(NamedTuple):
    """What an address names, without the thread that was written behind it."""

    kind: str
    id: str
    thread: str | None = None
    display: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def is_name(self) -> bool:
        return self.id[0] in "#@"


def parse_target(body: str, hints: TargetHints) -> Target:
    """Read an address without its channel's prefix."""
    if _SECRET.search(body):
        raise InvalidTarget(
            "the address of an incoming webhook is a secret, and no target",
            hint='set webhooks = { alerts = { env = "SLACK_ALERTS_URL" } } in the account, and write slack:webhook:alerts',
        )
    place, thread = _link(body), None
    if place is None:
        found = _THREAD.fullmatch(body)
        rest = body if found is None else found["place"].strip()
        thread = None if found is None else _ts(found["named"] if found["bare"] is None else found["bare"])
        place = _place(rest)
    hinted = None if hints.thread is None else _ts(hints.thread)
    return _target(place, _agreed(place.thread, thread, hinted))


def conversation(channel: str, thread: str | None = None) -> Target:
    """The target of a conversation that Slack has named."""
    return _target(_Place("channel", channel), thread)


def person(user: str, thread: str | None = None) -> Target:
    return _target(_Place("user", user), thread)


def is_hook_name(text: str) -> bool:
    return _HOOK_NAME.fullmatch(text) is not None


def _target(place: _Place, thread: str | None) -> Target:
    if place.kind == "webhook" and thread is not None:
        raise InvalidTarget(
            "a webhook posts to its channel only",
            hint="for a thread write the channel's id: slack:C…:thread:…",
        )
    bare = place.kind == "channel" or place.is_name
    address = place.id if bare else f"{place.kind}:{place.id}"
    return Target(
        channel=CHANNEL,
        kind=place.kind,
        id=place.id,
        address=address if thread is None else f"{address}:thread:{thread}",
        thread=thread,
        display=place.display,
        warnings=place.warnings,
        is_name=place.is_name,
    )


def _ts(text: str) -> str:
    ts = text.strip()
    if _TS.fullmatch(ts) is None:
        raise InvalidTarget(
            f"{ts!r} is not the ts of a message",
            hint="copy it as text, dot and six digits included: 1795225318.000001",
        )
    return ts


def _agreed(*threads: str | None) -> str | None:
    named = {thread for thread in threads if thread is not None}
    if len(named) > 1:
        raise InvalidTarget(f"two threads are named: {' and '.join(sorted(named))}", hint="name one of them")
    return next(iter(named), None)


def _place(text: str) -> _Place:
    if not text:
        raise InvalidTarget("nothing is named", hint=_HOW)
    found = _mention(text) or _of_kind(text) or _name(text)
    if found is not None:
        return found
    known = _id(text)
    if known is None:
        raise InvalidTarget(f"{text!r} is no id of Slack", hint=_hint_for_word(text))
    return _by_letter(known)


def _id(text: str, *, said: bool = False) -> str | None:
    """The id that `text` is, if it can be nothing else. `said`: a kind in front says that it is one.

    Names of channels are in small letters, so capitals with a digit are an id, and so are nine capitals, as Slack
    once gave them out. Ids in small letters are repaired where no name looks like that: `dev1` and `general` are words.
    """
    upper = text.upper()
    if not text.isascii() or _ID.fullmatch(upper) is None:
        return None
    if text == upper:
        return upper if len(upper) == _LONG or not upper.isalpha() else None
    return upper if upper[1].isdigit() and (said or len(upper) >= _LONG) else None


def _by_letter(known: str) -> _Place:
    return _Place("user" if known[0] in "UW" else "channel", known)


def _of_kind(text: str) -> _Place | None:
    found = _KIND.fullmatch(text)
    if found is None:
        return None
    kind, rest = found["kind"].lower(), found["rest"].strip()
    match kind:
        case "channel" | "user":
            return _said(kind, rest)
        case "webhook":
            if not is_hook_name(rest):
                raise InvalidTarget(f"{rest!r} is no name of a webhook", hint="write slack:webhook:alerts")
            return _Place("webhook", rest)
        case "team":
            raise InvalidTarget(
                "an account is one workspace already",
                hint="leave team: out, and name the account of that workspace (--account)",
            )
        case _:
            raise InvalidTarget(f"Slack has no kind {kind!r}", hint="the kinds are channel, user and webhook")


def _said(kind: str, rest: str) -> _Place:
    known = _id(rest, said=True)
    place = (_by_letter(known) if known else None) or _mention(rest) or _name(rest)
    if place is None:
        sign = "#" if kind == "channel" else "@"
        raise InvalidTarget(
            f"{rest!r} is no id of Slack", hint=f"write the id in capitals, or slack:{sign}name"
        )
    if place.kind != kind:
        raise InvalidTarget(f"{rest!r} is a {place.kind}, no {kind}", hint=f"write {place.kind}:{rest}")
    return place


def _mention(text: str) -> _Place | None:
    if text.startswith("<!"):
        raise _crowd()
    found = _MENTION.fullmatch(text)
    if found is None:
        return None
    place = _certain(found["id"], letters="CGD" if found["sign"] == "#" else "UW")
    label = (found["label"] or "").strip()
    return place._replace(display=f"{found['sign']}{label}" if label else "")


def _name(text: str) -> _Place | None:
    sign, name = text[:1], text[1:].strip()
    if sign not in ("#", "@"):
        return None
    if name == name.upper() and (known := _id(name)) is not None:
        return _said("channel" if sign == "#" else "user", known)
    name = " ".join(name.lower().split())
    if (_CHANNEL_NAME if sign == "#" else _USER_NAME).fullmatch(name) is None:
        raise InvalidTarget(f"{text!r} is no name of Slack", hint=_HOW)
    if sign == "@" and name in _CROWDS:
        raise _crowd()
    return _Place("channel" if sign == "#" else "user", f"{sign}{name}")


def _crowd() -> InvalidTarget:
    return InvalidTarget("a mention of many people is no target", hint=_HOW)


def _link(text: str) -> _Place | None:
    """What a link that was copied in Slack leads to. Messages never repeat it, because it may hold a key."""
    found = _LINK.fullmatch(text)
    if found is None and _URL.match(text) is None:
        return None
    if found is None:
        raise _bad_link("this address is none of Slack's links")
    path = found["path"].rstrip("/")
    if link := _ARCHIVES.fullmatch(path):
        message = None if link["s"] is None else f"{link['s']}.{link['us']}"
        return _of_message(_certain(link["id"], letters="CGD"), message, found["query"] or "")
    if link := _CLIENT.fullmatch(path):
        if link["in"] is not None and link["in"].upper() != link["id"].upper():
            raise _bad_link("the link names two channels")
        place = _certain(link["id"], letters="CGD")
        return place if link["ts"] is None else place._replace(thread=_ts(link["ts"]))
    if link := _PROFILE.fullmatch(path):
        return _certain(link["id"], letters="UW")
    raise _bad_link("this link leads to no conversation")


def _of_message(place: _Place, message: str | None, query: str) -> _Place:
    options = parse_qs(query)
    if {channel.upper() for channel in options.get("cid", [])} - {place.id}:
        raise _bad_link("the link names two channels")
    threads = {_ts(ts) for ts in options.get("thread_ts", [])}
    if len(threads) > 1:
        raise _bad_link("the link names two threads")
    if threads or message is None:
        return place._replace(thread=next(iter(threads), None))
    warning = "the link names a message: what is sent goes to the thread below it"
    return place._replace(thread=message, warnings=(warning,))


def _certain(text: str, *, letters: str) -> _Place:
    known = _id(text.upper()) if text.isascii() else None
    if known is None or known[0] not in letters:
        raise InvalidTarget(f"{text!r} is none of the ids that belong there", hint=_HOW)
    return _by_letter(known)


def _bad_link(why: str) -> InvalidTarget:
    return InvalidTarget(why, hint="in Slack, copy the link of the channel or of the message")


def _hint_for_word(text: str) -> str:
    if re.fullmatch(r"[BTSAE][A-Z0-9]{8,}", text):
        return "ids of channels begin with C, G or D, those of people with U or W"
    name = text.lower()
    return f"for the channel of that name write slack:#{name}" if _CHANNEL_NAME.fullmatch(name) else _HOW
