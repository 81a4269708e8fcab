"""Settling: verdicts on attempts, and what they mean for the rest of a delivery, its lane and its account."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import gates, holding, lanes, receipts, rerouting, rollup, targets
from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.giving_up import give_up
from stentor.adapters.sqlite.rows import fetch, fetch_packed, listed, write_each
from stentor.contract.targets import Target
from stentor.domain.outbox import IN_DOUBT, Verdict, called_off, proved
from stentor.domain.records import Settlement
from stentor.domain.states import PartState

_FOUND = """
SELECT p.id, p.seq, p.state, p.attempts, p.lane, p.n, p.of, p.attachment IS NOT NULL AND p.text = '',
    d.channel, d.account, d.target, d.id, d.rowid, d.state, d.reason, d.run_id, d.job_id, d.kind, d.target_id, d.thread,
    (SELECT chat FROM lanes WHERE id = p.lane), p.proof, d.cancelled_at IS NOT NULL
FROM json_each(?) w CROSS JOIN parts p ON p.id = w.value CROSS JOIN deliveries d ON d.id = p.delivery_id
"""
_SETTLE = """
WITH w (part, state, reason, error, message, degraded, next_at, accepted, unused, refused, confirm_by, plain) AS ({rows})
UPDATE parts SET state = w.state, reason = w.reason, error = ifnull(w.error, parts.error),
    message_id = ifnull(w.message, message_id), degraded = ifnull(w.degraded, parts.degraded), next_attempt_at = w.next_at,
    accepted_at = ifnull(accepted_at, w.accepted), attempts = attempts - w.unused, refusals = refusals + w.refused,
    first_sent_at = iif(attempts = w.unused, NULL, first_sent_at), confirm_by = w.confirm_by,
    text = iif(w.plain, parts.plain, text), format = iif(w.plain, 'plain', format)
FROM w WHERE seq = w.part
"""
_WITHOUT_FILES = """
UPDATE parts SET text = ifnull(plain, text) || char(10, 10) || ?1, plain = NULL, format = 'plain', attachment = NULL WHERE seq = ?2
"""
_OPENED = "UPDATE deliveries SET opened = ? WHERE id = ?"
_KEEP_PROOF = "UPDATE parts SET proof = ? WHERE seq = ?"
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
    chat: int
    proof: str | None
    is_cancelled: int

    @property
    def address(self) -> Target:
        text = self.target.removeprefix(f"{self.channel}:")
        return Target(self.channel, self.kind, self.target_id, text, self.thread, self.account)

    @property
    def is_being_sent(self) -> bool:
        return self.state == PartState.SENDING

    def takes(self, settlement: Settlement) -> bool:
        """A verdict is on the attempt under way. A receipt may also come late, for a part that waits or is in doubt."""
        if settlement.verdict.state is PartState.ACCEPTED and not self.is_being_sent:
            waits = self.state in (PartState.UNKNOWN, PartState.RETRY_WAIT, PartState.PENDING)
            return waits and 0 < settlement.attempt <= self.attempts
        return self.is_being_sent and self.attempts == settlement.attempt

    def keeps(self, settlement: Settlement) -> bool:
        """A receipt for an earlier attempt is of use when the one under way comes to nothing."""
        is_receipt = settlement.verdict.state is PartState.ACCEPTED
        return is_receipt and self.is_being_sent and 0 < settlement.attempt < self.attempts


_Taken = tuple[_Part, Settlement]


def settle_all(connection: apsw.Connection, settlements: Sequence[Settlement]) -> list[bool]:
    """Write verdicts down, receipts included. False for a part that was settled otherwise before.

    No part may be named twice.
    """
    ids = listed(settlement.part_id for settlement in settlements)
    found = fetch_packed(connection, _FOUND, (ids,), columns=len(_Part._fields))
    parts = {part.id: part for part in map(_Part._make, found)}
    pairs = [
        (part, settlement)
        for settlement in settlements
        if (part := parts.get(settlement.part_id)) is not None
    ]
    kept = [(part, settlement) for part, settlement in pairs if part.keeps(settlement)]
    values = [(settlement.verdict.message_id, part.seq) for part, settlement in kept]
    connection.executemany(_KEEP_PROOF, values)
    taken = _as_known(connection, [pair for pair in pairs if pair[0].takes(pair[1])])
    _write(connection, taken)
    done = {part.id for part, _ in (*taken, *kept)}
    return [settlement.part_id in done for settlement in settlements]


def _write(connection: apsw.Connection, taken: Sequence[_Taken]) -> None:
    """The verdicts, and all that follows from them."""
    write_each(connection, _SETTLE, [_values(part, settlement) for part, settlement in taken])
    accepted = [_acceptance(*pair) for pair in taken if pair[1].verdict.state is PartState.ACCEPTED]
    raised = receipts.keep(connection, accepted)
    bare = [
        (settled.verdict.without_files, part.seq) for part, settled in taken if settled.verdict.without_files
    ]
    connection.executemany(_WITHOUT_FILES, bare)
    connection.executemany(_OPENED, [*_opened(taken)])
    elsewhere: list[rollup.Change] = []
    others: list[int] = []
    for part, settlement in taken:
        _affect_rest(connection, part, settlement.verdict.state)
        _mention_retry(connection, part, settlement)
        elsewhere += _learn(connection, part, settlement, others)
    targets.restore(connection, [part.address for part, verdict in taken if verdict.verdict.message_id])
    _heed_gates(connection, [pair for pair in taken if pair[0].is_being_sent])
    lanes.release(connection, [part.lane for part, _ in taken if part.is_being_sent])
    lanes.review(connection, [part.lane for part, _ in taken if not part.is_being_sent] + others)
    _roll_up(connection, taken, elsewhere, raised)


def _opened(taken: Sequence[_Taken]) -> Iterator[tuple[str, str]]:
    """What parts have begun, for those that follow them."""
    for part, settlement in taken:
        opened = settlement.verdict.opened
        if opened is not None and part.of > 1:
            yield targets.text_of(opened), part.delivery_id


def _roll_up(
    connection: apsw.Connection, taken: Sequence[_Taken], elsewhere: Sequence[rollup.Change], raised: set[str]
) -> None:
    """Where deliveries stand now; of those that changed `elsewhere` too, their parts have to be looked at again."""
    looked_at = {change.delivery_id for change in elsewhere}
    alone = [
        _standing(part, settlement)
        for part, settlement in taken
        if part.of == 1 and part.id not in raised and part.delivery_id not in looked_at
    ]
    rollup.after_changes(connection, [*(_change(*pair) for pair in taken), *elsewhere], alone)


def later_receipt(
    connection: apsw.Connection,
    channel: str,
    account: str,
    message_id: str,
    level: str,
    at_ms: int,
    part_id: str,
) -> bool:
    """News about a message, perhaps about one that nobody knew had arrived: then it is known whose it is, or its
    part's own id is its name."""
    if receipts.raise_known(connection, channel, account, message_id, level, at_ms):
        return True
    for row in fetch(connection, _FOUND, (listed([part_id or message_id]),)):
        part = _Part._make(row)
        if (part.channel, part.account) == (channel, account):
            return _prove(connection, part, message_id, at_ms)
    return False


