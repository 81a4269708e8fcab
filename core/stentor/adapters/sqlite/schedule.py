"""Due jobs, and the claim that accounts for their instants."""

from collections.abc import Sequence

import apsw

from stentor.adapters.sqlite import jobs, runs
from stentor.adapters.sqlite.events import alert
from stentor.adapters.sqlite.rows import number
from stentor.domain.records import Claim, DueJob, OccurrenceRow, RunSeed

_DUE = f"""
SELECT {jobs.COLUMNS}, (SELECT count(*) FROM runs WHERE runs.job_id = jobs.id AND ended_at IS NULL)
FROM jobs WHERE enabled = 1 AND next_at IS NOT NULL AND next_at <= ? ORDER BY next_at LIMIT ?
"""
_NEXT = "SELECT min(next_at) FROM jobs WHERE enabled = 1 AND next_at IS NOT NULL"
_ADVANCE = """
UPDATE jobs SET accounted_at = ?, next_at = ?, enabled = CASE WHEN ? THEN 0 ELSE enabled END, finished = ifnull(?, finished)
WHERE id = ? AND enabled = 1 AND revision = ? AND accounted_at = ?
"""
_OCCURRENCE = """
INSERT INTO occurrences (job_id, instant, outcome, reason, run_id, last_instant, count)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (
    SELECT 1 FROM (SELECT ifnull(last_instant, instant) AS until FROM occurrences WHERE job_id = ?1 AND instant <= ?2
        ORDER BY instant DESC LIMIT 1) WHERE until >= ?2)
"""


def due(connection: apsw.Connection, before_ms: int, limit: int) -> list[DueJob]:
    return [DueJob(jobs.job_of(row[:-1]), row[-1]) for row in connection.execute(_DUE, (before_ms, limit))]


def next_due(connection: apsw.Connection) -> int | None:
    return number(connection, _NEXT)


def claim(connection: apsw.Connection, claim: Claim) -> Sequence[RunSeed] | None:
    """Account for a job up to an instant. None if the job changed since it was looked at: nothing is written then."""
    finished = claim.finished
    values = (
        claim.until_ms,
        claim.next_at_ms,
        finished is not None,
        finished,
        claim.job_id,
        claim.revision,
        claim.from_ms,
    )
    connection.execute(_ADVANCE, values)
    if not connection.changes():
        return None
    fired = {row.run_id for row in claim.occurrences if _account(connection, claim.job_id, row)}
    _mention_missed(connection, claim)
    return [runs.insert(connection, run) for run in claim.runs if run.id in fired]


def _account(connection: apsw.Connection, job_id: str, row: OccurrenceRow) -> bool:
    """Write an instant's row; False if it was accounted for before, and then it must not run again."""
    values = (job_id, row.instant_ms, row.outcome, row.reason, row.run_id, row.last_ms, row.count)
    connection.execute(_OCCURRENCE, values)
    return connection.changes() == 1


def _mention_missed(connection: apsw.Connection, claim: Claim) -> None:
    """One line for all instants of this claim that will not run and nobody chose to skip."""
    lost = [row for row in claim.occurrences if row.outcome == "missed"]
    if lost:
        count = sum(row.count for row in lost)
        reasons = ", ".join(sorted({row.reason for row in lost}))
        alert(connection, claim.now_ms, "missed", f"{count} missed ({reasons})", job_id=claim.job_id)
