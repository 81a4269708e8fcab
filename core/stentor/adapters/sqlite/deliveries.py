"""The outbox: deliveries, their parts, and the lanes that keep them in order."""

import json
from collections.abc import Sequence

import apsw

from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import Row, fetch, first, number, only
from stentor.contract.targets import Target
from stentor.domain.outbox import Verdict, roll_up
from stentor.domain.records import DeliverySeed, Outgoing, Settlement
from stentor.domain.runs import RunOutcome, completion_status, delivery_status
from stentor.domain.states import GOOD_DELIVERY, OPEN_PART, DeliveryState, PartState, RunStatus

_INSERT = """
INSERT INTO deliveries (id, run_id, job_id, purpose, channel, account, target, kind, target_id, thread, source, state, reason,
    required, priority, on_unknown, created_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_PART = "INSERT INTO parts (id, delivery_id, lane, n, of, state, text, format, attachment) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)"
_LANE = """
INSERT INTO lanes (channel, account, target) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET channel = excluded.channel RETURNING id
"""
_HEAD = """
SELECT p.seq, max(ifnull(p.next_attempt_at, 0), 0), d.priority FROM parts p JOIN deliveries d ON d.id = p.delivery_id
WHERE p.lane = ? AND p.state IN ('pending', 'retry_wait') AND p.held = 0 ORDER BY p.seq LIMIT 1
"""
_SET_HEAD = "UPDATE lanes SET head = ?, ready_at = ?, priority = ?, busy = 0 WHERE id = ?"
_READY = """
SELECT l.id, l.head FROM lanes l INDEXED BY lanes_ready JOIN accounts a ON a.channel = l.channel AND a.account = l.account
WHERE l.busy = 0 AND l.head IS NOT NULL AND l.ready_at <= ?1 AND a.state = 'open' AND a.ready_at <= ?1
ORDER BY l.priority, l.ready_at, l.head LIMIT ?2
"""
_NEXT = """
SELECT min(max(l.ready_at, a.ready_at)) FROM lanes l JOIN accounts a ON a.channel = l.channel AND a.account = l.account
WHERE l.busy = 0 AND l.head IS NOT NULL AND a.state = 'open'
"""
_SENDING = """
UPDATE parts SET state = 'sending', reason = '', attempts = attempts + 1, boot = ?, sending_at = ?2,
    first_sent_at = ifnull(first_sent_at, ?2), next_attempt_at = NULL
WHERE seq = ?3
"""
_OUTGOING = """
SELECT p.id, p.delivery_id, d.run_id, d.channel, d.kind, d.target_id, d.target, d.thread, d.account, p.n, p.of, p.text, p.format,
    p.attachment, p.attempts, p.refusals, p.sending_at, p.first_sent_at, d.expires_at, d.on_unknown
FROM parts p JOIN deliveries d ON d.id = p.delivery_id
"""
_SETTLE = """
UPDATE parts SET state = ?1, reason = ?2, error = ifnull(?3, error), message_id = ifnull(?4, message_id),
    degraded = ifnull(?5, degraded), next_attempt_at = ?6, accepted_at = ifnull(accepted_at, ?7),
    attempts = attempts - ?8, refusals = refusals + ?9, first_sent_at = iif(attempts = ?8, NULL, first_sent_at)
