"""Sessions as people and scripts read them: pages of them, one with what was said in it, and how many there are."""

import json
from dataclasses import dataclass

import apsw

from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.adapters.sqlite.session_bounds import PINNED, survey, tallied
from stentor.adapters.sqlite.sessions import preferences
from stentor.adapters.sqlite.shapes import iso
from stentor.domain.json_types import JsonObject
from stentor.domain.records import Preferences
from stentor.domain.retention import Removed
from stentor.domain.session_limits import SessionLimits

_SESSION = f"""
SELECT s.key, s.id, s.kind, s.agent_id, s.job_id, s.messages, s.bytes, s.context_tokens, s.billed_tokens, s.updated_at,
    s.base_key, s.label, s.current, {PINNED}, s.created_at, s.spoken_at, s.parent_id,
    s.id IN (SELECT session_id FROM runs INDEXED BY runs_open WHERE ended_at IS NULL)
FROM sessions s
"""
_WHERE = "WHERE (?1 IS NULL OR s.kind = ?1) AND (?2 IS NULL OR s.agent_id = ?2)"
_PAGE = f"{_SESSION} {_WHERE} ORDER BY s.updated_at DESC, s.rowid DESC LIMIT ?3 OFFSET ?4"
_COUNT = f"SELECT count(*) FROM sessions s {_WHERE}"
_OF_RUN = f"{_SESSION} WHERE s.id = (SELECT session_id FROM runs WHERE id = ?)"
# A key that has been used before is the whole conversation's: then its current session is meant, else its newest.
_NAMED = (
    f"{_SESSION} WHERE s.id = ?",
    f"{_SESSION} WHERE s.key = ? AND s.current = 1",
    f"{_SESSION} WHERE s.base_key = ? ORDER BY s.current DESC, s.updated_at DESC, s.rowid DESC LIMIT 1",
)
_OTHERS = "SELECT count(*) - 1 FROM sessions WHERE base_key = ?"
_SAID = """
SELECT seq, role, text, calls, call_id, run_id, at FROM messages WHERE session_id = ? ORDER BY seq DESC LIMIT ?
"""
_KINDS = "SELECT kind, count(*), sum(bytes) FROM sessions GROUP BY kind ORDER BY kind"
_SWEEP = "SELECT value FROM meta WHERE key = 'sweep'"
_NAMES = """
SELECT base_key FROM (SELECT base_key, updated_at FROM sessions ORDER BY updated_at DESC LIMIT ?) GROUP BY base_key
"""
NO_FIGURES: JsonObject = {"total": 0, "byKind": {}, "bytes": 0, "lastSweep": None}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sessions somebody wants to see; what is not said does not matter."""

    kind: str | None = None
    agent: str | None = None


def sessions(connection: apsw.Connection, asked: Asked, *, limit: int, offset: int) -> list[JsonObject]:
    """Those that changed last come first."""
    return [_session(row) for row in fetch(connection, _PAGE, (asked.kind, asked.agent, limit, offset))]


def count(connection: apsw.Connection, asked: Asked) -> int:
    return int(only(connection, _COUNT, (asked.kind, asked.agent))[0])


def of_run(connection: apsw.Connection, run_id: str) -> list[JsonObject]:
    return [_session(row) for row in fetch(connection, _OF_RUN, (run_id,))]


def find(connection: apsw.Connection, name: str) -> JsonObject | None:
    """A session by its id, its key, or the key of its conversation, with what is wanted of that."""
    found = (first(connection, query, (name,)) for query in _NAMED)
    row = next((row for row in found if row is not None), None)
    if row is None:
        return None
    session = _session(row)
    base_key = session["baseKey"]
    wanted = preferences(connection, base_key) or Preferences()
    return {
        **session,
        "others": only(connection, _OTHERS, (base_key,))[0],
        "preferences": {"model": wanted.model, "thinking": wanted.thinking, "fastMode": wanted.fast_mode},
    }


def names(connection: apsw.Connection, most: int) -> list[str]:
    """The conversations that changed last."""
    return [name for (name,) in fetch(connection, _NAMES, (most,))]


def agents(connection: apsw.Connection) -> list[str]:
    """Those that have a session."""
    return [
        agent for (agent,) in fetch(connection, "SELECT DISTINCT agent_id FROM sessions ORDER BY agent_id")
    ]


def transcript(connection: apsw.Connection, session_id: str, most: int) -> list[JsonObject]:
    """The last of what was said, in order."""
    return [_message(row) for row in reversed(fetch(connection, _SAID, (session_id, most)))]


def figures(connection: apsw.Connection) -> JsonObject:
    """How many sessions there are, of which kinds and how large, and what became of others at the last sweep."""
    kinds = fetch(connection, _KINDS)
    swept = first(connection, _SWEEP)
    return {
        "total": sum(row[1] for row in kinds),
        "byKind": {kind: number for kind, number, _ in kinds},
        "bytes": sum(row[2] for row in kinds),
        "lastSweep": None if swept is None else _sweep(json.loads(swept[0])),
    }


def would_go(connection: apsw.Connection, limits: SessionLimits, now_ms: int) -> Removed:
    """What a sweep would find now."""
    removed = Removed()
    position: tuple[int, ...] | None = None
    while position != ():
        found, position = survey(connection, limits, now_ms, position or (), dry=True)
        removed += tallied(found, limits)
    return removed


def _sweep(noted: JsonObject) -> JsonObject:
    return {**noted, "at": iso(noted["at"])}


def _session(row: Row) -> JsonObject:
    return {
        "key": row[0],
        "sessionId": row[1],
        "kind": row[2],
        "agentId": row[3],
        "jobId": row[4],
        "messages": row[5],
        "bytes": row[6],
        "contextTokens": row[7],
        "billedTokens": row[8],
        "updatedAt": iso(row[9]),
        "baseKey": row[10],
        "label": row[11],
        "current": bool(row[12]),
        "pinned": bool(row[13]),
        "createdAt": iso(row[14]),
        "spokenAt": iso(row[15]),
        "parentId": row[16],
        "active": bool(row[17]),
    }


def _message(row: Row) -> JsonObject:
    return {
        "seq": row[0],
        "role": row[1],
        "text": row[2],
        "calls": json.loads(row[3] or "[]"),
        "callId": row[4],
        "runId": row[5],
        "at": iso(row[6]),
    }
