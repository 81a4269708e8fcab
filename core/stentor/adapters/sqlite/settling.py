"""Settling: verdicts on attempts, and what they mean for the rest of a delivery, its lane and its account."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import gates, lanes, receipts, rollup, targets
from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import fetch, listed
from stentor.contract.targets import Target
from stentor.domain.outbox import IN_DOUBT, TARGET_SUSPENDED, Verdict
from stentor.domain.records import Settlement
from stentor.domain.states import PartState

_FOUND = """
SELECT p.id, p.seq, p.state, p.attempts, p.lane, p.n, p.of, p.attachment IS NOT NULL AND p.text = '',
    d.channel, d.account, d.target, d.id, d.rowid, d.state, d.reason, d.run_id, d.job_id, d.kind, d.target_id, d.thread
FROM json_each(?) w CROSS JOIN parts p ON p.id = w.value CROSS JOIN deliveries d ON d.id = p.delivery_id
"""
_SETTLE = """
UPDATE parts SET state = ?1, reason = ?2, error = ifnull(?3, error), message_id = ifnull(?4, message_id),
    degraded = ifnull(?5, degraded), next_attempt_at = ?6, accepted_at = ifnull(accepted_at, ?7),
    attempts = attempts - ?8, refusals = refusals + ?9, first_sent_at = iif(attempts = ?8, NULL, first_sent_at),
    confirm_by = ?11, text = iif(?12, plain, text), format = iif(?12, 'plain', format)
WHERE seq = ?10
"""
_HOLD = "UPDATE parts SET held = ?, reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'"
_CANCEL = """
UPDATE parts SET state = 'cancelled', reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'
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
    is_bare_file: int
    channel: str
    account: str
    target: str
    delivery_id: str
    delivery_row: int
    delivery_state: str
    delivery_reason: str
    run_id: str | None
    job_id: str | None
    kind: str
    target_id: str
    thread: str | None

    @property
    def address(self) -> Target:
        text = self.target.removeprefix(f"{self.channel}:")
        return Target(self.channel, self.kind, self.target_id, text, self.thread, self.account)

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
    known = [_as_told(connection, parts.get(settlement.part_id), settlement) for settlement in settlements]
    taken = [
        (part, settlement)
        for settlement in known
        if (part := parts.get(settlement.part_id)) is not None and part.takes(settlement)
    ]
    connection.executemany(_SETTLE, [_values(part, settlement) for part, settlement in taken])
    accepted = [_acceptance(*pair) for pair in taken if pair[1].verdict.state is PartState.ACCEPTED]
    raised = receipts.keep(connection, accepted)
    elsewhere: list[rollup.Change] = []
    others: list[int] = []
    for part, settlement in taken:
        _affect_rest(connection, part, settlement.verdict.state)
        _mention_retry(connection, part, settlement)
        elsewhere += _learn(connection, part, settlement, others)
    targets.restore(connection, [part.address for part, verdict in taken if verdict.verdict.message_id])
    _heed_gates(connection, [pair for pair in taken if pair[0].state == PartState.SENDING])
    lanes.release(connection, [part.lane for part, _ in taken if part.state == PartState.SENDING])
    lanes.review(connection, [part.lane for part, _ in taken if part.state != PartState.SENDING] + others)
    alone = [_standing(*pair) for pair in taken if pair[0].of == 1 and pair[0].id not in raised]
    rollup.after_changes(connection, [*elsewhere, *(_change(*pair) for pair in taken)], alone)
    done = {part.id for part, _ in taken}
    return [settlement.part_id in done for settlement in settlements]


def later_receipt(
    connection: apsw.Connection, channel: str, account: str, message_id: str, level: str, at_ms: int
) -> bool:
    """News about a message, perhaps about one that nobody knew had arrived: its part's own id names it then."""
    if receipts.later_receipt(connection, channel, account, message_id, level, at_ms):
        return True
    for row in fetch(connection, _FOUND, (listed([message_id]),)):
        part = _Part._make(row)
        verdict = Verdict(PartState.ACCEPTED, message_id=message_id)
        if (part.channel, part.account) == (channel, account) and part.state != PartState.SENDING:
            return settle_all(connection, [Settlement(part.id, part.attempts, at_ms, verdict)])[0]
    return False


def _as_told(connection: apsw.Connection, part: _Part | None, settlement: Settlement) -> Settlement:
    """A part in doubt of which the provider spoke before its answer was lost has been accepted."""
    verdict = settlement.verdict
    in_doubt = verdict.state is PartState.UNKNOWN or verdict.reason in IN_DOUBT
    if (
        part is None
        or not in_doubt
        or not receipts.spoken_of(connection, part.channel, part.account, part.id)
    ):
        return settlement
    return replace(settlement, verdict=Verdict(PartState.ACCEPTED, message_id=part.id))


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
        verdict.confirm_by_ms,
        verdict.plain,
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
    elif state in _LOST and not part.is_bare_file:
        connection.execute(_CANCEL, (f"part {part.n} was {state.value}", *rest))


def _learn(
    connection: apsw.Connection, part: _Part, settlement: Settlement, other_lanes: list[int]
) -> list[rollup.Change]:
    """What the answer says of the target: of no use any more, or elsewhere. Gives what else that changed."""
    verdict, at_ms = settlement.verdict, settlement.at_ms
    if verdict.readdress is not None:
        lane = targets.readdress(
            connection, part.delivery_id, part.address, part.lane, verdict.readdress, at_ms
        )
        other_lanes.append(lane)
    if not verdict.suspends:
        return []
    waiting = targets.suspend(connection, part.address, verdict.reason, part.lane, at_ms)
    why = f"{TARGET_SUSPENDED}: {verdict.reason}"
    return [
        rollup.Change(delivery, at_ms, why, PartState.REJECTED.value)
        for delivery in waiting
        if delivery != part.delivery_id
    ]


def _heed_gates(connection: apsw.Connection, answered: Sequence[tuple[_Part, Settlement]]) -> None:
    if not answered:
        return
    at_ms = answered[0][1].at_ms
    answers = [
        gates.Answered(part.channel, part.account, part.lane, settlement.verdict.gate)
        for part, settlement in answered
    ]
    for message in gates.heed(connection, answers, at_ms):
        alert(connection, at_ms, "account_down", message, delivery_id=answered[0][0].delivery_id)


def _mention_retry(connection: apsw.Connection, part: _Part, settlement: Settlement) -> None:
    verdict = settlement.verdict
    if verdict.state is PartState.RETRY_WAIT:
        data = {"reason": verdict.reason, "error": verdict.error, "nextAttemptAtMs": verdict.next_at_ms}
        names = {"job_id": part.job_id, "run_id": part.run_id, "delivery_id": part.delivery_id}
        record(connection, settlement.at_ms, "part.retry_wait", data, **names)
