"""Changes of jobs as tests hand them to a store."""

from dataclasses import replace

from stentor.domain.job_changes import Audit, Closing, JobAdded, JobChanged, JobRemoved
from stentor.domain.records import JobRow, OccurrenceRow
from stentor.testing.rows import NOW_MS

AUTHOR = "cli:ada"


def added(job: JobRow) -> JobAdded:
    return JobAdded(job, AUTHOR)


def renamed(job: JobRow, name: str) -> JobChanged:
    """A change that leaves the schedule alone."""
    row = replace(job, name=name, revision=job.revision + 1, updated_ms=NOW_MS)
    return JobChanged(row, job.revision, Audit(AUTHOR, {"name": job.name}, {"name": name}))


def restarted(job: JobRow, *lost: OccurrenceRow, enabled: bool = True) -> JobChanged:
    """A change of the schedule or of its switch: the old account ends with `lost`."""
    row = replace(
        job,
        enabled=enabled,
        revision=job.revision + 1,
        next_at_ms=NOW_MS + 1 if enabled else None,
        accounted_ms=NOW_MS,
        updated_ms=NOW_MS,
        finished=None,
    )
    audit = Audit(AUTHOR, {"enabled": job.enabled}, {"enabled": enabled})
    return JobChanged(row, job.revision, audit, Closing(job.accounted_ms, lost))


def set_back(stored: JobRow, before: JobRow) -> JobChanged:
    """The schedule starts anew where it stood `before`: at instants that are accounted for already."""
    row = replace(before, revision=stored.revision + 1)
    audit = Audit(AUTHOR, {"enabled": False}, {"enabled": True})
    return JobChanged(row, stored.revision, audit, Closing(stored.accounted_ms))


def removed(job: JobRow, *lost: OccurrenceRow) -> JobRemoved:
    audit = Audit(AUTHOR, {"name": job.name}, None)
    return JobRemoved(job.id, job.revision, NOW_MS, audit, Closing(job.accounted_ms, lost))
