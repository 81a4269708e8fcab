"""The outbox: deliveries and their parts, written down once."""

from collections.abc import Iterable, Sequence

import apsw

from stentor.adapters.sqlite import lanes, rollup, runs, targets
from stentor.adapters.sqlite.rows import fetch, first, listed
from stentor.domain.ownership import ToolSend, may_be_owned, with_one_owner
from stentor.domain.records import DeliverySeed
from stentor.domain.states import DeliveryState

_INSERT = """
INSERT INTO deliveries (id, run_id, job_id, purpose, channel, account, target, kind, target_id, thread, source, state, reason,
    required, priority, on_unknown, created_at, expires_at, on_thread_gone, link, linked_to, meant_for)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_LIVE = "SELECT 1 FROM runs WHERE id = ? AND boot = ? AND status = 'running' AND ended_at IS NULL"
_TOOL_SENDS = """
SELECT d.run_id, d.id, d.channel, d.account, d.target, d.meant_for, d.state
FROM json_each(?) w CROSS JOIN deliveries d ON d.run_id = w.value AND d.purpose = 'tool' ORDER BY d.rowid
"""
_TAKEN_BACK = "its run is done once more"
_UNSENT = """
SELECT d.id, p.lane FROM deliveries d JOIN parts p ON p.delivery_id = d.id WHERE d.run_id = ? AND d.purpose = 'tool'
    AND NOT EXISTS (SELECT 1 FROM parts o WHERE o.delivery_id = d.id AND (o.state <> 'pending' OR o.attempts > 0))
"""
_CANCEL = """
UPDATE parts SET state = 'cancelled', reason = ? WHERE delivery_id IN (SELECT value FROM json_each(?))
"""
_PART = """
INSERT INTO parts (id, delivery_id, lane, n, of, state, reason, text, format, attachment, plain)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def insert_all(connection: apsw.Connection, seeds: Iterable[DeliverySeed]) -> None:
    """Write deliveries down with their parts, once: the same intent of the same run is the same row."""
    meant = targets.redirected(connection, list(seeds))
    new = [seed for seed in _with_one_owner(connection, meant) if _is_new(connection, seed)]
    parts = [(seed, part) for seed in new for part in seed.parts]
    places = lanes.find_or_open(connection, [seed.target for seed, _ in parts])
    waiting: list[tuple[int, int, int]] = []
    for (seed, part), lane in zip(parts, places, strict=True):
        values = (
            part.id,
            seed.id,
            lane,
            part.n,
            part.of,
            "rejected" if seed.given_up else "pending",
            seed.given_up,
            part.text,
            part.format,
            part.attachment,
            part.plain,
        )
        connection.execute(_PART, values)
        if not seed.given_up:
            waiting.append((connection.last_insert_rowid(), seed.priority.value, lane))
    lanes.join(connection, waiting)


def insert_of_live_run(connection: apsw.Connection, seed: DeliverySeed, boot: str) -> bool:
    """Write down what a run sends while it is under way. Once it is over it sends nothing any more, and that is noted."""
    if first(connection, _LIVE, (seed.run_id, boot)) is None:
        runs.note_late(connection, f"{seed.run_id}", f"a message to {seed.target.canonical}", seed.created_ms)
        return False
    insert_all(connection, [seed])
    return True


def take_back(connection: apsw.Connection, run_id: str, at_ms: int) -> None:
    """A run is done once more: what it wrote down and nobody has begun to send is left to the next attempt."""
    unsent = fetch(connection, _UNSENT, (run_id,))
    ids = list(dict.fromkeys(delivery for delivery, _ in unsent))
    if ids:
        connection.execute(_CANCEL, (_TAKEN_BACK, listed(ids)))
        lanes.review(connection, list(dict.fromkeys(lane for _, lane in unsent)))
        rollup.after_changes(
            connection, [rollup.Change(delivery, at_ms, _TAKEN_BACK, by_hand=True) for delivery in ids]
        )


def _with_one_owner(connection: apsw.Connection, seeds: Sequence[DeliverySeed]) -> list[DeliverySeed]:
    """Announces beside what the same runs' agents have sent: in one transaction with the end of the run, so that
    nothing can come to be sent in between.
    """
    announcing = {seed.run_id for seed in seeds if may_be_owned(seed) and seed.run_id is not None}
    if not announcing:
        return list(seeds)
    sends: dict[str, list[ToolSend]] = {}
    for run, delivery, channel, account, target, meant_for, state in fetch(
        connection, _TOOL_SENDS, (listed(announcing),)
    ):
        places = frozenset(place for place in (target, meant_for) if place)
        send = ToolSend(delivery, channel, account, places, DeliveryState(state))
        sends.setdefault(run, []).append(send)
    return [
        with_one_owner(seed, sends.get(seed.run_id or "", ())) if may_be_owned(seed) else seed
        for seed in seeds
    ]


def _is_new(connection: apsw.Connection, seed: DeliverySeed) -> bool:
    connection.execute(_INSERT, _values(seed))
    return connection.changes() == 1


def _values(seed: DeliverySeed) -> tuple[str | int | None, ...]:
    target = seed.target
    return (
        seed.id,
        seed.run_id,
        seed.job_id,
        seed.purpose.value,
        target.channel,
        target.account,
        target.canonical,
        target.kind,
        target.id,
        target.thread,
        seed.source,
        seed.state.value,
        seed.reason,
        seed.required,
        seed.priority.value,
        seed.on_unknown,
        seed.created_ms,
        seed.expires_ms,
        seed.on_thread_gone,
        seed.link,
        seed.linked_to,
        seed.meant_for,
    )
