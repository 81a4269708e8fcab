"""What an agent's final text asks for: to be sent, to stay silent, to be asked again, and why."""

import re
from enum import StrEnum
from typing import Literal

from stentor.domain.reasoning import without_reasoning
from stentor.domain.values import value

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
_BLANK_LINES_IN_FRONT = re.compile(r"\s*\n")

_DENIAL = re.compile(rf"[{re.escape(_MARKS)}\s]*((?:{'|'.join(DENIALS)})(?!\w)[^\n]*)")
# What models say when they have begun and mean to come back with more. It is said of themselves or by itself: that
# somebody else is on it, or that something took a few minutes, is news.
_WE = r"(?:i'?m|i\ am|we'?re|we\ are|i'?ll|i\ will|we'?ll|we\ will)\ "
_BEGINS = r"(?:^|[.!?,;\n\u2026]\s*)"
# Behind it the sentence ends, or the same is said at greater length.
_ENDS = r"(?=\s*(?:$|[^\w\s:(])|\ (?:now|right|already|and|with|for|in|once|as|immediately)\b)"
_INTERIM = re.compile(
    rf"""(?:{_WE}|{_BEGINS})(?:(?:still|already|now|right|get|getting|working|start|started)\ ){{0,3}}on\ it\b{_ENDS}
    | \bpulling\ (?:everything|it\ all)\ together\b
    | \bgive\ me\ a\ (?:few|moment|minute|second)\b
    | (?:{_BEGINS}(?:just\ |only\ )?(?:a\ )?
        | \b(?:back|done|ready|finished)\ in\ (?:just\ |only\ )?(?:a\ )?
        | \b(?:it|this|that)(?:'ll|\ (?:will|should|may|might|could))\ take\ (?:me\ )?(?:just\ |only\ )?(?:a\ )?
        | \bi(?:'ll|\ will)?\ need\ (?:just\ |only\ )?(?:a\ )?)few\ (?:more\ )?minutes\b
    | \blet\ me\ compile\b
    | \bi(?:'ll|\ will)\ gather\b
    | \bretrying\ now\b{_ENDS}
    | (?:{_BEGINS}|\b(?:it|this|that)\ )should\ be\ about\ (?:\S+\ ){{1,3}}?(?:seconds?|minutes?|hours?)\b
        (?!\ (?:long|late|early|old|away|from|of|before|after)\b)
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


@value
class Reply:
    """A reply to send (`text`, possibly empty beside attachments) or to keep back for `reason`."""

    kind: Literal["text", "silent"]
    text: str
    reason: Silence | None = None


def classify(text: str, *, attachments: bool = False) -> Reply:
    """Decide what becomes of a final text. Attachments are sent even when the text asks for silence."""
    spoken = _tidied(without_reasoning(text))
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
    found = _DENIAL.match(_tidied(without_reasoning(text)))
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
