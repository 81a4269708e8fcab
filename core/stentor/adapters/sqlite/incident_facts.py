"""What can be said about an incident: the job, the run and the delivery it was last about, and whom else it concerns."""

import apsw

from stentor.adapters.sqlite.rows import fetch, first
from stentor.domain.alert_texts import About, RunFacts
from stentor.domain.alerts import ACCOUNT_DOWN

_NAMED = 12

_INCIDENT = "SELECT cause, root, job_id, opened_at, last_at, message FROM incidents WHERE id = ?"
_JOB = "SELECT name, next_at FROM jobs WHERE id = ?"
_EVENT = """
SELECT run_id, delivery_id FROM events WHERE at = ?1 AND (?2 IS NULL OR job_id IS NULL OR job_id = ?2)
    AND (kind = 'alert' OR (kind IN ('run.ended', 'run.skipped') AND ?3 = 'skipped')) ORDER BY data ->> '$.message' = ?4 DESC, id DESC LIMIT 1
"""
_RUN = "SELECT id, status, phase, error, started_at, ended_at, job_name FROM runs WHERE id = ? AND ended_at IS NOT NULL"
_DELIVERY = """
SELECT d.id, d.target, ifnull((SELECT p.text FROM parts p WHERE p.delivery_id = d.id ORDER BY p.n LIMIT 1), '')
FROM deliveries d WHERE d.id = ?
"""
_CONCERNED = "SELECT job_id AS job FROM incident_jobs WHERE incident = ?"
_WAITING = """
SELECT DISTINCT job_id AS job FROM deliveries
WHERE state = 'pending' AND channel || ':' || account = ? AND created_at > ? - 2592000000 AND job_id IS NOT NULL
"""
_NAMES = f"""
SELECT ifnull(j.name, c.job), count(*) OVER () FROM ({{jobs}}) c LEFT JOIN jobs j ON j.id = c.job ORDER BY 1 LIMIT {_NAMED}
"""


def facts(connection: apsw.Connection, incident: int) -> About:
    """As they are now."""
    row = first(connection, _INCIDENT, (incident,))
    if row is None:
        return About()
    cause, root, job_id, opened_at, last_at, message = row
    job = first(connection, _JOB, (job_id,))
    run_id, delivery_id = first(connection, _EVENT, (last_at, job_id, cause, message)) or (None, None)
    run = first(connection, _RUN, (run_id,))
    delivery, target, text = first(connection, _DELIVERY, (delivery_id,)) or (None, None, "")
    names = (
        fetch(connection, _NAMES.format(jobs=_WAITING), (root, opened_at))
        if cause == ACCOUNT_DOWN
        else fetch(connection, _NAMES.format(jobs=_CONCERNED), (incident,))
    )
    return About(
        job[0] if job else (run[-1] if run else None),
        job[1] if job else None,
        RunFacts(*run[:-1]) if run else None,
        delivery,
        target or root.partition("@")[2] or None,
        text,
        tuple(name for name, _ in names),
        names[0][1] if names else 0,
    )
