"""What an agent is asked, and what it is told besides: the time where its job lives, and what becomes of its answer."""

from zoneinfo import ZoneInfo

from stentor.contract.tools import MESSAGE
from stentor.domain.jobs import DeliveryModel
from stentor.domain.offsets import moment
from stentor.domain.replies import HEARTBEAT_ACK, SILENT_TOKEN

# An agent that repeats all it was told must not ask for silence by that: the token is never the last word.
_SILENCE = f"Answer with {SILENT_TOKEN} and nothing else if there is nothing to say."
_NOTHING = f"Answer with {HEARTBEAT_ACK} and nothing else if nothing needs attention."
_HAPPENED = (
    "What is said above has happened at the times in brackets, and nobody has answered it yet: do what it asks of you, "
    "and tell what is to be told."
)
_NOT_TWICE = (
    f"Do not send it with the tool `{MESSAGE}` as well: that is for what has to be said earlier or elsewhere."
)
_ANNOUNCED = "Your final answer is delivered for you: plain text or Markdown, and only what is to be read."
_POSTED = "Your final answer is handed to a program for you, with the facts of this run."
_KEPT = "Your final answer is kept in the run log, and nobody is sent it."
_RETURNED = "Your final answer goes back to the agent that asked you, and nobody else is sent it."
_SEND_YOURSELF = f"If somebody should hear of this, use the tool `{MESSAGE}`."


def question(job_id: str, name: str, message: str) -> str:
    """The job's own words, and whose they are."""
    return f"[cron:{job_id} {name}] {message}"


def told(asked: str, *, now_ms: int, zone: str, delivery: DeliveryModel, may_send: bool) -> str:
    """The question with what has to be known to answer it. With `may_send` the agent has the tool for messages."""
    outlook = _what_becomes_of_it(delivery, may_send=may_send)
    return f"{asked}\n\nCurrent time: {spoken_time(now_ms, zone)}\n{outlook}"


def question_of_agent(sender: str, message: str) -> str:
    """Another agent's words, and in which session it said them."""
    return f"[from {sender}] {message}"


def told_on_behalf(asked: str, *, now_ms: int, zone: str, may_send: bool) -> str:
    """The question of another agent, which waits for the answer."""
    outlook = f"{_RETURNED} {_SEND_YOURSELF}" if may_send else _RETURNED
    return f"{asked}\n\nCurrent time: {spoken_time(now_ms, zone)}\n{outlook}"


def told_of_events(
    asked: str, *, now_ms: int, zone: str, delivery: DeliveryModel, may_send: bool, has_events: bool
) -> str:
    """The question of a turn that nobody has written for: it may well come to nothing."""
    lines = [f"{asked}\n", *([_HAPPENED] if has_events else []), f"Current time: {spoken_time(now_ms, zone)}"]
    return "\n".join([*lines, f"{_outlook(delivery, may_send=may_send)} {_NOTHING}"])


def short_time(at_ms: int, zone: str) -> str:
    """`2026-11-22 01:05` on the clocks of the zone."""
    return f"{moment(at_ms).astimezone(_place(zone)):%Y-%m-%d %H:%M}"


def spoken_time(at_ms: int, zone: str) -> str:
    """`Sunday, 22 November 2026, 01:05 (Europe/Berlin, UTC+01:00)`; in UTC where the zone is gone."""
    place = _place(zone)
    when = moment(at_ms).astimezone(place)
    offset = when.isoformat(timespec="minutes")[-len("+00:00") :]
    return f"{when:%A}, {when.day} {when:%B %Y}, {when:%H:%M} ({place.key}, UTC{offset})"


def _place(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        # The work does not depend on it, and an agent can reckon.
        return ZoneInfo("UTC")


def _what_becomes_of_it(delivery: DeliveryModel, *, may_send: bool) -> str:
    """Targets are left out on purpose: an address that is not there is not written to by mistake."""
    outlook = _outlook(delivery, may_send=may_send)
    return outlook if delivery.mode == "none" else f"{outlook} {_SILENCE}"


def _outlook(delivery: DeliveryModel, *, may_send: bool) -> str:
    if delivery.mode == "none":
        return f"{_KEPT} {_SEND_YOURSELF}" if may_send else _KEPT
    first = _POSTED if delivery.posts else _ANNOUNCED
    return f"{first} {_NOT_TWICE}" if may_send else first
