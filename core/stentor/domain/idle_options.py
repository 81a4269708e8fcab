"""Options of a delivery that would say nothing as things are: each is named, with what would give it an effect."""

from collections.abc import Iterator

from stentor.domain.jobs import DeliveryModel, Job
from stentor.domain.reach import Reach
from stentor.domain.refusals import Detail
from stentor.domain.routing import LAST

_OF_RESULTS = ("lateNote",)
_OF_MESSAGES = ("onThreadGone", "mentions", "numberParts", "silent", "linkPreviews", "broadcast")
_OF_DELIVERIES = ("onUnknown", "expiresAfterSeconds")
# `priority` is none of them: runs that wait for room are let in by it, whatever becomes of their results. Nor is
# `bestEffort`, which may be said before there is a delivery.
IDLE_WITH = {
    "announce": (),
    "webhook": (*_OF_RESULTS, *_OF_MESSAGES),
    "none": (*_OF_RESULTS, *_OF_MESSAGES, *_OF_DELIVERIES),
}
_WHY = {
    "webhook": "says nothing with mode webhook, which posts the run as it is",
    "none": "says nothing with mode none, which sends nothing",
}


def idle_with(mode: str, *, agent_may_send: bool) -> tuple[str, ...]:
    """The options without effect in a mode. What an agent sends itself has most of them, whatever the mode."""
    idle = IDLE_WITH.get(mode, ())
    return tuple(key for key in idle if key in _OF_RESULTS) if agent_may_send else idle


def idle_options(job: Job, reach: Reach, usual_expiry_seconds: int) -> Iterator[Detail]:
    """What a job says in vain. `reach` is where it may send to, as far as that is known."""
    delivery = job.delivery
    said = _said(delivery, usual_expiry_seconds)
    idle = idle_with(delivery.mode, agent_may_send=delivery.offers_messages)
    for key in idle:
        if key in said:
            yield Detail(f"delivery.{key}", f"{_WHY[delivery.mode]}; leave it out, or choose mode announce")
    if "onThreadGone" in said and "onThreadGone" not in idle and not _may_have_threads(delivery, reach):
        why = "says nothing where no target is a thread; leave it out, or name a target with its thread"
        yield Detail("delivery.onThreadGone", why)


def _said(delivery: DeliveryModel, usual_expiry_seconds: int) -> frozenset[str]:
    """The options that are not what they are when nobody says anything."""
    chosen = {
        "onThreadGone": delivery.on_thread_gone != "fail",
        "mentions": delivery.mentions,
        "numberParts": delivery.number_parts,
        "lateNote": delivery.late_note,
        "silent": delivery.silent,
        "linkPreviews": not delivery.link_previews,
        "broadcast": delivery.broadcast,
        "onUnknown": delivery.on_unknown != "hold",
        "expiresAfterSeconds": delivery.expires_after_seconds not in (None, usual_expiry_seconds),
    }
    return frozenset(key for key, is_chosen in chosen.items() if is_chosen)


def _may_have_threads(delivery: DeliveryModel, reach: Reach) -> bool:
    """Nobody knows the threads of a whole channel, nor which conversation will be the last."""
    known = (*reach.own, *reach.allowed)
    unknown = reach.channels or delivery.channel == LAST or not known
    return bool(unknown) or any(target.thread is not None for target in known)
