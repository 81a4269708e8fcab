"""Retention in slices: each call looks at a few rows, removes those that may go, and says where to go on.

What is still of use stays whatever its age: runs that are open, and runs with a delivery that is still to be sent or
may have arrived unseen.
"""

import json
from collections.abc import Callable

import apsw

from stentor.adapters.sqlite import aging, session_bounds
from stentor.adapters.sqlite.aging import After, Slice
from stentor.adapters.sqlite.forgetting import forget
from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.domain.retention import Limits, Position, Pruned, Removed

# A run has some seven rows in other tables: this makes slices of a size that nobody feels.
_RUNS = 25
_ROWS = 200
_JOBS = 32
_PAGES = 64
# The space of what goes in this hour is used again in the next. Only what exceeds this is given back.
_SPARE_PAGES = 1_000

Stage = Callable[[apsw.Connection, Limits, int, After], Slice]

_MAY_GO = """
runs.ended_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM deliveries d WHERE d.run_id = runs.id AND d.state IN ('pending', 'unknown')
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id))
"""
_AGED = f"""
SELECT ended_at, runs.rowid, id, bytes, {_MAY_GO} FROM runs
WHERE ended_at IS NOT NULL AND ended_at < ? AND (ended_at, runs.rowid) > (?, ?) ORDER BY ended_at, runs.rowid LIMIT {_RUNS}
"""
_SURPLUS = f"""
SELECT queued_at, runs.rowid, id, bytes, {_MAY_GO} FROM runs
WHERE job_id = ? AND (queued_at, runs.rowid) <= (?, ?) AND (queued_at, runs.rowid) > (?, ?)
ORDER BY queued_at, runs.rowid LIMIT {_RUNS}
"""
_TOO_MANY = """
SELECT queued_at, rowid FROM runs WHERE job_id = ? ORDER BY queued_at DESC, rowid DESC LIMIT 1 OFFSET ?
"""
# The newest run stays, however much it says.
_TOO_MUCH = """
SELECT queued_at, row FROM (
    SELECT queued_at, rowid AS row, sum(bytes) OVER newest_first AS total, row_number() OVER newest_first AS n
    FROM runs WHERE job_id = ? WINDOW newest_first AS (ORDER BY queued_at DESC, rowid DESC))
WHERE total > ? AND n > 1 ORDER BY queued_at DESC, row DESC LIMIT 1
"""
# Only the full history of a job has a beginning before which nothing is of use.
_OLDEST_OF_MANY = "SELECT queued_at FROM runs WHERE job_id = ? ORDER BY queued_at DESC LIMIT 1 OFFSET ?"
_INSTANTS = f"""
SELECT instant, ifnull(last_instant, instant) <= ?2 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = o.run_id)
FROM occurrences o WHERE job_id = ?1 AND instant <= ?2 AND instant > ?3 ORDER BY instant LIMIT {_ROWS}
"""
_EVENTS = f"""
SELECT at, id, NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = e.run_id) AND NOT EXISTS (
    SELECT 1 FROM deliveries d WHERE d.id = e.delivery_id AND (d.state IN ('pending', 'unknown') OR e.kind = 'alert'))
FROM events e WHERE at < ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT {_ROWS}
"""

_NOTE = "INSERT INTO meta VALUES ('sweep', ?) ON CONFLICT DO UPDATE SET value = excluded.value"


def prune(connection: apsw.Connection, limits: Limits, now_ms: int, begin: Position) -> Pruned:
    """One slice of a sweep, which begins at `Position()`."""
    removed, after = _STAGES[begin.stage](connection, limits, now_ms, begin.after)
    if after:
        return Pruned(removed, Position(begin.stage, after))
    stage = begin.stage + 1
    return Pruned(removed, Position(stage) if stage < len(_STAGES) else None)


def note(connection: apsw.Connection, removed: Removed, at_ms: int) -> None:
    """What the last sweep came to, of sessions: whoever asks how many there are wants to know that, too."""
    said = {"at": at_ms, "removed": removed.sessions.as_json(), "beyond": removed.beyond.as_json()}
    connection.execute(_NOTE, (json.dumps(said),))


