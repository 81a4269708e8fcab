"""What was learned of targets: those that are of no use for now, and those that have another address."""

import json
from collections.abc import Sequence
from dataclasses import replace

import apsw

from stentor.adapters.sqlite import lanes
from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.rows import fetch, fetch_each, listed
from stentor.contract.targets import Target
from stentor.domain.outbox import TARGET_SUSPENDED, NewAddress
from stentor.domain.records import DeliverySeed
from stentor.domain.states import DeliveryState, Purpose

_KNOWN = """
SELECT channel, account, target, reason, moved_to FROM targets WHERE channel = ? AND account = ? AND target = ?
"""
_LEARN = """
INSERT INTO targets (channel, account, target, state, reason, moved_to, since) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason, moved_to = excluded.moved_to, since = excluded.since
"""
_FORGET = "DELETE FROM targets WHERE channel = ? AND account = ? AND target = ? AND state = 'suspended'"
_WAITING = """
SELECT DISTINCT d.id, d.purpose FROM parts p JOIN deliveries d ON d.id = p.delivery_id
WHERE p.lane = ? AND p.state IN ('pending', 'retry_wait')
"""
_GIVE_UP = """
UPDATE parts SET state = 'rejected', reason = ? WHERE delivery_id IN (SELECT value FROM json_each(?))
    AND state IN ('pending', 'retry_wait')
"""
_READDRESS = """
UPDATE deliveries SET meant_for = ifnull(meant_for, target), kind = ?, target_id = ?, target = ?, thread = ?
WHERE id IN (SELECT value FROM json_each(?))
"""
_RELANE = """
UPDATE parts SET lane = ? WHERE delivery_id IN (SELECT value FROM json_each(?)) AND state IN ('pending', 'retry_wait', 'sending')
"""


def redirected(connection: apsw.Connection, seeds: Sequence[DeliverySeed]) -> list[DeliverySeed]:
    """New deliveries as they can be: to the address a target has now, or given up where it is of no use.

    What somebody sends by hand goes out all the same: it tells whether the target is of use again.
    """
    known = {
        tuple(row[:3]): row[3:]
        for row in fetch_each(connection, _KNOWN, [_key(seed.target) for seed in seeds])
    }
    return [
        _redirected(seed, *known[_key(seed.target)]) if _key(seed.target) in known else seed for seed in seeds
    ]


def suspend(connection: apsw.Connection, target: Target, reason: str, lane: int, at_ms: int) -> list[str]:
    """Nothing else goes there until somebody says so. Gives the deliveries that waited for it: they are given up."""
    connection.execute(_LEARN, (*_key(target), "suspended", reason, None, at_ms))
    record(connection, at_ms, "target.suspended", {"target": target.canonical, "reason": reason})
    found = fetch(connection, _WAITING, (lane,))
    waiting = [delivery for delivery, purpose in found if purpose != Purpose.MANUAL]
    connection.execute(_GIVE_UP, (TARGET_SUSPENDED, listed(waiting)))
    return waiting


def restore(connection: apsw.Connection, used: Sequence[Target]) -> None:
    """Something was accepted there: the target is of use."""
    connection.executemany(_FORGET, [_key(target) for target in used])


def readdress(
    connection: apsw.Connection, delivery_id: str, old: Target, lane: int, new: NewAddress, at_ms: int
) -> int:
    """A delivery goes elsewhere, with all others that wait for the old address if that is no more. Gives the lane."""
    target = new.target
    moving = [delivery_id]
    if new.for_all:
        connection.execute(_LEARN, (*_key(old), "moved", "moved", _text(target), at_ms))
        news = {"target": old.canonical, "movedTo": target.canonical}
        record(connection, at_ms, "target.moved", news, delivery_id=delivery_id)
        waiting = fetch(connection, _WAITING, (lane,))
        moving += [delivery for delivery, _ in waiting if delivery != delivery_id]
    address = (target.kind, target.id, target.canonical, target.thread)
    connection.execute(_READDRESS, (*address, listed(moving)))
    (other,) = lanes.find_or_open(connection, [target])
    connection.execute(_RELANE, (other, listed(moving)))
    return other


def _redirected(seed: DeliverySeed, reason: str, moved_to: str | None) -> DeliverySeed:
    target = seed.target
    if moved_to is not None:
        new = Target(**json.loads(moved_to), account=target.account)
        return replace(seed, target=new, meant_for=target.canonical)
    if seed.purpose is Purpose.MANUAL or seed.state is not DeliveryState.PENDING:
        return seed
    why = f"{TARGET_SUSPENDED}: {reason}"
    return replace(seed, state=DeliveryState.FAILED, reason=why, given_up=TARGET_SUSPENDED)


def _key(target: Target) -> tuple[str, str | None, str]:
    return target.channel, target.account, target.canonical


def _text(target: Target) -> str:
    fields = {"channel": target.channel, "kind": target.kind, "id": target.id}
    return json.dumps({**fields, "address": target.address, "thread": target.thread}, ensure_ascii=False)
