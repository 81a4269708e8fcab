"""Runs, their sessions and their messages."""

import json
from dataclasses import replace

import apsw

from stentor.adapters.sqlite import deliveries
from stentor.adapters.sqlite.events import alert, record
from stentor.adapters.sqlite.rows import Row, fetch, first, only
from stentor.domain.records import Finished, OpenRun, RunEnd, RunSeed, SessionSeed, StoredMessage
from stentor.domain.states import RunStatus, Trigger

_INSERT = """
INSERT INTO runs (id, job_id, job_name, agent_id, trigger, attempt, scheduled_for, queued_at, status, phase, boot,
    session_id, session_key)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', 'queued', ?, ?, ?)
"""
_SESSION = """
INSERT INTO sessions (id, key, base_key, kind, agent_id, job_id, label, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_END = """
UPDATE runs SET status = ?, phase = ifnull(?, phase), ended_at = ?, started_at = ifnull(started_at, ?), error = ?, error_kind = ?, summary = ?,
    model = ?, input_tokens = ?, output_tokens = ?, cached_tokens = ?, cost_usd = ?, warnings = ?, suppression = ?, routes = ?
WHERE id = ? AND boot = ? AND ended_at IS NULL
RETURNING job_id, session_id, ifnull(started_at, queued_at)
"""
_JOB_AFTER = """
UPDATE jobs SET last_run_at = ?1, last_status = ?2, last_error = ?3,
    consecutive_errors = CASE WHEN ?2 = 'ok' THEN 0 WHEN ?2 IN ('error', 'timeout') THEN consecutive_errors + 1
        ELSE consecutive_errors END,
    consecutive_skipped = CASE WHEN ?2 = 'skipped' THEN consecutive_skipped + 1 ELSE 0 END,
    enabled = CASE WHEN ?4 IS NULL THEN enabled ELSE 0 END,
    next_at = CASE WHEN ?4 IS NULL THEN next_at END,
    finished = ifnull(?4, finished)
WHERE id = ?5
"""
_OPEN = """
SELECT r.id, r.job_id, r.job_name, r.trigger, r.queued_at, r.scheduled_for, r.attempt, r.started_at IS NOT NULL,
    EXISTS (SELECT 1 FROM deliveries d JOIN parts p ON p.delivery_id = d.id
            WHERE d.run_id = r.id AND (p.attempts > 0 OR p.state NOT IN ('pending', 'cancelled'))),
    s.id, s.key, s.base_key, s.kind, s.agent_id, s.label
FROM runs r JOIN sessions s ON s.id = r.session_id WHERE r.ended_at IS NULL AND r.boot <> ? ORDER BY +r.queued_at, r.id
"""
_NEXT_SEQ = "SELECT ifnull(max(seq), 0) + 1 FROM messages WHERE session_id = ?"
_TOUCH_SESSION = """
UPDATE sessions SET messages = messages + ?, bytes = bytes + ?, billed_tokens = billed_tokens + ?,
    context_tokens = ifnull(?, context_tokens), updated_at = ? WHERE id = ?
