"""Runs and their sessions."""

from collections.abc import Sequence
from dataclasses import replace

import apsw

from stentor.adapters.sqlite.events import event, record, record_all
from stentor.adapters.sqlite.rows import Row, fetch, first, write_each
from stentor.domain.records import ErrandSeed, Freshness, OpenRun, RunSeed, SessionSeed
from stentor.domain.states import Trigger

_INSERT = """
INSERT INTO runs (id, job_id, job_name, agent_id, trigger, attempt, scheduled_for, not_before, queued_at, status, phase, boot,
    session_id, session_key)
{rows}
"""
_SESSION = """
INSERT INTO sessions (id, key, base_key, kind, agent_id, job_id, label, parent_id, created_at, updated_at) {rows}
"""
_ERRAND = "INSERT INTO errands (run_id, asked_by, outlives, doc) {rows}"
# Who works on something is not idle.
_CURRENT = """
SELECT id, created_at >= ?2 AND (ifnull(spoken_at, created_at) >= ?3 OR EXISTS (
    SELECT 1 FROM runs INDEXED BY runs_open WHERE runs.session_id = sessions.id AND ended_at IS NULL))
FROM sessions WHERE key = ?1 AND current = 1
"""
_START = """
UPDATE runs SET status = 'running', phase = 'setup', started_at = ?, deadline = ? WHERE id = ? AND boot = ? AND status = 'queued'
"""
# What was given up never left, and what was never begun can be taken back.
_LEAVING = """
SELECT 1 FROM deliveries d JOIN parts p ON p.delivery_id = d.id
WHERE p.state NOT IN ('rejected', 'expired', 'cancelled') AND (p.state <> 'pending' OR p.attempts > 0) AND
"""
# The run and whatever it asked for, through all hands. What it said in another session is heard there, whatever
# becomes of the run; unless it was taken back before anybody heard it.
_SENT = f"""
WITH RECURSIVE below (id) AS (SELECT ? UNION SELECT e.run_id FROM below JOIN errands e ON e.asked_by = below.id)
SELECT 1 WHERE EXISTS (SELECT 1 FROM below, errands e JOIN runs r ON r.id = e.run_id
        WHERE e.asked_by = below.id AND e.outlives AND (r.started_at IS NOT NULL OR r.ended_at IS NULL))
    OR EXISTS ({_LEAVING} d.run_id IN (SELECT id FROM below))
"""
_OPEN = """
SELECT r.id, r.job_id, r.job_name, r.trigger, r.queued_at, r.scheduled_for, r.attempt, r.not_before, r.started_at IS NOT NULL,
    e.asked_by, e.outlives, e.doc, s.id, s.key, s.base_key, s.kind, s.agent_id, s.label
FROM runs r JOIN sessions s ON s.id = r.session_id LEFT JOIN errands e ON e.run_id = r.id
WHERE r.ended_at IS NULL AND r.boot <> ? ORDER BY +r.queued_at, r.id
"""


def insert_all(connection: apsw.Connection, seeds: Sequence[RunSeed]) -> list[RunSeed]:
    """Write runs down with their sessions: there is no run without one."""
    made = [(seed.session, seed.job_id, seed.queued_ms) for seed in seeds if not seed.session.shared]
    write_each(connection, _SESSION, [_session_values(*new) for new in made])
    found = [seed if not seed.session.shared else _in_its_session(connection, seed) for seed in seeds]
    write_each(connection, _INSERT, [_values(run) for run in found])
    errands = [
        (run.id, run.errand.asked_by, run.errand.outlives, run.errand.doc) for run in found if run.errand
    ]
    write_each(connection, _ERRAND, errands)
    record_all(connection, [_queued(run) for run in found])
    return found


def _queued(run: RunSeed) -> Row:
    data = {"trigger": run.trigger}
    return event(run.queued_ms, "run.queued", data, job_id=run.job_id, run_id=run.id)


def queue(connection: apsw.Connection, run: RunSeed) -> RunSeed:
    """A run outside the schedule: manual, or once more after an interruption or a failure."""
    (queued,) = insert_all(connection, [run])
    if run.scheduled_ms is not None:
        values = (run.id, run.job_id, run.scheduled_ms)
        connection.execute("UPDATE occurrences SET run_id = ? WHERE job_id = ? AND instant = ?", values)
    return queued


