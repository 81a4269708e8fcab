"""What was not sent in its time is given up."""

import apsw

from stentor.adapters.sqlite import lanes, rollup
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.domain.outbox import IN_DOUBT

_LATE = """
SELECT id FROM deliveries d WHERE state IN ('pending', 'unknown') AND expires_at <= ?
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id AND p.state IN ('pending', 'retry_wait')) LIMIT 200
"""
# What may have arrived already was not given up: nobody knows.
_GIVE_UP = """
UPDATE parts SET state = iif(reason IN (SELECT value FROM json_each(?1)), 'unknown', 'expired'),
    reason = iif(reason IN (SELECT value FROM json_each(?1)), reason, 'expired')
WHERE delivery_id = ?2 AND state IN ('pending', 'retry_wait')
"""


def expire(connection: apsw.Connection, now_ms: int) -> int:
    """Give up what is too late, at most 200 deliveries at once."""
    late = fetch(connection, _LATE, (now_ms,))
    for (delivery,) in late:
        give_up(connection, delivery, now_ms)
    return len(late)


def give_up(connection: apsw.Connection, delivery_id: str, now_ms: int) -> None:
    """A part that is being sent may still arrive; all that wait expire."""
    connection.execute(_GIVE_UP, (listed(IN_DOUBT), delivery_id))
    found = fetch(connection, "SELECT DISTINCT lane FROM parts WHERE delivery_id = ?", (delivery_id,))
    lanes.review(connection, [lane for (lane,) in found])
    rollup.after_changes(connection, [rollup.Change(delivery_id, now_ms, "not sent before it expired")])
