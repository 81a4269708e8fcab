"""The sections of `stentor.toml`, with their defaults."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from stentor.config.zones import host_timezone, is_zone
from stentor.contract.settings import ProviderSettings, Strict

DEFAULT_AGENT = "main"

_AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROVIDER_NAME = _AGENT_ID
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEASURE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) *([a-z]*)")
_SIZES = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_SPANS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DAY_MS = _SPANS["d"]
_CENTURY_MS = 36_500 * _DAY_MS
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_OTHER_WORDS = {"keepLines": "keep_runs", "cooldownMs": "cooldown"}


def _agent_id(text: str) -> str:
    if not _AGENT_ID.fullmatch(text):
        raise ValueError("an agent's id has up to 64 of a-z 0-9 _ -, a letter or digit first")
    return text


def _account_id(text: str) -> str:
    if not _ACCOUNT_ID.fullmatch(text):
        raise ValueError("an account's id has up to 64 letters, digits and . _ -, a letter or digit first")
    return text


def _provider_name(text: str) -> str:
    if not _PROVIDER_NAME.fullmatch(text):
        raise ValueError("a provider's name has up to 64 of a-z 0-9 _ -, a letter or digit first")
    return text


def _iana_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("is not an IANA time zone; write one such as Europe/Berlin or UTC")
    return name


def _all_of_it(value: object) -> object:
    return 0 if value is False else value


def _on_or_off(value: object) -> object:
    return {"enabled": False} if value is False else value


def _measured(value: object, units: Mapping[str, int], forms: str) -> object:
    """A number as it is, or the one that a text such as "2mb" or "1h" says."""
    if not isinstance(value, str):
        return value
    found = _MEASURE.fullmatch(value.strip().lower())
    if found is None or found[2] not in units:
        raise ValueError(forms)
    return int(float(found[1]) * units[found[2]])


def _byte_count(value: object) -> object:
    return _all_of_it(_measured(value, _SIZES, "is no size; write a number, or 500kb, 2mb or 1gb"))


def _milliseconds(value: object) -> object:
    return _measured(value, _SPANS, "is no duration; write a text such as 30m, 1h or 1d, or milliseconds")


def _retention(value: object) -> object:
    """Nothing at all says neither "at once" nor "never" to everybody, and a bare number names no unit."""
    kept = 'is no time: write one such as "24h", "90m" or "7d", or false to keep them'
    if value is False:
        return 0
    length = _with_unit(value, kept)
    if length == 0:
        raise ValueError(
            'is not clear: write false to keep them, or a short time such as "1m" to keep none for long'
        )
    return length


def _age(value: object) -> object:
    """A time with its unit; nothing at all is for ever."""
    none = not isinstance(value, str) and value in (0, False)
    return 0 if none else _with_unit(value, 'is no time: write one such as "14d" or "12h", or false for ever')


def _with_unit(value: object, forms: str) -> object:
    if not isinstance(value, str) or not value.strip()[-1:].isalpha():
        raise ValueError(forms)
    return _measured(value, _SPANS, forms)


def _every(value: object) -> object:
    """A time with its unit, or nothing at all."""
    length = (
        _age(value)
        if value in (0, False)
        else _with_unit(value, 'is no time: write one such as "30m", or false for never')
    )
    if isinstance(length, int) and 0 < length < _SPANS["m"]:
        raise ValueError('is too often: write at least "1m"')
    return length


def _end_of_day(text: str) -> str:
    return text if text == "24:00" else _time_of_day(text)


def _time_of_day(text: str) -> str:
    if not _TIME_OF_DAY.fullmatch(text):
        raise ValueError('is no time of day; write hours and minutes, such as "23:30"')
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank; leave it out")
    return text


def _model_name(text: str) -> str:
    if not text.strip() or text != text.strip():
        raise ValueError("names a model, without blanks around it; leave it out where there is none")
    return text


_Model = Annotated[str, Field(max_length=200), AfterValidator(_model_name)]


def _models_meant(text: str) -> str:
    provider = text.removesuffix(":*")
    if not provider or "*" in provider:
        raise ValueError(
            "names one model, or all of a provider, such as openai:*; no other pattern means anything"
        )
    return text


def _renamed(raw: object, spellings: Mapping[str, str]) -> object:
    """A table with the keys of other programs under our names for them."""
    if not isinstance(raw, Mapping):
        return raw
    table = dict(cast("Mapping[str, object]", raw))
    for theirs, ours in spellings.items():
        if theirs in table and ours in table:
            raise ValueError(f"{ours} and {theirs} are the same setting; write one of them")
        if theirs in table:
            table[ours] = table.pop(theirs)
    return table


class _Section(Strict):
    """TOML has types of its own: "8" is no number and true is not 1."""

    model_config = ConfigDict(strict=True)


class MissedConfig(_Section):
    """What becomes of instants that passed while nothing ran, for jobs that do not say."""

    policy: Literal["latest", "all", "skip"] = "latest"
    grace_seconds: Annotated[int, Field(ge=0)] | None = None


class SchedulerConfig(_Section):
    max_concurrent_runs: Annotated[int, Field(ge=1, le=512)] = 8
    max_starts_per_minute: Annotated[int, Field(ge=1, le=6000)] = 120
    catch_up_per_minute: Annotated[int, Field(ge=0, le=600)] = 6
    disable_after_errors: Annotated[int, Field(ge=0, le=1000)] = 10
    missed: MissedConfig = MissedConfig()
    setup_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    stall_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    stall_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 30
    drain_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 25


class _EitherSpelling(_Section):
    """A table whose keys may also be written as OpenClaw spells them."""

    @model_validator(mode="before")
    @classmethod
    def _other_spellings(cls, raw: object) -> object:
        spelt = {to_camel(name): name for name in cls.model_fields if "_" in name} | _OTHER_WORDS
        return _renamed(raw, {theirs: ours for theirs, ours in spelt.items() if ours in cls.model_fields})


class RunLogConfig(_EitherSpelling):
    """How much history each job keeps; 0 and false mean all of it."""

    keep_runs: Annotated[int, BeforeValidator(_all_of_it), Field(ge=0, le=10**9)] = 2000
    keep_days: Annotated[float, BeforeValidator(_all_of_it), Field(ge=0, le=36_500)] = 30
    max_bytes: Annotated[int, BeforeValidator(_byte_count), Field(ge=0, le=10**18)] = 0


class FailureDestinationConfig(_EitherSpelling):
    """Where people hear of trouble, unless a job says otherwise."""

    mode: Literal["announce", "webhook"] | None = None
    channel: str | None = None
    to: str
    account_id: str | None = None
    thread_id: str | None = None


class FailureAlertConfig(_EitherSpelling):
    """When they hear of it. Without `after` it is one failure where there is a destination, else two."""

    enabled: bool = True
    after: Annotated[int, Field(ge=1, le=1000)] | None = None
    cooldown: Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, le=366 * 86_400_000)] = 3_600_000
    include_skipped: bool = False


class CronConfig(_EitherSpelling):
    session_retention: Annotated[int, BeforeValidator(_retention), Field(le=_CENTURY_MS)] = _DAY_MS
    run_log: RunLogConfig = RunLogConfig()
    failure_destination: FailureDestinationConfig | None = None
    failure_alert: Annotated[FailureAlertConfig, BeforeValidator(_on_or_off)] = FailureAlertConfig()


class MaintenanceConfig(_EitherSpelling):
    """How many sessions there may be, and for how long; 0 and false are no limit. Only `enforce` removes any."""

    mode: Literal["enforce", "warn", "off"] = "enforce"
    prune_after: Annotated[int, BeforeValidator(_age), Field(le=_CENTURY_MS)] = 14 * _DAY_MS
    max_entries: Annotated[int, BeforeValidator(_all_of_it), Field(ge=0, le=10**9)] = 400
    max_disk_bytes: Annotated[int, BeforeValidator(_byte_count), Field(ge=0, le=10**18)] = 500_000_000


class ResetConfig(_EitherSpelling):
    """When a shared session is over by itself: at a time of day, after a silence, or whichever comes first."""

    daily_at: Annotated[str, AfterValidator(_time_of_day)] | None = None
    idle_minutes: Annotated[int, BeforeValidator(_all_of_it), Field(ge=0, le=366 * 1440)] = 0


class SessionsConfig(_EitherSpelling):
    """Those of a kind that `reset_by_kind` names follow that table, and not `reset`."""

    maintenance: MaintenanceConfig = MaintenanceConfig()
    reset: ResetConfig = ResetConfig()
    reset_by_kind: dict[Literal["main", "named"], ResetConfig] = Field(
        default_factory=dict[Literal["main", "named"], ResetConfig]
    )


class ActiveHoursConfig(_EitherSpelling):
    """When heartbeats come by themselves. Where the end is before the start, the night between them belongs to it."""

    start: Annotated[str, AfterValidator(_time_of_day)]
    end: Annotated[str, AfterValidator(_end_of_day)]
    timezone: Annotated[str, AfterValidator(_iana_zone)] | None = None

    @model_validator(mode="after")
    def _have_a_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("begin when they end; name two times, or leave them out for all day")
        return self


class HeartbeatConfig(_EitherSpelling):
    """When the agent of the main session looks after things by itself, and where it tells of them."""

    every: Annotated[int, BeforeValidator(_every), Field(le=366 * _DAY_MS)] = 0
    target: Annotated[str, AfterValidator(_not_blank)] = "last"
    active_hours: ActiveHoursConfig | None = None
    prompt: Annotated[str, AfterValidator(_not_blank)] | None = None
    light_context: bool = False
    model: _Model | None = None

    @model_validator(mode="after")
    def _hours_hold_something_back(self) -> Self:
        if self.active_hours is not None and not self.every:
            raise ValueError('active_hours say nothing without every: set every, such as "30m"')
        return self


class DeliveriesConfig(_Section):
    """How long deliveries that belong to no run are kept once they are over; 0 and false mean for ever."""

    keep_days: Annotated[float, BeforeValidator(_all_of_it), Field(ge=0, le=36_500)] = 30


# TOML has no tuples.
_Models = Annotated[tuple[_Model, ...], Field(strict=False)]
_Allowed = Annotated[tuple[Annotated[_Model, AfterValidator(_models_meant)], ...], Field(strict=False)]


class AgentConfig(_Section):
    """One agent. Keys that are not listed here belong to its runner, which is `model` where a model is named."""

    model_config = ConfigDict(extra="allow")

    runner: str = "echo"
    model: _Model | None = None
    workspace: str | None = None
    max_concurrent_runs: Annotated[int, Field(ge=1, le=512)] | None = None
    # What stands in for the model, in this order, and what jobs may ask for: names, or all of a provider as `openai:*`.
    fallbacks: _Models = ()
    allowed_models: _Allowed = ()

    @model_validator(mode="before")
    @classmethod
    def _who_names_a_model_wants_it_asked(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        table = cast("Mapping[str, object]", raw)
        return {"runner": "model", **table} if table.get("model") else table

    @property
    def options(self) -> dict[str, object]:
        """The runner's own keys, not looked at yet: the runner's settings model accepts or refuses them."""
        return dict(self.model_extra or {})


def _default_agents() -> dict[str, AgentConfig]:
    return {DEFAULT_AGENT: AgentConfig()}


class ChannelConfig(_Section):
    """One channel. Accounts stay raw until the plugin's own model checks them."""

    default_to: str | None = None
    accounts: dict[Annotated[str, AfterValidator(_account_id)], dict[str, object]] = Field(
        default_factory=dict[str, dict[str, object]]
    )


class Config(_Section):
    """The whole of `stentor.toml`."""

    timezone: Annotated[str, AfterValidator(_iana_zone)] | None = None
    scheduler: SchedulerConfig = SchedulerConfig()
    cron: CronConfig = CronConfig()
    sessions: SessionsConfig = SessionsConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    deliveries: DeliveriesConfig = DeliveriesConfig()
    agents: dict[Annotated[str, AfterValidator(_agent_id)], AgentConfig] = Field(
        default_factory=_default_agents
    )
    providers: dict[Annotated[str, AfterValidator(_provider_name)], ProviderSettings] = Field(
        default_factory=dict[str, ProviderSettings]
    )
    channels: dict[str, ChannelConfig] = Field(default_factory=dict[str, ChannelConfig])

    @field_validator("agents")
    @classmethod
    def _with_default_agent(cls, agents: dict[str, AgentConfig]) -> dict[str, AgentConfig]:
        return _default_agents() | agents

    def zone(self) -> tuple[str, Literal["config", "host"]]:
        """The time zone for jobs that name none, and who says so."""
        if self.timezone is not None:
            return self.timezone, "config"
        return host_timezone() or "UTC", "host"