"""


def insert(connection: apsw.Connection, run: RunSeed) -> RunSeed:
    """Write a run down with its session: there is no run without one."""
    session = find_or_create(connection, run.session, run.job_id, run.queued_ms)
    values = (
        run.id,
        run.job_id,
        run.job_name,
        session.agent_id,
        run.trigger.value,
        run.attempt,
        run.scheduled_ms,
        run.queued_ms,
        run.boot,
        session.id,
        session.key,
    )
    connection.execute(_INSERT, values)
    record(
        connection,
        run.queued_ms,
        "run.queued",
        {"trigger": run.trigger.value},
        job_id=run.job_id,
        run_id=run.id,
    )
    return replace(run, session=session)


def queue(connection: apsw.Connection, run: RunSeed) -> RunSeed:
    """A run outside the schedule: manual, or again after an interruption."""
    queued = insert(connection, run)
    if run.scheduled_ms is not None:
        values = (run.id, run.job_id, run.scheduled_ms)
        connection.execute("UPDATE occurrences SET run_id = ? WHERE job_id = ? AND instant = ?", values)
    return queued


def start(connection: apsw.Connection, run_id: str, boot: str, at_ms: int) -> bool:
    connection.execute(
        "UPDATE runs SET status = 'running', phase = 'setup', started_at = ? WHERE id = ? AND boot = ? AND status = 'queued'",
        (at_ms, run_id, boot),
    )
    return connection.changes() == 1


def note_phase(connection: apsw.Connection, run_id: str, boot: str, phase: str) -> None:
    values = (phase, run_id, boot)
    connection.execute("UPDATE runs SET phase = ? WHERE id = ? AND boot = ? AND ended_at IS NULL", values)


def finish(connection: apsw.Connection, end: RunEnd) -> Finished:
    """End a run and put what it wants sent into the outbox, or refuse both when the lease is gone."""
    usage = end.usage
    values = (
        end.status.value,
        end.phase,
        end.ended_ms,
        end.started_ms,
        end.error,
        end.error_kind,
        end.summary,
        end.model,
        usage.input,
        usage.output,
        usage.cached,
        usage.cost_usd,
        json.dumps(end.warnings, ensure_ascii=False),
        end.suppression,
        end.routes,
        end.run_id,
        end.boot,
    )
    row = first(connection, _END, values)
    if row is None:
        record(connection, end.ended_ms, "run.late_output", {"status": end.status.value}, run_id=end.run_id)
        return Finished(kept=False)
    job_id, session_id, ran_ms = row
    append_messages(connection, session_id, end.messages, run_id=end.run_id, at_ms=end.ended_ms)
    billed = (usage.input or 0) + (usage.output or 0)
    connection.execute(_TOUCH_SESSION, (0, 0, billed, usage.input, end.ended_ms, session_id))
    connection.execute(_JOB_AFTER, (ran_ms, end.status.value, end.error, end.retire, job_id))
    for delivery in end.deliveries:
        deliveries.insert(connection, delivery)
    deliveries.summarise_run(connection, end.run_id)
    data = {"status": end.status.value}
    record(connection, end.ended_ms, "run.ended", data, job_id=job_id, run_id=end.run_id)
    if end.status not in (RunStatus.OK, RunStatus.SKIPPED, RunStatus.CANCELLED):
        alert(
            connection,
            end.ended_ms,
            end.status.value,
            end.error or end.status.value,
            job_id=job_id,
            run_id=end.run_id,
        )
    successor = queue(connection, end.successor) if end.successor is not None else None
    deliveries.retire_if_done(connection, job_id, end.ended_ms)
    return Finished(kept=True, successor=successor)


def append_messages(
    connection: apsw.Connection,
    session_id: str,
    messages: tuple[tuple[str, str], ...],
    *,
    run_id: str | None,
    at_ms: int,
) -> None:
    seq = only(connection, _NEXT_SEQ, (session_id,))[0]
    rows = [(session_id, seq + n, role, text, run_id, at_ms) for n, (role, text) in enumerate(messages)]
    connection.executemany(
        "INSERT INTO messages (session_id, seq, role, text, run_id, at) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    size = sum(len(text.encode()) for _, text in messages)
    connection.execute(_TOUCH_SESSION, (len(messages), size, 0, None, at_ms, session_id))


def history(connection: apsw.Connection, session_id: str) -> list[StoredMessage]:
    rows = connection.execute(
        "SELECT role, text FROM messages WHERE session_id = ? ORDER BY seq", (session_id,)
    )
    return [StoredMessage(role, text) for role, text in rows]


def adopt_open(connection: apsw.Connection, boot: str) -> list[OpenRun]:
    """Runs whose process is dead, now leased to this one: whoever is late among the dead is fenced off."""
    found = [_open_run(row, boot) for row in fetch(connection, _OPEN, (boot,))]
    adopt = "UPDATE runs SET boot = ? WHERE id = ? AND ended_at IS NULL"
    connection.executemany(adopt, [(boot, run.seed.id) for run in found])
    return found


def find_or_create(
    connection: apsw.Connection, seed: SessionSeed, job_id: str | None, at_ms: int
) -> SessionSeed:
    """The current session of a shared key, or a new one."""
    if seed.shared:
        row = first(connection, "SELECT id FROM sessions WHERE key = ? AND current = 1", (seed.key,))
        if row is not None:
            connection.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (at_ms, row[0]))
            return replace(seed, id=row[0])
    values = (seed.id, seed.key, seed.base_key, seed.kind, seed.agent_id, job_id, seed.label, at_ms, at_ms)
    connection.execute(_SESSION, values)
    return seed


def _open_run(row: Row, boot: str) -> OpenRun:
    run, job, name, trigger, queued, scheduled, attempt, started, sent, *session = row
    seed = RunSeed(
        run,
        job,
        name,
        Trigger(trigger),
        queued,
        boot,
        _shared(*session),
        scheduled,
        attempt,
    )
    return OpenRun(seed, bool(started), bool(sent))


def _shared(*columns: str) -> SessionSeed:
    """The session a run has already: whoever asks for its key shall find it."""
    session_id, key, base_key, kind, agent_id, label = columns
    return SessionSeed(session_id, key, base_key, kind, agent_id, label, shared=True)
