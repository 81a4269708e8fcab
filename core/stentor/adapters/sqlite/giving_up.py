"""What waits is not sent any more: the one place where waiting parts end, whoever wants it and for whatever reason."""

from collections.abc import Iterable
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.domain.outbox import IN_DOUBT
from stentor.domain.states import PartState

# What may have arrived already was not given up: nobody knows.
_GIVE_UP = """
UPDATE parts SET state = iif(reason IN (SELECT value FROM json_each(?1)), 'unknown', ?2),
    reason = iif(reason IN (SELECT value FROM json_each(?1)), reason, ?3), held = 0, next_attempt_at = NULL
WHERE delivery_id IN (SELECT value FROM json_each(?4)) AND state IN ('pending', 'retry_wait')
    AND (?5 IS NULL OR n IN (SELECT value FROM json_each(?5)))
RETURNING delivery_id, n, lane, state = 'unknown'
"""


class GivenUp(NamedTuple):
    """A part that waited and does not any more, and whether it is open that it had arrived."""

    delivery_id: str
    n: int
    lane: int
    in_doubt: int


def give_up(
    connection: apsw.Connection,
    deliveries: Iterable[str],
    state: PartState,
    reason: str,
    parts: Iterable[int] | None = None,
) -> list[GivenUp]:
    """End what waits of deliveries, or only these of its parts. A part that is being sent may still arrive.

    Their lanes go on without them; what it means for the deliveries is left to whoever asked.
    """
    numbers = None if parts is None else listed(parts)
    values = (listed(sorted(IN_DOUBT)), state.value, reason, listed(deliveries), numbers)
    ended = sorted(map(GivenUp._make, fetch(connection, _GIVE_UP, values)))
    lanes.review(connection, list(dict.fromkeys(part.lane for part in ended)))
    return ended
