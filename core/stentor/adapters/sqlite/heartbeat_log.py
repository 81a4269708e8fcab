"""How the main session is looked after, for people: its last turn, and what waits for the next one."""

import apsw

from stentor.adapters.sqlite.rows import first, only
from stentor.adapters.sqlite.shapes import iso
from stentor.adapters.sqlite.standing import FAILING
from stentor.domain.happenings import ANSWERED, HEARTBEAT
from stentor.domain.json_types import JsonObject

_UNANSWERED = "SELECT count(*) FROM messages INDEXED BY messages_unanswered WHERE wake IS NOT NULL"
_LAST = f"""
SELECT id, queued_at, scheduled_for IS NOT NULL, status, suppression FROM runs
WHERE job_id = '{HEARTBEAT}' AND ifnull(error_kind, '') <> '{ANSWERED}' ORDER BY queued_at DESC, id DESC LIMIT 1
"""
NOTHING: JsonObject = {"unanswered": 0, "lastTurn": None, "failing": None}


def main_session(connection: apsw.Connection) -> JsonObject:
    return {
        "unanswered": only(connection, _UNANSWERED)[0],
        "lastTurn": _last(connection),
        "failing": _failing(connection),
    }


def _last(connection: apsw.Connection) -> JsonObject | None:
    row = first(connection, _LAST)
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


def _failing(connection: apsw.Connection) -> JsonObject | None:
    """How often its turns went wrong in a row, if the last one did."""
    row = first(connection, FAILING)
    return None if row is None else {"times": row[0], "error": row[1]}
