"""Adds, changes and removes jobs: everything a job says is checked here, once, before it is stored."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from pydantic import ValidationError

from stentor.domain.idents import ident
from stentor.domain.instants import from_iso, iso, local, parse_at
from stentor.domain.jobs import Job, Missed, fill_defaults, one_line
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.records import JobRow, RunSeed
from stentor.domain.refusals import Detail, Refused, details_of
from stentor.domain.routing import Directory, Route, RouteError, infer, resolve
from stentor.domain.schedules import At, Cron, next_after, period_ms
from stentor.domain.sessions import session_for
from stentor.domain.spelling import did_you_mean
from stentor.domain.states import Trigger
from stentor.ports import Chance, Clock, Store
from stentor.services.outgoing import address_of, expiry_seconds

_ONE_SHOT_GRACE_SECONDS = 86_400
_LONGEST_GRACE_SECONDS = 7_200
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """What the configuration says about jobs that do not say it themselves."""

    timezone: str
    timezone_source: Literal["config", "host"]
    agents: tuple[str, ...]
    missed_policy: str = "latest"
    missed_grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job as it will be stored, with what its author should see of it."""

    job: Job
    preview: JsonObject
    next_at_ms: int
    warnings: tuple[str, ...]


@dataclass
class JobBook:
    """The stored jobs. `on_change` hears of every change after its commit."""

    store: Store
    clock: Clock
    chance: Chance
    directory: Directory
    defaults: JobDefaults
    on_change: Callable[[str], None]
    boot: str

    async def add(self, raw: Mapping[str, Any]) -> JsonObject:
        """Check and store a job; the answer is the stored job with its preview."""
        prepared = self.prepare(raw)
        now = self.clock.now_ms()
        await self.store.add_job(self._row(prepared, now, created_ms=now))
        self.on_change(prepared.job.id)
        return self._answer(prepared)

    def prepare(self, raw: Mapping[str, Any]) -> Prepared:
        """Everything `add` checks, without storing anything."""
        now = self.clock.now_ms()
        filled = self._filled(dict(raw), now)
        try:
            job = Job.model_validate(filled)
        except ValidationError as error:
            raise Refused("bad_job", "the job is not valid", details=details_of(error, Job)) from error
        if job.agent_id not in self.defaults.agents:
            hint = f"configured agents: {', '.join(self.defaults.agents)}; add [agents.{job.agent_id}] to stentor.toml"
            close = did_you_mean(job.agent_id, self.defaults.agents)
            raise Refused("unknown_agent", f"there is no agent {job.agent_id!r}{close}", hint=hint)
        _check_session_key(job)
        job, routes = self._resolved(job)
        next_at = next_after(job.schedule, _accounted(job, now), job_id=job.id)
        if next_at is None:
            raise Refused(
                "never_fires", "the schedule would never fire", hint="check the expression with cron next"
            )
        job = self._with_numbers(job, next_at)
        warnings = tuple(warning for route in routes for warning in route.target.warnings)
        return Prepared(job, preview_of(job, routes), next_at, warnings)

    async def set_enabled(self, job_id: str, *, enabled: bool) -> JsonObject | None:
        """Switch a job on or off. What lay in the time it was off counts as nobody's loss."""
        row = await self.store.job(job_id)
        if row is None:
            return None
        now = self.clock.now_ms()
        job = Job.model_validate_json(row.doc)
        if row.enabled == enabled:
            # Nothing changes, least of all from when on its instants count.
            return self._answer(Prepared(job, json.loads(row.preview), row.next_at_ms or 0, ()))
        next_at = next_after(job.schedule, now, job_id=job.id) if enabled else None
        if enabled and next_at is None:
            raise Refused("in_the_past", "the job's time has passed", hint="add it again with a new time")
        changed = job.model_copy(update={"enabled": enabled, "revision": row.revision + 1})
        prepared = Prepared(changed, json.loads(row.preview), next_at or 0, ())
        new = self._row(prepared, now, created_ms=row.created_ms)
        if not enabled:
            new = replace(new, finished=row.finished)
        await self.store.replace_job(new, expected_revision=row.revision)
        self.on_change(job_id)
        return self._answer(prepared)

    async def remove(self, job_id: str) -> bool:
        removed = await self.store.remove_job(job_id, at_ms=self.clock.now_ms())
        if removed:
            self.on_change(job_id)
        return removed

    async def manual_run(self, job_id: str) -> tuple[RunSeed, Job] | None:
        """Write down a run outside the schedule; it uses up no instant."""
        row = await self.store.job(job_id)
        if row is None:
            return None
        now = self.clock.now_ms()
        job = Job.model_validate_json(row.doc)
        session = session_for(job, ident("s", now, self.chance.token(10)))
        run_id = ident("r", now, self.chance.token(10))
        seed = RunSeed(run_id, job.id, job.name, Trigger.MANUAL, now, self.boot, session)
        return await self.store.queue_run(seed), job

    def _filled(self, raw: JsonObject, now: int) -> JsonObject:
        """Fill in what follows from the configuration, the clock or the rest of the job."""
        filled = fill_defaults(raw)
        filled.pop("state", None)
        filled["revision"] = 1
        if filled.get("id") is None:
            filled["id"] = ident("j", now, self.chance.token(5))
        if filled.get("name") is None:
            filled["name"] = _inferred_name(filled.get("payload"))
        schedule = as_object(filled.get("schedule"))
        if schedule is not None:
            filled["schedule"], source = self._schedule(dict(schedule), now)
            filled["timezoneSource"] = source
        missed = as_object(filled.get("missed") or {})
        if missed is not None:
            filled["missed"] = {"policy": self.defaults.missed_policy, **missed}
        return filled

    def _schedule(self, schedule: JsonObject, now: int) -> tuple[JsonObject, str]:
        """Write down what a schedule leaves to its surroundings: zone, anchor, the instant of a duration."""
        named = schedule.get("tz") is not None
        source = "job" if named else self.defaults.timezone_source
        kind = schedule.get("kind")
        if kind == "cron" and not named:
            schedule["tz"] = self.defaults.timezone
        elif kind == "every" and schedule.get("anchorMs") is None:
            schedule["anchorMs"] = now
        elif kind == "at" and isinstance(schedule.get("at"), str | int):
            try:
                schedule["at"] = iso(parse_at(str(schedule["at"]), tz=schedule.get("tz"), now_ms=now))
            except ValueError as error:
                detail = Detail("schedule.at", str(error))
                raise Refused("bad_schedule", "the schedule is not valid", details=(detail,)) from error
        return schedule, source

    def _resolved(self, job: Job) -> tuple[Job, list[Route]]:
        """Resolve the job's targets and store them typed: nothing that happens later can change them."""
        delivery = job.delivery
        if delivery.mode == "none":
            if any((delivery.to, delivery.channel, delivery.account_id, delivery.thread_id)):
                raise Refused(
                    "no_delivery",
                    "mode none delivers nothing, but a target is named",
                    hint="leave to, channel, accountId and threadId out, or choose mode announce",
                )
            return job, []
        try:
            inferred = () if delivery.to else (infer(delivery.channel, self.directory),)
            addresses = [
                address_of(delivery, text, thread=delivery.thread_id) for text in delivery.to or inferred
            ]
            found = [resolve(address, self.directory) for address in addresses]
        except RouteError as error:
            raise Refused(error.code, error.message, hint=error.hint) from error
        if inferred:
            found = [replace(route, source="default") for route in found]
        routes = list({(route.account, route.target.canonical): route for route in found}.values())
        if delivery.posts:
            targets = tuple(route.target.address for route in routes)
        else:
            targets = tuple(route.target.canonical for route in routes)
        stored = delivery.model_copy(update={"to": targets})
        return job.model_copy(update={"delivery": stored}), routes

    def _with_numbers(self, job: Job, next_at: int) -> Job:
        """Store defaults as numbers, so that a later release cannot change what this job does."""
        grace = job.missed.grace_seconds
        if grace is None:
            grace = self.defaults.missed_grace_seconds
        if grace is None:
            period = period_ms(job.schedule, next_at)
            grace = _ONE_SHOT_GRACE_SECONDS if period is None else min(period // 1000, _LONGEST_GRACE_SECONDS)
        expires = job.delivery.expires_after_seconds or expiry_seconds(job)
        return job.model_copy(
            update={
                "missed": Missed(policy=job.missed.policy, grace_seconds=grace),
                "delivery": job.delivery.model_copy(update={"expires_after_seconds": expires}),
            }
        )

    def _row(self, prepared: Prepared, now: int, *, created_ms: int) -> JobRow:
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
            prepared.next_at_ms if job.enabled else None,
            _accounted(job, now) if created_ms == now else now,
            created_ms,
            now,
        )

    def _answer(self, prepared: Prepared) -> JsonObject:
        job = prepared.job
        zone = self._zone(job)
        upcoming: list[JsonObject] = []
        at = prepared.next_at_ms - 1 if job.enabled else None
        while at is not None and len(upcoming) < 3:
            at = next_after(job.schedule, at, job_id=job.id)
            if at is not None:
                upcoming.append({"utc": iso(at), "local": local(at, zone)})
        state: JsonObject = {
            "nextRunAtMs": prepared.next_at_ms if job.enabled else None,
            "runningAtMs": None,
            "lastRunAtMs": None,
            "lastRunStatus": None,
            "lastError": None,
            "consecutiveErrors": 0,
            "consecutiveSkipped": 0,
            "lastDeliveryStatus": None,
        }
        document: JsonObject = json.loads(job.model_dump_json(by_alias=True))
        preview = {**prepared.preview, "nextRuns": upcoming}
        return {**document, "state": state, "preview": preview, "warnings": list(prepared.warnings)}

    def _zone(self, job: Job) -> str:
        return job.schedule.tz if isinstance(job.schedule, Cron) else self.defaults.timezone


