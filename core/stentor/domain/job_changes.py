"""Changes of stored jobs as a store takes them: each with who made it, and with what it does to the account."""

from dataclasses import dataclass

from stentor.domain.json_types import JsonObject
from stentor.domain.records import JobRow, OccurrenceRow


@dataclass(frozen=True, slots=True)
class Audit:
    """Who changed a job, and what it said before and after: of an edit only what differs."""

    by: str
    before: JsonObject | None
    after: JsonObject | None


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a schedule's account. It holds only if the account still stands where it was looked at."""

    accounted_ms: int
    rows: tuple[OccurrenceRow, ...] = ()


@dataclass(frozen=True, slots=True)
class JobAdded:
    row: JobRow
    by: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """Without a closing the schedule goes on: its account, its next instant and its switch are left as they are."""

    row: JobRow
    expected_revision: int
    audit: Audit
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class JobRemoved:
    job_id: str
    expected_revision: int
    at_ms: int
    audit: Audit
    closing: Closing


JobChange = JobAdded | JobChanged | JobRemoved


def job_id_of(change: JobChange) -> str:
    return change.job_id if isinstance(change, JobRemoved) else change.row.id
