"""The sections of `stentor.toml`, with their defaults."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from stentor.config.zones import host_timezone, is_zone
from stentor.contract.settings import Strict

DEFAULT_AGENT = "main"

_AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MEASURE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) *([a-z]*)")
_SIZES = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_SPANS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_OTHER_WORDS = {"keepLines": "keep_runs", "cooldownMs": "cooldown"}


def _agent_id(text: str) -> str:
    if not _AGENT_ID.fullmatch(text):
        raise ValueError("an agent's id has up to 64 of a-z 0-9 _ -, a letter or digit first")
    return text


def _account_id(text: str) -> str:
    if not _ACCOUNT_ID.fullmatch(text):
        raise ValueError("an account's id has up to 64 letters, digits and . _ -, a letter or digit first")
    return text


def _iana_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("is not an IANA time zone; write one such as Europe/Berlin or UTC")
    return name


def _none_yet(value: object) -> object:
    if value:
        raise ValueError("fallback models are not available in this release; leave it out")
    return ()


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
    run_log: RunLogConfig = RunLogConfig()
    failure_destination: FailureDestinationConfig | None = None
    failure_alert: Annotated[FailureAlertConfig, BeforeValidator(_on_or_off)] = FailureAlertConfig()


class DeliveriesConfig(_Section):
    """How long deliveries that belong to no run are kept once they are over; 0 and false mean for ever."""

    keep_days: Annotated[float, BeforeValidator(_all_of_it), Field(ge=0, le=36_500)] = 30


class AgentConfig(_Section):
    """One agent. Keys that are not listed here belong to its runner."""

    model_config = ConfigDict(extra="allow")

    runner: str = "echo"
    model: str | None = None
    workspace: str | None = None
    max_concurrent_runs: Annotated[int, Field(ge=1, le=512)] | None = None
    fallbacks: Annotated[tuple[()], BeforeValidator(_none_yet)] = ()

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
    deliveries: DeliveriesConfig = DeliveriesConfig()
    agents: dict[Annotated[str, AfterValidator(_agent_id)], AgentConfig] = Field(
        default_factory=_default_agents
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
