"""What is answered about a job that was added, edited or only looked at: the whole of it, with its preview."""

from stentor.domain.instants import iso, local
from stentor.domain.json_types import JsonObject
from stentor.domain.schedules import Cron, next_after
from stentor.services.job_rules import JobRules, Prepared, job_document

_SHOWN = 3


def answer(rules: JobRules, prepared: Prepared) -> JsonObject:
    """The job as it is stored, as a new one begins, with where it delivers and when it runs next."""
    job = prepared.job
    zone = job.schedule.tz if isinstance(job.schedule, Cron) else rules.defaults.timezone
    upcoming: list[JsonObject] = []
    at = None if prepared.next_at_ms is None else prepared.next_at_ms - 1
    while at is not None and len(upcoming) < _SHOWN:
        at = next_after(job.schedule, at, job_id=job.id)
        if at is not None:
            upcoming.append({"utc": iso(at), "local": local(at, zone)})
    state: JsonObject = {
        "nextRunAtMs": prepared.next_at_ms,
        "runningAtMs": None,
        "lastRunAtMs": None,
        "lastRunStatus": None,
        "lastError": None,
        "consecutiveErrors": 0,
        "consecutiveSkipped": 0,
        "lastDeliveryStatus": None,
        "autoDisabled": None,
        "autoDisabledAtMs": None,
    }
    preview = {**prepared.preview, "nextRuns": upcoming}
    return {**job_document(job), "state": state, "preview": preview, "warnings": list(prepared.warnings)}
