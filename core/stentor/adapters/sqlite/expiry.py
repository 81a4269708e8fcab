"""What was not sent in its time is given up."""

from collections.abc import Sequence

import apsw

from stentor.adapters.sqlite import rollup
from stentor.adapters.sqlite.giving_up import give_up
from stentor.adapters.sqlite.rows import fetch
from stentor.domain.states import PartState

_LATE = """
SELECT id FROM deliveries d WHERE state IN ('pending', 'unknown') AND expires_at <= ?
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id AND p.state IN ('pending', 'retry_wait')) LIMIT 200
"""


def expire(connection: apsw.Connection, now_ms: int) -> int:
    """Give up what is too late, at most 200 deliveries at once."""
    late = [delivery for (delivery,) in fetch(connection, _LATE, (now_ms,))]
    too_late(connection, late, now_ms)
    return len(late)


def too_late(connection: apsw.Connection, deliveries: Sequence[str], now_ms: int) -> None:
    """All that waits of these deliveries expires."""
    give_up(connection, deliveries, PartState.EXPIRED, "expired")
    changes = [rollup.Change(delivery, now_ms, "not sent before it expired") for delivery in deliveries]
    rollup.after_changes(connection, changes)
