"""What operators do to the outbox by hand. Each deed is an event that names who did it."""

import json
from collections.abc import Iterable, Mapping, Sequence

import apsw

from stentor.adapters.sqlite import deliveries, holding, lanes, rollup
from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.forgetting import forget_deliveries
from stentor.adapters.sqlite.giving_up import give_up
from stentor.adapters.sqlite.rows import Row, fetch, first, listed
from stentor.adapters.sqlite.targets import address
from stentor.contract.targets import Target
from stentor.domain.manners import manner_of
from stentor.domain.outbox import CANCELLED_BY_HAND
from stentor.domain.records import DeliverySeed
from stentor.domain.rulings import (
    Cancelled,
    Hand,
    KnownTarget,
    Resend,
    Ruling,
    StoredDelivery,
    StoredPart,
)
from stentor.domain.states import DeliveryState, PartState

_DELIVERY = """
SELECT d.id, d.state, d.channel, d.kind, d.target_id, d.target, d.thread, d.account, d.source, d.job_id,
    d.manner, d.opened
FROM deliveries d WHERE d.id = ?
"""
_PARTS = """
SELECT p.n, p.state, d.settled ->> ('$.parts."' || p.n || '"'), p.text, p.format, p.plain, p.attachment
FROM deliveries d JOIN parts p ON p.delivery_id = d.id WHERE d.id = ? ORDER BY p.n
"""
_UNKNOWN = f"""
SELECT p.n, {rollup.AS_RULED} = 'unknown', d.settled FROM deliveries d JOIN parts p ON p.delivery_id = d.id
WHERE d.id = ? AND p.state = 'unknown' ORDER BY p.n
"""
_CALL_OFF = "UPDATE deliveries SET cancelled_at = ? WHERE id = ?"
_UNDER_WAY = "SELECT n FROM parts WHERE delivery_id = ? AND state = 'sending' ORDER BY n"
_LANES = "SELECT DISTINCT lane FROM parts WHERE delivery_id = ?"
_OVER = """
SELECT d.id, d.run_id, d.job_id, d.target, d.account, d.state, d.reason, count(*) FROM json_each(?) w
CROSS JOIN deliveries d ON d.id = w.value CROSS JOIN parts p ON p.delivery_id = d.id
GROUP BY d.id HAVING sum(p.state IN ('pending', 'sending', 'retry_wait')) = 0
"""
_OLD = """
SELECT d.id FROM deliveries d WHERE d.state IN (SELECT value FROM json_each(?)) AND d.created_at < ?
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id) ORDER BY d.created_at, d.rowid LIMIT ?
"""
_CLEAR = (
    "DELETE FROM targets WHERE channel = ? AND account = ? AND target = ? RETURNING state, reason, moved_to"
)


def find(connection: apsw.Connection, delivery_id: str) -> StoredDelivery | None:
    """A delivery with all that was rendered for it."""
    row = first(connection, _DELIVERY, (delivery_id,))
    if row is None:
        return None
    found, state, channel, kind, target_id, canonical, thread, account, source, job, manner, opened = row
    target = Target(channel, kind, target_id, canonical.removeprefix(f"{channel}:"), thread, account)
    parts = tuple(
        StoredPart(n, PartState(part), *rest) for n, part, *rest in fetch(connection, _PARTS, (delivery_id,))
    )
    return StoredDelivery(
        found,
        DeliveryState(state),
        target,
        source,
        job,
        parts,
        manner_of(manner),
        None if opened is None else address(opened, account),
    )


def resend(connection: apsw.Connection, seed: DeliverySeed, again: Resend) -> bool:
    """Write down a delivery that repeats parts of another. What of these still waits there is not sent any more.

    False when parts of it are about to be sent, so that they would arrive twice.
    """
    old = first(connection, "SELECT run_id, job_id, state FROM deliveries WHERE id = ?", (again.delivery_id,))
    if old is None or old[2] == DeliveryState.PENDING:
        return False
    deliveries.insert_all(connection, [seed])
    why = f"sent again as {seed.id}"
    give_up(connection, [again.delivery_id], PartState.CANCELLED, why, again.parts)
    data = {"by": again.hand.by, "as": seed.id, "to": seed.target.canonical, "parts": list(again.parts)}
    _note(connection, again.hand, "delivery.resent", data, (*old[:2], again.delivery_id))
    rollup.after_changes(connection, [rollup.Change(again.delivery_id, again.hand.at_ms, by_hand=True)])
    return True


def rule(connection: apsw.Connection, rulings: Sequence[Ruling]) -> list[bool]:
    """Say of unknown parts whether they arrived; False where there are none. Their states stay as they are.

    Held parts behind one that is there are sent; behind one that is not they would make no sense.
    """
    return [_rule(connection, ruling) for ruling in rulings]


