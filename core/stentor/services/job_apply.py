"""A set of jobs as a file describes it, against what is stored: what to add, to change, to leave and to remove.

What a file leaves to its surroundings was decided when the job was added, and stays decided: applying the same file
again changes nothing.
"""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stentor.domain.durations import parse_duration
from stentor.domain.instants import absolute, iso
from stentor.domain.job_changes import JobAdded, JobChange
from stentor.domain.jobs import fill_defaults
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.records import JobRow
from stentor.domain.refusals import Detail, Refused
from stentor.domain.routing import name_behind
from stentor.services.job_edits import StoredJob, first_row, removal, revised
from stentor.services.job_patches import default_graces
from stentor.services.job_rules import JobRules

_PAST_MS = 60_000


@dataclass(slots=True)
class ApplyPlan:
    """What applying comes to, by job id."""

    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    # One-shots whose time is over and that are not stored any more: there is nothing left to do for them.
    passed: list[str] = field(default_factory=list[str])
    differences: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    warnings: list[str] = field(default_factory=list[str])
    changes: list[JobChange] = field(default_factory=list[JobChange])

    def as_json(self) -> JsonObject:
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "passed": self.passed,
            "differences": self.differences,
            "warnings": self.warnings,
        }


def plan_apply(
    rules: JobRules, rows: Sequence[JobRow], jobs: Sequence[Mapping[str, Any]], *, by: str, prune: bool
) -> ApplyPlan:
    """What applying these jobs to these rows comes to."""
    steps = planning(rules, rows, jobs, by=by, prune=prune)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            plan: ApplyPlan = done.value
            return plan


def planning(
    rules: JobRules, rows: Sequence[JobRow], jobs: Sequence[Mapping[str, Any]], *, by: str, prune: bool
) -> Generator[None, None, ApplyPlan]:
    """The same in small steps. Every job is checked before anything is written; a refusal names each that is wrong."""
    stored = {row.id: row for row in rows}
    named = list(_named(jobs))
    if prune and not named:
        hint = "remove jobs by their ids: stentor cron rm ID"
        raise Refused(
            "bad_request", "there are no jobs to apply, and --prune would remove all others", hint=hint
        )
    plan = ApplyPlan()
    refused: list[Detail] = []
    for job_id, raw in named:
        yield
        try:
            _plan_one(rules, stored.pop(job_id, None), raw, plan, by)
        except Refused as error:
            if name_behind(error) is not None:
                raise  # somebody may be able to say what it stands for
            refused.append(Detail(job_id, f"{error.message}{f' ({error.hint})' if error.hint else ''}"))
    if refused:
        message = f"{len(refused)} of {len(named)} jobs cannot be applied, so none was"
        raise Refused("bad_jobs", message, details=tuple(refused))
    for row in stored.values() if prune else ():
        yield
        plan.removed.append(row.id)
        plan.changes.append(removal(StoredJob.read(row), rules.clock.now_ms(), by=by))
    return plan


def _named(jobs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, JsonObject]]:
    """Each job under its id, which tells it from all others."""
    seen: set[str] = set()
    wrong: list[Detail] = []
    for number, raw in enumerate(jobs, start=1):
        job_id = raw.get("id")
        if not isinstance(job_id, str) or not job_id:
            wrong.append(Detail(f"job {number}", "id is missing: a job that is applied needs one"))
        elif job_id in seen:
            wrong.append(Detail(job_id, "stands there twice"))
        else:
            seen.add(job_id)
            yield job_id, dict(raw)
    if wrong:
        raise Refused("bad_jobs", "the jobs cannot be told apart, so none was applied", details=tuple(wrong))


def _plan_one(rules: JobRules, row: JobRow | None, raw: JsonObject, plan: ApplyPlan, by: str) -> None:
    job_id = str(raw["id"])
    at_ms = _absolute_instant(raw)
    now = rules.clock.now_ms()
    if row is None and at_ms is not None and at_ms < now - _PAST_MS:
        plan.passed.append(job_id)
        plan.warnings.append(f"{job_id}: its time was {iso(at_ms)}, so it is not added")
        return
    if row is None:
        prepared = rules.prepare(raw)
        plan.added.append(job_id)
        plan.changes.append(JobAdded(first_row(prepared, now), by))
    else:
        stored = StoredJob.read(row)
        edited = revised(rules, stored, _filled_in(rules, stored, raw), by=by)
        prepared = edited.prepared
        (plan.unchanged if edited.change is None else plan.changed).append(job_id)
        if edited.change is not None:
            plan.differences[job_id] = {"before": edited.before, "after": edited.after}
            plan.changes.append(edited.change)
    plan.warnings += [f"{job_id}: {warning}" for warning in prepared.warnings]


def _absolute_instant(raw: JsonObject) -> int | None:
    """When a one-shot is to run. A duration would be another time with each application."""
    schedule = as_object(raw.get("schedule")) or {}
    at = schedule.get("at")
    if not isinstance(at, str):
        return None
    try:
        return absolute(at, schedule.get("tz"))
    except ValueError:
        if not _is_duration(at):
            return None
    raise Refused("bad_schedule", f"schedule.at {at!r} is another time whenever it is applied; write a date")


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text.strip().removeprefix("+"))
    except ValueError:
        return False
    return True


def _filled_in(rules: JobRules, stored: StoredJob, raw: JsonObject) -> JsonObject:
    """A file's job, with what it leaves open as it was decided for the stored one."""
    filled = {key: value for key, value in raw.items() if key != "timezoneSource"}
    job, document = stored.job, stored.document
    if job is None:
        return filled
    schedule = as_object(filled.get("schedule"))
    if schedule is not None:
        filled |= _placed_as_before(document, schedule, raw.get("timezoneSource"))
    delivery = as_object(fill_defaults(filled)["delivery"])
    if delivery is not None and _still_inferred(stored, delivery):
        filled["delivery"] = {**delivery, "to": document["delivery"]["to"]}
    missed = as_object(filled.get("missed") or {})
    if missed is not None and missed.get("graceSeconds") is None:
        same = stored.spells_its_schedule(filled.get("schedule"))
        if same and job.missed.grace_seconds in default_graces(rules, stored):
            filled["missed"] = {**missed, "graceSeconds": job.missed.grace_seconds}
    return filled


def _placed_as_before(document: JsonObject, schedule: JsonObject, source: object) -> JsonObject:
    """The schedule in the zone and on the beat it was given when it was stored, and who named the zone."""
    before, named_by = document["schedule"], document["timezoneSource"]
    if schedule.get("tz") is not None:
        same = schedule["tz"] == before.get("tz") and source == named_by
        return {"schedule": schedule, "timezoneSource": named_by if same else "job"}
    if schedule.get("kind") != before["kind"]:
        return {"schedule": schedule}
    if before["kind"] == "every" and schedule.get("anchorMs") is None:
        return {"schedule": {**schedule, "anchorMs": before["anchorMs"]}}
    if before["kind"] == "cron" and named_by != "job":
        return {"schedule": {**schedule, "tz": before["tz"]}, "timezoneSource": named_by}
    return {"schedule": schedule}


def _still_inferred(stored: StoredJob, delivery: JsonObject) -> bool:
    """Whether neither the file nor whoever added the job named a target."""
    before: JsonObject = stored.document["delivery"]
    return (
        delivery.get("to") is None
        and (delivery.get("mode") or "announce") == before["mode"] == "announce"
        and delivery.get("channel") == before["channel"]
        and json.loads(stored.row.preview).get("detail") == "default"
    )