def _prove(connection: apsw.Connection, part: _Part, message_id: str, at_ms: int) -> bool:
    """A part has arrived. While it is being sent, that is left for its answer to say, and kept if it does not."""
    if part.is_being_sent:
        connection.execute(_KEEP_PROOF, (message_id, part.seq))
        return False
    verdict = Verdict(PartState.ACCEPTED, message_id=message_id)
    return settle_all(connection, [Settlement(part.id, part.attempts, at_ms, verdict)])[0]


def _as_known(connection: apsw.Connection, taken: Sequence[_Taken]) -> list[_Taken]:
    """Verdicts beside what else is known: that a part in doubt is spoken of by its provider, that an earlier attempt
    was accepted, that nobody wants another one."""
    doubtful = [part for part, settlement in taken if _is_in_doubt(settlement.verdict)]
    spoken = receipts.spoken_of(connection, [(part.channel, part.account, part.id) for part in doubtful])
    return [
        (part, settlement)
        if settlement.verdict.state is PartState.ACCEPTED
        else (part, replace(settlement, verdict=_known(part, settlement.verdict, spoken)))
        for part, settlement in taken
    ]


def _is_in_doubt(verdict: Verdict) -> bool:
    return verdict.state is PartState.UNKNOWN or verdict.reason in IN_DOUBT


def _known(part: _Part, verdict: Verdict, spoken: set[str]) -> Verdict:
    if part.proof is not None:
        return proved(verdict, part.proof)
    if part.id in spoken:
        return proved(verdict, part.id)
    return called_off(verdict) if part.is_cancelled else verdict


def _values(part: _Part, settlement: Settlement) -> tuple[str | int | None, ...]:
    verdict = settlement.verdict
    return (
        part.seq,
        verdict.state,
        verdict.reason,
        verdict.error or None,
        verdict.message_id or None,
        verdict.degraded or None,
        verdict.next_at_ms,
        settlement.at_ms if verdict.state is PartState.ACCEPTED else None,
        0 if verdict.uses_attempt else 1,
        verdict.refused,
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
    by_hand = verdict.state is PartState.CANCELLED
    why = verdict.error or verdict.reason
    return rollup.Change(part.delivery_id, settlement.at_ms, why, lost, by_hand=by_hand)


def _standing(part: _Part, settlement: Settlement) -> rollup.Standing:
    """A delivery of one part stands where its part stands."""
    return rollup.Standing(
        part.delivery_id,
        part.delivery_row,
        part.delivery_state,
        part.delivery_reason,
        part.run_id,
        part.job_id,
        (settlement.verdict.state,),
    )


def _affect_rest(connection: apsw.Connection, part: _Part, state: PartState) -> None:
    """An unknown part holds what follows it, a rejected text ends its delivery, a rejected attachment only itself."""
    if state is PartState.UNKNOWN:
        holding.hold(connection, part.delivery_id, part.n)
    elif state is PartState.ACCEPTED and part.state == PartState.UNKNOWN:
        holding.release(connection, part.delivery_id)
    elif state in _LOST and part.n < part.of and not part.is_bare_file:
        why = f"part {part.n} was {state.value}"
        give_up(connection, [part.delivery_id], PartState.CANCELLED, why)


def _learn(
    connection: apsw.Connection, part: _Part, settlement: Settlement, other_lanes: list[int]
) -> list[rollup.Change]:
    """What the answer says of the target: of no use any more, or elsewhere. Gives what else that changed."""
    verdict = settlement.verdict
    if verdict.readdress is None and not verdict.suspends:
        return []
    tried = rerouting.Tried(part.delivery_id, part.address, part.lane, settlement.at_ms)
    if verdict.readdress is not None:
        lane, changes = rerouting.readdress(connection, tried, verdict.readdress)
        other_lanes.append(lane)
        return changes
    changes = rerouting.suspend(connection, tried, verdict.suspends)
    return [change for change in changes if change.delivery_id != part.delivery_id]


def _heed_gates(connection: apsw.Connection, answered: Sequence[_Taken]) -> None:
    if not answered:
        return
    at_ms = answered[0][1].at_ms
    answers = [
        gates.Answered(part.channel, part.account, part.chat, settlement.verdict.gate)
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