def _rule(connection: apsw.Connection, ruling: Ruling) -> bool:
    unknown = fetch(connection, _UNKNOWN, (ruling.delivery_id,))
    if not unknown:
        return False
    # Once all are ruled, another ruling corrects the last.
    parts = [n for n, is_open, _ in unknown if is_open] or [n for n, *_ in unknown]
    settled = _settled(ruling, parts, unknown[0][2])
    connection.execute("UPDATE deliveries SET settled = ? WHERE id = ?", (settled, ruling.delivery_id))
    if ruling.word == "delivered":
        _release(connection, ruling.delivery_id)
    else:
        why = f"part {parts[0]} was not delivered"
        give_up(connection, [ruling.delivery_id], PartState.CANCELLED, why)
    data = {"by": ruling.hand.by, "as": ruling.word, "note": ruling.note, "parts": parts}
    _note(connection, ruling.hand, "delivery.settled", data, _names(connection, ruling.delivery_id))
    rollup.after_changes(connection, [rollup.Change(ruling.delivery_id, ruling.hand.at_ms, by_hand=True)])
    return True


def cancel(connection: apsw.Connection, delivery_id: str, hand: Hand) -> Cancelled:
    """Send nothing more of a delivery. A part that may have arrived before is unknown from now on, and one that is
    being sent is not tried again."""
    under_way = tuple(n for (n,) in fetch(connection, _UNDER_WAY, (delivery_id,)))
    waited = give_up(connection, [delivery_id], PartState.CANCELLED, CANCELLED_BY_HAND)
    if not waited and not under_way:
        return Cancelled()
    if under_way:
        connection.execute(_CALL_OFF, (hand.at_ms, delivery_id))
    plain = tuple(part.n for part in waited if not part.in_doubt)
    doubtful = tuple(part.n for part in waited if part.in_doubt)
    data = {"by": hand.by, "parts": plain, "inDoubt": doubtful, "underWay": under_way}
    _note(connection, hand, "delivery.cancelled", data, _names(connection, delivery_id))
    why = "cancelled while it was open whether it had arrived"
    change = rollup.Change(delivery_id, hand.at_ms, why, by_hand=not doubtful)
    rollup.after_changes(connection, [change])
    return Cancelled(plain, doubtful, under_way)


def over(connection: apsw.Connection, states: Iterable[str], before_ms: int, limit: int) -> list[str]:
    """The oldest deliveries in these states that were made before an instant."""
    return [found for (found,) in fetch(connection, _OLD, (listed(states), before_ms, limit))]


def drop(connection: apsw.Connection, delivery_ids: Sequence[str], hand: Hand) -> list[str]:
    """Remove deliveries with their parts and receipts, unless something of them is still to be sent.

    What belongs to a run leaves its outcome there.
    """
    gone = fetch(connection, _OVER, (listed(delivery_ids),))
    for delivery, run, job, target, account, state, reason, parts in gone:
        data = {"by": hand.by, "target": target, "accountId": account, "state": state, "parts": parts}
        _note(connection, hand, "delivery.dropped", {**data, "reason": reason}, (run, job, delivery))
    forget_deliveries(connection, [row[0] for row in gone])
    return [row[0] for row in gone]


def clear_target(connection: apsw.Connection, known: KnownTarget, hand: Hand) -> bool:
    """Forget what was learned of a target: from now on deliveries go there as they are meant to."""
    cleared = fetch(connection, _CLEAR, (known.channel, known.account, known.target))
    for state, reason, moved_to in cleared:
        data = {"by": hand.by, "target": known.target, "accountId": known.account, "state": state}
        record(connection, hand.at_ms, "target.cleared", {**data, "reason": reason, "movedTo": moved_to})
    return bool(cleared)


def _settled(ruling: Ruling, parts: Iterable[int], earlier: str | None) -> str:
    """The last ruling, and what was said of each part."""
    known: dict[str, str] = json.loads(earlier)["parts"] if earlier else {}
    words = {**known, **{str(n): ruling.word for n in parts}}
    hand = ruling.hand
    settled = {"as": ruling.word, "by": hand.by, "at": hand.at_ms, "note": ruling.note, "parts": words}
    return json.dumps(settled, ensure_ascii=False)


def _release(connection: apsw.Connection, delivery_id: str) -> None:
    """What waited for a ruling goes on."""
    holding.release(connection, delivery_id)
    lanes.review(connection, [lane for (lane,) in fetch(connection, _LANES, (delivery_id,))])


def _names(connection: apsw.Connection, delivery_id: str) -> Row:
    """The run and the job a delivery belongs to, and its own id."""
    found = first(connection, "SELECT run_id, job_id, id FROM deliveries WHERE id = ?", (delivery_id,))
    return found or (None, None, delivery_id)


def _note(connection: apsw.Connection, hand: Hand, kind: str, data: Mapping[str, object], names: Row) -> None:
    run, job, delivery = names
    record(connection, hand.at_ms, kind, data, run_id=run, job_id=job, delivery_id=delivery)
