"""The end of runs: results, what is to be sent of them, and what their jobs learn from it."""

import json
from collections.abc import Sequence
from dataclasses import replace

import apsw

from stentor.adapters.sqlite import deliveries, guards, happenings, rollup, runs, transcripts
from stentor.adapters.sqlite.events import alert, event, record_all
from stentor.adapters.sqlite.giving_up import give_up
from stentor.adapters.sqlite.rows import Row, fetch, fetch_packed, listed, write_each
from stentor.domain.backoff import delay_ms
from stentor.domain.records import Finished, RunEnd
from stentor.domain.states import PartState, RunStatus
from stentor.domain.values import value

_END = """
WITH w (run, status, phase, ended, started, error, kind, summary, model, other_model, input, output, cached, cost, warnings,
    suppression, routes, bytes) AS ({rows})
UPDATE runs SET status = w.status, phase = ifnull(w.phase, runs.phase), ended_at = w.ended, started_at = ifnull(started_at, w.started),
    error = w.error, error_kind = w.kind, summary = w.summary, model = w.model, other_model = w.other_model,
    input_tokens = w.input, output_tokens = w.output, cached_tokens = w.cached, cost_usd = w.cost, warnings = w.warnings,
    suppression = w.suppression, routes = w.routes, bytes = w.bytes
FROM w WHERE id = w.run
"""
_LEASED = """
SELECT r.id, r.job_id, r.session_id, coalesce(r.started_at, w.value ->> 2, r.queued_at) FROM json_each(?) w
CROSS JOIN runs r ON r.id = w.value ->> 0 AND r.boot = w.value ->> 1 AND r.ended_at IS NULL
"""
# A job that was given another time while the run went on lives by that: only its old time is over.
_GOES_ON = """
(w.retire IS NULL OR (next_at IS NOT NULL AND updated_at >= (SELECT queued_at FROM runs WHERE runs.id = w.run)))
"""
_JOB_AFTER = f"""
WITH w (job, run, ran, status, error, retire) AS ({{rows}})
UPDATE jobs SET last_run_at = w.ran, last_status = w.status, last_error = w.error,
    consecutive_errors = CASE WHEN w.status = 'ok' THEN 0 WHEN w.status IN ('error', 'timeout') THEN consecutive_errors + 1
        ELSE consecutive_errors END,
    consecutive_skipped = CASE WHEN w.status = 'skipped' THEN consecutive_skipped + 1 ELSE 0 END,
    enabled = CASE WHEN {_GOES_ON} THEN enabled ELSE 0 END,
    next_at = CASE WHEN {_GOES_ON} THEN next_at END,
    finished = CASE WHEN {_GOES_ON} THEN finished ELSE w.retire END
FROM w WHERE id = w.job
"""
_JOB_NOW = """
SELECT j.id, j.consecutive_errors, ifnull(j.finished = 'done', 0), j.not_before IS NOT NULL
FROM json_each(?) w CROSS JOIN jobs j ON j.id = w.value
"""
# Success lifts what errors put in the way: the schedule is looked at again at once.
_LIFT = "UPDATE jobs SET next_at = min(next_at, ?), not_before = NULL WHERE id = ?"
_BACK_OFF = """
UPDATE jobs SET not_before = ?1, next_at = max(next_at, ?1) WHERE id = ?2 AND enabled = 1 AND schedule_kind <> 'at'
"""
_TAKEN_BACK = "its run is done once more"
_UNSENT = """
SELECT d.id FROM deliveries d WHERE d.run_id = ? AND d.purpose = 'tool' AND d.state = 'pending'
    AND NOT EXISTS (SELECT 1 FROM parts o WHERE o.delivery_id = d.id AND (o.state <> 'pending' OR o.attempts > 0))
"""
_QUIET = (RunStatus.OK, RunStatus.SKIPPED, RunStatus.CANCELLED)
_SENT = "its agent had sent something already, so the work is not done once more by itself"
_COUNTED = (RunStatus.ERROR, RunStatus.TIMEOUT)


@value
class _Job:
    """What became of the job by the end of its run."""

    id: str
    errors: int = 0
    done: int = 0
    waits: int = 0


def finish_all(connection: apsw.Connection, ends: Sequence[RunEnd]) -> list[Finished]:
    """End runs and put what they want sent into the outbox, or refuse both where the lease is gone."""
    named = listed((end.run_id, end.boot, end.started_ms) for end in ends)
    leased = fetch_packed(connection, _LEASED, (named,), columns=4)
    rows = {run: (job, session, ran_ms) for run, job, session, ran_ms in leased}
    kept = [_as_sent(connection, end) for end in ends if end.run_id in rows]
    for end in ends:
        if end.run_id not in rows:
            runs.note_late(connection, end.run_id, f"ended as {end.status.value}", end.ended_ms)
    write_each(connection, _END, [_values(end) for end in kept])
    for end in kept:
        _remember(connection, end, *rows[end.run_id][:2])
    deliveries.insert_all(connection, [delivery for end in kept for delivery in end.deliveries])
    rollup.summarise_runs(connection, [end.run_id for end in kept])
    record_all(connection, [_ended(end, rows[end.run_id][0]) for end in kept])
    jobs = _tell_jobs(connection, [(end, *rows[end.run_id]) for end in kept])
    taken: dict[str, Finished] = {}
    for end in kept:
        job_id = rows[end.run_id][0]
        taken[end.run_id] = _consequences(connection, end, jobs.get(job_id) or _Job(job_id))
    return [taken.get(end.run_id, Finished(kept=False)) for end in ends]


