"""The lines between the daemon and the child of an account: one JSON object each, asked for once and answered once.

daemon → child   {"id": 1, "do": "send", …}
child → daemon   {"id": 1, "ok": {…}}
                 {"id": 1, "error": {"kind": "not_connected", "text": "…", …}}
                 {"event": "receipt", …}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

# Files go by their path, so no honest line comes near.
LONGEST_LINE = 8 * 1024 * 1024

Facts = Mapping[str, object]

Deed = Literal[
    "open",
    "connect",
    "send",
    "look_up",
    "recall",
    "count",
    "who",
    "pair_code",
    "kept",
    "taken",
    "logout",
    "close",
]
State = Literal[
    "connecting", "connected", "disconnected", "logged_out", "banned", "outdated", "replaced", "refused"
]
News = Literal["state", "qr", "paired", "receipt", "message", "trouble"]
# library        the library cannot be loaded here; the text says the mend
# locked         another process has this session
# session        the session database cannot be read, and there is no copy
# library_error  the library's own words; `announced` says whether the message may have left
# not_connected  nothing was handed to the library
# not_open       `open` comes first
# bad_request    a line that is none of ours
ErrorKind = Literal[
    "library", "locked", "session", "library_error", "not_connected", "not_open", "bad_request"
]


class Garbled(Exception):
    """A line that nobody who speaks this language would write."""


@dataclass(frozen=True, slots=True)
class Request:
    id: int
    do: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Answer:
    id: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Refusal:
    id: int
    kind: str
    text: str
    facts: Facts = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    facts: Facts


def request(ident: int, do: Deed, facts: Facts) -> bytes:
    return _line({"id": ident, "do": do, **facts})


def answer(ident: int, facts: Facts) -> bytes:
    return _line({"id": ident, "ok": facts})


def refusal(ident: int, kind: ErrorKind, words: str, **facts: object) -> bytes:
    return _line({"id": ident, "error": {**facts, "kind": kind, "text": words}})


def event(name: News, **facts: object) -> bytes:
    return _line({**facts, "event": name})


def read_request(line: bytes) -> Request:
    """What the daemon asks for."""
    facts = _read(line)
    do = text(facts.get("do"))
    if not do:
        raise Garbled("a request says what to do")
    return Request(_ident(facts), do, facts)


def read_news(line: bytes) -> Answer | Refusal | Event:
    """What the child says."""
    facts = _read(line)
    if "event" in facts:
        return Event(text(facts["event"]), facts)
    ident = _ident(facts)
    if isinstance(facts.get("ok"), dict):
        return Answer(ident, mapping(facts["ok"]))
    error = mapping(facts.get("error"))
    if not text(error.get("kind")):
        raise Garbled("an answer says ok or error")
    return Refusal(ident, text(error["kind"]), text(error.get("text")), error)


def text(value: object) -> str:
    """A text as it is, anything else as none."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int:
    """A whole number as it is, anything else as zero."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def mapping(value: object) -> Facts:
    """An object as it is, anything else as an empty one."""
    return cast("Facts", value) if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """The items of a list; anything else has none."""
    return list(cast("list[object]", value)) if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The texts in a list."""
    return [item for item in items(value) if isinstance(item, str)]


def mappings(value: object) -> list[Facts]:
    """The objects in a list."""
    return [cast("Facts", item) for item in items(value) if isinstance(item, dict)]


def _line(message: Facts) -> bytes:
    line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(line) > LONGEST_LINE:
        raise ValueError(f"a line of {len(line)} bytes: at most {LONGEST_LINE}")
    return line


def _read(line: bytes) -> Facts:
    try:
        facts: object = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Garbled(f"no JSON: {line[:60]!r}") from error
    if not isinstance(facts, dict):
        raise Garbled(f"no JSON object: {line[:60]!r}")
    return cast("Facts", facts)


def _ident(facts: Facts) -> int:
    ident = facts.get("id")
    if not isinstance(ident, int) or isinstance(ident, bool):
        raise Garbled("an answer or a request has a number")
    return ident
