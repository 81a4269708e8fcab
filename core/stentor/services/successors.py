"""What becomes of a run whose process stops before it ends: the same whether the stop was kind or not."""

from collections.abc import Callable
from dataclasses import replace

from stentor.domain.jobs import Job
from stentor.domain.records import RunEnd, RunSeed
from stentor.domain.sessions import session_for
from stentor.domain.states import Trigger

# A run that takes its process down each time must not do so for ever.
_MOST_ATTEMPTS = 3


def interruption(
    run: RunSeed, job: Job, end: RunEnd, *, new_id: Callable[[str], str], sent_something: bool = False
) -> RunEnd:
    """End a run as interrupted; where the job wants the work done again, its successor is queued with it."""
    if _runs_again(job, run.attempt, sent_something=sent_something):
        trigger = run.trigger if run.trigger is Trigger.MANUAL else Trigger.RETRY
        successor = replace(
            run,
            id=new_id("r"),
            trigger=trigger,
            queued_ms=end.ended_ms,
            attempt=run.attempt + 1,
            session=session_for(job, new_id("s")),
        )
        return replace(end, successor=successor)
    spent = job.is_one_shot and run.trigger is not Trigger.MANUAL
    return replace(end, retire="failed" if spent else None)


def _runs_again(job: Job, attempt: int, *, sent_something: bool) -> bool:
    """By default only while nothing of the run has left the house."""
    if attempt >= _MOST_ATTEMPTS or job.on_interrupt == "report":
        return False
    return job.on_interrupt == "rerun" or not sent_something
