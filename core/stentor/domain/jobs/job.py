"""A job as a whole, and what its parts have to do with each other."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stentor.domain.jobs.deliveries import DeliveryModel, FailureAlert
from stentor.domain.jobs.fields import AgentId, Flag, JobId, JobModel, JobName
from stentor.domain.jobs.payloads import AgentTurn, PayloadModel, SystemEvent
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.schedules import At, Schedule
from stentor.domain.spelling import did_you_mean

SESSION_PREFIX = "session:"


class Missed(JobModel):
    policy: Literal["latest", "all", "skip"] = "latest"
    grace_seconds: Annotated[int, Field(ge=0, le=366 * 86400)] | None = None


class Retry(JobModel):
    """How often a run that failed of trouble that passes is tried again."""

    max_attempts: Annotated[int, Field(ge=0, le=10)] = 3


class Job(JobModel):
    """What the user configured. Runtime state stands beside it in the store, never inside it."""

    id: JobId
    name: JobName
    description: str = ""
    enabled: Flag = True
    agent_id: AgentId = "main"
    schedule: Schedule
    timezone_source: Literal["job", "config", "host"] = "job"
    session_target: str
    session_key: str | None = None
    wake_mode: Literal["now", "next-heartbeat"] = "now"
    payload: PayloadModel
    delivery: DeliveryModel
    failure_alert: FailureAlert | None = None
    missed: Missed = Missed()
    overlap: Literal["skip", "queue"] = "skip"
    on_interrupt: Literal["auto", "rerun", "report"] = "auto"
    retry: Retry = Retry()
    delete_after_run: Flag | None = None
    revision: int = 1

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        _check_session(self)
        _check_delivery(self)
        if self.delete_after_run and not isinstance(self.schedule, At):
            raise ValueError("deleteAfterRun is only for one-shot jobs (schedule.kind at)")
        if self.wake_mode != "now" and self.session_target != "main":
            raise ValueError("wakeMode only concerns the main session; leave it out")
        return self

    @property
    def is_one_shot(self) -> bool:
        return isinstance(self.schedule, At)


def _check_session(job: Job) -> None:
    event = isinstance(job.payload, SystemEvent)
    if event and job.agent_id != "main":
        raise ValueError(
            f"a systemEvent goes to the main session, which belongs to the default agent: use an agentTurn for the "
            f"agent {job.agent_id}, or name no agent"
        )
    if job.session_target == "main":
        _check_main(job, event=event)
    elif event:
        raise ValueError(
            "a systemEvent goes to the main session: set sessionTarget main, or use an agentTurn"
        )
    elif job.session_target == "current":
        raise ValueError("there is no current session here: name one with session:<id>, or use isolated")
    elif job.session_target.startswith(SESSION_PREFIX):
        _check_named(job)
    elif job.session_target != "isolated":
        close = did_you_mean(job.session_target, ("main", "isolated"))
        raise ValueError(f"sessionTarget is main, isolated or session:<id>{close}")
    if job.session_key is not None and not job.session_key.strip():
        raise ValueError("sessionKey must not be blank")


def _check_main(job: Job, *, event: bool) -> None:
    if not event:
        raise ValueError(
            "the main session takes systemEvent payloads only; use sessionTarget isolated for this"
        )
    if job.agent_id != "main":
        raise ValueError("sessionTarget main belongs to the default agent; use isolated or session:<id>")
    if job.session_key is not None:
        raise ValueError("sessionKey cannot apply to the main session; leave it out")


def _check_named(job: Job) -> None:
    name = job.session_target.removeprefix(SESSION_PREFIX)
    if not name.strip():
        raise ValueError("session: needs an id, for instance session:weekly-digest")
    if job.session_key is not None and _short(job.session_key, job) != _short(name, job):
        raise ValueError("sessionKey contradicts sessionTarget; keep one of them")


def _short(name: str, job: Job) -> str:
    """The name of a session without what it may begin with."""
    return name.strip().removeprefix(f"agent:{job.agent_id}:").removeprefix(SESSION_PREFIX)


def _check_delivery(job: Job) -> None:
    if job.session_target == "main" and job.delivery.mode != "none":
        raise ValueError(
            "a systemEvent in the main session delivers nothing: leave delivery out or set mode none"
        )
    if job.session_target == "main" and job.delivery.failure_destination is not None:
        raise ValueError("failureDestination is for jobs that run apart from the main session")
    _check_messages(job)


def _check_messages(job: Job) -> None:
    """Only agents send messages themselves, and only where there is somewhere they may send them."""
    delivery = job.delivery
    if not isinstance(job.payload, AgentTurn) and (delivery.allow or delivery.agent_may_send):
        raise ValueError("delivery.allow and delivery.agentMaySend only concern the payload agentTurn")
    if delivery.allow and not delivery.offers_messages:
        raise ValueError(
            "delivery.allow says nothing while the agent may not send: set delivery.agentMaySend"
        )
    if delivery.mode == "none" and delivery.agent_may_send and not (delivery.to or delivery.allow):
        raise ValueError("delivery.agentMaySend needs somewhere to send to: name it in delivery.to or allow")


def fill_defaults(raw: JsonObject) -> JsonObject:
    """What follows from the payload when it is not said: session target and delivery mode."""
    filled = dict(raw)
    payload = as_object(filled.get("payload")) or {}
    main = payload.get("kind") == "systemEvent"
    if filled.get("sessionTarget") is None:
        filled["sessionTarget"] = "main" if main else "isolated"
    if filled.get("delivery") is None:
        filled["delivery"] = {"mode": "none" if filled["sessionTarget"] == "main" else "announce"}
    return filled