def _tell_jobs(connection: apsw.Connection, ended: Sequence[tuple[RunEnd, str, str, int]]) -> dict[str, _Job]:
    """Let jobs know of the ends of their runs: those of one job after each other. Gives how they are now."""
    rounds: list[dict[str, Row]] = []
    for end, job_id, _, ran_ms in ended:
        news = (job_id, end.run_id, ran_ms, end.status, end.error, end.retire)
        free = next((told for told in rounds if job_id not in told), None)
        if free is None:
            rounds.append({job_id: news})
        else:
            free[job_id] = news
    for told in rounds:
        write_each(connection, _JOB_AFTER, list(told.values()))
    now = fetch_packed(connection, _JOB_NOW, (listed(rounds[0]),), columns=4) if rounds else []
    return {row[0]: _Job(*row) for row in now}


def _as_sent(connection: apsw.Connection, end: RunEnd) -> RunEnd:
    """The end as it is now that it is sure what has left of the run: work that people saw is not done once more."""
    if end.successor is None or not end.unless_sent or not runs.sent_something(connection, end.run_id):
        return end
    return replace(end, successor=None, retire=end.retire_if_sent, warnings=(*end.warnings, _SENT))


def _consequences(connection: apsw.Connection, end: RunEnd, job: _Job) -> Finished:
    """What the end means for the job, and the work once more if it is to be done once more."""
    if end.status not in _QUIET:
        why = end.error or end.status.value
        alert(connection, end.ended_ms, end.status.value, why, job_id=job.id, run_id=end.run_id)
    if end.status in _COUNTED:
        connection.execute(_BACK_OFF, (end.ended_ms + delay_ms(job.errors), job.id))
        if end.most_errors and job.errors >= end.most_errors and end.successor is None:
            why = f"{job.errors} errors in a row, the last: {end.error}"
            guards.switch_off(connection, job.id, "consecutive-failures", why, end.ended_ms)
    lifted = bool(job.waits) and end.status is RunStatus.OK
    if lifted:
        connection.execute(_LIFT, (end.ended_ms, job.id))
    if job.done:
        rollup.retire_if_done(connection, job.id, end.ended_ms)
    successor = None
    if end.successor is not None:
        _take_back(connection, end.run_id, end.ended_ms)
        successor = runs.queue(connection, end.successor)
    return Finished(kept=True, successor=successor, rescheduled=lifted)


def _ended(end: RunEnd, job_id: str) -> Row:
    return event(end.ended_ms, "run.ended", {"status": end.status}, job_id=job_id, run_id=end.run_id)


def _take_back(connection: apsw.Connection, run_id: str, at_ms: int) -> None:
    """A run is done once more: what it wrote down and nobody has begun to send is left to the next attempt."""
    unsent = [delivery for (delivery,) in fetch(connection, _UNSENT, (run_id,))]
    give_up(connection, unsent, PartState.CANCELLED, _TAKEN_BACK)
    changes = [rollup.Change(delivery, at_ms, _TAKEN_BACK, by_hand=True) for delivery in unsent]
    rollup.after_changes(connection, changes)


def _remember(connection: apsw.Connection, end: RunEnd, job_id: str, session_id: str) -> None:
    """What the session keeps of the run."""
    usage = end.usage
    if end.messages:
        origin = transcripts.Origin(end.run_id, job_id, end.attention.wake)
        transcripts.append(connection, session_id, end.messages, origin, end.ended_ms)
    happenings.attend(connection, end, session_id)
    billed = (usage.input or 0) + (usage.output or 0)
    if billed or usage.context is not None:
        transcripts.count_tokens(connection, session_id, billed, usage.context, end.ended_ms)


def _values(end: RunEnd) -> Row:
    usage = end.usage
    warnings = json.dumps(end.warnings, ensure_ascii=False) if end.warnings else "[]"
    kept = (end.summary, end.error, warnings, end.routes)
    return (
        end.run_id,
        end.status,
        end.phase,
        end.ended_ms,
        end.started_ms,
        end.error,
        end.error_kind,
        end.summary,
        end.model,
        end.other_model,
        usage.input,
        usage.output,
        usage.cached,
        usage.cost_usd,
        warnings,
        end.suppression,
        end.routes,
        sum(len(text.encode()) for text in kept if text),
    )
