"""What was learned of targets: those that are of no use for now, and those that have another address."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite.rows import fetch, listed, write_each
from stentor.contract.targets import Target
from stentor.domain.outbox import DUPLICATE, TARGET_SUSPENDED
from stentor.domain.records import DeliverySeed
from stentor.domain.states import DeliveryState, Purpose

# An address that has changed more often than this is not followed any further.
_MOST_MOVES = 5
_KNOWN = """
SELECT t.channel, t.account, t.target, t.reason, t.moved_to FROM json_each(?) w
CROSS JOIN targets t ON t.channel = w.value ->> 0 AND t.account = w.value ->> 1 AND t.target = w.value ->> 2
"""
_LEARN = """
INSERT INTO targets (channel, account, target, state, reason, moved_to, since) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason, moved_to = excluded.moved_to, since = excluded.since
"""
_FORGET = "DELETE FROM targets WHERE (channel, account, target) IN ({rows}) AND state ="


class Place(NamedTuple):
    """Where a target leads by now, and why nothing is sent there, if so."""

    target: Target
    suspended: str = ""


def places(connection: apsw.Connection, targets: Sequence[Target], moves: int = _MOST_MOVES) -> list[Place]:
    """Where targets lead, whatever addresses they have had, and whether they are of use there."""
    rows = fetch(connection, _KNOWN, (listed(key(target) for target in targets),))
    why = {tuple(row[:3]): row[3] for row in rows if row[4] is None}
    moved = {tuple(row[:3]): address(row[4], row[1]) for row in rows if row[4] is not None and moves}
    news = places(connection, list(moved.values()), moves - 1) if moved else []
    further = dict(zip(moved, news, strict=True))
    return [further.get(key(target)) or Place(target, why.get(key(target), "")) for target in targets]


def redirected(connection: apsw.Connection, seeds: Sequence[DeliverySeed]) -> list[DeliverySeed]:
    """New deliveries as they can be: to the address a target has now, or given up where it is of no use.

    What somebody sends by hand goes out all the same: it tells whether the target is of use again. Where deliveries
    of one run meet at one place because one of them meant an old address of it, that one is not sent.
    """
    found = places(connection, [seed.target for seed in seeds])
    new = [_redirected(seed, place) for seed, place in zip(seeds, found, strict=True)]
    if not any(seed.meant_for for seed in new):
        return new
    first: dict[tuple[str | None, ...], str] = {}
    for seed in sorted(new, key=lambda seed: seed.meant_for is not None):
        first.setdefault(_intent(seed), seed.id)
    return [_once(meant, seed, first[_intent(seed)]) for meant, seed in zip(seeds, new, strict=True)]


def restore(connection: apsw.Connection, used: Sequence[Target]) -> None:
    """Something was accepted there: the target is of use."""
    write_each(connection, f"{_FORGET} 'suspended'", [key(target) for target in used])


def learn_suspension(connection: apsw.Connection, target: Target, reason: str, at_ms: int) -> None:
    connection.execute(_LEARN, (*key(target), "suspended", reason, None, at_ms))


def learn_address(connection: apsw.Connection, old: Target, new: Target, at_ms: int) -> None:
    connection.execute(_LEARN, (*key(old), "moved", "moved", text_of(new), at_ms))


def newest(connection: apsw.Connection, old: Target, new: Target) -> Place:
    """Where a new address leads. If that is back to the old one, the newest word counts."""
    (place,) = places(connection, [new])
    if key(place.target) == key(old):
        write_each(connection, f"{_FORGET} 'moved'", [key(new)])
        return Place(new)
    return place


def _redirected(seed: DeliverySeed, place: Place) -> DeliverySeed:
    if place.target is not seed.target:
        seed = replace(seed, target=place.target, meant_for=seed.target.canonical)
    if not place.suspended or seed.purpose is Purpose.MANUAL or seed.state is not DeliveryState.PENDING:
        return seed
    why = f"{TARGET_SUSPENDED}: {place.suspended}"
    return replace(seed, state=DeliveryState.FAILED, reason=why, given_up=TARGET_SUSPENDED)


def _intent(seed: DeliverySeed) -> tuple[str | None, ...]:
    """What a run does once. Its agent, and whoever sends again, may send several messages to one place."""
    alone = seed.run_id is None or seed.purpose is Purpose.TOOL or seed.link == "resend"
    return seed.run_id, seed.purpose, *key(seed.target), seed.id if alone else None


def _once(meant: DeliverySeed, seed: DeliverySeed, first: str) -> DeliverySeed:
    if seed.meant_for is None or first == seed.id:
        return seed
    return replace(meant, state=DeliveryState.SUPPRESSED, reason=DUPLICATE, linked_to=first, parts=())


def key(target: Target) -> tuple[str, str | None, str]:
    """By what targets are known."""
    return target.channel, target.account, target.canonical


def address(text: str, account: str) -> Target:
    """A target as it was written down."""
    return Target(**json.loads(text), account=account)


def text_of(target: Target) -> str:
    fields = {"channel": target.channel, "kind": target.kind, "id": target.id}
    return json.dumps({**fields, "address": target.address, "thread": target.thread}, ensure_ascii=False)
