"""What follows an unknown part of a delivery is held until somebody knows what became of it."""

import apsw

from stentor.adapters.sqlite import rollup

_HOLD = "UPDATE parts SET held = 1, reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'"
_RELEASE = f"""
UPDATE parts SET held = 0, reason = '' WHERE delivery_id = ?1 AND held = 1 AND state = 'pending' AND NOT EXISTS (
    SELECT 1 FROM parts p JOIN deliveries d ON d.id = p.delivery_id
    WHERE p.delivery_id = ?1 AND p.n < parts.n AND {rollup.AS_RULED} = 'unknown')
"""


def hold(connection: apsw.Connection, delivery_id: str, unknown: int) -> None:
    """What follows part number `unknown` waits."""
    connection.execute(_HOLD, (f"part {unknown} is unknown", delivery_id, unknown))


def release(connection: apsw.Connection, delivery_id: str) -> None:
    """Something became known: what has nothing unknown before it any more may go."""
    connection.execute(_RELEASE, (delivery_id,))
