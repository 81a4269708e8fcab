"""What providers say about messages, also before anybody knows whose they are."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite import rollup
from stentor.adapters.sqlite.rows import fetch, first, listed, write_each

_RECEIPT = """
INSERT INTO receipts (part_id, channel, account, message_id, level, target, detail, at) {rows} ON CONFLICT DO NOTHING
"""
_OF_NOBODY = """
CROSS JOIN receipts r ON r.channel = w.value ->> 0 AND r.account = w.value ->> 1 AND r.message_id = w.value ->> 2 AND r.part_id IS NULL
"""
_EARLY = f"SELECT w.value ->> 3, r.channel, r.account, r.message_id, r.level, r.at FROM json_each(?) w {_OF_NOBODY}"
# The provider may have said `accepted` itself before: that row is there already.
_ADOPT = """
UPDATE OR IGNORE receipts SET part_id = ? WHERE channel = ? AND account = ? AND message_id = ? AND part_id IS NULL
"""
_STRAY = f"SELECT r.message_id FROM json_each(?) w {_OF_NOBODY}"
_CONFIRMED = "UPDATE deliveries SET unconfirmed_at = NULL WHERE id = ? AND unconfirmed_at IS NOT NULL"
_OWNER = """
SELECT p.id, p.delivery_id FROM receipts r JOIN parts p ON p.id = r.part_id
WHERE r.channel = ? AND r.account = ? AND r.message_id = ? AND r.level = 'accepted'
"""


class Acceptance(NamedTuple):
    """A part was accepted for its target under the provider's id."""

    part_id: str
    channel: str
    account: str
    message_id: str
    target: str
    detail: Mapping[str, str]
    at_ms: int


def keep(connection: apsw.Connection, accepted: Sequence[Acceptance]) -> set[str]:
    """Write receipts down. What was said of these messages before they had an owner counts from now on.

    Gives the parts of which more was said.
    """
    named = listed((channel, account, message, part) for part, channel, account, message, *_ in accepted)
    early = fetch(connection, _EARLY, (named,))
    rows = [
        (part, channel, account, message, "accepted", target, _text(detail), at_ms)
        for part, channel, account, message, target, detail, at_ms in accepted
    ]
    write_each(connection, _RECEIPT, rows)
    for part_id, _, _, _, level, at_ms in early:
        _raise(connection, part_id, level, at_ms)
    connection.executemany(_ADOPT, [row[:4] for row in early])
    return {row[0] for row in early}


def raise_known(
    connection: apsw.Connection, channel: str, account: str, message_id: str, level: str, at_ms: int
) -> bool:
    """Raise a part to delivered or read. News about an id nobody knows yet is kept until its part is accepted."""
    row = first(connection, _OWNER, (channel, account, message_id))
    part = None if row is None else row[0]
    write_each(connection, _RECEIPT, [(part, channel, account, message_id, level, None, "{}", at_ms)])
    if row is not None:
        _raise(connection, row[0], level, at_ms)
        if level != "accepted":
            connection.execute(_CONFIRMED, (row[1],))
        rollup.after_changes(connection, [rollup.Change(row[1], at_ms)])
    return row is not None


def spoken_of(connection: apsw.Connection, messages: Iterable[tuple[str, str, str]]) -> set[str]:
    """Those of many messages (channel, account, id) of which something was said, and that have no owner yet."""
    return {message for (message,) in fetch(connection, _STRAY, (listed(messages),))}


def _raise(connection: apsw.Connection, part_id: str, level: str, at_ms: int) -> None:
    """Never lowers: a read part stays read when the delivered receipt limps in."""
    if level == "accepted":
        return
    column = "read_at" if level == "read" else "delivered_at"
    below = "('accepted', 'delivered')" if level == "read" else "('accepted')"
    connection.execute(f"UPDATE parts SET {column} = ifnull({column}, ?) WHERE id = ?", (at_ms, part_id))
    connection.execute(f"UPDATE parts SET state = ? WHERE id = ? AND state IN {below}", (level, part_id))


def _text(detail: Mapping[str, str]) -> str:
    return json.dumps(detail, ensure_ascii=False) if detail else "{}"
