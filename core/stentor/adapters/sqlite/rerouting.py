"""What an answer said of a target means for what waits for it: it is given up, or goes elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes, rollup, targets
from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.giving_up import give_up
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.contract.targets import Target
from stentor.domain.outbox import DUPLICATE, TARGET_SUSPENDED, NewAddress
from stentor.domain.states import PartState, Purpose

_WAITING = """
SELECT DISTINCT delivery_id FROM parts WHERE lane = ? AND state IN ('pending', 'retry_wait')
"""
_NOT_BY_HAND = f"""
SELECT id FROM deliveries WHERE id IN (SELECT value FROM json_each(?)) AND purpose <> '{Purpose.MANUAL}'
"""
# Of one intent of a run there is one delivery to a place; its agent, and whoever sends again, may send several.
_ALREADY_THERE = """
SELECT d.id, s.id FROM json_each(?1) w CROSS JOIN deliveries d ON d.id = w.value CROSS JOIN deliveries s
    ON s.run_id = d.run_id AND s.purpose = d.purpose AND s.channel = ?2 AND s.account = ?3 AND s.target = ?4
WHERE s.id <> d.id AND d.purpose <> 'tool' AND 'resend' NOT IN (ifnull(d.link, ''), ifnull(s.link, ''))
"""
_STAND_BACK = "UPDATE deliveries SET linked_to = ifnull(linked_to, ?) WHERE id = ?"
_READDRESS = """
UPDATE deliveries SET meant_for = ifnull(meant_for, target), kind = ?, target_id = ?, target = ?, thread = ?, opened = NULL
WHERE id IN (SELECT value FROM json_each(?))
"""
_RELANE = """
UPDATE parts SET lane = ? WHERE delivery_id IN (SELECT value FROM json_each(?)) AND state IN ('pending', 'retry_wait', 'sending')
"""


class Tried(NamedTuple):
    """A delivery of which something was offered to a target, and the lane it waits in."""

    delivery_id: str
    target: Target
    lane: int
    at_ms: int


class Readdressed(NamedTuple):
    """The lane in which deliveries wait from now on, and what became of those that do not."""

    lane: int
    changes: list[rollup.Change]


def suspend(connection: apsw.Connection, tried: Tried, reason: str) -> list[rollup.Change]:
    """Nothing else goes there until somebody says so. What waited for it is given up."""
    targets.learn_suspension(connection, tried.target, reason, tried.at_ms)
    news = {"target": tried.target.canonical, "reason": reason}
    record(connection, tried.at_ms, "target.suspended", news)
    waiting = [delivery for (delivery,) in fetch(connection, _WAITING, (tried.lane,))]
    return _given_up(connection, waiting, reason, tried.at_ms)


def readdress(connection: apsw.Connection, tried: Tried, new: NewAddress) -> Readdressed:
    """A delivery goes elsewhere, with all others that wait for the old address if that is no more.

    Where a delivery of the same run goes there anyway, one is enough.
    """
    moving = [tried.delivery_id]
    place = targets.newest(connection, tried.target, new.target)
    if new.for_all:
        targets.learn_address(connection, tried.target, new.target, tried.at_ms)
        news = {"target": tried.target.canonical, "movedTo": new.target.canonical}
        record(connection, tried.at_ms, "target.moved", news, delivery_id=tried.delivery_id)
        waiting = [delivery for (delivery,) in fetch(connection, _WAITING, (tried.lane,))]
        moving += [delivery for delivery in waiting if delivery != tried.delivery_id]
    there: dict[str, str] = dict(
        fetch(connection, _ALREADY_THERE, (listed(moving), *targets.key(place.target)))
    )
    changes = _stand_back(connection, there, tried.at_ms)
    going = [delivery for delivery in moving if delivery not in there]
    lane = _move(connection, going, place.target)
    if place.suspended:
        changes += _given_up(connection, going, place.suspended, tried.at_ms)
    return Readdressed(lane, changes)


def _stand_back(connection: apsw.Connection, there: dict[str, str], at_ms: int) -> list[rollup.Change]:
    """These deliveries are not sent: each has another one, of the same run, where it would go."""
    connection.executemany(_STAND_BACK, [(other, delivery) for delivery, other in there.items()])
    give_up(connection, there, PartState.CANCELLED, DUPLICATE)
    return [rollup.Change(delivery, at_ms, DUPLICATE, suppressed=DUPLICATE) for delivery in there]


def _move(connection: apsw.Connection, deliveries: Sequence[str], target: Target) -> int:
    """Gives the lane in which they wait from now on."""
    address = (target.kind, target.id, target.canonical, target.thread)
    connection.execute(_READDRESS, (*address, listed(deliveries)))
    (lane,) = lanes.find_or_open(connection, [target])
    connection.execute(_RELANE, (lane, listed(deliveries)))
    return lane


def _given_up(
    connection: apsw.Connection, deliveries: Sequence[str], reason: str, at_ms: int
) -> list[rollup.Change]:
    """What waits of them is not sent, unless it is sent by hand: that tells whether a target is of use again."""
    ids = [delivery for (delivery,) in fetch(connection, _NOT_BY_HAND, (listed(deliveries),))]
    give_up(connection, ids, PartState.REJECTED, TARGET_SUSPENDED)
    why = f"{TARGET_SUSPENDED}: {reason}"
    return [rollup.Change(delivery, at_ms, why, PartState.REJECTED.value) for delivery in ids]
