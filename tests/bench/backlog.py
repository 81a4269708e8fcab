"""A backlog as an outage leaves it: many targets, each with its own queue."""

from pathlib import Path

from stentor.adapters.sqlite.store import open_connection

PARTS_OF_A_LANE = 15

_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 - 1)"
_LANES = f"""
{_NUMBERS} INSERT INTO lanes (id, channel, account, target, chat)
SELECT n + 1, 'page', 'default', 'page:room' || n, n + 1 FROM numbers
"""
_CHATS = f"""
{_NUMBERS} INSERT INTO chats (id, channel, account, target_id) SELECT n + 1, 'page', 'default', 'room' || n FROM numbers
"""
_DELIVERIES = f"""
{_NUMBERS} INSERT INTO deliveries (id, purpose, channel, account, target, kind, target_id, source, state, required, priority,
    on_unknown, created_at, expires_at)
SELECT 'd' || n, 'manual', 'page', 'default', 'page:room' || (n / ?2), 'room', 'room' || (n / ?2), 'explicit', 'pending', 1, 2,
    'hold', ?3, ?4 FROM numbers
"""
_PARTS = f"""
{_NUMBERS} INSERT INTO parts (id, delivery_id, lane, n, of, state, text, format)
SELECT 'd' || n || '.1', 'd' || n, n / ?2 + 1, 1, 1, 'pending', 'hello', 'plain' FROM numbers
"""
_HEADS = """
UPDATE lanes SET head = (
    SELECT min(seq) FROM parts WHERE lane = lanes.id AND state IN ('pending', 'retry_wait') AND held = 0)
"""


def fill(home: Path, parts: int, now_ms: int) -> None:
    """For a daemon that does not wait for its messages when it is to leave."""
    home.mkdir()
    connection = open_connection(home / "stentor.db")
    lanes = parts // PARTS_OF_A_LANE
    with connection:
        connection.execute(_LANES, (lanes,))
        connection.execute(_CHATS, (lanes,))
        connection.execute(_DELIVERIES, (parts, PARTS_OF_A_LANE, now_ms, now_ms + 86_400_000))
        connection.execute(_PARTS, (parts, PARTS_OF_A_LANE))
        connection.execute(_HEADS)
    connection.close()
    (home / "stentor.toml").write_text("[scheduler]\ndrain_seconds = 0\n")
