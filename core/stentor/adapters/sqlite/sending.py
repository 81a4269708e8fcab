"""Taking parts out of the outbox: `sending` is committed before anything touches a socket."""

from dataclasses import replace

import apsw

from stentor.adapters.sqlite import admitting, expiry, lanes
from stentor.adapters.sqlite.rows import Row, fetch, fetch_packed, listed
from stentor.adapters.sqlite.targets import address
from stentor.contract.targets import Target
from stentor.domain.manners import manner_of
from stentor.domain.outbox import IN_DOUBT
from stentor.domain.records import Outgoing

_CONTENT = """
p.id, p.delivery_id, d.run_id, d.channel, d.kind, d.target_id, d.target, d.thread, d.account, p.n, p.of, p.text, p.format,
p.attachment
"""
_SHOWN = "d.manner, iif(p.n > 1, d.opened, NULL)"
_TERMS = """
d.expires_at, d.on_unknown, d.on_thread_gone, p.plain IS NOT NULL AND p.format <> 'plain', d.meant_for IS NOT NULL
"""
_HEADS = f"""
SELECT p.seq, {_CONTENT}, p.attempts + 1, p.refusals, ?2, ifnull(p.first_sent_at, ?2), {_TERMS}, {_SHOWN}, p.reason
FROM json_each(?1) h CROSS JOIN parts p ON p.seq = h.value CROSS JOIN deliveries d ON d.id = p.delivery_id
"""
_COLUMNS_OF_HEADS = 27
_SENDING = """
UPDATE parts SET state = 'sending', reason = '', attempts = attempts + 1, boot = ?1, sending_at = ?2,
    first_sent_at = ifnull(first_sent_at, ?2), next_attempt_at = NULL
WHERE seq IN (SELECT value FROM json_each(?3))
"""
# The sign keeps the order from being had by reading every part there ever was.
_ORPHANS = f"""
SELECT {_CONTENT}, p.attempts, p.refusals, p.sending_at, p.first_sent_at, {_TERMS}, {_SHOWN}, ''
FROM parts p JOIN deliveries d ON d.id = p.delivery_id WHERE p.state = 'sending' AND p.boot <> ? ORDER BY +p.seq
"""


def begin_sends(connection: apsw.Connection, now_ms: int, limit: int, boot: str) -> list[Outgoing]:
    """Take up to `limit` ready lanes and write their heads down as being sent."""
    admitted = admitting.admit(connection, now_ms, limit)
    if not admitted:
        return []
    ready = listed(entry.head.seq for entry in admitted)
    found = fetch_packed(connection, _HEADS, (ready, now_ms), columns=_COLUMNS_OF_HEADS)
    heads = [(row[0], _outgoing(row[1:])) for row in found]
    started = {seq: part for seq, part in heads if part.expires_ms > now_ms}
    connection.execute(_SENDING, (boot, now_ms, listed(started)))
    begun = [entry for entry in admitted if entry.head.seq in started]
    lanes.occupy(connection, [entry.head.lane for entry in begun])
    admitting.spend(connection, begun, now_ms)
    late = [part.delivery_id for seq, part in heads if seq not in started]
    if late:
        expiry.too_late(connection, late, now_ms)
    return list(started.values())


def orphans(connection: apsw.Connection, boot: str) -> list[Outgoing]:
    """Parts that another process was sending when it ended."""
    return [_outgoing(row) for row in fetch(connection, _ORPHANS, (boot,))]


def _outgoing(row: Row) -> Outgoing:
    (
        part,
        delivery,
        run,
        channel,
        kind,
        target_id,
        canonical,
        thread,
        account,
        *rest,
        manner,
        opened,
        reason,
    ) = row
    target = Target(channel, kind, target_id, canonical.removeprefix(f"{channel}:"), thread, account)
    found = Outgoing(part, delivery, run, target, *rest)
    if manner is None and opened is None and reason not in IN_DOUBT:
        return found
    return replace(
        found,
        doubt=reason if reason in IN_DOUBT else "",
        manner=manner_of(manner),
        opened=None if opened is None else address(opened, account),
    )
