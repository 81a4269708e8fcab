"""Where a job would deliver, in words, as things are now."""

from collections.abc import Sequence

from stentor.domain.aims import Aim
from stentor.domain.jobs import Job
from stentor.domain.json_types import JsonObject
from stentor.domain.routing import LAST
from stentor.domain.sessions import source_session

_NOT_REQUESTED = "not requested"


def preview_of(job: Job, aims: Sequence[Aim]) -> JsonObject:
    """Made of the very routes that deliveries take, or of the reasons why there are none."""
    targets = [aim.route.target.canonical for aim in aims if aim.route is not None]
    label, detail = _words(job, aims)
    return {"label": label, "detail": detail, "targets": targets}


def _words(job: Job, aims: Sequence[Aim]) -> tuple[str, str]:
    places = ", ".join(_place(job, aim) for aim in aims)
    lost = "; ".join(aim.error.message for aim in aims if aim.error is not None)
    if job.delivery.posts:
        return places, lost or job.delivery.mode
    if job.delivery.mode == "announce":
        return f"announce -> {places}", _origin(job, aims, lost)
    if not aims:
        return _NOT_REQUESTED, _NOT_REQUESTED
    return f"message tool -> {places}", f"message tool target unresolved: {lost}" if lost else "explicit"


def _place(job: Job, aim: Aim) -> str:
    """The target, or what was written where it is none."""
    if aim.route is not None:
        return aim.route.target.canonical
    return f"{job.delivery.mode}:{aim.text}" if job.delivery.posts else aim.text


def _origin(job: Job, aims: Sequence[Aim], lost: str) -> str:
    """What the targets were read from."""
    if job.delivery.channel == LAST:
        if lost:
            return f"last -> no route, will fail-closed: {lost}"
        source = source_session(job)
        return f"resolved from last, {'main session' if source.is_main else f'session {source.key}'}"
    if lost:
        return lost
    sources = {aim.route.source for aim in aims if aim.route is not None}
    return next((f"{source}" for source in ("default", "current") if source in sources), "explicit")
