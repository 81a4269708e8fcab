"""What an agent is asked, and what it is told besides: the time where its job lives, and what becomes of its answer."""

from zoneinfo import ZoneInfo

from stentor.contract.tools import MESSAGE
from stentor.domain.jobs import DeliveryModel
from stentor.domain.offsets import moment
from stentor.domain.replies import SILENT_TOKEN

# An agent that repeats all it was told must not ask for silence by that: the token is never the last word.
_SILENCE = f"Answer with {SILENT_TOKEN} and nothing else if there is nothing to say."
_NOT_TWICE = (
    f"Do not send it with the tool `{MESSAGE}` as well: that is for what has to be said earlier or elsewhere."
)
_ANNOUNCED = "Your final answer is delivered for you: plain text or Markdown, and only what is to be read."
_POSTED = "Your final answer is handed to a program for you, with the facts of this run."
_KEPT = "Your final answer is kept in the run log, and nobody is sent it."
_SEND_YOURSELF = f"If somebody should hear of this, use the tool `{MESSAGE}`."


def question(job_id: str, name: str, message: str) -> str:
    """The job's own words, and whose they are."""
    return f"[cron:{job_id} {name}] {message}"


def told(asked: str, *, now_ms: int, zone: str, delivery: DeliveryModel, may_send: bool) -> str:
    """The question with what has to be known to answer it. With `may_send` the agent has the tool for messages."""
    outlook = _what_becomes_of_it(delivery, may_send=may_send)
    return f"{asked}\n\nCurrent time: {spoken_time(now_ms, zone)}\n{outlook}"


def spoken_time(at_ms: int, zone: str) -> str:
    """`Sunday, 22 November 2026, 01:05 (Europe/Berlin, UTC+01:00)`; in UTC where the zone is gone."""
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        # The work does not depend on it, and an agent can reckon.
        place = ZoneInfo("UTC")
    when = moment(at_ms).astimezone(place)
    offset = when.isoformat(timespec="minutes")[-len("+00:00") :]
    return f"{when:%A}, {when.day} {when:%B %Y}, {when:%H:%M} ({place.key}, UTC{offset})"


def _what_becomes_of_it(delivery: DeliveryModel, *, may_send: bool) -> str:
    """Targets are left out on purpose: an address that is not there is not written to by mistake."""
    if delivery.mode == "none":
        return f"{_KEPT} {_SEND_YOURSELF}" if may_send else _KEPT
    first = _POSTED if delivery.posts else _ANNOUNCED
    return " ".join([first, *([_NOT_TWICE] if may_send else []), _SILENCE])
