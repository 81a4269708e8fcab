"""Jobs as any release of OpenClaw wrote them, repaired into the canonical job format.

Only spelling and place are repaired, never meaning: an unknown word or key stays where it is, for the strict model
to refuse by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stentor.compat.delivery import repair_delivery, repair_failure_alert
from stentor.compat.payload import repair_payload
from stentor.compat.schedule import repair_schedule
from stentor.compat.sections import Section, as_mapping, folded, is_number, spellings

_WRAPPERS = ("job", "data")
_RUNTIME = (
    "state",
    "createdAtMs",
    "updatedAtMs",
    "nextRunAtMs",
    "lastRunAtMs",
    "lastRunStatus",
    "lastRunError",
    "lastDelivered",
    "lastDeliveryStatus",
    "lastDeliveryError",
    "deliverySuppressionReason",
    "status",
    "blocked",
    "preview",
)
_TARGETS = spellings(("main", "isolated", "current"))
_SESSION = "session:"
_WAKE_MODES = spellings(("now", "next-heartbeat"))


@dataclass(frozen=True, slots=True)
class Repaired:
    """A job in the canonical format, and one sentence for each thing that was not."""

    job: dict[str, object]
    repairs: tuple[str, ...]


def repair_job(raw: Mapping[str, object], *, webhook: str | None = None) -> Repaired:
    """Repair one job. `webhook` is the URL that jobs with `notify` used to post to."""
    job = Section("", dict(raw), [])
    job.trim_keys()
    _unwrap(job)
    _repair_id(job)
    _drop_runtime(job)
    job.read_flags("enabled", "deleteAfterRun")
    repair_schedule(job)
    repair_payload(job)
    repair_delivery(job, webhook)
    repair_failure_alert(job)
    _repair_session_target(job)
    _repair_wake_mode(job)
    return Repaired(job.fields, tuple(job.notes))


def _unwrap(job: Section) -> None:
    """Lift a job out of `job` or `data`. What stands beside it is kept unless the job says the same thing."""
    while (key := _wrapper(job)) is not None:
        wrapped = job.child(key)
        if wrapped is None:
            return
        del job.fields[key]
        for beside in [name for name in job.fields if name in wrapped.fields]:
            job.note(f"{beside} dropped: {wrapped.where(beside)} is given too and wins")
        job.fields.update(wrapped.fields)
        job.note(f"job lifted out of {key}")


def _wrapper(job: Section) -> str | None:
    if "schedule" in job.fields or "payload" in job.fields:
        return None
    return next((key for key in _WRAPPERS if as_mapping(job.fields.get(key)) is not None), None)


def _repair_id(job: Section) -> None:
    job.rename("jobId", "id")
    value = job.fields.get("id", "")
    if isinstance(value, str):
        return
    if isinstance(value, int) and is_number(value):
        job.replace("id", str(value))
    else:
        del job.fields["id"]
        job.note("id dropped: it is not text, so the job gets a new one")


def _drop_runtime(job: Section) -> None:
    dropped = [key for key in _RUNTIME if key in job.fields]
    for key in dropped:
        del job.fields[key]
    if dropped:
        job.note(f"{job.where(*dropped)} dropped: what happened to a job is not part of it")


def _repair_session_target(job: Section) -> None:
    job.read_word("sessionTarget", _TARGETS)
    target = job.fields.get("sessionTarget")
    if isinstance(target, str) and folded(target).startswith(_SESSION):
        job.replace("sessionTarget", _SESSION + target.strip()[len(_SESSION) :].strip())


def _repair_wake_mode(job: Section) -> None:
    job.read_word("wakeMode", _WAKE_MODES)
    if job.fields.get("wakeMode") == "next-heartbeat" and _runs_detached(job):
        job.fields["wakeMode"] = "now"
        job.note("wakeMode next-heartbeat read as 'now': it only concerns the main session")


def _runs_detached(job: Section) -> bool:
    target = job.fields.get("sessionTarget")
    if isinstance(target, str):
        return target in ("isolated", "current") or target.startswith(_SESSION)
    payload = as_mapping(job.fields.get("payload")) or {}
    return target is None and payload.get("kind") in ("agentTurn", "text", "command")
