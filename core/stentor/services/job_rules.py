"""Everything that is checked, filled in and resolved before a job is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, cast

from pydantic import ValidationError

from stentor.config import Config
from stentor.domain.idents import ident
from stentor.domain.instants import from_iso, iso, parse_at
from stentor.domain.jobs import DeliveryModel, Job, Missed, fill_defaults, one_line
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Detail, Refused, details_of
from stentor.domain.routing import Directory, Route, RouteError, infer, resolve
from stentor.domain.schedules import At, Schedule, next_after, period_ms
from stentor.domain.sessions import session_for
from stentor.domain.spelling import did_you_mean
from stentor.ports import Chance, Clock
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

    @classmethod
    def of(cls, config: Config) -> Self:
        zone, source = config.zone()
        missed = config.scheduler.missed
        return cls(zone, source, tuple(sorted(config.agents)), missed.policy, missed.grace_seconds)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job as it will be stored, with what its author should see of it."""

    job: Job
    preview: JsonObject
    next_at_ms: int | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRules:
    """The same for every way a job comes in: added, edited, applied or only looked at."""

    clock: Clock
    chance: Chance
    directory: Directory
    defaults: JobDefaults

    def prepare(self, raw: Mapping[str, Any]) -> Prepared:
        """A new job as it will be stored."""
        now = self.clock.now_ms()
        filled = {**raw, "revision": 1}
        if filled.get("id") is None:
            filled["id"] = ident("j", now, self.chance.token(5))
        schedule = as_object(filled.get("schedule"))
        if schedule is not None:
            filled["schedule"], filled["timezoneSource"] = self.placed(schedule, now)
        job = self.read(filled)
        self.check_agent(job)
        job, routes = self.resolved(job)
        next_at = first_instant(job, now)
        job = self.with_numbers(job, now)
        warnings = tuple(warning for route in routes for warning in route.target.warnings)
        return Prepared(job, preview_of(job, routes), next_at if job.enabled else None, warnings)

    def read(self, raw: JsonObject) -> Job:
        """A job by its own rules, with what follows from the rest of it or from the configuration filled in."""
        filled = fill_defaults(raw)
        filled.pop("state", None)
        if filled.get("name") is None:
            filled["name"] = _inferred_name(filled.get("payload"))
        missed = as_object(filled.get("missed") or {})
        if missed is not None:
            filled["missed"] = {"policy": self.defaults.missed_policy, **missed}
        try:
            job = Job.model_validate(filled)
        except ValidationError as error:
            raise Refused("bad_job", "the job is not valid", details=details_of(error, Job)) from error
        _check_session_key(job)
        return job

    def placed(self, schedule: Mapping[str, Any], now: int) -> tuple[JsonObject, str]:
        """Write down what a schedule leaves to its surroundings: zone, anchor, the instant of a duration."""
        placed = dict(schedule)
        named = placed.get("tz") is not None
        source = "job" if named else self.defaults.timezone_source
        kind = placed.get("kind")
        if kind == "cron" and not named:
            placed["tz"] = self.defaults.timezone
        elif kind == "every" and placed.get("anchorMs") is None:
            placed["anchorMs"] = now
        elif kind == "at" and isinstance(placed.get("at"), str | int):
            try:
                placed["at"] = iso(parse_at(str(placed["at"]), tz=placed.get("tz"), now_ms=now))
            except ValueError as error:
                detail = Detail("schedule.at", str(error))
                raise Refused("bad_schedule", "the schedule is not valid", details=(detail,)) from error
        return placed, source

    def check_agent(self, job: Job) -> None:
        if job.agent_id not in self.defaults.agents:
            hint = f"configured agents: {', '.join(self.defaults.agents)}; add [agents.{job.agent_id}] to stentor.toml"
            close = did_you_mean(job.agent_id, self.defaults.agents)
            raise Refused("unknown_agent", f"there is no agent {job.agent_id!r}{close}", hint=hint)

    def resolved(self, job: Job) -> tuple[Job, list[Route]]:
        """Resolve the job's targets and store them typed: nothing that happens later can change them."""
        delivery = job.delivery
        if delivery.mode == "none":
            _refuse_address(delivery)
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

    def with_numbers(self, job: Job, now: int) -> Job:
        """Store defaults as numbers, so that a later release cannot change what this job does."""
        grace = job.missed.grace_seconds
        if grace is None:
            grace = self.default_grace(job.schedule, now)
        expires = job.delivery.expires_after_seconds or expiry_seconds(job)
        return job.model_copy(
            update={
                "missed": Missed(policy=job.missed.policy, grace_seconds=grace),
                "delivery": job.delivery.model_copy(update={"expires_after_seconds": expires}),
            }
        )

    def default_grace(self, schedule: Schedule, now: int) -> int:
        """In seconds: as configured, else as the schedule has it."""
        configured = self.defaults.missed_grace_seconds
        return natural_grace(schedule, now) if configured is None else configured


def natural_grace(schedule: Schedule, now: int) -> int:
    """In seconds: the period from the next instant on, within limits."""
    following = next_after(schedule, now)
    period = None if following is None else period_ms(schedule, following)
    return _ONE_SHOT_GRACE_SECONDS if period is None else min(period // 1000, _LONGEST_GRACE_SECONDS)


def first_instant(job: Job, now: int) -> int:
    """The first instant of a job that begins now."""
    found = next_after(job.schedule, accounted_from(job, now), job_id=job.id)
    if found is None:
        hint = "check the expression with cron next"
        raise Refused("never_fires", "the schedule would never fire", hint=hint)
    return found


def accounted_from(job: Job, now: int) -> int:
    """From when on a job's instants count: from now, or for a one-shot that is just due, from before it."""
    return min(now, from_iso(job.schedule.at) - 1) if isinstance(job.schedule, At) else now


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


def job_document(job: Job) -> JsonObject:
    """The job as it is stored and shown."""
    document: JsonObject = json.loads(job.model_dump_json(by_alias=True))
    return document


def _refuse_address(delivery: DeliveryModel) -> None:
    if any((delivery.to, delivery.channel, delivery.account_id, delivery.thread_id)):
        raise Refused(
            "no_delivery",
            "mode none delivers nothing, but a target is named",
            hint="leave to, channel, accountId and threadId out, or choose mode announce",
        )


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
