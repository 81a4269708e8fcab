"""Settling: verdicts on attempts, and what they mean for the rest of a delivery, its lane and its account."""

from collections.abc import Sequence
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import lanes, receipts, rollup
from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.domain.records import Settlement
from stentor.domain.states import PartState

_FOUND = """
SELECT p.id, p.seq, p.state, p.attempts, p.lane, p.n, p.of, p.attachment IS NOT NULL,
    d.channel, d.account, d.target, d.id, d.rowid, d.state, d.reason, d.run_id, d.job_id
FROM json_each(?) w CROSS JOIN parts p ON p.id = w.value CROSS JOIN deliveries d ON d.id = p.delivery_id
"""
_SETTLE = """
UPDATE parts SET state = ?1, reason = ?2, error = ifnull(?3, error), message_id = ifnull(?4, message_id),
    degraded = ifnull(?5, degraded), next_attempt_at = ?6, accepted_at = ifnull(accepted_at, ?7),
    attempts = attempts - ?8, refusals = refusals + ?9, first_sent_at = iif(attempts = ?8, NULL, first_sent_at)
WHERE seq = ?10
"""
_HOLD = "UPDATE parts SET held = ?, reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'"
_CANCEL = """
UPDATE parts SET state = 'cancelled', reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'
"""
# The longest gate counts: an answer that wants less quiet does not shorten what another one asked for.
_SHUT = """
UPDATE accounts SET state = ?1, reason = iif(?4 >= ready_at OR ?1 = 'down', ?2, reason), since = ?3, ready_at = max(ready_at, ?4)
WHERE channel = ?5 AND account = ?6 AND state = 'open'
"""
_LOST = (PartState.REJECTED, PartState.EXPIRED)


class _Part(NamedTuple):
    """A part as it stands, and whose it is."""

    id: str
    seq: int
    state: str
    attempts: int
    lane: int
    n: int
    of: int
    is_attachment: int
    channel: str
    account: str
    target: str
    delivery_id: str
    delivery_row: int
    delivery_state: str
    delivery_reason: str
    run_id: str | None
    job_id: str | None

    def takes(self, settlement: Settlement) -> bool:
        """A verdict is on the attempt under way. A receipt may also come late, for a part in doubt."""
        if self.attempts != settlement.attempt:
            return False
        if settlement.verdict.state is PartState.ACCEPTED:
            return self.state in (PartState.SENDING, PartState.UNKNOWN, PartState.RETRY_WAIT)
        return self.state == PartState.SENDING


def settle_all(connection: apsw.Connection, settlements: Sequence[Settlement]) -> list[bool]:
    """Write verdicts down, receipts included. False for a part that was settled otherwise before.

    No part may be named twice.
    """
    ids = listed(settlement.part_id for settlement in settlements)
    parts = {part.id: part for part in map(_Part._make, fetch(connection, _FOUND, (ids,)))}
    taken = [
        (part, settlement)
        for settlement in settlements
        if (part := parts.get(settlement.part_id)) is not None and part.takes(settlement)
    ]
    connection.executemany(_SETTLE, [_values(part, settlement) for part, settlement in taken])
    accepted = [_acceptance(*pair) for pair in taken if pair[1].verdict.state is PartState.ACCEPTED]
    raised = receipts.keep(connection, accepted)
    for part, settlement in taken:
        _affect_rest(connection, part, settlement.verdict.state)
        _close_gate(connection, part, settlement)
        _mention_retry(connection, part, settlement)
    lanes.release(connection, [part.lane for part, _ in taken if part.state == PartState.SENDING])
    lanes.review(connection, [part.lane for part, _ in taken if part.state != PartState.SENDING])
    alone = [_standing(*pair) for pair in taken if pair[0].of == 1 and pair[0].id not in raised]
    rollup.after_changes(connection, [_change(*pair) for pair in taken], alone)
    done = {part.id for part, _ in taken}
    return [settlement.part_id in done for settlement in settlements]


def _values(part: _Part, settlement: Settlement) -> tuple[str | int | None, ...]:
    verdict = settlement.verdict
    return (
        verdict.state.value,
        verdict.reason,
        verdict.error or None,
        verdict.message_id or None,
        verdict.degraded or None,
        verdict.next_at_ms,
        settlement.at_ms if verdict.state is PartState.ACCEPTED else None,
        0 if verdict.uses_attempt else 1,
        1 if verdict.reason == "refused" else 0,
        part.seq,
    )


def _acceptance(part: _Part, settlement: Settlement) -> receipts.Acceptance:
    verdict = settlement.verdict
    return receipts.Acceptance(
        part.id, part.channel, part.account, verdict.message_id, part.target, verdict.detail, settlement.at_ms
    )


def _change(part: _Part, settlement: Settlement) -> rollup.Change:
    verdict = settlement.verdict
    lost = verdict.state.value if verdict.state in _LOST else ""
    return rollup.Change(part.delivery_id, settlement.at_ms, verdict.error or verdict.reason, lost)


def _standing(part: _Part, settlement: Settlement) -> rollup.Standing:
    """A delivery of one part stands where its part stands."""
    return rollup.Standing(
        part.delivery_id,
        part.delivery_row,
        part.delivery_state,
        part.delivery_reason,
        part.run_id,
        part.job_id,
        (settlement.verdict.state.value,),
    )


def _affect_rest(connection: apsw.Connection, part: _Part, state: PartState) -> None:
    """An unknown part holds what follows it, a rejected text ends its delivery, a rejected attachment only itself."""
    rest = (part.delivery_id, part.n)
    if state is PartState.UNKNOWN:
        connection.execute(_HOLD, (1, f"part {part.n} is unknown", *rest))
    elif state is PartState.ACCEPTED and part.state == PartState.UNKNOWN:
        connection.execute(_HOLD, (0, "", *rest))
    elif state in _LOST and not part.is_attachment:
        connection.execute(_CANCEL, (f"part {part.n} was {state.value}", *rest))


def _close_gate(connection: apsw.Connection, part: _Part, settlement: Settlement) -> None:
    gate, at_ms = settlement.verdict.gate, settlement.at_ms
    if gate is None:
        return
    account = (part.channel, part.account)
    state = "down" if gate.down else "open"
    connection.execute(_SHUT, (state, gate.reason, at_ms, gate.until_ms, *account))
    if gate.down and connection.changes():
        message = f"{':'.join(account)} is down: {gate.reason}"
        alert(connection, at_ms, "account_down", message, delivery_id=part.delivery_id)


def _mention_retry(connection: apsw.Connection, part: _Part, settlement: Settlement) -> None:
    verdict = settlement.verdict
    if verdict.state is PartState.RETRY_WAIT:
        data = {"reason": verdict.reason, "error": verdict.error, "nextAttemptAtMs": verdict.next_at_ms}
        names = {"job_id": part.job_id, "run_id": part.run_id, "delivery_id": part.delivery_id}
        record(connection, settlement.at_ms, "part.retry_wait", data, **names)
