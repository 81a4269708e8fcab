"""The list of jobs as JSON text, put together by SQLite itself.

`cron list` starts cold each time, so this imports the database and nothing else, and takes no document apart.
"""

import apsw

_STATUS = """
CASE WHEN r.running_at IS NOT NULL THEN 'running' WHEN j.finished IS NOT NULL THEN j.finished
     WHEN j.enabled = 0 THEN 'disabled' WHEN j.blocked IS NOT NULL THEN 'blocked'
     WHEN j.last_status = 'ok' THEN 'ok' WHEN j.last_status = 'skipped' THEN 'skipped'
     WHEN j.last_status IS NULL THEN 'idle' ELSE 'error' END
"""
# A one-shot that is over is off, whatever its author wrote; what is stored stays as it was.
_DOC = "CASE WHEN j.enabled = 1 THEN j.doc ELSE json_set(j.doc, '$.enabled', json('false')) END"
# A stored document is one JSON object without these keys: they are added in place of its closing brace.
JOB = f"""
SELECT substr({_DOC}, 1, length({_DOC}) - 1) || ', "state": ' || json_object(
    'nextRunAtMs', CASE WHEN j.enabled = 1 THEN j.next_at END, 'runningAtMs', r.running_at, 'lastRunAtMs', j.last_run_at,
    'lastRunStatus', j.last_status, 'lastError', j.last_error, 'consecutiveErrors', j.consecutive_errors,
    'consecutiveSkipped', j.consecutive_skipped, 'lastDeliveryStatus', (
        SELECT delivery_status FROM runs WHERE job_id = j.id AND ended_at IS NOT NULL ORDER BY queued_at DESC LIMIT 1),
    'autoDisabled', j.auto_disabled, 'autoDisabledAtMs', j.auto_disabled_at)
    || ', "status": "' || {_STATUS} || '", "blocked": ' || json_quote(j.blocked) || ', "preview": ' || j.preview || '}}'
FROM jobs j LEFT JOIN (SELECT job_id, min(ifnull(started_at, queued_at)) AS running_at FROM runs
    WHERE ended_at IS NULL AND (started_at IS NOT NULL OR not_before IS NULL) GROUP BY job_id) r ON r.job_id = j.id
"""
_COUNT = "SELECT count(*) FROM jobs WHERE ?1 IS NULL OR agent_id = ?1"


def job_texts(connection: apsw.Connection, *, agent: str | None, everything: bool) -> tuple[list[str], int]:
    """Each job as JSON text, and how many there are in all. Finished one-shots are not hidden, disabled jobs are."""
    if agent is not None:
        agent = "-".join(agent.lower().split())  # however it is written: the stored ids are in this form
    shown = "" if everything else "AND (j.enabled = 1 OR j.finished IS NOT NULL)"
    query = f"{JOB} WHERE (?1 IS NULL OR j.agent_id = ?1) {shown} ORDER BY j.created_at, j.id"
    texts = [text for (text,) in connection.execute(query, (agent,))]
    return texts, connection.execute(_COUNT, (agent,)).get
