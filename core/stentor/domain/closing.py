"""The account of a schedule that comes to its end: an edit, a switch-off or a removal loses no instant in silence."""

from itertools import islice
from typing import Literal

from stentor.domain.records import OccurrenceRow
from stentor.domain.schedules import Every, Schedule, instants, next_after

Reason = Literal["rescheduled", "disabled", "removed"]
_LISTED = 1_000


def closing(
    schedule: Schedule, reason: Reason, *, job_id: str, accounted_ms: int, until_ms: int
) -> tuple[OccurrenceRow, ...]:
    """A row for each instant in (accounted, until]; when there are very many, one row for them all."""
    due = instants(schedule, accounted_ms, until_ms, job_id=job_id)
    listed = list(islice(due, _LISTED))
    first_beyond = next(due, None)
    if first_beyond is None:
        return tuple(OccurrenceRow(at, "missed", reason) for at in listed)
    last, beyond = _counted(schedule, job_id, first_beyond, until_ms)
    return (OccurrenceRow(listed[0], "missed", reason, None, last, len(listed) + beyond),)


def _counted(schedule: Schedule, job_id: str, first_ms: int, until_ms: int) -> tuple[int, int]:
    """The last instant up to `until_ms`, and how many there are from the first to it."""
    if isinstance(schedule, Every):
        more = (until_ms - first_ms) // schedule.every_ms
        return first_ms + more * schedule.every_ms, more + 1
    last, count = first_ms, 1
    while (following := next_after(schedule, last, job_id=job_id)) is not None and following <= until_ms:
        last, count = following, count + 1
    return last, count
