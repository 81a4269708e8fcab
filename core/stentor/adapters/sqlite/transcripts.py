"""What sessions remember: entries in the order in which they were said, each written down once."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import apsw

from stentor.adapters.sqlite.rows import Row, first, only
from stentor.contract.runners import Message, Role, ToolUse
from stentor.domain.happenings import HEARTBEAT, WakeMode
from stentor.domain.json_types import as_object
from stentor.domain.transcripts import LONGEST_TOLD, shortened, size

_OPEN = "SELECT session_id, job_id FROM runs WHERE id = ? AND boot = ? AND ended_at IS NULL"
_NEXT_SEQ = "SELECT ifnull(max(seq), 0) + 1 FROM messages WHERE session_id = ?"
_INSERT = """
INSERT INTO messages (session_id, seq, role, text, calls, call_id, run_id, at, wake) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_COUNT = """
UPDATE sessions SET messages = messages + ?, bytes = bytes + ?, billed_tokens = billed_tokens + ?,
    context_tokens = ifnull(?, context_tokens), updated_at = ?, spoken_at = ifnull(?, spoken_at) WHERE id = ?
"""
_NEWEST_FIRST = "SELECT role, text, calls, call_id FROM messages WHERE session_id = ? ORDER BY seq DESC"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where entries come from: a run of a job, or somebody who leaves an event. `wake` is when that is answered."""

    run_id: str | None = None
    job_id: str | None = None
    wake: WakeMode | None = None


def remember(
    connection: apsw.Connection, run_id: str, boot: str, messages: Sequence[Message], at_ms: int
) -> bool:
    """Only a run that is under way, and ours, has something to say."""
    row = first(connection, _OPEN, (run_id, boot))
    if row is None:
        return False
    append(connection, row[0], messages, Origin(run_id, row[1]), at_ms)
    return True


def append(
    connection: apsw.Connection,
    session_id: str,
    messages: Sequence[Message],
    origin: Origin,
    at_ms: int,
) -> None:
    seq = only(connection, _NEXT_SEQ, (session_id,))[0]
    rows = [_row(session_id, seq + n, entry, origin, at_ms) for n, entry in enumerate(messages)]
    connection.executemany(_INSERT, rows)
    written = sum(len(row[3].encode()) + len((row[4] or "").encode()) for row in rows)
    # An event that nobody waits for is no part in the conversation, and nor is a heartbeat.
    is_spoken = origin.job_id != HEARTBEAT and any(entry.role == "user" for entry in messages)
    spoken_ms = at_ms if is_spoken else None
    connection.execute(_COUNT, (len(rows), written, 0, None, at_ms, spoken_ms, session_id))


def count_tokens(
    connection: apsw.Connection, session_id: str, billed: int, context: int | None, at_ms: int
) -> None:
    """What a turn cost its session, and how full that is now: two numbers that say nothing of each other."""
    connection.execute(_COUNT, (0, 0, billed, context, at_ms, None, session_id))


def history(connection: apsw.Connection, session_id: str, most: int | None) -> list[Message]:
    """The end of a session, read from there: a long one costs no more than what is told of it."""
    told: list[Message] = []
    left = most
    with closing(connection.execute(_NEWEST_FIRST, (session_id,))) as newest_first:
        for row in newest_first:
            entry = _entry(row)
            if left is not None:
                entry = shortened(entry, LONGEST_TOLD)
                left -= size(entry)
                if left < 0:
                    break
            told.append(entry)
    told.reverse()
    return told


def _row(session_id: str, seq: int, entry: Message, origin: Origin, at_ms: int) -> Row:
    calls = None
    if entry.calls:
        said = [{"id": call.id, "name": call.name, "args": dict(call.args)} for call in entry.calls]
        calls = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    words = (entry.role, entry.text, calls, entry.call_id or None)
    wake = origin.wake if entry.role == "system" else None
    return session_id, seq, *words, origin.run_id, at_ms, wake


def _entry(row: Row) -> Message:
    role, text, calls, call_id = row
    uses = tuple(
        ToolUse(call["id"], call["name"], as_object(call["args"]) or {}) for call in json.loads(calls or "[]")
    )
    return Message(_role(role), text, uses, call_id or "")


def _role(role: str) -> Role:
    match role:
        case "user" | "assistant" | "tool" | "system":
            return role
        case _:
            return "system"
