"""How a store is doing: what there is to worry about, read and never written."""

from dataclasses import dataclass
from pathlib import Path

import apsw

from stentor.adapters.sqlite.rows import fetch, first, only
from stentor.adapters.sqlite.snapshot import read_only

_DAY_MS = 86_400_000
_NAMED = 3

_UNACCOUNTED = """
SELECT next_at FROM jobs WHERE enabled = 1 AND next_at IS NOT NULL AND next_at < ? AND blocked IS NULL ORDER BY next_at LIMIT 1
"""
_SWITCHED_OFF = "auto_disabled IS NOT NULL AND enabled = 0"
# A job its owner switched off worries nobody; a one-shot that is over still does.
_FAILED = """
last_status IN ('error', 'timeout', 'interrupted') AND auto_disabled IS NULL AND (enabled = 1 OR finished IS NOT NULL)
"""
# What was dropped is settled, and what has arrived by another delivery since is not missed.
DEAD = """
d.state IN ('failed', 'partial') AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id) AND NOT EXISTS (
    SELECT 1 FROM deliveries l WHERE l.linked_to = d.id AND l.state IN ('accepted', 'delivered', 'read'))
"""
_UNDELIVERED = f"""
last_status = 'ok' AND (enabled = 1 OR finished IS NOT NULL) AND EXISTS (
    SELECT 1 FROM runs l JOIN deliveries d ON d.run_id = l.id WHERE l.id = (
        SELECT r.id FROM runs r WHERE r.job_id = jobs.id AND r.ended_at IS NOT NULL ORDER BY r.queued_at DESC LIMIT 1)
    AND l.delivery_status = 'not-delivered' AND d.required = 1 AND {DEAD})
"""
_FAILED_SENDS = f"""
SELECT count(*) FROM deliveries d
WHERE created_at > ? AND run_id IS NULL AND purpose NOT IN ('failure', 'recovery') AND {DEAD}
"""


@dataclass(frozen=True, slots=True)
class Named:
    """How many there are, and some of them by name."""

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Instants are in milliseconds; those of the heartbeat and the newest are by the daemon's own clock."""

    heartbeat_ms: int | None = None
    newest_ms: int = 0
    newest_at_start_ms: int = 0
    unaccounted_ms: int | None = None
    backoff: int = 0
    switched_off: Named = Named()
    failed: Named = Named()
    undelivered: Named = Named()
    failed_sends: int = 0


def read_health(path: Path, now_ms: int) -> Health:
    """A store that does not exist yet is in perfect health."""
    if not path.exists() or not path.stat().st_size:
        return Health()
    connection = read_only(str(path))
    try:
        return _health(connection, now_ms)
    finally:
        connection.close()


def _health(connection: apsw.Connection, now_ms: int) -> Health:
    unaccounted = first(connection, _UNACCOUNTED, (now_ms,))
    backoff = "SELECT count(*) FROM jobs WHERE enabled = 1 AND not_before > ?"
    return Health(
        _fact(connection, "heartbeat"),
        _fact(connection, "newest") or 0,
        _fact(connection, "newest_at_start") or 0,
        None if unaccounted is None else unaccounted[0],
        only(connection, backoff, (now_ms,))[0],
        _named(connection, _SWITCHED_OFF),
        _named(connection, _FAILED),
        _named(connection, _UNDELIVERED),
        only(connection, _FAILED_SENDS, (now_ms - _DAY_MS,))[0],
    )


def _fact(connection: apsw.Connection, key: str) -> int | None:
    row = first(connection, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = ?", (key,))
    return None if row is None else row[0]


def _named(connection: apsw.Connection, where: str) -> Named:
    query = f"SELECT id, count(*) OVER () FROM jobs WHERE {where} ORDER BY id LIMIT {_NAMED}"
    rows = fetch(connection, query)
    return Named(rows[0][1], tuple(job for job, _ in rows)) if rows else Named()
