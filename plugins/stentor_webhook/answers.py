"""What a receiver's answer means to the core. Pure: no HTTP library, no clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus

from stentor import Ambiguous, NotSent, Rejected, Throttled
from stentor.contract.errors import DeliveryError
from stentor_webhook.targets import WebUrl

EXCERPT = 200
_TRY_LATER = frozenset({408, 425, 429})
_REASONS = {401: "no_permission", 403: "no_permission", 404: "gone", 410: "gone", 413: "too_large"}


@dataclass
class Answer:
    """Status and headers, and as much of the body as came."""

    status: int
    location: str = ""
    retry_after: str = ""
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def refusal(answer: Answer, url: WebUrl, now: datetime, secrets: Sequence[str] = ()) -> DeliveryError:
    """What the core is to do about an answer that is no success."""
    status = answer.status
    said = f"{url.shown} answered {status}"
    if 300 <= status < 400:
        return Rejected("redirect", f"{said}: redirects are not followed{_moved_to(answer, url, secrets)}")
    excerpt = _one_line(hide(answer.body.decode(errors="replace"), url, secrets))[:EXCERPT]
    said = f"{said}: {excerpt}" if excerpt else said
    if status not in _TRY_LATER and status < 500:
        return Rejected(_REASONS.get(status, "refused_by_receiver"), said)
    seconds = seconds_to_wait(answer.retry_after, now)
    if status >= 500:
        # What broke on the other side may have broken after the event was taken in.
        return Ambiguous(said, retry_after=seconds)
    if seconds > 0:
        return Throttled(seconds, scope="target", message=said)
    return NotSent(said, refused=True)


def seconds_to_wait(retry_after: str, now: datetime) -> float:
    """The wait a Retry-After header asks for; 0 where it asks for none, has passed or cannot be read."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0
    # HTTP dates are UTC; the parser leaves the zone out where the header spells it -0000.
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def hide(text: str, url: WebUrl, secrets: Sequence[str]) -> str:
    """`text` without our secrets and the values of the URL's query: some receivers echo the request."""
    values = [pair.split("=", 1)[-1] for pair in url.query[1:].split("&")]
    # Longest first: a value may be part of another one.
    for secret in sorted({*secrets, *values, *map(unquote_plus, values)} - {""}, key=len, reverse=True):
        text = text.replace(secret, "[hidden]")
    return text


def _moved_to(answer: Answer, url: WebUrl, secrets: Sequence[str]) -> str:
    place = _one_line(hide(re.split(r"[?#]", answer.location, maxsplit=1)[0], url, secrets))
    return f"; if {place[:EXCERPT]} is the receiver's address, make it the target" if place else ""


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
