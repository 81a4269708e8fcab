"""Lanes: one row per target. Its head is the part that goes next; while that is being sent, the lane is busy."""

from collections.abc import Iterable, Sequence

import apsw

from stentor.adapters.sqlite.rows import fetch, fetch_each, listed, number
from stentor.contract.targets import Target
from stentor.domain.states import Priority

_PRIORITIES = ", ".join(str(priority.value) for priority in Priority)
_OPEN = "INSERT INTO lanes (channel, account, target) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_FIND = "SELECT id FROM lanes WHERE channel = ? AND account = ? AND target = ?"
_JOIN = "UPDATE lanes SET head = ?, ready_at = 0, priority = ? WHERE id = ? AND busy = 0 AND head IS NULL"
_OCCUPY = "UPDATE lanes SET busy = 1 WHERE id IN (SELECT value FROM json_each(?))"
_MOVE_UP = """
UPDATE lanes SET busy = 0, (head, ready_at, priority) = (
    SELECT min(p.seq), ifnull(p.next_attempt_at, 0), ifnull(d.priority, 2)
    FROM parts p JOIN deliveries d ON d.id = p.delivery_id
    WHERE p.lane = lanes.id AND p.state IN ('pending', 'retry_wait') AND p.held = 0)
WHERE id IN (SELECT value FROM json_each(?))
"""
_OPEN_ACCOUNTS = "SELECT channel, account, ?1, ?2 FROM accounts WHERE state = 'open' AND ready_at <= ?1"
# By account: what waits on one that is shut is not even looked at.
_READY = f"""
SELECT l.priority, l.ready_at, l.head, l.id FROM lanes l INDEXED BY lanes_ready
WHERE l.channel = ? AND l.account = ? AND l.priority IN ({_PRIORITIES}) AND l.ready_at <= ? AND l.busy = 0 AND l.head IS NOT NULL
ORDER BY l.priority, l.ready_at, l.head LIMIT ?
"""
_NEXT = f"""
SELECT min(max(a.ready_at, (
    SELECT min(l.ready_at) FROM lanes l INDEXED BY lanes_ready
    WHERE l.channel = a.channel AND l.account = a.account AND l.priority = p.value AND l.busy = 0 AND l.head IS NOT NULL)))
FROM accounts a JOIN json_each('[{_PRIORITIES}]') p WHERE a.state = 'open'
"""


def find_or_open(connection: apsw.Connection, targets: Iterable[Target]) -> list[int]:
    """The lane of each target."""
    keys = [(target.channel, target.account, target.canonical) for target in targets]
    connection.executemany(_OPEN, dict.fromkeys(keys))
    return [lane for (lane,) in fetch_each(connection, _FIND, keys)]


def join(connection: apsw.Connection, parts: Iterable[tuple[int, int, int]]) -> None:
    """New parts (number, priority, lane) wait at the end of their lanes: at the head, where nothing else waits."""
    connection.executemany(_JOIN, parts)


def ready(connection: apsw.Connection, now_ms: int, limit: int) -> dict[int, int]:
    """The heads that may go now with their lanes, in the order in which they should."""
    accounts = fetch(connection, _OPEN_ACCOUNTS, (now_ms, limit))
    found = fetch_each(connection, _READY, accounts)
    if len(accounts) > 1:
        found.sort()
    return {head: lane for _, _, head, lane in found[:limit]}


def next_send(connection: apsw.Connection) -> int | None:
    """When the next part may go."""
    return number(connection, _NEXT)


def occupy(connection: apsw.Connection, lanes: Iterable[int]) -> None:
    """The heads of these lanes are being sent."""
    connection.execute(_OCCUPY, (listed(lanes),))


def release(connection: apsw.Connection, lanes: Sequence[int]) -> None:
    """What was being sent is settled: the next part of each lane moves up."""
    if lanes:
        connection.execute(_MOVE_UP, (listed(lanes),))


def review(connection: apsw.Connection, lanes: Sequence[int]) -> None:
    """Waiting parts have changed: find the heads anew. A part that is being sent keeps its lane to itself."""
    if lanes:
        connection.execute(f"{_MOVE_UP} AND busy = 0", (listed(lanes),))
