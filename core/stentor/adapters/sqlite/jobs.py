"""Job rows."""

import json
from collections.abc import Mapping, Sequence

import apsw

from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.occurrences import lose
from stentor.adapters.sqlite.rows import Row, first
from stentor.domain.faults import AlreadyExists, StaleRevision
from stentor.domain.job_changes import Audit, JobAdded, JobChange, JobChanged, JobRemoved
from stentor.domain.records import JobRow

COLUMNS = (
    "id, name, agent_id, doc, preview, schedule_kind, enabled, revision, next_at, accounted_at, created_at, updated_at,"
    " finished, blocked"
)
_INSERT = f"INSERT INTO jobs ({COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_REWRITE = """
UPDATE jobs SET name = ?, agent_id = ?, doc = ?, checksum = ?, preview = ?, schedule_kind = ?, revision = ?, updated_at = ?,
    blocked = ?
WHERE id = ? AND revision = ?
"""
# What errors put in the way belonged to the schedule that ended; who switches a job on forgives it everything.
_RESTART = """
UPDATE jobs SET consecutive_errors = CASE WHEN enabled = 0 AND ?1 THEN 0 ELSE consecutive_errors END,
    enabled = ?1, next_at = ?2, accounted_at = ?3, finished = ?4, not_before = NULL, schedule_errors = 0,
    auto_disabled = CASE WHEN ?1 THEN NULL ELSE auto_disabled END,
    auto_disabled_at = CASE WHEN ?1 THEN NULL ELSE auto_disabled_at END
WHERE id = ?5 AND accounted_at = ?6
"""
_DELETE = "DELETE FROM jobs WHERE id = ? AND revision = ? AND accounted_at = ?"


def job_of(row: Row) -> JobRow:
    """A row of `COLUMNS`."""
    found, name, agent, doc, preview, kind, enabled, *rest = row
    return JobRow(found, name, agent, doc, preview, kind, bool(enabled), *rest)


def change_all(connection: apsw.Connection, changes: Sequence[JobChange]) -> None:
    """Make each change with its account and its audit. One that was decided on something older undoes them all."""
    for change in changes:
        match change:
            case JobAdded():
                add(connection, change.row, change.by)
            case JobChanged():
                _change(connection, change)
            case JobRemoved():
                _remove(connection, change)


def add(connection: apsw.Connection, job: JobRow, by: str) -> None:
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
    audit = Audit(by, None, json.loads(job.doc))
    _record(connection, job.created_ms, "job.added", job.id, audit, {"name": job.name})
    _count(connection, 1)


def get(connection: apsw.Connection, job_id: str) -> JobRow | None:
    row = first(connection, f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job_id,))
    return None if row is None else job_of(row)


def everything(connection: apsw.Connection) -> list[JobRow]:
    return [job_of(row) for row in connection.execute(f"SELECT {COLUMNS} FROM jobs ORDER BY created_at, id")]


def after(connection: apsw.Connection, job_id: str, limit: int) -> list[JobRow]:
    """The next jobs in the order of their ids."""
    query = f"SELECT {COLUMNS} FROM jobs WHERE id > ? ORDER BY id LIMIT ?"
    return [job_of(row) for row in connection.execute(query, (job_id, limit))]


def block(connection: apsw.Connection, blocked: Mapping[str, str]) -> None:
    """Mark the jobs that cannot run now, and free all others."""
    connection.execute("UPDATE jobs SET blocked = NULL WHERE blocked IS NOT NULL")
    connection.executemany(
        "UPDATE jobs SET blocked = ? WHERE id = ?", [(why, job) for job, why in blocked.items()]
    )


def note_switch_off(connection: apsw.Connection, job_id: str, reason: str, at_ms: int) -> None:
    """The product itself switched a job off, which is an edit like any other."""
    job = get(connection, job_id)
    if job is not None:
        audit = Audit(f"stentor:{reason}", {"enabled": True}, {"enabled": False})
        said = {"name": job.name, "revision": job.revision, "accountedMs": job.accounted_ms}
        _record(connection, at_ms, "job.changed", job_id, audit, said)


def _change(connection: apsw.Connection, change: JobChanged) -> None:
    job = change.row
    values = (
        job.name,
        job.agent_id,
        job.doc,
        fingerprint(job.doc),
        job.preview,
        job.schedule_kind,
        job.revision,
        job.updated_ms,
        job.blocked,
        job.id,
        change.expected_revision,
    )
    connection.execute(_REWRITE, values)
    _refuse_stale(connection, job.id)
    if change.closing is not None:
        starts = (job.enabled, job.next_at_ms, job.accounted_ms, job.finished, job.id)
        connection.execute(_RESTART, (*starts, change.closing.accounted_ms))
        _refuse_stale(connection, job.id)
        lose(connection, job.id, change.closing.rows, job.updated_ms)
    said = {"name": job.name, "revision": job.revision}
    _record(connection, job.updated_ms, "job.changed", job.id, change.audit, said)


def _remove(connection: apsw.Connection, change: JobRemoved) -> None:
    connection.execute(_DELETE, (change.job_id, change.expected_revision, change.closing.accounted_ms))
    _refuse_stale(connection, change.job_id)
    lose(connection, change.job_id, change.closing.rows, change.at_ms)
    said = {"name": (change.audit.before or {}).get("name")}
    _record(connection, change.at_ms, "job.removed", change.job_id, change.audit, said)
    _count(connection, -1)


def _refuse_stale(connection: apsw.Connection, job_id: str) -> None:
    if not connection.changes():
        raise StaleRevision(f"job {job_id!r} has changed since it was looked at: look at it again")


def _record(
    connection: apsw.Connection,
    at_ms: int,
    kind: str,
    job_id: str,
    audit: Audit,
    said: Mapping[str, object],
) -> None:
    data = {**said, "by": audit.by, "before": audit.before, "after": audit.after}
    record(connection, at_ms, kind, data, job_id=job_id)


def _count(connection: apsw.Connection, change: int) -> None:
    """How many jobs there should be: a store that lost them is refused instead of started empty."""
    connection.execute(
        "INSERT INTO meta VALUES ('jobs', ?1) ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + ?1",
        (change,),
    )
