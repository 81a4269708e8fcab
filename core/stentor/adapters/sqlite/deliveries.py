"""The outbox: deliveries and their parts, written down once."""

from collections.abc import Iterable

import apsw

from stentor.adapters.sqlite import lanes, targets
from stentor.domain.records import DeliverySeed

_INSERT = """
INSERT INTO deliveries (id, run_id, job_id, purpose, channel, account, target, kind, target_id, thread, source, state, reason,
    required, priority, on_unknown, created_at, expires_at, on_thread_gone, link, linked_to, meant_for)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_PART = """
INSERT INTO parts (id, delivery_id, lane, n, of, state, reason, text, format, attachment, plain)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def insert_all(connection: apsw.Connection, seeds: Iterable[DeliverySeed]) -> None:
    """Write deliveries down with their parts, once: the same intent of the same run is the same row."""
    new = [seed for seed in targets.redirected(connection, list(seeds)) if _is_new(connection, seed)]
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
