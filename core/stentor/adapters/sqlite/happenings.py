"""Events of the main session: who leaves them, who has answered them, and when somebody last looked after them."""

import apsw

from stentor.adapters.sqlite import runs, transcripts
from stentor.adapters.sqlite.rows import fetch, first, only
from stentor.contract.runners import Message
from stentor.domain.happenings import Beats, Happening, WakeMode
from stentor.domain.records import RunEnd, SessionSeed

_UNANSWERED = """
SELECT m.session_id, m.seq, m.text, m.at, m.wake FROM messages m INDEXED BY messages_unanswered
JOIN sessions s ON s.id = m.session_id WHERE m.wake IS NOT NULL AND s.key = ? ORDER BY s.created_at, s.rowid, m.seq
"""
_ANSWERED = "UPDATE messages SET wake = NULL WHERE session_id = ? AND seq = ?"
_SAID = "session_id = ?1 AND run_id = ?2"
_UNCOUNT = f"""
UPDATE sessions SET messages = messages - (SELECT count(*) FROM messages WHERE {_SAID}),
    bytes = bytes - (SELECT ifnull(sum(octet_length(text) + ifnull(octet_length(calls), 0)), 0) FROM messages WHERE {_SAID})
WHERE id = ?1
"""
_CALLED = f"SELECT 1 FROM messages WHERE {_SAID} AND calls IS NOT NULL LIMIT 1"
_BEATS = "SELECT max(scheduled_for), ifnull(max(queued_at), 0) FROM runs WHERE job_id = ?"
_GOOD = """
SELECT g.id, g.started_at, NOT EXISTS (SELECT 1 FROM runs b WHERE b.job_id = g.job_id AND b.rowid > g.rowid
    AND b.ended_at IS NOT NULL AND b.status NOT IN ('ok', 'skipped'))
FROM runs g WHERE g.job_id = ? AND g.status = 'ok' ORDER BY g.started_at DESC, g.rowid DESC LIMIT 1
"""


def happen(connection: apsw.Connection, session: SessionSeed, text: str, wake: WakeMode, at_ms: int) -> None:
    """An event that no run brings."""
    session_id = runs.current_session(connection, session, at_ms)
    transcripts.append(
        connection, session_id, [Message("system", text)], transcripts.Origin(wake=wake), at_ms
    )


def unanswered(connection: apsw.Connection, session_key: str) -> list[Happening]:
    return [Happening(*row) for row in fetch(connection, _UNANSWERED, (session_key,))]


def attend(connection: apsw.Connection, end: RunEnd, session_id: str) -> None:
    """What a run has answered is answered with its end. One that had nothing to say leaves nothing behind, unless its
    agent has called a tool: what was done stays on record.
    """
    answered = [(event.session_id, event.seq) for event in end.attention.answered]
    connection.executemany(_ANSWERED, answered)
    of_run = (session_id, end.run_id)
    if end.attention.forgotten and first(connection, _CALLED, of_run) is None:
        connection.execute(_UNCOUNT, of_run)
        connection.execute(f"DELETE FROM messages WHERE {_SAID}", of_run)


def beats(connection: apsw.Connection, job_id: str) -> Beats:
    last_ms, queued_ms = only(connection, _BEATS, (job_id,))
    good_run, good_from_ms, is_good = first(connection, _GOOD, (job_id,)) or (None, 0, 0)
    return Beats(last_ms, queued_ms, good_run, good_from_ms, bool(is_good))
