"""Removing runs and deliveries, with everything that hangs on them and on nothing else."""

from collections.abc import Sequence

import apsw

from stentor.adapters.sqlite.session_bounds import PINNED

# Made for this run alone, and of no use without it, unless it is pinned. A shared session has a life of its own.
_OWN_SESSION = f"""
SELECT s.id FROM runs r JOIN sessions s ON s.id = r.session_id WHERE r.id = ? AND s.kind = 'run' AND NOT EXISTS (
    SELECT 1 FROM runs o WHERE o.job_id = r.job_id AND o.ended_at IS NULL AND o.session_id = s.id) AND NOT {PINNED}
"""
# What points at a row goes before the row.
_STEPS = (
    """
    DELETE FROM receipts WHERE id IN (SELECT r.id FROM deliveries d CROSS JOIN parts p ON p.delivery_id = d.id
        CROSS JOIN receipts r ON r.channel = d.channel AND r.account = d.account AND r.message_id = p.message_id
        WHERE d.run_id = ? AND r.part_id = p.id)
    """,
    "DELETE FROM parts WHERE delivery_id IN (SELECT id FROM deliveries WHERE run_id = ?)",
    "DELETE FROM deliveries WHERE run_id = ?",
    "DELETE FROM occurrences WHERE (job_id, instant, run_id) = (SELECT job_id, scheduled_for, id FROM runs WHERE id = ?)",
    f"DELETE FROM messages WHERE session_id = ({_OWN_SESSION})",
    f"DELETE FROM sessions WHERE id = ({_OWN_SESSION})",
    "DELETE FROM errands WHERE run_id = ?",
    "DELETE FROM runs WHERE id = ?",
)
_STEPS_OF_DELIVERY = (
    """
    DELETE FROM receipts WHERE id IN (SELECT r.id FROM deliveries d CROSS JOIN parts p ON p.delivery_id = d.id
        CROSS JOIN receipts r ON r.channel = d.channel AND r.account = d.account AND r.message_id = p.message_id
        WHERE d.id = ? AND r.part_id = p.id)
    """,
    "DELETE FROM parts WHERE delivery_id = ?",
    "DELETE FROM deliveries WHERE id = ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = deliveries.run_id)",
)


def forget(connection: apsw.Connection, run_ids: Sequence[str]) -> None:
    """The runs, their instants, deliveries, parts and receipts, and the sessions that were theirs alone."""
    for step in _STEPS:
        connection.executemany(step, [(run_id,) for run_id in run_ids])


def forget_deliveries(connection: apsw.Connection, delivery_ids: Sequence[str]) -> None:
    """The parts and receipts of deliveries; of those that belong to a run the outcome stays, as long as the run does."""
    for step in _STEPS_OF_DELIVERY:
        connection.executemany(step, [(delivery,) for delivery in delivery_ids])
