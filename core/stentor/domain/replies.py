"""What an agent's final text asks for: to be sent, or to stay silent, and why."""

import re
from dataclasses import dataclass
from typing import Literal

SILENT_TOKEN = "NO_REPLY"  # noqa: S105 - a word agents write, not a secret
HEARTBEAT_ACK = "HEARTBEAT_OK"
# Said to another agent instead of an answer; they count only as the whole reply.
EXACT_SILENCES = frozenset({"ANNOUNCE_SKIP", "REPLY_SKIP"})
# An acknowledgement may carry a remark of this many characters and is still nothing to report.
ACK_REMARK_LIMIT = 300

# What models wrap a token in: emphasis, quotes, brackets, a full stop.
_MARKS = "*_`~\"'\u201c\u201d\u2018\u2019\xab\xbb.,:;!()[]{}<>"
_DECORATION = _MARKS + " \t\r\n"
_TOKEN_ALONE = re.compile(
    rf"(?:[{re.escape(_MARKS)}\s]*{SILENT_TOKEN})+[{re.escape(_MARKS)}\s]*", re.IGNORECASE
)
_TOKEN_AS_ACTION = re.compile(
    rf'(?:```(?:json)?\s*)?\{{\s*"action"\s*:\s*"{SILENT_TOKEN}"\s*\}}(?:\s*```)?', re.IGNORECASE
)
# `NO_REPLY_TO` is a name somebody writes about; `NO_REPLYThe user …` is a token that slipped in.
_TOKEN_IN_FRONT = re.compile(rf"(?:{SILENT_TOKEN}(?:[.,:;!]?\s+|(?=[^\W_])))+")
_ACK_IN_FRONT = re.compile(rf"[{re.escape(_MARKS)}]*{HEARTBEAT_ACK}(?![^\W_])[{re.escape(_MARKS)}]*\s*")
_THINK_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_BLANK_LINES_IN_FRONT = re.compile(r"\s*\n")

Silence = Literal["", "empty", "silent_token", "heartbeat_ack"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to send (`text`, possibly empty beside attachments) or to keep back for `reason`."""

    kind: Literal["text", "silent"]
    text: str
    reason: Silence


def classify(text: str, *, attachments: bool = False) -> Reply:
    """Decide what becomes of a final text. Attachments are sent even when the text asks for silence."""
    spoken = _tidied(_without_reasoning(text))
    reason = _silence(spoken)
    if not reason:
        return Reply("text", _without_tokens(spoken), "")
    return Reply("text", "", "") if attachments else Reply("silent", "", reason)


def _silence(spoken: str) -> Silence:
    if not any(char.isprintable() and not char.isspace() for char in spoken):
        return "empty"
    if _is_silent(spoken):
        return "silent_token"
    remark = _beside_ack(spoken)
    if remark is not None and len(remark.strip(_DECORATION)) <= ACK_REMARK_LIMIT:
        return "heartbeat_ack"
    return ""


def _is_silent(spoken: str) -> bool:
    """The token as the whole reply, as its last line or its last word: prose before it was not meant for anyone."""
    last_line = spoken.rpartition("\n")[2]
    return bool(
        spoken.strip() in EXACT_SILENCES
        or _TOKEN_ALONE.fullmatch(spoken)
        or _TOKEN_ALONE.fullmatch(last_line)
        or _TOKEN_AS_ACTION.fullmatch(spoken)
        or _before_last(spoken, SILENT_TOKEN) is not None
    )


def _without_tokens(spoken: str) -> str:
    leaked = _TOKEN_IN_FRONT.match(spoken)
    if leaked:
        return spoken[leaked.end() :]
    return _beside_ack(spoken) or spoken


def _beside_ack(spoken: str) -> str | None:
    """What is said beside an acknowledgement at either end; None when there is no acknowledgement."""
    leading = _ACK_IN_FRONT.match(spoken)
    rest = spoken[leading.end() :] if leading else spoken
    before = _before_last(rest, HEARTBEAT_ACK)
    if before is not None:
        return before
    return rest if leading else None


def _before_last(text: str, token: str) -> str | None:
    """What stands before `token` when it is the last word of `text`; None when it is not."""
    before, found, after = text.rpartition(token)
    inside_a_word = before.rstrip("_")[-1:].isalnum()
    if not found or after.strip(_DECORATION) or inside_a_word:
        return None
    return before.rstrip(_MARKS).rstrip()


def _tidied(text: str) -> str:
    """`text` without blank lines around it; the first line keeps its indentation, tables need it."""
    leading = _BLANK_LINES_IN_FRONT.match(text)
    return text[leading.end() if leading else 0 :].rstrip()


def _without_reasoning(text: str) -> str:
    """`text` without its closed reasoning blocks, and without one it opens with and never closes."""
    kept: list[str] = []
    resume = 0
    opened: int | None = None
    for tag in _THINK_TAG.finditer(text):
        if opened is None and not tag[1]:
            opened = tag.start()
        elif opened is not None and tag[1]:
            kept.append(text[resume:opened])
            resume, opened = tag.end(), None
    unfinished = opened is not None and not "".join([*kept, text[resume:opened]]).strip()
    kept.append("" if unfinished else text[resume:])
    return "".join(kept)
