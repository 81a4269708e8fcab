"""Jobs that the product itself takes out of the schedule, loudly."""

import json

import apsw

from stentor.adapters.sqlite import jobs
from stentor.adapters.sqlite.events import alert
from stentor.adapters.sqlite.fingerprint import fingerprint
from stentor.adapters.sqlite.rows import fetch

_COUNT_ERROR = """
UPDATE jobs SET schedule_errors = schedule_errors + 1, next_at = ?, last_status = 'error', last_error = ?
WHERE id = ? AND enabled = 1 RETURNING schedule_errors
"""
_SWITCH_OFF = """
UPDATE jobs SET enabled = 0, next_at = NULL, doc = ?, checksum = ?, revision = ?, auto_disabled = ?, auto_disabled_at = ?,
    updated_at = ?
WHERE id = ?
"""


def schedule_failed(
    connection: apsw.Connection, job_id: str, why: str, at_ms: int, look_again_ms: int, most: int
) -> None:
    """A job's next instant cannot be told. After `most` tries in a row it is switched off; the others go on."""
    for (errors,) in fetch(connection, _COUNT_ERROR, (look_again_ms, why, job_id)):
        if errors >= most:
            switch_off(connection, job_id, "schedule-errors", why, at_ms)


def switch_off(connection: apsw.Connection, job_id: str, reason: str, why: str, at_ms: int) -> bool:
    """Take a job out of the schedule until its owner switches it on again. False if it is off already."""
    for doc, revision in fetch(
        connection, "SELECT doc, revision FROM jobs WHERE id = ? AND enabled = 1", (job_id,)
    ):
        changed = _switched_off(doc, revision + 1)
        values = (changed, fingerprint(changed), revision + 1, reason, at_ms, at_ms, job_id)
        connection.execute(_SWITCH_OFF, values)
        message = f"switched off ({reason}): {why}; mend it, then `stentor cron enable {job_id}`"
        alert(connection, at_ms, "auto_disabled", message, job_id=job_id)
        jobs.note_switch_off(connection, job_id, reason, at_ms)
        return True
    return False


def _switched_off(doc: str, revision: int) -> str:
    try:
        return json.dumps({**json.loads(doc), "enabled": False, "revision": revision}, ensure_ascii=False)
    except (ValueError, TypeError):
        return doc  # what cannot be read stays as it is, for whoever mends it