WHERE id = ?10 AND attempts = ?11 AND (state = 'sending' OR (?1 = 'accepted' AND state IN ('unknown', 'retry_wait')))
RETURNING delivery_id, lane, n, attachment IS NOT NULL
"""
_RECEIPT = """
INSERT INTO receipts (part_id, channel, account, message_id, level, target, detail, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
# The longest gate counts: an answer that wants less quiet does not shorten what another one asked for.
_SHUT = """
UPDATE accounts SET state = ?1, reason = iif(?4 >= ready_at OR ?1 = 'down', ?2, reason), since = ?3, ready_at = max(ready_at, ?4)
WHERE channel = ?5 AND account = ?6 AND state = 'open'
"""
_EXPIRED = """
SELECT id FROM deliveries d WHERE state IN ('pending', 'unknown') AND expires_at <= ?
    AND EXISTS (SELECT 1 FROM parts p WHERE p.delivery_id = d.id AND p.state IN ('pending', 'retry_wait')) LIMIT 200
"""


def insert(connection: apsw.Connection, seed: DeliverySeed) -> None:
    """Write a delivery down with its parts, once: the same intent of the same run is the same row."""
    target = seed.target
    values = (
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
    )
    connection.execute(_INSERT, values)
    if not connection.changes() or not seed.parts:
        return
    lane = only(connection, _LANE, (target.channel, target.account, target.canonical))[0]
    rows = [
        (part.id, seed.id, lane, part.n, part.of, part.text, part.format, part.attachment)
        for part in seed.parts
    ]
    connection.executemany(_PART, rows)
    _settle_lane(connection, lane)


def begin_sends(connection: apsw.Connection, now_ms: int, limit: int, boot: str) -> list[Outgoing]:
    """Take up to `limit` ready lanes and commit their heads as `sending`, before anything touches a socket."""
    started: list[int] = []
    for lane, head in fetch(connection, _READY, (now_ms, limit)):
        expires = "SELECT d.id FROM deliveries d JOIN parts p ON p.delivery_id = d.id WHERE p.seq = ? AND d.expires_at <= ?"
        late = first(connection, expires, (head, now_ms))
        if late is not None:
            _expire(connection, late[0], now_ms)
            continue
        connection.execute("UPDATE lanes SET busy = 1 WHERE id = ?", (lane,))
        connection.execute(_SENDING, (boot, now_ms, head))
        started.append(head)
    return [row for seq in started for row in outgoing(connection, "p.seq = ?", seq)]


def outgoing(connection: apsw.Connection, where: str, value: str | int) -> list[Outgoing]:
    return [_outgoing(row) for row in connection.execute(f"{_OUTGOING} WHERE {where}", (value,))]


def next_send(connection: apsw.Connection) -> int | None:
    return number(connection, _NEXT)


def settle(connection: apsw.Connection, settlement: Settlement) -> bool:
    """Write the verdict on an attempt, receipt included. False if the part was settled otherwise before."""
    verdict = settlement.verdict
    accepted = verdict.state is PartState.ACCEPTED
    values = (
        verdict.state.value,
        verdict.reason,
        verdict.error or None,
        verdict.message_id or None,
        verdict.degraded or None,
        verdict.next_at_ms,
        settlement.at_ms if accepted else None,
        0 if verdict.uses_attempt else 1,
        1 if verdict.reason == "refused" else 0,
        settlement.part_id,
        settlement.attempt,
    )
    row = first(connection, _SETTLE, values)
    if row is None:
        return False
    delivery_id, lane, n, is_attachment = row
    if accepted:
        _keep_receipt(connection, settlement)
    _affect_rest(connection, delivery_id, n, verdict.state, is_attachment=bool(is_attachment))
    _close_gate(connection, delivery_id, verdict, settlement.at_ms)
    if verdict.state is PartState.RETRY_WAIT:
        _mention_retry(connection, delivery_id, settlement)
    _settle_lane(connection, lane)
    lost = verdict.state.value if verdict.state in (PartState.REJECTED, PartState.EXPIRED) else ""
    _after_change(connection, delivery_id, settlement.at_ms, verdict.error or verdict.reason, lost=lost)
    return True


def later_receipt(
    connection: apsw.Connection, channel: str, account: str, message_id: str, level: str, at_ms: int
) -> bool:
    """Raise a part to delivered or read. News about an id nobody knows yet is kept until its part is accepted."""
    find = """
        SELECT p.id, p.delivery_id FROM receipts r JOIN parts p ON p.id = r.part_id
        WHERE r.channel = ? AND r.account = ? AND r.message_id = ? AND r.level = 'accepted'"""
    row = first(connection, find, (channel, account, message_id))
    part = None if row is None else row[0]
    connection.execute(_RECEIPT, (part, channel, account, message_id, level, None, "{}", at_ms))
    if row is not None:
        _raise(connection, row[0], level, at_ms)
        _after_change(connection, row[1], at_ms, "")
    return row is not None


def expire(connection: apsw.Connection, now_ms: int) -> int:
    """Give up what was not sent in its time, at most 200 deliveries at once."""
    late = fetch(connection, _EXPIRED, (now_ms,))
    for (delivery,) in late:
        _expire(connection, delivery, now_ms)
    return len(late)


def summarise_run(connection: apsw.Connection, run_id: str) -> None:
    """Derive what a run's deliveries amount to; runs and deliveries keep their own states."""
    run = "SELECT status, routes <> '[]', job_id FROM runs WHERE id = ?"
    status, requested, job_id = only(connection, run, (run_id,))
    rows = fetch(connection, "SELECT state, required FROM deliveries WHERE run_id = ?", (run_id,))
    states = tuple((DeliveryState(state), bool(required)) for state, required in rows)
    outcome = RunOutcome(RunStatus(status), states, requested=bool(requested))
    delivered = delivery_status(outcome)
    values = (delivered.value, completion_status(outcome).value, run_id)
    connection.execute("UPDATE runs SET delivery_status = ?, completion_status = ? WHERE id = ?", values)
    connection.execute("UPDATE jobs SET last_delivery_status = ? WHERE id = ?", (delivered.value, job_id))


def retire_if_done(connection: apsw.Connection, job_id: str, at_ms: int) -> None:
    """Remove a finished one-shot that asked for it, once everything it had to deliver is known to be there."""
    wanted = """
        SELECT 1 FROM jobs WHERE id = ?1 AND finished = 'done' AND doc ->> '$.deleteAfterRun' = 1
        AND NOT EXISTS (SELECT 1 FROM runs WHERE job_id = ?1 AND ended_at IS NULL)
        AND 'succeeded' = (SELECT completion_status FROM runs WHERE job_id = ?1 AND trigger <> 'manual'
            ORDER BY queued_at DESC, attempt DESC LIMIT 1)"""
    if first(connection, wanted, (job_id,)):
        connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        connection.execute("UPDATE meta SET value = CAST(value AS INTEGER) - 1 WHERE key = 'jobs'")
        record(connection, at_ms, "job.retired", job_id=job_id)


def _outgoing(row: Row) -> Outgoing:
    part, delivery, run, channel, kind, target_id, canonical, thread, account, *rest = row
    target = Target(channel, kind, target_id, canonical.removeprefix(f"{channel}:"), thread, account)
    return Outgoing(part, delivery, run, target, *rest)


def _settle_lane(connection: apsw.Connection, lane: int) -> None:
    """Free a lane and find its next head. A part that is being sent keeps the lane to itself."""
    if first(connection, "SELECT 1 FROM parts WHERE lane = ? AND state = 'sending'", (lane,)):
        return
    row = first(connection, _HEAD, (lane,))
    head, ready_at, priority = row or (None, 0, 2)
    connection.execute(_SET_HEAD, (head, ready_at, priority, lane))


def _keep_receipt(connection: apsw.Connection, settlement: Settlement) -> None:
    verdict = settlement.verdict
    find = "SELECT d.channel, d.account, d.target FROM deliveries d JOIN parts p ON p.delivery_id = d.id WHERE p.id = ?"
    channel, account, target = only(connection, find, (settlement.part_id,))
    detail = json.dumps(verdict.detail, ensure_ascii=False)
    values = (
        settlement.part_id,
        channel,
        account,
        verdict.message_id,
        "accepted",
        target,
        detail,
        settlement.at_ms,
    )
    connection.execute(_RECEIPT, values)
    early = """
        SELECT level, at FROM receipts WHERE channel = ? AND account = ? AND message_id = ? AND part_id IS NULL"""
    for level, at_ms in fetch(connection, early, (channel, account, verdict.message_id)):
        _raise(connection, settlement.part_id, level, at_ms)
    # The provider may have said `accepted` itself before: that row is there already.
    adopt = "UPDATE OR IGNORE receipts SET part_id = ? WHERE channel = ? AND account = ? AND message_id = ? AND part_id IS NULL"
    connection.execute(adopt, (settlement.part_id, channel, account, verdict.message_id))


def _raise(connection: apsw.Connection, part_id: str, level: str, at_ms: int) -> None:
    """Never lowers: a read part stays read when the delivered receipt limps in."""
    if level == "accepted":
        return
    column = "read_at" if level == "read" else "delivered_at"
    below = "('accepted', 'delivered')" if level == "read" else "('accepted')"
    connection.execute(f"UPDATE parts SET {column} = ifnull({column}, ?) WHERE id = ?", (at_ms, part_id))
    connection.execute(f"UPDATE parts SET state = ? WHERE id = ? AND state IN {below}", (level, part_id))


def _affect_rest(
    connection: apsw.Connection, delivery_id: str, n: int, state: PartState, *, is_attachment: bool
) -> None:
    """An unknown part holds what follows it; a rejected text ends its delivery, a rejected attachment only itself."""
    if state in (PartState.UNKNOWN, PartState.ACCEPTED):
        held = state is PartState.UNKNOWN
        reason = f"part {n} is unknown" if held else ""
        values = (held, reason, delivery_id, n)
        connection.execute(
            "UPDATE parts SET held = ?, reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'",
            values,
        )
    elif state in (PartState.REJECTED, PartState.EXPIRED) and not is_attachment:
        connection.execute(
            "UPDATE parts SET state = 'cancelled', reason = ? WHERE delivery_id = ? AND n > ? AND state = 'pending'",
            (f"part {n} was {state.value}", delivery_id, n),
        )


def _mention_retry(connection: apsw.Connection, delivery_id: str, settlement: Settlement) -> None:
    verdict = settlement.verdict
    data = {"reason": verdict.reason, "error": verdict.error, "nextAttemptAtMs": verdict.next_at_ms}
    job_id, run_id = only(connection, "SELECT job_id, run_id FROM deliveries WHERE id = ?", (delivery_id,))
    record(
        connection,
        settlement.at_ms,
        "part.retry_wait",
        data,
        job_id=job_id,
        run_id=run_id,
        delivery_id=delivery_id,
    )


def _close_gate(connection: apsw.Connection, delivery_id: str, verdict: Verdict, at_ms: int) -> None:
    gate = verdict.gate
    if gate is None:
        return
    account = only(connection, "SELECT channel, account FROM deliveries WHERE id = ?", (delivery_id,))
    state = "down" if gate.down else "open"
    connection.execute(_SHUT, (state, gate.reason, at_ms, gate.until_ms, *account))
    if gate.down and connection.changes():
        alert(
            connection,
            at_ms,
            "account_down",
            f"{':'.join(account)} is down: {gate.reason}",
            delivery_id=delivery_id,
        )


def _expire(connection: apsw.Connection, delivery_id: str, now_ms: int) -> None:
    connection.execute(
        "UPDATE parts SET state = 'expired', reason = 'expired' WHERE delivery_id = ? AND state IN ('pending', 'retry_wait')",
        (delivery_id,),
    )
    for (lane,) in fetch(connection, "SELECT DISTINCT lane FROM parts WHERE delivery_id = ?", (delivery_id,)):
        _settle_lane(connection, lane)
    _after_change(connection, delivery_id, now_ms, "not sent before it expired")


def _worth_an_alert(parts: Sequence[PartState], state: DeliveryState, lost: str) -> str:
    """The cause of an alert: how a delivery ended, or what became of a part while the rest goes on."""
    if state is DeliveryState.UNKNOWN or not OPEN_PART.intersection(parts):
        return "" if state in GOOD_DELIVERY else state.value
    return lost


def _after_change(
    connection: apsw.Connection, delivery_id: str, at_ms: int, why: str, *, lost: str = ""
) -> None:
    """Roll the parts up into their delivery; neither a bad end nor a lost part passes in silence."""
    parts = connection.execute("SELECT state FROM parts WHERE delivery_id = ? ORDER BY n", (delivery_id,))
    states = [PartState(state) for (state,) in parts]
    state, reason = roll_up(states)
    row = only(connection, "SELECT state, run_id, job_id FROM deliveries WHERE id = ?", (delivery_id,))
    before, run_id, job_id = row
    connection.execute(
        "UPDATE deliveries SET state = ?, reason = ? WHERE id = ?", (state.value, reason, delivery_id)
    )
    if state.value != before:
        record(
            connection,
            at_ms,
            f"delivery.{state.value}",
            job_id=job_id,
            run_id=run_id,
            delivery_id=delivery_id,
        )
    cause = _worth_an_alert(states, state, lost) if lost or state.value != before else ""
    if cause:
        why = why or f"{reason} parts were accepted"
        alert(connection, at_ms, cause, why, job_id=job_id, run_id=run_id, delivery_id=delivery_id)
    if run_id is not None:
        summarise_run(connection, run_id)
        retire_if_done(connection, job_id, at_ms)
