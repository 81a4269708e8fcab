"""What Discord's answers mean to the core. Pure: no SDK, no clock."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from stentor import Ambiguous, CredentialsRejected, NotSent, Rejected, Target, Throttled, Unavailable
from stentor.contract.errors import DeliveryError
from stentor_discord.limits import LEAST_QUIET

_EXCERPT = 200
# Where no time is given, these are the waits in seconds: of one channel, and of whoever stands in front of Discord.
_QUIET, _LONG_QUIET = 5.0, 300.0
_TOO_LONG = re.compile(r"or fewer|too (?:long|large)|max(?:imum)?[_ ](?:length|size)", re.IGNORECASE)
_NO_ID = re.compile(r"is not snowflake|NUMBER_TYPE_COERCE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Discord said where it did not say yes.

    `from_discord` is false where the body is none of Discord's own, such as a firewall's page. `everywhere` says that
    the whole bot is to be quiet for `retry_after` seconds.
    """

    status: int
    code: int = 0
    text: str = ""
    retry_after: float | None = None
    everywhere: bool = False
    from_discord: bool = True


class Refused(Exception):
    """Discord answered something else than yes."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}/{answer.code}")
        self.answer = answer


class Lost(Exception):
    """No usable answer came. `sent` says whether anything of the request may have left."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.text = text
        self.sent = sent


class Reading(NamedTuple):
    """What one of Discord's error codes means."""

    reason: str
    text: str


_NEEDS = "it needs View Channel and Send Messages (in a thread: Send Messages in Threads)"
_READINGS = {
    10003: Reading("bad_target", "there is no such channel or thread, or the bot is not in its server"),
    10004: Reading("bad_target", "there is no such server, or the bot is not in it"),
    10013: Reading("bad_target", "there is no such person"),
    10015: Reading(
        "gone", "the webhook has been deleted: make a new one and put its URL where the setting points"
    ),
    20026: Reading(
        "blocked", "Discord has put the bot in quarantine for spam: appeal in the developer portal"
    ),
    30046: Reading("no_permission", "the bot may not do that here any more"),
    40005: Reading("too_large", "the files are larger than this server takes"),
    40067: Reading("bad_target", "this forum wants every post to have a tag: let a moderator lift that rule"),
    50001: Reading("no_permission", f"the bot cannot see the channel: invite it there; {_NEEDS}"),
    50006: Reading("empty", "the message is empty"),
    50007: Reading(
        "blocked",
        "this person takes no direct messages from the bot: they must share a server with it, allow direct messages "
        "from its members, and not have blocked it",
    ),
    50008: Reading(
        "bad_target",
        "this kind of channel takes no messages: for a forum write discord:forum:ID, else choose another",
    ),
    50009: Reading("no_permission", "the server's verification level keeps the bot out of this channel"),
    50013: Reading("no_permission", f"the bot lacks a permission in this channel: {_NEEDS}"),
    50024: Reading("bad_target", "that cannot be done in this kind of channel: is it really a forum?"),
    50027: Reading(
        "no_permission",
        "the webhook's URL is not valid any more: make a new one and put it where the setting points",
    ),
    50083: Reading("thread_gone", "the thread is archived and cannot be opened again by the bot"),
    50278: Reading("blocked", "the bot and this person share no server, so it cannot write to them"),
    160005: Reading("thread_gone", "the thread is locked: let a moderator unlock it, or choose another"),
    220001: Reading(
        "bad_target", "this webhook belongs to a forum: name one of its posts with webhook:NAME:thread:ID"
    ),
}
# Too many direct conversations opened: it comes with no time.
_TOO_FAST = 40003
# What Discord's own firewall answers, in Discord's own form.
_FIREWALL = 40333


def refusal(answer: Answer, target: Target, *, files: bool = False) -> DeliveryError:
    """What the core is to do about a refusal."""
    status, code = answer.status, answer.code
    said = f"Discord answered {status}{f'/{code}' if code else ''}"
    if answer.text:
        said = f"{said}: {_one_line(answer.text)[:_EXCERPT]}"
    if status == 429 or code == _TOO_FAST:
        return _throttled(answer, said)
    if status >= 500:
        # What broke there may have broken after the message was taken in.
        return Ambiguous(said, retry_after=answer.retry_after or 0)
    if reading := _READINGS.get(code):
        if files and code == 50013:
            # Perhaps only the files are not wanted: the text will tell.
            return Rejected("files_forbidden", f"{reading.text}; for files it needs Attach Files ({said})")
        return _about(reading, target, f"{reading.text} ({said})")
    if code == 50035:
        return _misshapen(answer, said)
    return _by_status(answer, target, said)


def no_answer(lost: Lost) -> DeliveryError:
    """What the core is to do where no answer came."""
    return Ambiguous(lost.text) if lost.sent else NotSent(lost.text)


def not_told(problem: Refused | Lost, what: str = "who it is") -> DeliveryError:
    """What it means for the account when Discord does not tell the bot `what`."""
    if isinstance(problem, Lost):
        return Unavailable(problem.text)
    answer = problem.answer
    if answer.status == 401 and answer.from_discord:
        return _wrong_token()
    if answer.status == 429:
        return _throttled(answer, f"Discord wants quiet before the bot may ask {what}")
    why = (
        ""
        if answer.from_discord
        else "; it does not look like Discord: check base_url and what is in between"
    )
    return Unavailable(f"Discord answered {answer.status} when the bot asked {what}{why}")


def _throttled(answer: Answer, said: str) -> Throttled:
    if not answer.from_discord:
        # Whoever stands in front of Discord bans addresses, not channels.
        return Throttled(answer.retry_after or _LONG_QUIET, scope="account", message=said)
    seconds = _QUIET if answer.retry_after is None else max(answer.retry_after, LEAST_QUIET)
    text = f"{said}; quiet for {seconds:g} s"
    return Throttled(seconds, scope="account" if answer.everywhere else "target", message=text)


def _about(reading: Reading, target: Target, text: str) -> Rejected:
    if target.thread is not None and reading.reason == "bad_target":
        return Rejected("thread_gone", text)
    return Rejected(reading.reason, text)


def _misshapen(answer: Answer, said: str) -> Rejected:
    if _TOO_LONG.search(answer.text):
        return Rejected("too_large", said)
    if _NO_ID.search(answer.text):
        return Rejected("bad_target", f"the id is none that Discord can have given out ({said})")
    return Rejected("bad_format", said)


def _by_status(answer: Answer, target: Target, said: str) -> DeliveryError:
    match answer.status:
        case 401 if target.kind == "webhook":
            return Rejected(*_READINGS[50027])
        case 401 if answer.from_discord:
            return _wrong_token()
        case 413:
            return Rejected("too_large", f"{_READINGS[40005].text} ({said})")
        case 408:
            return NotSent(said, refused=True)
        case 403 if not answer.from_discord or answer.code == _FIREWALL:
            text = f"{said}; a firewall between here and Discord has stopped the message"
            return NotSent(text, refused=True)
        case 403:
            return Rejected("no_permission", said)
        case status if status < 400 or (not answer.from_discord and status in (401, 404, 405)):
            return Unavailable(
                f"{said}; it does not look like Discord: check base_url and what is in between"
            )
        case 404:
            return _about(Reading("bad_target", ""), target, said)
        case _:
            return Rejected("refused", said)


def _wrong_token() -> CredentialsRejected:
    return CredentialsRejected(
        "Discord does not accept the bot's token: copy it again from the developer portal (Bot, Reset Token) to where "
        "the setting points"
    )


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
