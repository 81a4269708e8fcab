"""What people do to sessions: begin anew, and say what they want of a conversation."""

from dataclasses import asdict

import apsw

from stentor.adapters.sqlite.events import record
from stentor.adapters.sqlite.rows import first
from stentor.adapters.sqlite.session_bounds import PINNED, USED
from stentor.domain.records import Preferences
from stentor.domain.rulings import Hand
from stentor.domain.wishes import Wishes

_CLOSE = "UPDATE sessions SET current = 0 WHERE id = ? AND current = 1"
_UNUSED = f"""
SELECT 1 FROM sessions s WHERE s.id = ? AND NOT {PINNED} AND s.id NOT IN ({USED})
"""
_PREFERENCES = "SELECT model, thinking, fast_mode, pinned FROM preferences WHERE base_key = ?"
_PREFER = """
INSERT INTO preferences (base_key, model, thinking, fast_mode, pinned, updated_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (base_key) DO UPDATE SET model = excluded.model, thinking = excluded.thinking, fast_mode = excluded.fast_mode,
    pinned = excluded.pinned, updated_at = excluded.updated_at
"""


def reset(connection: apsw.Connection, session_id: str, hand: Hand) -> bool:
    """Close a session, so that the next run of its key begins another; False where that was done already."""
    connection.execute(_CLOSE, (session_id,))
    if not connection.changes():
        return False
    record(connection, hand.at_ms, "session.reset", {"sessionId": session_id, "by": hand.by})
    return True


def remove(connection: apsw.Connection, session_id: str) -> bool:
    """A session that nobody needs any more goes with what was said in it; one in use or pinned stays."""
    if first(connection, _UNUSED, (session_id,)) is None:
        return False
    connection.execute("DELETE FROM messages WHERE session_id = ?", (session_id,))
    connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    return True


def preferences(connection: apsw.Connection, base_key: str) -> Preferences | None:
    row = first(connection, _PREFERENCES, (base_key,))
    if row is None:
        return None
    model, thinking, fast, pinned = row
    return Preferences(model, thinking, None if fast is None else bool(fast), bool(pinned))


def prefer(connection: apsw.Connection, base_key: str, wishes: Wishes, hand: Hand) -> Preferences:
    """What is wanted now. Of a conversation of which nothing is wanted, nothing is kept."""
    before = preferences(connection, base_key) or Preferences()
    wanted = wishes.applied(before)
    if wanted == before:
        return before
    if wanted == Preferences():
        connection.execute("DELETE FROM preferences WHERE base_key = ?", (base_key,))
    else:
        fast = None if wanted.fast_mode is None else int(wanted.fast_mode)
        values = (base_key, wanted.model, wanted.thinking, fast, int(wanted.pinned), hand.at_ms)
        connection.execute(_PREFER, values)
    data = {"baseKey": base_key, **asdict(wanted), "by": hand.by}
    record(connection, hand.at_ms, "session.preferred", data)
    return wanted
