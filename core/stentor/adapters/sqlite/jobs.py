"""Job rows."""

from collections.abc import Mapping
from dataclasses import replace as replace_fields

import apsw

from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.rows import Row, first
from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.domain.records import JobRow

COLUMNS = (
    "id, name, agent_id, doc, preview, schedule_kind, enabled, revision, next_at, accounted_at, created_at, updated_at,"
    " finished, blocked"
)
_INSERT = f"INSERT INTO jobs ({COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_UPDATE = """
UPDATE jobs SET name = ?, agent_id = ?, doc = ?, preview = ?, schedule_kind = ?, enabled = ?, revision = ?, next_at = ?,
    accounted_at = ?, updated_at = ?, finished = ?, blocked = ?, checksum = ?
WHERE id = ? AND revision = ?
"""


def job_of(row: Row) -> JobRow:
    """A row of `COLUMNS`."""
    job = JobRow(*row)
    return replace_fields(job, enabled=bool(job.enabled))


def add(connection: apsw.Connection, job: JobRow) -> None:
    values = (
        job.id,
        job.name,
        job.agent_id,
        job.doc,
        job.preview,
        job.schedule_kind,
        job.enabled,
        job.revision,
        job.next_at_ms,
        job.accounted_ms,
        job.created_ms,
        job.updated_ms,
        job.finished,
        job.blocked,
        fingerprint(job.doc),
    )
    connection.execute(_INSERT, values)
    if not connection.changes():
        raise AlreadyExists(f"there is a job {job.id!r} already")
    record(connection, job.created_ms, "job.added", {"name": job.name}, job_id=job.id)
    _count(connection, 1)


def replace(connection: apsw.Connection, job: JobRow, expected_revision: int) -> None:
    values = (
        job.name,
        job.agent_id,
        job.doc,
        job.preview,
        job.schedule_kind,
        job.enabled,
        job.revision,
        job.next_at_ms,
        job.accounted_ms,
        job.updated_ms,
        job.finished,
        job.blocked,
        fingerprint(job.doc),
        job.id,
        expected_revision,
    )
    connection.execute(_UPDATE, values)
    if not connection.changes():
        raise StaleRevision(
            f"job {job.id!r} is not at revision {expected_revision} any more: look at it again"
        )
    record(connection, job.updated_ms, "job.changed", {"revision": job.revision}, job_id=job.id)


def remove(connection: apsw.Connection, job_id: str, at_ms: int) -> bool:
    connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
    if not connection.changes():
        return False
    record(connection, at_ms, "job.removed", job_id=job_id)
    _count(connection, -1)
    return True


def get(connection: apsw.Connection, job_id: str) -> JobRow | None:
    row = first(connection, f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job_id,))
    return None if row is None else job_of(row)


def everything(connection: apsw.Connection) -> list[JobRow]:
    return [job_of(row) for row in connection.execute(f"SELECT {COLUMNS} FROM jobs ORDER BY created_at, id")]


def park(connection: apsw.Connection, job_id: str, why: str, at_ms: int) -> None:
    """Take a job that cannot be read out of the schedule, loudly: the others go on."""
    connection.execute("UPDATE jobs SET blocked = ?, next_at = NULL WHERE id = ?", (why, job_id))
    alert(connection, at_ms, "unreadable", why, job_id=job_id)


def block(connection: apsw.Connection, blocked: Mapping[str, str]) -> None:
    """Mark the jobs that cannot run now, and free all others."""
    connection.execute("UPDATE jobs SET blocked = NULL WHERE blocked IS NOT NULL")
    connection.executemany(
        "UPDATE jobs SET blocked = ? WHERE id = ?", [(why, job) for job, why in blocked.items()]
    )


def _count(connection: apsw.Connection, change: int) -> None:
    """How many jobs there should be: a store that lost them is refused instead of started empty."""
    connection.execute(
        "INSERT INTO meta VALUES ('jobs', ?1) ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + ?1",
        (change,),
    )
