"""Lanes: one row per target. Its head is the part that goes next; while that is being sent, the lane is busy."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apsw

from stentor.adapters.sqlite.rows import fetch, fetch_packed, listed, number, write_each
from stentor.contract.targets import Target
from stentor.domain.states import Priority

_PRIORITIES = ", ".join(str(priority.value) for priority in Priority)
_FIND = """
SELECT l.channel, l.account, l.target, l.id FROM json_each(?) w
CROSS JOIN lanes l ON l.channel = w.value ->> 0 AND l.account = w.value ->> 1 AND l.target = w.value ->> 2
"""
_CHAT = "INSERT INTO chats (channel, account, target_id) {rows} ON CONFLICT DO NOTHING"
_OPEN = """
WITH w (channel, account, target, target_id) AS ({rows})
INSERT INTO lanes (channel, account, target, chat) SELECT w.channel, w.account, w.target, c.id
FROM w CROSS JOIN chats c ON c.channel = w.channel AND c.account = w.account AND c.target_id = w.target_id
"""
_READY_AT = "ifnull((SELECT ready_at FROM chats WHERE chats.id = lanes.chat), 0)"
_JOIN = f"""
WITH w (lane, part, rank) AS ({{rows}})
UPDATE lanes SET head = w.part, ready_at = {_READY_AT}, priority = w.rank FROM w WHERE id = w.lane AND busy = 0 AND head IS NULL
"""
_OCCUPY = "UPDATE lanes SET busy = 1 WHERE id IN (SELECT value FROM json_each(?))"
_MOVE_UP = f"""
UPDATE lanes SET busy = 0, (head, ready_at, priority) = (
    SELECT min(p.seq), max(ifnull(p.next_attempt_at, 0), {_READY_AT}), ifnull(d.priority, 2)
    FROM parts p JOIN deliveries d ON d.id = p.delivery_id
    WHERE p.lane = lanes.id AND p.state IN ('pending', 'retry_wait') AND p.held = 0)
WHERE id IN (SELECT value FROM json_each(?))
"""
_PUT_OFF = "UPDATE lanes SET ready_at = max(ready_at, ?) WHERE"
# By account: what waits on one that is shut is not even looked at.
_READY = f"""
SELECT l.priority, l.ready_at, l.head, l.id, l.chat, (SELECT gated FROM chats WHERE chats.id = l.chat)
FROM lanes l INDEXED BY lanes_ready
WHERE l.channel = ? AND l.account = ? AND l.priority IN ({_PRIORITIES}) AND l.ready_at <= ? AND l.busy = 0 AND l.head IS NOT NULL
ORDER BY l.priority, l.ready_at, l.head LIMIT ?
"""
_NEXT = f"""
SELECT min(max(a.ready_at, (
    SELECT min(l.ready_at) FROM lanes l INDEXED BY lanes_ready
    WHERE l.channel = a.channel AND l.account = a.account AND l.priority = p.value AND l.busy = 0 AND l.head IS NOT NULL)))
FROM accounts a JOIN json_each('[{_PRIORITIES}]') p WHERE a.state = 'open' AND a.sated = 0
"""


# Channel, account and canonical target.
_Place = tuple[str, str | None, str]


class Head(NamedTuple):
    """The part a lane would send next. Heads compare by who goes first."""

    priority: int
    ready_at: int
    seq: int
    lane: int
    chat: int
    gated: int


def find_or_open(connection: apsw.Connection, targets: Iterable[Target]) -> list[int]:
    """The lane of each target."""
    places = [((target.channel, target.account, target.canonical), target.id) for target in targets]
    wanted = dict(places)
    known = _known(connection, wanted)
    new = [(*key, target_id) for key, target_id in wanted.items() if key not in known]
    if new:
        write_each(connection, _CHAT, [(*key[:2], key[3]) for key in new])
        write_each(connection, _OPEN, new)
        known |= _known(connection, [key[:3] for key in new])
    return [known[key] for key, _ in places]


def _known(connection: apsw.Connection, places: Iterable[_Place]) -> dict[_Place, int]:
    found = fetch_packed(connection, _FIND, (listed(places),), columns=4)
    return {(channel, account, target): lane for channel, account, target, lane in found}


def join(connection: apsw.Connection, parts: Iterable[tuple[int, int, int]]) -> None:
    """New parts (number, priority, lane) wait at the end of their lanes: at the head, where nothing else waits."""
    firsts: dict[int, tuple[int, int, int]] = {}
    for part, priority, lane in parts:
        firsts.setdefault(lane, (lane, part, priority))
    write_each(connection, _JOIN, list(firsts.values()))


def waiting(connection: apsw.Connection, channel: str, account: str, now_ms: int, limit: int) -> list[Head]:
    """The heads of an account's lanes that are ready, in the order in which they should go."""
    values = (channel, account, now_ms, limit)
    return [Head._make(row) for row in fetch_packed(connection, _READY, values, columns=len(Head._fields))]


def put_off(connection: apsw.Connection, lane: int, until_ms: int) -> None:
    connection.execute(f"{_PUT_OFF} id = ?", (until_ms, lane))


def put_off_chat(connection: apsw.Connection, chat: int, until_ms: int) -> None:
    """Whatever waits for a chat, in any of its threads, waits until then."""
    connection.execute(f"{_PUT_OFF} chat = ? AND busy = 0", (until_ms, chat))


def of_chat(connection: apsw.Connection, chat: int) -> list[int]:
    return [lane for (lane,) in fetch(connection, "SELECT id FROM lanes WHERE chat = ?", (chat,))]


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
