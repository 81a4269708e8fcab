"""Accounted instants that will not run."""

from collections.abc import Sequence

import apsw

from stentor.adapters.sqlite.events import alert
from stentor.domain.records import OccurrenceRow

# An instant that has a row, by itself or within a range, is never written again.
_INSERT = """
INSERT INTO occurrences (job_id, instant, outcome, reason, run_id, last_instant, count)
SELECT ?1, ?2, ?3, ?4, NULL, ?5, ?6 WHERE NOT EXISTS (
    SELECT 1 FROM (SELECT ifnull(last_instant, instant) AS until FROM occurrences WHERE job_id = ?1 AND instant <= ?2
        ORDER BY instant DESC LIMIT 1) WHERE until >= ?2)
"""


def lose(connection: apsw.Connection, job_id: str, rows: Sequence[OccurrenceRow], at_ms: int) -> None:
    """Write down instants that are lost, and say so in one line for all of them."""
    values = [(job_id, row.instant_ms, row.outcome, row.reason, row.last_ms, row.count) for row in rows]
    connection.executemany(_INSERT, values)
    if rows:
        count = sum(row.count for row in rows)
        reasons = ", ".join(sorted({row.reason for row in rows}))
        alert(connection, at_ms, "missed", f"{count} missed ({reasons})", job_id=job_id)
