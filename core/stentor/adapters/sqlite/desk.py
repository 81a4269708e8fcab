"""What operators do to the outbox by hand. Each deed is an event that names who did it."""

import json
from collections.abc import Iterable, Mapping, Sequence

import apsw

from stentor.adapters.sqlite import deliveries, lanes, rollup
from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.forgetting import forget_deliveries
from stentor.adapters.sqlite.rows import Row, fetch, first, listed
from stentor.contract.targets import Target
from stentor.domain.outbox import IN_DOUBT
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
SELECT d.id, d.state, d.channel, d.kind, d.target_id, d.target, d.thread, d.account, d.source, d.job_id
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
_RELEASE = "UPDATE parts SET held = 0, reason = '' WHERE delivery_id = ? AND state = 'pending' AND held = 1"
_GIVE_UP = """
UPDATE parts SET state = 'cancelled', reason = ?, held = 0, next_attempt_at = NULL
WHERE delivery_id = ? AND n IN (SELECT value FROM json_each(?)) AND state IN ('pending', 'retry_wait')
"""
_WAITING = """
SELECT n, state = 'retry_wait' AND reason IN (SELECT value FROM json_each(?)) FROM parts
WHERE delivery_id = ? AND state IN ('pending', 'retry_wait') ORDER BY n
"""
_DOUBT = """
UPDATE parts SET state = 'unknown', held = 0, next_attempt_at = NULL
WHERE delivery_id = ? AND n IN (SELECT value FROM json_each(?))
"""
_LANES = "SELECT DISTINCT lane FROM parts WHERE delivery_id IN (SELECT value FROM json_each(?))"
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
    found, state, channel, kind, target_id, canonical, thread, account, source, job = row
    target = Target(channel, kind, target_id, canonical.removeprefix(f"{channel}:"), thread, account)
    parts = tuple(
        StoredPart(n, PartState(part), *rest) for n, part, *rest in fetch(connection, _PARTS, (delivery_id,))
    )
    return StoredDelivery(found, DeliveryState(state), target, source, job, parts)


def resend(connection: apsw.Connection, seed: DeliverySeed, again: Resend) -> bool:
    """Write down a delivery that repeats parts of another. What of these still waits there is not sent any more.

    False when parts of it are about to be sent, so that they would arrive twice.
    """
    old = first(connection, "SELECT run_id, job_id, state FROM deliveries WHERE id = ?", (again.delivery_id,))
    if old is None or old[2] == DeliveryState.PENDING:
        return False
    deliveries.insert_all(connection, [seed])
    connection.execute(_GIVE_UP, (f"sent again as {seed.id}", again.delivery_id, listed(again.parts)))
    data = {"by": again.hand.by, "as": seed.id, "to": seed.target.canonical, "parts": list(again.parts)}
    _note(connection, again.hand, "delivery.resent", data, (*old[:2], again.delivery_id))
    _changed(connection, rollup.Change(again.delivery_id, again.hand.at_ms, by_hand=True))
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
        connection.execute(_RELEASE, (ruling.delivery_id,))
    else:
        waiting = [n for n, _ in _waiting(connection, ruling.delivery_id)]
        why = f"part {parts[0]} was not delivered"
        connection.execute(_GIVE_UP, (why, ruling.delivery_id, listed(waiting)))
    data = {"by": ruling.hand.by, "as": ruling.word, "note": ruling.note, "parts": parts}
    _note(connection, ruling.hand, "delivery.settled", data, _names(connection, ruling.delivery_id))
    _changed(connection, rollup.Change(ruling.delivery_id, ruling.hand.at_ms, by_hand=True))
    return True


def cancel(connection: apsw.Connection, delivery_id: str, hand: Hand) -> Cancelled:
    """Send nothing more of a delivery. A part that may have arrived before is unknown from now on."""
    waiting = _waiting(connection, delivery_id)
    if not waiting:
        return Cancelled()
    doubtful = tuple(n for n, in_doubt in waiting if in_doubt)
    plain = tuple(n for n, in_doubt in waiting if not in_doubt)
    connection.execute(_DOUBT, (delivery_id, listed(doubtful)))
    connection.execute(_GIVE_UP, ("cancelled by hand", delivery_id, listed(plain)))
    data = {"by": hand.by, "parts": list(plain), "inDoubt": list(doubtful)}
    _note(connection, hand, "delivery.cancelled", data, _names(connection, delivery_id))
    why = "cancelled while it was open whether it had arrived"
    _changed(connection, rollup.Change(delivery_id, hand.at_ms, why, by_hand=not doubtful))
    return Cancelled(plain, doubtful)


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


def _waiting(connection: apsw.Connection, delivery_id: str) -> list[Row]:
    """The numbers of the parts that are not begun, and whether it is open that they had arrived."""
    return fetch(connection, _WAITING, (listed(sorted(IN_DOUBT)), delivery_id))


def _changed(connection: apsw.Connection, change: rollup.Change) -> None:
    """Other parts of a delivery wait than before."""
    lanes.review(connection, [lane for (lane,) in fetch(connection, _LANES, (listed([change.delivery_id]),))])
    rollup.after_changes(connection, [change])


def _names(connection: apsw.Connection, delivery_id: str) -> Row:
    """The run and the job a delivery belongs to, and its own id."""
    found = first(connection, "SELECT run_id, job_id, id FROM deliveries WHERE id = ?", (delivery_id,))
    return found or (None, None, delivery_id)


def _note(connection: apsw.Connection, hand: Hand, kind: str, data: Mapping[str, object], names: Row) -> None:
    run, job, delivery = names
    record(connection, hand.at_ms, kind, data, run_id=run, job_id=job, delivery_id=delivery)
