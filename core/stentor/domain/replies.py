"""What an agent's final text asks for: to be sent, to stay silent, to be asked again, and why."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

SILENT_TOKEN = "NO_REPLY"  # noqa: S105 - a word agents write, not a secret
HEARTBEAT_ACK = "HEARTBEAT_OK"
# Said to another agent instead of an answer; they count only as the whole reply.
EXACT_SILENCES = frozenset({"ANNOUNCE_SKIP", "REPLY_SKIP"})
# Programs that were not let do what they were told begin their error with one of these.
DENIALS = ("SYSTEM_RUN_DENIED", "INVALID_REQUEST", "approval cannot safely bind")
# A longer text is more than the announcement of one.
INTERIM_WORDS = 45
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

_DENIAL = re.compile(rf"[{re.escape(_MARKS)}\s]*((?:{'|'.join(DENIALS)})(?!\w)[^\n]*)")
# What models say when they have begun and mean to come back with more. Each stands for itself, never inside a word:
# "based on items" has nothing to do with "on it".
_INTERIM = re.compile(
    r"""(?:^|[.!?,;:\n]\s*|\b(?:i'?m|i\ am|we'?re|we\ are|right|get|getting|working)\ )on\ it\b
    | \bpulling\ (?:everything|it\ all)\ together\b
    | \bgive\ me\ a\ (?:few|moment|minute|second)\b
    | \bfew\ (?:more\ )?minutes\b
    | \blet\ me\ compile\b
    | \bi(?:'ll|\ will)\ gather\b
    | \bretrying\ now\b
    | \bshould\ be\ about\ (?:\S+\ ){1,3}?(?:seconds?|minutes?|hours?)\b
    | \bauto-?announces?\ when\ done\b
    | \b(?:sub-?agent\ spawned|spawned\ a\ sub-?agent)\b""",
    re.VERBOSE,
)


class Reason(StrEnum):
    """Why a reply is not simply sent: a word for the run log.

    The first three suppress the deliveries, `interim` is a warning, and the last two end the run as an error.
    """

    EMPTY = "empty"
    SILENT_TOKEN = "silent_token"  # noqa: S105 - a word of the run log, not a secret
    HEARTBEAT_ACK = "heartbeat_ack"
    INTERIM = "interim"
    DENIED = "denied"
    FILTERED = "filtered"


Silence = Literal[Reason.EMPTY, Reason.SILENT_TOKEN, Reason.HEARTBEAT_ACK]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to send (`text`, possibly empty beside attachments) or to keep back for `reason`."""

    kind: Literal["text", "silent"]
    text: str
    reason: Silence | None = None


def classify(text: str, *, attachments: bool = False) -> Reply:
    """Decide what becomes of a final text. Attachments are sent even when the text asks for silence."""
    spoken = _tidied(_without_reasoning(text))
    reason = _silence(spoken)
    if reason is None:
        return Reply("text", _without_tokens(spoken))
    return Reply("text", "") if attachments else Reply("silent", "", reason)


def is_interim(text: str) -> bool:
    """Whether a final text only says that work is under way, and that its result will follow."""
    reply = classify(text)
    if len(reply.text.split()) > INTERIM_WORDS:
        return False
    return _INTERIM.search(reply.text.casefold().replace("\u2019", "'").strip(_DECORATION)) is not None


def denial(text: str) -> str | None:
    """The refusal that a final text consists of. A text that merely speaks of one is not refused."""
    found = _DENIAL.match(_tidied(_without_reasoning(text)))
    return found[1].rstrip(_DECORATION) if found else None


def _silence(spoken: str) -> Silence | None:
    if not any(char.isprintable() and not char.isspace() for char in spoken):
        return Reason.EMPTY
    if _is_silent(spoken):
        return Reason.SILENT_TOKEN
    remark = _beside_ack(spoken)
    if remark is not None and len(remark.strip(_DECORATION)) <= ACK_REMARK_LIMIT:
        return Reason.HEARTBEAT_ACK
    return None


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
