"""Work that did not come to a good end: whether it is done once more, when, and what its job learns otherwise."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from stentor.domain.backoff import retry_delay_ms, transient
from stentor.domain.jobs import Job
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.schedules import next_after
from stentor.domain.sessions import session_for
from stentor.domain.states import Trigger

NewId = Callable[[str], str]
# A run that takes its process down each time must not do so for ever.
_MOST_ATTEMPTS = 3


def interrupted(
    run: RunSeed, job: Job, end: RunEnd, *, new_id: NewId, sent_something: bool = False
) -> RunEnd:
    """A run whose process stopped before it ended: the same whether the stop was kind or not."""
    if _runs_again(job, run.attempt, sent_something=sent_something):
        again = replace(end, successor=_once_more(run, job, end.ended_ms, new_id))
        return again if job.on_interrupt == "rerun" else _unless_sent(run, job, again)
    return replace(end, retire=retirement(run, job, ok=False))


def failed(
    run: RunSeed, job: Job, end: RunEnd, *, new_id: NewId, may_retry: bool, quiet_seconds: float | None = None
) -> RunEnd:
    """A run that ended badly. Trouble that passes is tried again soon, if the schedule does not come round first.

    Where it is said that this has to be, or may be, after `quiet_seconds`, that wins.
    """
    delay = _retry_delay(run, job, end) if may_retry else None
    if delay is not None:
        not_before = end.ended_ms + (delay if quiet_seconds is None else ceil(quiet_seconds * 1000))
        following = next_after(job.schedule, end.ended_ms, job_id=job.id)
        if following is None or not_before < following:
            again = replace(end, successor=_once_more(run, job, end.ended_ms, new_id, not_before))
            return _unless_sent(run, job, again)
    return replace(end, retire=retirement(run, job, ok=False))


def retirement(run: RunSeed, job: Job, *, ok: bool) -> str | None:
    """A one-shot has had its only instant when the run for it ends; a manual run does not use it up."""
    if not job.is_one_shot or run.trigger is Trigger.MANUAL:
        return None
    return "done" if ok else "failed"


def _unless_sent(run: RunSeed, job: Job, end: RunEnd) -> RunEnd:
    """Only the transaction that gives the run up can tell whether its agent's messages have left by then."""
    return replace(end, unless_sent=True, retire_if_sent=retirement(run, job, ok=False))


def _retry_delay(run: RunSeed, job: Job, end: RunEnd) -> int | None:
    if run.trigger is Trigger.MANUAL or not transient(end.error_kind or "", end.error or ""):
        return None
    return retry_delay_ms(run.attempt, job.retry.max_attempts)


def _once_more(
    run: RunSeed, job: Job, at_ms: int, new_id: NewId, not_before_ms: int | None = None
) -> RunSeed:
    return replace(
        run,
        id=new_id("r"),
        trigger=run.trigger if run.trigger is Trigger.MANUAL else Trigger.RETRY,
        queued_ms=at_ms,
        attempt=run.attempt + 1,
        session=session_for(job, new_id("s")),
        not_before_ms=not_before_ms,
    )


def _runs_again(job: Job, attempt: int, *, sent_something: bool) -> bool:
    """By default only while nothing of the run has left the house."""
    if attempt >= _MOST_ATTEMPTS or job.on_interrupt == "report":
        return False
    return job.on_interrupt == "rerun" or not sent_something
