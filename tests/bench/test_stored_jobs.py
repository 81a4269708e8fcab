"""What a tick costs depends on what is due, not on what is stored."""

import time
from pathlib import Path
from statistics import median

import apsw

from stentor.adapters.sqlite import life, schedule
from stentor.adapters.sqlite.store import open_connection
from stentor.testing.rows import BOOT, NOW_MS, claim_of, run_seed

FEW, MANY = 1_000, 1_000_000
DUE = 32
TICKS = 41
RATIO = 3.0

_FILL = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
INSERT INTO jobs (id, name, agent_id, doc, checksum, preview, schedule_kind, enabled, revision, next_at, accounted_at,
    created_at, updated_at)
SELECT printf('job-%07d', i), 'Job', 'main', ?2, '', '{}', 'every', 1, 1, ?3 + i * 50, ?3 - 1000, 0, 0 FROM n
"""


def filled(path: Path, jobs: int) -> apsw.Connection:
    """A store with so many jobs, one of them due every fifty milliseconds."""
    connection = open_connection(path)
    with connection:
        connection.execute(_FILL, (jobs, f'{{"text": "{"x" * 200}"}}', NOW_MS))
    return connection


def tick(connection: apsw.Connection, number: int) -> float:
    """The seconds of work in one look at the store: what is due is claimed, and when to look again is asked."""
    now = NOW_MS + number * DUE * 50
    begin = time.thread_time()
    with connection:
        due = schedule.due(connection, now, DUE)
        claims = [
            claim_of(
                found.row,
                run_seed(f"r-{number}-{n}", job_id=found.row.id, scheduled_ms=found.row.next_at_ms),
                until_ms=now,
                next_at_ms=NOW_MS + 10**9 + now,
            )
            for n, found in enumerate(due)
        ]
        schedule.claim_all(connection, claims)
        schedule.next_due(connection)
        life.beat(connection, BOOT, now)
    spent = time.thread_time() - begin
    assert len(due) == (DUE if number else 1)
    return spent


def test_a_million_stored_jobs_hardly_change_the_cost_of_a_tick(tmp_path: Path) -> None:
    few, many = (filled(tmp_path / f"{jobs}.db", jobs) for jobs in (FEW, MANY))
    pairs = [(tick(few, number), tick(many, number)) for number in range(min(TICKS, FEW // DUE))]
    ratio = median(high for _, high in pairs[1:]) / median(low for low, _ in pairs[1:])
    few.close()
    many.close()
    assert ratio < RATIO, f"{ratio:.2f} times"
    print(f"{ratio:.2f} times the cost")
