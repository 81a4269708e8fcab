"""The outbox as people and scripts read it: deliveries by what is asked of them, and one with all that is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from stentor.adapters.sqlite import shapes
from stentor.adapters.sqlite.rows import Row, fetch, only
from stentor.domain.json_types import JsonObject

UNCONFIRMED = "unconfirmed"
_STATE = f"{shapes.STATE} = ?"
_CONFIRMED = "d.unconfirmed_at IS NOT NULL"
# What was dropped and still has its row, for the sake of its run, is shown with that run only.
_THERE = """
(d.state IN ('suppressed', 'not_requested') OR EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id))
"""
_RECEIPTS = """
SELECT p.n, r.message_id, r.level, r.target, r.detail, r.at FROM parts p JOIN deliveries d ON d.id = p.delivery_id
CROSS JOIN receipts r ON r.channel = d.channel AND r.account = d.account AND r.message_id = p.message_id
WHERE p.delivery_id = ? AND r.part_id = p.id ORDER BY p.n, r.at, r.id
"""
# Nothing is known of a delivery from before it was made.
_EVENTS = f"""
{shapes.EVENT} WHERE e.at >= (SELECT created_at FROM deliveries WHERE id = ?1) AND e.delivery_id = ?1 ORDER BY e.id
"""
_TEXTS = "SELECT n, text, format, attachment FROM parts WHERE delivery_id = ? ORDER BY n"
_TARGETS = """
SELECT channel, account, target, state, reason, moved_to, since FROM targets ORDER BY channel, account, target
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which deliveries somebody wants to see; what is not said does not matter."""

    run: str | None = None
    delivery: str | None = None
    target: str | None = None
    state: str | None = None
    job: str | None = None
    channel: str | None = None
    purpose: str | None = None
    since_ms: int | None = None

    def where(self) -> tuple[str, list[str | int]]:
        """The condition and its values."""
        wanted: dict[str, str | int | None] = {
            "d.run_id = ?": self.run,
            "d.id = ?": self.delivery,
            "d.target = ?": self.target,
            _STATE: None if self.state == UNCONFIRMED else self.state,
            "d.job_id = ?": self.job,
            "d.channel = ?": self.channel,
            "d.purpose = ?": self.purpose,
            "d.created_at >= ?": self.since_ms,
        }
        given = {clause: value for clause, value in wanted.items() if value is not None}
        clauses = [*given, *([_CONFIRMED] if self.state == UNCONFIRMED else [])]
        if self.run is None and self.delivery is None:
            clauses.append(_THERE)
        return f"WHERE {' AND '.join(clauses)}", list(given.values())


def deliveries(
    connection: apsw.Connection, asked: Asked, *, limit: int = -1, offset: int = 0
) -> list[JsonObject]:
    """Newest first; those of one run in their order."""
    where, values = asked.where()
    order = "d.created_at, d.rowid" if asked.run else "d.created_at DESC, d.rowid DESC"
    query = f"{shapes.DELIVERY} {where} ORDER BY {order} LIMIT ? OFFSET ?"
    return [
        shapes.delivery(row, _parts(connection, row[0]))
        for row in fetch(connection, query, (*values, limit, offset))
    ]


def count(connection: apsw.Connection, asked: Asked) -> int:
    where, values = asked.where()
    found: int = only(connection, f"SELECT count(*) FROM {shapes.DELIVERIES} {where}", values)[0]
    return found


def ids(connection: apsw.Connection, asked: Asked) -> list[str]:
    """Oldest first."""
    where, values = asked.where()
    query = f"SELECT d.id FROM {shapes.DELIVERIES} {where} ORDER BY d.created_at, d.rowid"
    return [found for (found,) in fetch(connection, query, values)]


def details(connection: apsw.Connection, delivery_id: str) -> JsonObject | None:
    """A delivery with its texts, its receipts and what happened to it."""
    for found in deliveries(connection, Asked(delivery=delivery_id)):
        texts = {row[0]: row for row in fetch(connection, _TEXTS, (delivery_id,))}
        return {
            **found,
            "parts": [shapes.with_text(part, texts[part["n"]]) for part in found["parts"]],
            "receipts": [shapes.receipt(row) for row in fetch(connection, _RECEIPTS, (delivery_id,))],
            "events": [shapes.event(row) for row in fetch(connection, _EVENTS, (delivery_id,))],
        }
    return None


def known_targets(connection: apsw.Connection) -> list[JsonObject]:
    """The targets of which something was learned."""
    return [shapes.known_target(row) for row in fetch(connection, _TARGETS)]


def _parts(connection: apsw.Connection, delivery_id: str) -> Sequence[Row]:
    return fetch(connection, f"{shapes.PART} WHERE delivery_id = ? ORDER BY n", (delivery_id,))