def preview_of(job: Job, routes: list[Route]) -> JsonObject:
    """Where the job would deliver, in words. Made by the same resolver as the delivery itself."""
    targets = [route.target.canonical for route in routes]
    match job.delivery.mode:
        case "none":
            label, detail = "not requested", "not requested"
        case "webhook":
            label, detail = ", ".join(targets), "webhook"
        case "announce":
            label = f"announce -> {', '.join(targets)}"
            detail = "default" if any(route.source == "default" for route in routes) else "explicit"
    return {"label": label, "detail": detail, "targets": targets}


def _accounted(job: Job, now: int) -> int:
    """From when on a new job's instants count: from now, or for a one-shot that is just due, from before it."""
    return min(now, from_iso(job.schedule.at) - 1) if isinstance(job.schedule, At) else now


def _check_session_key(job: Job) -> None:
    try:
        session_for(job, "new")
    except ValueError as error:
        detail = Detail("sessionKey", str(error))
        raise Refused("bad_session", "the session is not valid", details=(detail,)) from error


def _inferred_name(payload: object) -> str:
    """A job without a name is called by the first words of what it does."""
    fields = as_object(payload) or {}
    said = fields.get("message") or fields.get("text") or _line(fields.get("argv"))
    lines = str(said).strip().splitlines()
    return one_line(lines[0][:_NAME_CHARACTERS]) or "Job" if lines else "Job"


def _line(argv: object) -> str:
    return " ".join(map(str, cast("list[object]", argv))) if isinstance(argv, list) else ""
