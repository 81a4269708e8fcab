"""Due jobs, and the claims that account for their instants."""

from collections.abc import Iterator, Mapping, Sequence

import apsw

from stentor.adapters.sqlite import jobs, occurrences, runs
from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.rows import OneByOne, Row, fetch_packed, first, number, write_each
from stentor.domain.records import Claim, DueJob, RunSeed

# A run that waits for its turn among late ones, or for its retry, is not in the way of the next instant.
_DUE = f"""
SELECT (SELECT count(*) FROM runs WHERE runs.job_id = jobs.id AND ended_at IS NULL AND ifnull(runs.not_before, 0) <= ?1),
    not_before, {jobs.COLUMNS}
FROM jobs WHERE enabled = 1 AND next_at IS NOT NULL AND next_at <= ?1 ORDER BY next_at LIMIT ?2
"""
_COLUMNS_OF_DUE = 16
_NEXT = "SELECT min(next_at) FROM jobs WHERE enabled = 1 AND next_at IS NOT NULL"
_ADVANCE = """
WITH claim (job, revision, accounted_from, accounted_until, upcoming, end) AS ({rows})
UPDATE jobs SET accounted_at = claim.accounted_until, next_at = claim.upcoming, finished = ifnull(claim.end, finished),
    enabled = claim.end IS NULL, schedule_errors = 0
FROM claim WHERE id = claim.job AND enabled = 1 AND jobs.revision = claim.revision AND accounted_at = claim.accounted_from
"""
_LENGTHEN = """
UPDATE occurrences SET last_instant = ?1, count = count + ?2 WHERE job_id = ?3 AND outcome = ?4 AND reason = ?5
    AND last_instant IS NOT NULL AND instant = (SELECT max(instant) FROM occurrences WHERE job_id = ?3)
"""


def due(connection: apsw.Connection, before_ms: int, limit: int) -> list[DueJob]:
    found = fetch_packed(connection, _DUE, (before_ms, limit), columns=_COLUMNS_OF_DUE)
    return [DueJob(jobs.job_of(tuple(row)), running, not_before) for running, not_before, *row in found]


def next_due(connection: apsw.Connection) -> int | None:
    return number(connection, _NEXT)


def claim_all(connection: apsw.Connection, claims: Sequence[Claim]) -> list[Sequence[RunSeed] | None]:
    """Account for jobs, each up to an instant. None for one that changed since: nothing is written of its claim.

    Together they are written without a look at each; where anything is not as expected, each is done by itself.
    """
    if len(claims) == 1:
        return [_claim(connection, claims[0])]
    rows = [row for claim in claims for row in _new_rows(connection, claim)]
    if write_each(connection, _ADVANCE, [_advance(claim) for claim in claims]) < len(claims):
        raise OneByOne
    if not occurrences.insert(connection, rows):
        raise OneByOne
    return _queued(connection, claims, [run for claim in claims for run in claim.runs])


def _claim(connection: apsw.Connection, claim: Claim) -> Sequence[RunSeed] | None:
    if not write_each(connection, _ADVANCE, [_advance(claim)]):
        return None
    fresh = {row[4] for row in _new_rows(connection, claim) if occurrences.insert(connection, [row])}
    return _queued(connection, [claim], [run for run in claim.runs if run.id in fresh])[0]


def _queued(
    connection: apsw.Connection, claims: Sequence[Claim], seeds: Sequence[RunSeed]
) -> list[Sequence[RunSeed] | None]:
    for claim in claims:
        occurrences.mention_missed(connection, claim.job_id, claim.occurrences, claim.now_ms)
        occurrences.mention_skipped(connection, claim.job_id, claim.occurrences, claim.now_ms)
    queued: dict[str, list[RunSeed]] = {claim.job_id: [] for claim in claims}
    for run in runs.insert_all(connection, seeds):
        queued[run.job_id].append(run)
    return [queued[claim.job_id] for claim in claims]


def _advance(claim: Claim) -> Row:
    return (
        claim.job_id,
        claim.revision,
        claim.from_ms,
        claim.until_ms,
        claim.next_at_ms,
        claim.finished,
    )


def _new_rows(connection: apsw.Connection, claim: Claim) -> Iterator[Row]:
    """The rows to insert; a range that goes on from an earlier claim only becomes longer."""
    for row in claim.occurrences:
        if row.last_ms is not None:
            values = (row.last_ms, row.count, claim.job_id, row.outcome, row.reason)
            connection.execute(_LENGTHEN, values)
            if connection.changes():
                continue
        yield occurrences.values(claim.job_id, row)


def tz_version(connection: apsw.Connection) -> str | None:
    """The time zone database by which the stored instants were computed."""
    row = first(connection, "SELECT value FROM meta WHERE key = 'tz'")
    return None if row is None else row[0]


def retime(connection: apsw.Connection, moved: Mapping[str, int | None], version: str, at_ms: int) -> None:
    """Take the next instants of a new time zone database; a job that waits after errors waits on."""
    rows = [(next_at, job) for job, next_at in moved.items()]
    connection.executemany("UPDATE jobs SET next_at = max(?1, ifnull(not_before, ?1)) WHERE id = ?2", rows)
    if moved:
        data = {"from": tz_version(connection), "to": version, "jobs": len(moved)}
        record(connection, at_ms, "tz.changed", data)
    connection.execute(
        "INSERT INTO meta VALUES ('tz', ?) ON CONFLICT DO UPDATE SET value = excluded.value", (version,)
    )