def start(connection: apsw.Connection, run_id: str, boot: str, at_ms: int, deadline_ms: int | None) -> bool:
    connection.execute(_START, (at_ms, deadline_ms, run_id, boot))
    return connection.changes() == 1


def note_phase(connection: apsw.Connection, run_id: str, boot: str, phase: str) -> None:
    values = (phase, run_id, boot)
    connection.execute("UPDATE runs SET phase = ? WHERE id = ? AND boot = ? AND ended_at IS NULL", values)


def note_late(connection: apsw.Connection, run_id: str, what: str, at_ms: int) -> None:
    """Something of a run came after its end: it is kept as news, and changes nothing."""
    record(connection, at_ms, "run.late_output", {"what": what}, run_id=run_id)


def adopt_open(connection: apsw.Connection, boot: str) -> list[OpenRun]:
    """Runs whose process is dead, now leased to this one: whoever is late among the dead is fenced off."""
    found = [_open_run(connection, row, boot) for row in fetch(connection, _OPEN, (boot,))]
    adopt = "UPDATE runs SET boot = ? WHERE id = ? AND ended_at IS NULL"
    connection.executemany(adopt, [(boot, run.seed.id) for run in found])
    return found


def sent_something(connection: apsw.Connection, run_id: str) -> bool:
    """Whether anything of a run, or of what it had others do, has left or may have left."""
    return first(connection, _SENT, (run_id,)) is not None


def current_session(connection: apsw.Connection, session: SessionSeed, at_ms: int) -> str:
    """The current session of a shared key, whether or not the next run would begin another; made where there is none."""
    row = first(connection, _CURRENT, (session.key, 0, 0))
    if row is None:
        write_each(connection, _SESSION, [_session_values(session, None, at_ms)])
        return session.id
    return str(row[0])


def _in_its_session(connection: apsw.Connection, seed: RunSeed) -> RunSeed:
    """The run in the current session of its shared key. One that is missing is made, one that is not fresh replaced."""
    session, at_ms = seed.session, seed.queued_ms
    fresh = session.fresh or Freshness()
    row = first(connection, _CURRENT, (session.key, fresh.born_ms, fresh.spoken_ms))
    if row is None or not row[1]:
        connection.execute("UPDATE sessions SET current = 0 WHERE key = ? AND current = 1", (session.key,))
        # A run is written down a moment before its instant, with which a day may begin.
        begin_ms = max(at_ms, fresh.born_ms)
        write_each(connection, _SESSION, [_session_values(session, seed.job_id, begin_ms)])
        return seed
    connection.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (at_ms, row[0]))
    return replace(seed, session=replace(session, id=row[0]))


def _session_values(session: SessionSeed, job_id: str | None, at_ms: int) -> Row:
    return (
        session.id,
        session.key,
        session.base_key,
        session.kind,
        session.agent_id,
        job_id,
        session.label,
        session.parent_id,
        at_ms,
        at_ms,
    )


def _values(run: RunSeed) -> Row:
    return (
        run.id,
        run.job_id,
        run.job_name,
        run.session.agent_id,
        run.trigger,
        run.attempt,
        run.scheduled_ms,
        run.not_before_ms,
        run.queued_ms,
        "queued",
        "queued",
        run.boot,
        run.session.id,
        run.session.key,
    )


def _open_run(connection: apsw.Connection, row: Row, boot: str) -> OpenRun:
    (
        run,
        job,
        name,
        trigger,
        queued,
        scheduled,
        attempt,
        not_before,
        started,
        asked_by,
        outlives,
        doc,
        *session,
    ) = row
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
        not_before,
        None if asked_by is None else ErrandSeed(asked_by, bool(outlives), doc),
    )
    return OpenRun(seed, bool(started), sent_something(connection, run) if started else False)


def _shared(*columns: str) -> SessionSeed:
    """The session a run has already: whoever asks for its key shall find it."""
    session_id, key, base_key, kind, agent_id, label = columns
    return SessionSeed(session_id, key, base_key, kind, agent_id, label, shared=True)
