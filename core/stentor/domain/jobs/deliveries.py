"""Where a job's finished payload goes, and where people hear of its trouble."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from stentor.contract.payloads import Manner
from stentor.domain.durations import parse_duration
from stentor.domain.jobs.fields import Flag, JobModel, Text
from stentor.domain.json_types import as_object


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _thread(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _channel(value: str | None) -> str | None:
    return value if value is None else value.strip().lower()


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

    enabled: Flag = True
    after: Annotated[int, Field(ge=1, le=1000)] | None = None
    cooldown_ms: Annotated[int, Field(ge=0, le=366 * 86_400_000)] | None = None
    include_skipped: Flag | None = None

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
    channel: Annotated[Text | None, AfterValidator(_channel)] = None
    to: Annotated[tuple[Text, ...] | None, BeforeValidator(_as_list)] = None
    account_id: str | None = None
    thread_id: Annotated[str | None, BeforeValidator(_thread)] = None
    best_effort: Flag = False
    failure_destination: FailureDestination | None = None
    allow: Annotated[tuple[Text, ...], BeforeValidator(_as_list)] = ()
    agent_may_send: Flag | None = None
    on_unknown: Literal["hold", "resend"] = "hold"
    on_thread_gone: Literal["fail", "parent"] = "fail"
    expires_after_seconds: Annotated[int, Field(ge=1, le=30 * 86400)] | None = None
    mentions: Flag = False
    number_parts: Flag = False
    late_note: Flag = False
    silent: Flag = False
    link_previews: Flag = True
    broadcast: Flag = False
    priority: Literal["interactive", "alert", "announce", "digest"] = "announce"
    # What the targets were read from when they were written down.
    target_source: Literal["explicit", "prefix", "last", "current", "default"] | None = None

    @property
    def offers_messages(self) -> bool:
        """Whether an agent at work for the job may send messages itself."""
        return self.mode == "announce" if self.agent_may_send is None else self.agent_may_send

    @property
    def manner(self) -> Manner:
        """How its messages are to be shown."""
        return Manner(self.silent, not self.link_previews, self.broadcast, self.mentions)

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
