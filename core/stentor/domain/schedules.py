"""Schedules: when a job is to run, and the instants that follow from it."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from stentor.contract.settings import Strict
from stentor.domain.cron import check, next_fire
from stentor.domain.instants import LAST_MS, absolute, from_iso, iso
from stentor.domain.zones import zone

_SECOND_MS = 1_000
_DAY_MS = 86_400_000
_TEN_YEARS_MS = 3_653 * _DAY_MS


def _zone_name(name: str) -> str:
    return zone(name).key


def _interval(every_ms: int) -> int:
    if every_ms < _SECOND_MS:
        raise ValueError(f"must be at least {_SECOND_MS} milliseconds; {every_ms} are too few")
    if every_ms > _TEN_YEARS_MS:
        raise ValueError(
            f"must be at most {_TEN_YEARS_MS} milliseconds, which are ten years; {every_ms} are too many"
        )
    return every_ms


ZoneName = Annotated[str, AfterValidator(_zone_name)]


class _Schedule(Strict):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_alias=True, validate_by_name=True, serialize_by_alias=True
    )


class At(_Schedule):
    """Once. `at` is kept as UTC; text without an offset is read as wall time in `tz`."""

    kind: Literal["at"] = "at"
    tz: ZoneName | None = None
    at: str

    @field_validator("at")
    @classmethod
    def _as_utc(cls, value: str, info: ValidationInfo) -> str:
        # A zone that was refused is missing here; its own error is the one to report.
        return iso(absolute(value, cast("str | None", info.data.get("tz"))))


class Every(_Schedule):
    """At `anchor_ms` and every `every_ms` after it. Without an anchor the beat counts from 1970."""

    kind: Literal["every"] = "every"
    every_ms: Annotated[int, AfterValidator(_interval)]
    anchor_ms: Annotated[int, Field(ge=0, lt=LAST_MS)] | None = None


class Cron(_Schedule):
    """By the clock on the wall of `tz`. `stagger_ms` spreads jobs that share an expression, each by its own offset."""

    kind: Literal["cron"] = "cron"
    expr: Annotated[str, AfterValidator(check)]
    tz: ZoneName
    stagger_ms: Annotated[int, Field(ge=0, le=_DAY_MS)] = 0

    @model_validator(mode="before")
    @classmethod
    def _ask_for_a_zone(cls, value: object) -> object:
        if _lacks_zone(value):
            raise ValueError("a cron schedule needs tz: name an IANA zone such as Europe/Berlin or UTC")
        return value


def _lacks_zone(value: object) -> bool:
    return isinstance(value, Mapping) and cast("Mapping[str, object]", value).get("tz") is None


Schedule = Annotated[At | Every | Cron, Field(discriminator="kind")]


def next_after(schedule: Schedule, after_ms: int, *, job_id: str = "") -> int | None:
    """The first instant strictly after `after_ms`; None when there is none left."""
    if isinstance(schedule, At):
        at_ms = _at_ms(schedule.at)
        return at_ms if at_ms > after_ms else None
    if isinstance(schedule, Every):
        return _within_calendar(_next_beat(schedule, after_ms))
    shift = _stagger(schedule.stagger_ms, job_id)
    from_ms = max(after_ms - shift, -1)
    found = next_fire(schedule.expr, schedule.tz, from_ms) if from_ms < LAST_MS else None
    return None if found is None else _within_calendar(found + shift)


def instants(schedule: Schedule, after_ms: int, until_ms: int, *, job_id: str = "") -> Iterator[int]:
    """Every instant in (after, until], oldest first."""
    instant_ms = next_after(schedule, after_ms, job_id=job_id)
    while instant_ms is not None and instant_ms <= until_ms:
        yield instant_ms
        instant_ms = next_after(schedule, instant_ms, job_id=job_id)


def period_ms(schedule: Schedule, near_ms: int) -> int | None:
    """The time between the next two instants; None when there are not two."""
    first = next_after(schedule, near_ms)
    second = None if first is None else next_after(schedule, first)
    return None if first is None or second is None else second - first


@lru_cache(maxsize=16_384)
def _at_ms(at: str) -> int:
    return from_iso(at)


def _next_beat(schedule: Every, after_ms: int) -> int:
    anchor_ms = schedule.anchor_ms or 0
    if after_ms < anchor_ms:
        return anchor_ms
    return anchor_ms + ((after_ms - anchor_ms) // schedule.every_ms + 1) * schedule.every_ms


def _stagger(stagger_ms: int, job_id: str) -> int:
    """The job's own offset: the same after every restart and on every machine."""
    return int.from_bytes(sha256(job_id.encode()).digest()[:4], "big") % stagger_ms if stagger_ms else 0


def _within_calendar(instant_ms: int) -> int | None:
    return instant_ms if instant_ms < LAST_MS else None
