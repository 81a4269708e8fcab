"""How the main session is looked after, for people: its last turn, and what waits for the next one."""

import apsw

from stentor.adapters.sqlite.rows import first, only
from stentor.adapters.sqlite.shapes import iso
from stentor.domain.happenings import HEARTBEAT
from stentor.domain.json_types import JsonObject

_UNANSWERED = "SELECT count(*) FROM messages INDEXED BY messages_unanswered WHERE wake IS NOT NULL"
_LAST = """
SELECT id, queued_at, scheduled_for IS NOT NULL, status, suppression FROM runs WHERE job_id = ? ORDER BY queued_at DESC, id DESC LIMIT 1
"""
NOTHING: JsonObject = {"unanswered": 0, "lastTurn": None}


def main_session(connection: apsw.Connection) -> JsonObject:
    return {"unanswered": only(connection, _UNANSWERED)[0], "lastTurn": _last(connection)}


def _last(connection: apsw.Connection) -> JsonObject | None:
    row = first(connection, _LAST, (HEARTBEAT,))
    if row is None:
        return None
    run_id, at_ms, is_heartbeat, status, suppression = row
    return {
        "runId": run_id,
        "at": iso(at_ms),
        "heartbeat": bool(is_heartbeat),
        "status": status,
        "suppression": suppression,
    }