def give_back(connection: apsw.Connection) -> bool:
    """Return some unused pages to the disk; whether there are more to return."""
    if only(connection, "PRAGMA freelist_count")[0] <= _SPARE_PAGES:
        return False
    fetch(connection, f"PRAGMA incremental_vacuum({_PAGES})")
    return True


def _old_runs(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    oldest = limits.oldest_ms(now_ms)
    if oldest is None:
        return Removed(), ()
    rows = fetch(connection, _AGED, (oldest, *(after or (-1, 0))))
    return _forget(connection, rows), _reached(rows)


def _surplus_runs(connection: apsw.Connection, limits: Limits, _now_ms: int, after: After) -> Slice:
    """What jobs have too much of, also jobs that are no more."""
    if not limits.runs and not limits.bytes:
        return Removed(), ()
    job, *reached = after or ("", -1, 0)
    for _ in range(_JOBS):
        bound = _newest_surplus(connection, limits, job)
        rows = fetch(connection, _SURPLUS, (job, *bound, *reached)) if bound else []
        if rows:
            return _forget(connection, rows), (job, *_reached(rows))
        job, reached = _job_after(connection, "runs", job), [-1, 0]
        if job is None:
            return Removed(), ()
    return Removed(), (job, *reached)


def _bare_instants(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    """Rows of instants that did not run, or whose run is gone."""
    job, reached = after or ("", -1)
    for _ in range(_JOBS):
        bound = _newest_old_instant(connection, limits, now_ms, job)
        rows = [] if bound is None else fetch(connection, _INSTANTS, (job, bound, reached))
        if rows:
            gone = [(job, instant) for instant, may_go in rows if may_go]
            connection.executemany("DELETE FROM occurrences WHERE job_id = ? AND instant = ?", gone)
            return Removed(instants=len(gone)), (job, rows[-1][0])
        job, reached = _job_after(connection, "occurrences", job), -1
        if job is None:
            return Removed(), ()
    return Removed(), (job, reached)


def _old_events(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    oldest = limits.oldest_ms(now_ms)
    if oldest is None:
        return Removed(), ()
    rows = fetch(connection, _EVENTS, (oldest, *(after or (-1, 0))))
    gone = [(event,) for _, event, may_go in rows if may_go]
    connection.executemany("DELETE FROM events WHERE id = ?", gone)
    return Removed(events=len(gone)), _reached(rows)


_STAGES: tuple[Stage, ...] = (
    _old_runs,
    _surplus_runs,
    _bare_instants,
    _old_events,
    aging.old_deliveries,
    aging.stray_receipts,
    aging.old_records,
    aging.old_incoming,
    session_bounds.old_and_surplus,
)


def _forget(connection: apsw.Connection, rows: list[Row]) -> Removed:
    gone = [(run, size) for _, _, run, size, may_go in rows if may_go]
    forget(connection, [run for run, _ in gone])
    return Removed(runs=len(gone), bytes=sum(size for _, size in gone))


def _reached(rows: list[Row]) -> After:
    """The key of the last row that was looked at, if there was one."""
    return tuple(rows[-1][:2]) if rows else ()


def _newest_surplus(connection: apsw.Connection, limits: Limits, job_id: str) -> Row | None:
    """The newest run of a job that is one too many; all before it are too."""
    found = [
        first(connection, query, (job_id, most))
        for query, most in ((_TOO_MANY, limits.runs), (_TOO_MUCH, limits.bytes))
        if most
    ]
    return max((row for row in found if row is not None), default=None)


def _newest_old_instant(connection: apsw.Connection, limits: Limits, now_ms: int, job_id: str) -> int | None:
    oldest = limits.oldest_ms(now_ms)
    found = [] if oldest is None else [oldest - 1]
    if limits.runs:
        row = first(connection, _OLDEST_OF_MANY, (job_id, limits.runs - 1))
        found += [] if row is None else [row[0] - 1]
    return max(found, default=None)


def _job_after(connection: apsw.Connection, table: str, job_id: str) -> str | None:
    """The next job that has rows in `table`."""
    job: str | None = only(connection, f"SELECT min(job_id) FROM {table} WHERE job_id > ?", (job_id,))[0]
    return job
