"""Retention of the outbox, in slices: deliveries that are over, what nobody asked for, and records of what is gone.

Of a delivery that belongs to a run the outcome stays for as long as the run.
"""

from typing import Any

import apsw

from stentor.adapters.sqlite.forgetting import forget_deliveries
from stentor.adapters.sqlite.rows import Row, fetch
from stentor.domain.retention import Limits, Removed

_ROWS = 200
# A part's id is its idempotency key: it is remembered for a while after the last moment at which it could be used.
_AFTER_EXPIRY_MS = 86_400_000

_DELIVERIES = f"""
SELECT created_at, d.rowid, id, expires_at < ?2 AND state NOT IN ('pending', 'unknown')
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id)
FROM deliveries d WHERE created_at < ?1 AND (created_at, d.rowid) > (?3, ?4) ORDER BY created_at, d.rowid LIMIT {_ROWS}
"""
_RECEIPTS = f"SELECT id, part_id IS NULL, at FROM receipts WHERE id > ? ORDER BY id LIMIT {_ROWS}"
_INCOMING = f"SELECT id, 1, received_at FROM incoming WHERE id > ? ORDER BY id LIMIT {_ROWS}"
_RECORDS = f"""
SELECT id, NOT EXISTS (SELECT 1 FROM parts p WHERE p.id = j.key), at FROM journal j WHERE id > ? ORDER BY id LIMIT {_ROWS}
"""

After = tuple[Any, ...]
Slice = tuple[Removed, After]


def old_deliveries(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    """Deliveries that are over, with their parts and receipts."""
    oldest = limits.oldest_delivery_ms(now_ms)
    if oldest is None:
        return Removed(), ()
    rows = fetch(connection, _DELIVERIES, (oldest, now_ms - _AFTER_EXPIRY_MS, *(after or (-1, 0))))
    gone = [delivery for _, _, delivery, may_go in rows if may_go]
    forget_deliveries(connection, gone)
    return Removed(deliveries=len(gone)), tuple(rows[-1][:2]) if rows else ()


def stray_receipts(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    """Receipts for messages that nobody has sent, as far as anybody knows."""
    gone, reached = _aged(connection, _RECEIPTS, limits.oldest_delivery_ms(now_ms), after)
    connection.executemany("DELETE FROM receipts WHERE id = ?", gone)
    return Removed(receipts=len(gone)), reached


def old_records(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    """What channels keep in the store, once the part it was kept for is gone."""
    gone, reached = _aged(connection, _RECORDS, limits.oldest_delivery_ms(now_ms), after)
    connection.executemany("DELETE FROM journal WHERE id = ?", gone)
    return Removed(records=len(gone)), reached


def old_incoming(connection: apsw.Connection, limits: Limits, now_ms: int, after: After) -> Slice:
    """What people wrote, as long as deliveries are kept."""
    gone, reached = _aged(connection, _INCOMING, limits.oldest_delivery_ms(now_ms), after)
    connection.executemany("DELETE FROM incoming WHERE id = ?", gone)
    return Removed(incoming=len(gone)), reached


def _aged(
    connection: apsw.Connection, query: str, oldest_ms: int | None, after: After
) -> tuple[list[Row], After]:
    """The rows of a slice that may go, and how far it came. Rows are written in the order of time, so the first that
    is too young is the end."""
    if oldest_ms is None:
        return [], ()
    rows = fetch(connection, query, after or (0,))
    gone = [(row,) for row, may_go, at_ms in rows if may_go and at_ms < oldest_ms]
    is_end = not rows or rows[-1][2] >= oldest_ms
    return gone, () if is_end else (rows[-1][0],)
