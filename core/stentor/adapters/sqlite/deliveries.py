"""The outbox: deliveries and their parts, written down once."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from itertools import count

import apsw

from stentor.adapters.sqlite import lanes, runs, targets
from stentor.adapters.sqlite.rows import Row, fetch, first, listed, write_each
from stentor.contract.targets import Target
from stentor.domain import manners
from stentor.domain.ownership import ToolSend, may_be_owned, with_one_owner
from stentor.domain.records import DeliverySeed, PartSeed
from stentor.domain.states import DeliveryState, Priority, Purpose

_INSERT = """
INSERT INTO deliveries (id, run_id, job_id, purpose, channel, account, target, kind, target_id, thread, source, state, reason,
    required, priority, on_unknown, created_at, expires_at, on_thread_gone, link, linked_to, meant_for,
    manner, unsaid)
{rows} ON CONFLICT DO NOTHING
"""
_LEFT_OUT = """
SELECT d.id, d.run_id, d.job_id, d.purpose, d.channel, d.account, d.target, d.kind, d.target_id, d.thread, d.source, d.required,
    d.priority, d.on_unknown, d.created_at, d.expires_at, d.on_thread_gone,
    d.meant_for, d.manner, d.unsaid
FROM json_each(?) w CROSS JOIN deliveries d ON d.linked_to = w.value WHERE d.unsaid IS NOT NULL
"""
_LIVE = "SELECT 1 FROM runs WHERE id = ? AND boot = ? AND status = 'running' AND ended_at IS NULL"
_TOOL_SENDS = """
SELECT d.run_id, d.id, d.channel, d.account, d.target, d.meant_for, d.state
FROM json_each(?) w CROSS JOIN deliveries d ON d.run_id = w.value AND d.purpose = 'tool' ORDER BY d.rowid
"""
_PART = """
INSERT INTO parts (id, delivery_id, lane, n, of, state, reason, text, format, attachment, plain) {rows}
"""


def insert_all(connection: apsw.Connection, seeds: Iterable[DeliverySeed]) -> Sequence[DeliverySeed]:
    """Write deliveries down with their parts, once: the same intent of the same run is the same row.

    Gives those that are new.
    """
    meant = targets.redirected(connection, list(seeds))
    new = _new_ones(connection, _with_one_owner(connection, meant))
    parts = [
        (seed, part) for seed in new if seed.state is not DeliveryState.SUPPRESSED for part in seed.parts
    ]
    places = lanes.find_or_open(connection, [seed.target for seed, _ in parts])
    rows = [_part_values(seed, part, lane) for (seed, part), lane in zip(parts, places, strict=True)]
    write_each(connection, _PART, rows)
    # One after the other they get numbers without a gap.
    first_number = connection.last_insert_rowid() - len(rows) + 1
    waiting = zip(count(first_number), parts, places, strict=False)
    lanes.join(connection, [(n, seed.priority, lane) for n, (seed, _), lane in waiting if not seed.given_up])
    return new


def insert_of_live_run(connection: apsw.Connection, seed: DeliverySeed, boot: str) -> bool:
    """Write down what a run sends while it is under way. Once it is over it sends nothing any more, and that is noted."""
    if first(connection, _LIVE, (seed.run_id, boot)) is None:
        runs.note_late(connection, f"{seed.run_id}", f"a message to {seed.target.canonical}", seed.created_ms)
        return False
    insert_all(connection, [seed])
    return True


def stand_in(connection: apsw.Connection, failed: Sequence[str]) -> None:
    """Write down anew what was left out for the sake of messages that have failed: it is decided once more."""
    left_out = [_seed(row) for row in fetch(connection, _LEFT_OUT, (listed(failed),))]
    if left_out:
        connection.executemany("DELETE FROM deliveries WHERE id = ?", [(seed.id,) for seed in left_out])
        insert_all(connection, left_out)


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


def _values(seed: DeliverySeed) -> tuple[str | int | None, ...]:
    target = seed.target
    return (
        seed.id,
        seed.run_id,
        seed.job_id,
        seed.purpose,
        target.channel,
        target.account,
        target.canonical,
        target.kind,
        target.id,
        target.thread,
        seed.source,
        seed.state,
        seed.reason,
        seed.required,
        seed.priority,
        seed.on_unknown,
        seed.created_ms,
        seed.expires_ms,
        seed.on_thread_gone,
        seed.link,
        seed.linked_to,
        seed.meant_for,
        manners.kept(seed.manner),
        _set_aside(seed.parts) if seed.state is DeliveryState.SUPPRESSED and seed.parts else None,
    )


def _seed(row: Row) -> DeliverySeed:
    """A delivery that was left out, as it was before that was decided."""
    delivery, run, job, purpose, channel, account, canonical, *rest, manner, unsaid = row
    kind, target_id, thread, source, *terms = rest
    required, priority, on_unknown, created_at, expires_at, on_thread_gone, meant_for = terms
    text = canonical.removeprefix(f"{channel}:")
    return DeliverySeed(
        delivery,
        Purpose(purpose),
        Target(channel, kind, target_id, text, thread, account),
        source,
        created_at,
        expires_at,
        Priority(priority),
        bool(required),
        on_unknown,
        run,
        job,
        parts=tuple(PartSeed(*part) for part in json.loads(unsaid)),
        on_thread_gone=on_thread_gone,
        meant_for=meant_for,
        manner=manners.manner_of(manner),
    )


def _set_aside(parts: Iterable[PartSeed]) -> str:
    return json.dumps([astuple(part) for part in parts], ensure_ascii=False)


def _new_ones(connection: apsw.Connection, seeds: Sequence[DeliverySeed]) -> list[DeliverySeed]:
    """Write their rows, and leave out whose row is there already. That is rare, and only then each is looked at."""
    connection.execute("SAVEPOINT rows")
    all_new = write_each(connection, _INSERT, [_values(seed) for seed in seeds]) == len(seeds)
    connection.execute("RELEASE rows" if all_new else "ROLLBACK TO rows; RELEASE rows")
    return list(seeds) if all_new else [seed for seed in seeds if _is_new(connection, seed)]


def _is_new(connection: apsw.Connection, seed: DeliverySeed) -> bool:
    return write_each(connection, _INSERT, [_values(seed)]) == 1


def _part_values(seed: DeliverySeed, part: PartSeed, lane: int) -> Row:
    return (
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
