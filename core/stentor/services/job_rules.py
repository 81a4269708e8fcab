"""Everything that is checked, filled in and resolved before a job is stored."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from pydantic import ValidationError

from stentor.config import Config
from stentor.contract.targets import Target
from stentor.contract.tools import BUILT_IN
from stentor.domain.aims import Aim, Surroundings, aims_stored, aims_written
from stentor.domain.destinations import Destination
from stentor.domain.idents import ident
from stentor.domain.idle_options import idle_options
from stentor.domain.instants import from_iso, iso, parse_at
from stentor.domain.jobs import SESSION_PREFIX, AgentTurn, DeliveryModel, Job, Missed, fill_defaults, one_line
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.manners import WORDS, unheeded
from stentor.domain.previews import preview_of
from stentor.domain.reach import allow_list
from stentor.domain.refusals import Detail, Refused, details_of
from stentor.domain.route_plans import RoutePlan, plan_for
from stentor.domain.routing import CURRENT, LAST, Directory, Route
from stentor.domain.schedules import At, Schedule, next_after, period_ms
from stentor.domain.sessions import session_for, source_session
from stentor.domain.spelling import did_you_mean
from stentor.ports import Chance, Clock, Conversations
from stentor.services.agent_turns import Agent
from stentor.services.alert_routes import AlertRoutes, configured
from stentor.services.outgoing import expiry_seconds

_ONE_SHOT_GRACE_SECONDS = 86_400
_LONGEST_GRACE_SECONDS = 7_200
_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """What the configuration says about jobs that do not say it themselves."""

    timezone: str
    timezone_source: Literal["config", "host"]
    agents: Mapping[str, Agent]
    # Of the tools there are. Plugins may bring others one day.
    tools: frozenset[str]
    missed_policy: str = "latest"
    missed_grace_seconds: int | None = None
    failure_destination: Destination | None = None
    has_heartbeat: bool = False

    @classmethod
    def of(cls, config: Config, agents: Mapping[str, Agent], plugins_tools: Iterable[str]) -> Self:
        zone, source = config.zone()
        missed = config.scheduler.missed
        return cls(
            zone,
            source,
            {name: agents[name] for name in sorted(agents)},
            BUILT_IN.union(plugins_tools),
            missed.policy,
            missed.grace_seconds,
            configured(config),
            has_heartbeat=config.heartbeat.every > 0,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job as it will be stored, with what its author should see of it."""

    job: Job
    preview: JsonObject
    next_at_ms: int | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The conversation a job is made in: `current` stands for it, this once."""

    session: str
    route: Route


@dataclass(frozen=True, slots=True)
class Resolved:
    """A job with typed targets, and what its author should see of them."""

    job: Job
    preview: JsonObject
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobRules:
    """The same for every way a job comes in: added, edited, applied or only looked at."""

    clock: Clock
    chance: Chance
    directory: Directory
    defaults: JobDefaults
    conversations: Conversations

    @property
    def alert_routes(self) -> AlertRoutes:
        def plan(job: Job) -> RoutePlan:
            return plan_for(job.delivery, self.directory)

        return AlertRoutes(self.directory, plan, self.defaults.failure_destination)

    def prepare(self, raw: Mapping[str, Any], origin: Origin | None = None) -> Prepared:
        """A new job as it will be stored."""
        now = self.clock.now_ms()
        filled = {**raw, "revision": 1}
        if filled.get("id") is None:
            filled["id"] = ident("j", now, self.chance.token(5))
        schedule = as_object(filled.get("schedule"))
        if schedule is not None:
            filled["schedule"], filled["timezoneSource"] = self.placed(schedule, now)
        if origin is not None and filled.get("sessionTarget") == CURRENT:
            filled["sessionTarget"] = f"{SESSION_PREFIX}{origin.session}"
        job = self.read(filled)
        self.check_agent(job)
        self.check_models(job)
        found = self.resolved(job, origin)
        next_at = first_instant(job, now)
        job = self.with_numbers(self.alert_routes.checked(found.job), now)
        self.check_options(job)
        warnings = (*found.warnings, *self.doubts(job))
        return Prepared(job, found.preview, next_at if job.enabled else None, warnings)

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

    def check_models(self, job: Job) -> None:
        agent, payload = self.defaults.agents[job.agent_id], job.payload
        if not isinstance(payload, AgentTurn):
            return
        named = [("payload.model", payload.model)] if payload.model is not None else []
        named += [(f"payload.fallbacks[{n}]", model) for n, model in enumerate(payload.fallbacks or ())]
        refusals: list[Refused] = []
        wrong: list[Detail] = []
        for field, model in named:
            try:
                agent.check_model(model)
            except Refused as error:
                refusals.append(error)
                wrong.append(Detail(field, error.message))
        if refusals:
            first = refusals[0]
            message = "the job names a model that its agent cannot use"
            raise Refused(first.code, message, hint=first.hint, details=tuple(wrong))

    def doubts(self, job: Job, before: Job | None = None) -> Iterator[str]:
        """What works otherwise than it says, as far as it was not said `before`."""
        if before is None or job.wake_mode != before.wake_mode:
            yield from self._waits_in_vain(job)
        if before is None or job.payload != before.payload:
            yield from self._lacks_tools(job)

    def _lacks_tools(self, job: Job) -> Iterator[str]:
        """A plugin may bring them one day."""
        wanted = (job.payload.tools_allow or ()) if isinstance(job.payload, AgentTurn) else ()
        known = sorted(self.defaults.tools)
        lacking = [name for name in dict.fromkeys(wanted) if name not in known]
        if lacking:
            named = ", ".join(f"{name!r}{did_you_mean(name, known)}" for name in lacking)
            yield f"payload.toolsAllow names what is no tool here: {named}; there are {', '.join(known)}"

    def _waits_in_vain(self, job: Job) -> Iterator[str]:
        """Older tools write that their jobs wait, whether or not there is a heartbeat."""
        if job.wake_mode == "next-heartbeat" and not self.defaults.has_heartbeat:
            yield (
                "there is no heartbeat to wait for, so the agent is told at once: set every under [heartbeat], for instance "
                '"30m", or choose wakeMode now'
            )

    def check_options(self, job: Job) -> None:
        """An option that would say nothing is a mistake like one that nobody knows."""
        plan = plan_for(job.delivery, self.directory)
        idle = (*idle_options(job, plan.reach, expiry_seconds(job)), *self._unheeded(job, plan.routes))
        if idle:
            raise Refused("bad_job", "the job is not valid", details=idle)

    def _unheeded(self, job: Job, routes: Sequence[Route]) -> Iterator[Detail]:
        """What one of the job's channels cannot do."""
        for route in () if job.delivery.posts else routes:
            channel = self.directory.channels[route.target.channel]
            for field, why in unheeded(job.delivery.manner, channel, route.target):
                yield Detail(
                    f"delivery.{WORDS[field]}", f"{why}; leave it out, or leave the target to another job"
                )

    def resolved(self, job: Job, origin: Origin | None = None) -> Resolved:
        """Resolve the job's targets and store them typed: nothing that happens later can change them.

        Only `last` is looked up again at each run, and may lead nowhere now.
        """
        job = self.with_rights(job)
        delivery = job.delivery
        current = origin.route if origin is not None else None
        aims = aims_written(delivery, self.directory, Surroundings(current, self._last(job)))
        follows = delivery.channel == LAST and delivery.to is None
        for error in [aim.error for aim in aims if aim.error is not None]:
            if not (follows and error.code == "no_last"):
                raise Refused(error.code, error.message, hint=error.hint) from error
        stored = delivery.model_copy(update=_typed(delivery, aims))
        job = job.model_copy(update={"delivery": stored})
        return Resolved(job, preview_of(job, aims), _warnings(aims))

    def with_rights(self, job: Job) -> Job:
        """The allow list in canonical spelling: an entry that can match nothing is a mistake."""
        delivery = job.delivery
        _refuse_idle_address(delivery)
        entries = allow_list(delivery, self.directory)
        for error in [entry.error for entry in entries if entry.error is not None]:
            raise Refused(error.code, f"delivery.allow: {error.message}", hint=error.hint) from error
        allow = tuple(entry.canonical for entry in entries)
        return job.model_copy(update={"delivery": delivery.model_copy(update={"allow": allow})})

    def as_things_are(self, job: Job) -> tuple[JsonObject, tuple[str, ...]]:
        """The preview of a stored job with its warnings: where its next run would deliver, or why it would not."""
        aims = aims_stored(job.delivery, self.directory, self._last(job))
        lost = tuple(
            f"it would not be delivered: {aim.error.message}" for aim in aims if aim.error is not None
        )
        return preview_of(job, aims), (*lost, *_warnings(aims))

    def _last(self, job: Job) -> Target | None:
        return self.conversations.last(source_session(job)) if job.delivery.channel == LAST else None

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


