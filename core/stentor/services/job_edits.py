"""Edits of stored jobs: checked like new ones, but only where something is touched.

A plugin that is missing must not stand in the way of a new name, and a schedule that goes on keeps its account.
"""

import json
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from stentor.domain.closing import Reason, closing
from stentor.domain.job_changes import Audit, Closing, JobChanged, JobRemoved
from stentor.domain.jobs import DeliveryModel, Job
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.patches import differences
from stentor.domain.records import JobRow
from stentor.domain.refusals import Refused
from stentor.domain.schedules import At, Schedule, next_after
from stentor.services.job_rules import (
    JobRules,
    Origin,
    Prepared,
    accounted_from,
    first_instant,
    job_document,
)

_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A stored job as an edit begins with it. One that cannot be read has no `job`: an edit may mend it."""

    row: JobRow
    document: JsonObject
    job: Job | None

    @classmethod
    def read(cls, row: JobRow) -> "StoredJob":
        try:
            document = as_object(json.loads(row.doc)) or {}
        except ValueError:
            document = {"id": row.id, "name": row.name, "agentId": row.agent_id}
        try:
            job = Job.model_validate(document).model_copy(update={"enabled": row.enabled})
        except ValidationError:
            return cls(row, {**document, "enabled": row.enabled}, None)
        return cls(row, job_document(job), job)

    def spells_its_schedule(self, raw: object) -> bool:
        """Whether `raw` says the schedule that is stored already, however it is written."""
        try:
            return self.job is not None and _SCHEDULE.validate_python(raw) == self.job.schedule
        except ValidationError:
            return False

    def gets_another_schedule(self, job: Job) -> bool:
        """One that cannot be read yields nothing, so there is nothing to go on with."""
        return self.job is None or self.job.schedule != job.schedule

    def gets_another_address(self, job: Job) -> bool:
        return self.job is None or _address(self.job.delivery) != _address(job.delivery)

    def is_told_elsewhere(self, job: Job) -> bool:
        """Whether trouble of the job may go another way than before."""
        return self.gets_another_address(job) or _told(self.job) != _told(job)

    def gets_other_rights(self, job: Job) -> bool:
        """Whether an agent at work for the job may send elsewhere than before."""
        return self.job is None or _rights(self.job.delivery) != _rights(job.delivery)


@dataclass(frozen=True, slots=True)
class Edited:
    """A job as it reads after an edit, what differs, and the change for the store: none when nothing differs."""

    prepared: Prepared
    change: JobChanged | None
    before: JsonObject
    after: JsonObject


def revised(
    rules: JobRules, stored: StoredJob, raw: JsonObject, *, by: str, origin: Origin | None = None
) -> Edited:
    """The stored job as `raw` says it is to be, said in `origin`. Without `enabled` it stays on or off, as it is."""
    now = rules.clock.now_ms()
    row = stored.row
    job = rules.read(_placed(rules, stored, raw, now))
    if stored.job is None or job.agent_id != stored.job.agent_id:
        rules.check_agent(job)
    if stored.job is None or (job.agent_id, job.payload) != (stored.job.agent_id, stored.job.payload):
        rules.check_models(job)
    job, preview, warnings = _routed(rules, stored, job, origin)
    warnings = (*warnings, *rules.doubts(job, stored.job))
    if stored.is_told_elsewhere(job):
        job = rules.alert_routes.checked(job)
    job = rules.with_numbers(job, now)
    if stored.job is None or job.delivery != stored.job.delivery:
        rules.check_options(job)
    restarts = stored.gets_another_schedule(job) or job.enabled != row.enabled
    next_at = _next_at(stored, job, now) if restarts else row.next_at_ms
    before, after = differences(
        {**stored.document, "revision": None}, {**job_document(job), "revision": None}
    )
    if not before:
        job = job.model_copy(update={"revision": row.revision})
        return Edited(Prepared(job, preview, row.next_at_ms, warnings), None, {}, {})
    prepared = Prepared(job, preview, next_at, warnings)
    ended = closing_of(stored, "rescheduled" if job.enabled else "disabled", now) if restarts else None
    change = JobChanged(_new_row(stored, prepared, now), row.revision, Audit(by, before, after), ended)
    return Edited(prepared, change, before, after)


def first_row(prepared: Prepared, now: int) -> JobRow:
    """A new job as it is first written down."""
    job = prepared.job
    return JobRow(
        job.id,
        job.name,
        job.agent_id,
        job.model_dump_json(by_alias=True),
        json.dumps(prepared.preview, ensure_ascii=False),
        job.schedule.kind,
        job.enabled,
        job.revision,
        prepared.next_at_ms,
        accounted_from(job, now),
        now,
        now,
    )


def removal(stored: StoredJob, now: int, *, by: str) -> JobRemoved:
    row = stored.row
    audit = Audit(by, stored.document, None)
    return JobRemoved(row.id, row.revision, now, audit, closing_of(stored, "removed", now))


def closing_of(stored: StoredJob, reason: Reason, now: int) -> Closing:
    """What the schedule owes until now. A job that is off owes nothing."""
    row = stored.row
    if not row.enabled or stored.job is None:
        return Closing(row.accounted_ms)
    rows = closing(stored.job.schedule, reason, job_id=row.id, accounted_ms=row.accounted_ms, until_ms=now)
    return Closing(row.accounted_ms, rows)


def _placed(rules: JobRules, stored: StoredJob, raw: JsonObject, now: int) -> JsonObject:
    row = stored.row
    placed = {**raw, "id": row.id, "revision": row.revision + 1}
    same = stored.spells_its_schedule(raw.get("schedule"))
    schedule = as_object(raw.get("schedule"))
    if same:
        placed["schedule"] = stored.document["schedule"]
        placed.setdefault("timezoneSource", stored.document["timezoneSource"])
    elif schedule is not None:
        placed["schedule"], source = rules.placed(schedule, now)
        placed.setdefault("timezoneSource", source)
    if raw.get("enabled") is None:
        # A one-shot that is over was switched off by nobody: with a new time it goes on.
        placed["enabled"] = row.enabled or (row.finished is not None and not same)
    return placed


def _routed(
    rules: JobRules, stored: StoredJob, job: Job, origin: Origin | None
) -> tuple[Job, JsonObject, tuple[str, ...]]:
    if not stored.gets_another_address(job):
        source = stored.job.delivery.target_source if stored.job is not None else None
        delivery = job.delivery.model_copy(update={"target_source": source})
        job = job.model_copy(update={"delivery": delivery})
        if stored.gets_other_rights(job):
            job = rules.with_rights(job)
        return job, json.loads(stored.row.preview), ()
    found = rules.resolved(job, origin)
    return found.job, found.preview, found.warnings


def _told(job: Job | None) -> tuple[object, ...]:
    return () if job is None else (job.failure_alert, job.delivery.failure_destination)


def _address(delivery: DeliveryModel) -> tuple[object, ...]:
    return delivery.mode, delivery.to, delivery.channel, delivery.account_id, delivery.thread_id


def _rights(delivery: DeliveryModel) -> tuple[object, ...]:
    return delivery.allow, delivery.agent_may_send


def _next_at(stored: StoredJob, job: Job, now: int) -> int | None:
    """The first instant of a schedule that starts anew. A job that is off has none, but could have one."""
    found: int | None
    if stored.gets_another_schedule(job):
        found = first_instant(job, now)
        # An instant that the old schedule had too has its row already, and none has two.
        over = isinstance(job.schedule, At) and found <= now and _yields(stored.job, found)
    elif job.enabled:
        found = next_after(job.schedule, now, job_id=job.id)
        over = found is None
    else:
        return None
    if over:
        hint = f"give it a later one: stentor cron edit {job.id} --at 20m"
        raise Refused("in_the_past", "the job's time has passed", hint=hint)
    return found if job.enabled else None


def _yields(job: Job | None, at_ms: int) -> bool:
    return job is not None and next_after(job.schedule, at_ms - 1, job_id=job.id) == at_ms


def _new_row(stored: StoredJob, prepared: Prepared, now: int) -> JobRow:
    """The row after the edit. Where the schedule goes on, the store leaves account and switch as they are."""
    row, job = stored.row, prepared.job
    another = stored.gets_another_schedule(job)
    # What was resolved just now stands in nobody's way, and neither does what need not arrive.
    still_blocked = not stored.gets_another_address(job) and not job.delivery.best_effort
    return replace(
        row,
        name=job.name,
        agent_id=job.agent_id,
        doc=job.model_dump_json(by_alias=True),
        preview=json.dumps(prepared.preview, ensure_ascii=False),
        schedule_kind=job.schedule.kind,
        enabled=job.enabled,
        revision=job.revision,
        next_at_ms=prepared.next_at_ms,
        accounted_ms=accounted_from(job, now) if another and job.enabled else now,
        updated_ms=now,
        finished=None if another or job.enabled else row.finished,
        blocked=row.blocked if still_blocked else None,
    )
