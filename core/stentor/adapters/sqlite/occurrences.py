"""Accounted instants, one row each or one for a range."""

from collections.abc import Iterable, Sequence

import apsw

from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import Row, fetch, listed, write_each
from stentor.domain.records import OccurrenceRow

# An instant that has a row, by itself or within a range, is never written again, and so never runs again. What looks
# into the table it writes to is slow, so what is there already is found out beforehand.
_INSERT = """
INSERT INTO occurrences (job_id, instant, outcome, reason, run_id, last_instant, count) {rows} ON CONFLICT DO NOTHING
"""
_IS_THERE = """
SELECT w.value ->> 0, w.value ->> 1 FROM json_each(?) w WHERE w.value ->> 1 <= (
    SELECT ifnull(last_instant, instant) FROM occurrences WHERE job_id = w.value ->> 0 AND instant <= w.value ->> 1
    ORDER BY instant DESC LIMIT 1)
"""

_SKIPPED = "UPDATE jobs SET consecutive_skipped = consecutive_skipped + ? WHERE id = ?"


def values(job_id: str, row: OccurrenceRow) -> Row:
    return job_id, row.instant_ms, row.outcome, row.reason, row.run_id, row.last_ms, row.count


def insert(connection: apsw.Connection, rows: Sequence[Row]) -> bool:
    """Write down the `values` of instants that are new; whether all of them were."""
    there = set(fetch(connection, _IS_THERE, (listed(row[:2] for row in rows),)))
    return write_each(connection, _INSERT, [row for row in rows if row[:2] not in there]) == len(rows)


def lose(connection: apsw.Connection, job_id: str, rows: Sequence[OccurrenceRow], at_ms: int) -> None:
    """Write down instants that are lost, and mention them."""
    insert(connection, [values(job_id, row) for row in rows])
    mention_missed(connection, job_id, rows, at_ms)


def mention_missed(
    connection: apsw.Connection, job_id: str, rows: Iterable[OccurrenceRow], at_ms: int
) -> None:
    """One line for all instants that will not run and nobody chose to skip."""
    lost = [row for row in rows if row.outcome == "missed"]
    if lost:
        count = sum(row.count for row in lost)
        reasons = ", ".join(sorted({row.reason for row in lost}))
        alert(connection, at_ms, "missed", f"{count} missed ({reasons})", job_id=job_id)


def mention_skipped(
    connection: apsw.Connection, job_id: str, rows: Iterable[OccurrenceRow], at_ms: int
) -> None:
    """Instants that could not run count in a row until a run ends. Those after errors are part of that trouble."""
    skipped = [row for row in rows if row.outcome == "skipped" and row.reason != "backoff"]
    if skipped:
        connection.execute(_SKIPPED, (sum(row.count for row in skipped), job_id))
        reasons = ", ".join(sorted({row.reason for row in skipped}))
        record(connection, at_ms, "run.skipped", {"message": reasons}, job_id=job_id)