def job_document(job: Job) -> JsonObject:
    """The job as it is stored and shown."""
    document: JsonObject = json.loads(job.model_dump_json(by_alias=True))
    return document


def _typed(delivery: DeliveryModel, aims: Sequence[Aim]) -> dict[str, object]:
    """What the job says from now on: each target in its canonical spelling, and what it was read from."""
    if delivery.channel == LAST and delivery.to is None:
        return {"target_source": LAST}
    targets = [aim.route.target for aim in aims if aim.route is not None]
    sources = [aim.route.source for aim in aims if aim.route is not None]
    if delivery.posts:
        named = tuple(target.address for target in targets)
    else:
        named = tuple(target.canonical for target in targets)
    accounts = {target.account for target in targets}
    account = accounts.pop() if CURRENT in sources and len(accounts) == 1 else delivery.account_id
    return {
        "to": named or None,
        "channel": None if delivery.channel == LAST else delivery.channel,
        "account_id": account,
        "target_source": sources[0] if sources else None,
    }


def _warnings(aims: Sequence[Aim]) -> tuple[str, ...]:
    return tuple(warning for aim in aims if aim.route is not None for warning in aim.route.target.warnings)


def _refuse_idle_address(delivery: DeliveryModel) -> None:
    """Mode none has an address only for an agent that may send messages itself."""
    if delivery.mode != "none" or (delivery.to and delivery.agent_may_send):
        return
    if any((delivery.to, delivery.channel, delivery.thread_id)) or (
        delivery.account_id and not delivery.agent_may_send
    ):
        raise Refused(
            "no_delivery",
            "mode none delivers nothing, but a target is named",
            hint="leave to, channel, accountId and threadId out, choose mode announce, or set agentMaySend",
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
