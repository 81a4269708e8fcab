"""The job as the user configures it. Unknown keys are errors, and each field is effective or refused."""

import re
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from stentor.domain.durations import parse_duration
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.rendering import PLACEHOLDERS, unknown_placeholders
from stentor.domain.schedules import At, Schedule
from stentor.domain.spelling import did_you_mean

_BAD_ID = re.compile(r"[/\\]|^\.+$")
# What breaks a line, turns it round or talks to a terminal. Joiners stay: emoji are made of them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONGEST_NAME = 200
_AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
SESSION_PREFIX = "session:"


class JobModel(BaseModel):
    """camelCase outside, snake_case inside; frozen; the input value is never repeated in a message."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        alias_generator=to_camel,
        validate_by_name=True,
    )


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def one_line(text: str) -> str:
    """Text as a name may hold it."""
    return _UNSAFE.sub(" ", text).strip()


def _name(value: str) -> str:
    if len(value) > _LONGEST_NAME or _UNSAFE.search(value):
        raise ValueError(
            f"must be one line of up to {_LONGEST_NAME} characters, none of them a control character"
        )
    return _text(value)


def _word(value: str) -> str:
    """What a process is started with cannot hold the character that ends it."""
    if "\x00" in value:
        raise ValueError("must not hold a NUL character")
    return value


def _starts_with_a_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0].strip():
        raise ValueError("must begin with the program to run")
    return argv


def _variable(value: str) -> str:
    if not value or "=" in value:
        raise ValueError("the name of a variable is not empty and holds no =")
    return _word(value)


def _known_placeholders(value: str) -> str:
    for name in unknown_placeholders(value):
        raise ValueError(f"{{{{{name}}}}} is not a placeholder{did_you_mean(name, PLACEHOLDERS)}")
    return _text(value)


def _default_only(default: object) -> BeforeValidator:
    """A field of the job format whose effect does not exist yet: its default is accepted, any other value refused."""

    def check(value: object) -> object:
        off = value is None or (value is False and not default)
        given = tuple(cast("list[object]", value)) if isinstance(value, list) else value
        if not off and given != default:
            raise ValueError("is not available in this release; leave it out")
        return default

    return BeforeValidator(check)


Text = Annotated[str, AfterValidator(_text)]
Word = Annotated[str, AfterValidator(_word)]
Seconds = Annotated[float, Field(ge=0, le=30 * 86400)]


class AgentTurn(JobModel):
    """Ask the agent; its answer is the payload."""

    kind: Literal["agentTurn"] = "agentTurn"
    message: Text
    model: str | None = None
    fallbacks: Annotated[None, _default_only(None)] = None
    thinking: Literal["off", "minimal", "low", "medium", "high", "xhigh"] | None = None
    timeout_seconds: Seconds | None = None
    light_context: bool = False
    tools_allow: Annotated[None, _default_only(None)] = None


class SystemEvent(JobModel):
    """A line for the main session; nothing is run and nothing is sent."""

    kind: Literal["systemEvent"] = "systemEvent"
    text: Text


class FixedText(JobModel):
    """Text as it stands, with placeholders filled in. No agent takes part."""

    kind: Literal["text"] = "text"
    text: Annotated[str, AfterValidator(_known_placeholders)]


class Command(JobModel):
    """A program whose output is the payload."""

    kind: Literal["command"] = "command"
    argv: Annotated[tuple[Word, ...], Field(min_length=1), AfterValidator(_starts_with_a_program)]
    cwd: Word | None = None
    env: dict[Annotated[str, AfterValidator(_variable)], Word] = Field(default_factory=dict[str, str])
    input: str | None = None
    timeout_seconds: Seconds | None = None


PayloadModel = Annotated[AgentTurn | SystemEvent | FixedText | Command, Field(discriminator="kind")]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _thread(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _channel(value: str | None) -> str | None:
    return value if value is None else _text(value).strip().lower()


class FailureDestination(JobModel):
    """Where people hear of a job's trouble. What it does not say, the configuration's destination says."""

    mode: Literal["announce", "webhook"] | None = None
    channel: Annotated[Text | None, AfterValidator(_channel)] = None
    to: Text | None = None
    account_id: str | None = None
    thread_id: Annotated[str | None, BeforeValidator(_thread)] = None

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        if self.mode == "webhook":
            if self.to is None or not self.to.lower().startswith(("http://", "https://")):
                raise ValueError("mode webhook needs to = an http(s) URL; other targets need mode announce")
            if self.channel not in (None, self.mode) or self.thread_id is not None:
                raise ValueError("mode webhook takes no channel and no threadId; leave them out")
        return self


class FailureAlert(FailureDestination):
    """When people hear of it. What it does not say, the configuration says; `false` is never."""

    enabled: bool = True
    after: Annotated[int, Field(ge=1, le=1000)] | None = None
    cooldown_ms: Annotated[int, Field(ge=0, le=366 * 86_400_000)] | None = None
    include_skipped: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, raw: object) -> object:
        """`false` switches off, and `cooldown` takes a duration such as 1h."""
        if raw is False:
            return {"enabled": False}
        fields = as_object(raw)
        if fields is None:
            raise ValueError("is false, or an object with after, cooldownMs, includeSkipped, to …")
        if "cooldown" not in fields:
            return fields
        if fields.get("cooldownMs") is not None:
            raise ValueError("cooldown and cooldownMs are the same; write one of them")
        words = fields["cooldown"]
        kept = {key: value for key, value in fields.items() if key != "cooldown"}
        return {**kept, "cooldownMs": parse_duration(words) if isinstance(words, str) else words}

    @model_validator(mode="after")
    def _off_is_off(self) -> Self:
        if not self.enabled and self.model_fields_set != {"enabled"}:
            raise ValueError("is switched off, so it takes no details")
        return self

    @model_serializer(mode="wrap")
    def _off_in_short(self, handler: SerializerFunctionWrapHandler) -> object:
        return handler(self) if self.enabled else False


class DeliveryModel(JobModel):
    """Where the finished payload goes, and what is done when that is not simple."""

    mode: Literal["announce", "webhook", "none"] = "announce"
    channel: Annotated[str | None, AfterValidator(_channel)] = None
    to: Annotated[tuple[Text, ...] | None, BeforeValidator(_as_list)] = None
    account_id: str | None = None
    thread_id: Annotated[str | None, BeforeValidator(_thread)] = None
    best_effort: bool = False
    failure_destination: FailureDestination | None = None
    allow: Annotated[tuple[Text, ...], BeforeValidator(_as_list)] = ()
    agent_may_send: bool | None = None
    on_unknown: Literal["hold", "resend"] = "hold"
    on_thread_gone: Literal["fail", "parent"] = "fail"
    expires_after_seconds: Annotated[int, Field(ge=1, le=30 * 86400)] | None = None
    mentions: bool = False
    number_parts: bool = False
    late_note: bool = False
    priority: Literal["interactive", "alert", "announce", "digest"] = "announce"
    # What the targets were read from when they were written down.
    target_source: Literal["explicit", "prefix", "last", "current", "default"] | None = None

    @property
    def offers_messages(self) -> bool:
        """Whether an agent at work for the job may send messages itself."""
        return self.mode == "announce" if self.agent_may_send is None else self.agent_may_send

    @property
    def posts(self) -> bool:
        """Mode webhook: the targets are URLs, and the finished run itself is posted to them."""
        return self.mode == "webhook"

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        if self.mode == "webhook":
            urls = self.to or ()
            if not urls or any(not url.lower().startswith(("http://", "https://")) for url in urls):
                raise ValueError("mode webhook needs to = an http(s) URL; other targets need mode announce")
            if self.channel not in (None, self.mode):
                raise ValueError("mode webhook takes no channel; leave channel out")
            if self.thread_id is not None:
                raise ValueError("a webhook has no threads; leave threadId out")
        if self.to is not None and not self.to:
            raise ValueError("to is an empty list: name a target or leave it out")
        return self


class Missed(JobModel):
    policy: Literal["latest", "all", "skip"] = "latest"
    grace_seconds: Annotated[int, Field(ge=0, le=366 * 86400)] | None = None


class Retry(JobModel):
    """How often a run that failed of trouble that passes is tried again."""

    max_attempts: Annotated[int, Field(ge=0, le=10)] = 3


class Job(JobModel):
    """What the user configured. Runtime state stands beside it in the store, never inside it."""

    id: str
    name: Annotated[str, AfterValidator(_name)]
    description: str = ""
    enabled: bool = True
    agent_id: str = "main"
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
    delete_after_run: bool | None = None
    revision: int = 1

    @field_validator("id")
    @classmethod
    def _plain_id(cls, value: str) -> str:
        bad = _BAD_ID.search(value) or _UNSAFE.search(value)
        if not value.strip() or value != value.strip() or len(value) > 128 or bad:
            raise ValueError(
                "an id is up to 128 characters without slashes, control characters or outer blanks"
            )
        return value

    @field_validator("agent_id")
    @classmethod
    def _plain_agent(cls, value: str) -> str:
        if not _AGENT_ID.fullmatch(value):
            raise ValueError("an agent id is a-z, 0-9, _ and -, up to 64 characters")
        return value

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
    if not name.strip() or "\x00" in name:
        raise ValueError("session: needs an id, for instance session:weekly-digest")
    if job.session_key is not None and job.session_key != name:
        raise ValueError("sessionKey contradicts sessionTarget; keep one of them")


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
