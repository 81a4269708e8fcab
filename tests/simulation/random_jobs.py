"""Jobs drawn by lot, each with what the calendar says about its instants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation import calendar_oracle as calendar

JsonObject = dict[str, Any]
# From the calendar: the instants in (after, until] of a job that was created at `after`.
Fires = Callable[[int, int], list[int]]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Places whose clocks change by an hour, by half of one and by two, before midnight, at midnight and never.
ZONES = (
    "UTC",
    "Africa/Cairo",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Auckland",
    "Pacific/Chatham",
)


@dataclass(frozen=True)
class PlannedJob:
    """What is handed to the product, and when that is to fire: told apart by nobody but the calendar."""

    document: JsonObject
    fires: Fires = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def missed(self) -> JsonObject:
        missed: JsonObject = self.document["missed"]
        return missed


def any_job(random: Random, name: str, now_ms: int, *, reach_ms: int) -> PlannedJob:
    """A job added at `now_ms` to a history that goes on for `reach_ms` more."""
    kind = random.choice((_any_cron, _any_cron, _any_cron, _any_beat, _any_once))
    schedule, fires = kind(random, now_ms, reach_ms)
    document: JsonObject = {
        "id": name,
        "schedule": schedule,
        "payload": random.choice(
            (
                {"kind": "text", "text": "{{jobName}}"},
                {"kind": "text", "text": "tea"},
                {"kind": "agentTurn", "message": name},
            )
        ),
        "delivery": random.choice(({"mode": "none"}, {"mode": "none"}, {"to": f"page:room{name}"})),
        "overlap": random.choice(("skip", "queue")),
        "missed": {
            "policy": random.choice(("latest", "latest", "all", "skip")),
            "graceSeconds": random.choice((0, 60, 3_600, 7_200, 2 * 86_400, 30 * 86_400)),
        },
    }
    return PlannedJob(document, fires)


def _any_cron(random: Random, now_ms: int, reach_ms: int) -> tuple[JsonObject, Fires]:
    expr, tz = _any_expression(random), random.choice(ZONES)
    # Less than a quarter of an hour, which is less than lies between any two of its times.
    stagger_ms = random.choice((0, 0, 0, 90_000, 840_000)) if "/" not in expr else 0

    def fires(after_ms: int, until_ms: int) -> list[int]:
        return calendar.cron(expr, tz, after_ms, until_ms)

    return {"kind": "cron", "expr": expr, "tz": tz, "staggerMs": stagger_ms}, fires


def _any_expression(random: Random) -> str:
    """Mostly times at which clocks change somewhere."""
    minute = random.choice((0, 15, 30, 45, random.randrange(60)))
    hour = random.choice((0, 1, 2, 3, 23, random.randrange(24)))
    weekday, day = random.randrange(7), random.randint(1, 28)
    return random.choice(
        (
            f"{minute} {hour} * * *",
            f"{minute} {hour} * * *",
            f"{minute} {hour} * * *",
            f"{minute} {hour} * * MON-FRI",
            f"{minute} {hour} * * {weekday},{(weekday + 3) % 7}",
            f"{minute} {hour} {day} * {weekday}",
            f"{minute} {hour} L * *",
            f"{minute} {hour} {day}W * *",
            f"{minute} {hour} * * {weekday}#{random.randint(1, 4)}",
            f"{minute} {hour} * * L{weekday}",
            f"0,30 {hour},12 * JAN,MAR,OCT,NOV *",
            f"{minute} 1-3 * * *",
            f"*/20 {hour} * * {weekday}",
            f"{minute} */6 * * *",
            f"{minute} 0-23/8 * * *",
            f"10-50/20 0-4 {day} * *",
            f"{random.randrange(60)} {minute} {hour} * * *",
            f"*/20 {minute} {hour} * * {weekday}",
        )
    )


def _any_beat(random: Random, now_ms: int, reach_ms: int) -> tuple[JsonObject, Fires]:
    # As many short periods as long ones.
    every_ms = round(2.5 * HOUR_MS * 80 ** random.random()) + random.choice((0, 0, 7))
    anchor_ms = random.choice(
        (None, now_ms - random.randrange(DAY_MS), now_ms + random.randrange(7 * DAY_MS))
    )

    def fires(after_ms: int, until_ms: int) -> list[int]:
        start_ms = after_ms if anchor_ms is None else anchor_ms
        return calendar.beats(start_ms, every_ms, after_ms, until_ms)

    anchor = {} if anchor_ms is None else {"anchorMs": anchor_ms}
    return {"kind": "every", "everyMs": every_ms} | anchor, fires


def _any_once(random: Random, now_ms: int, reach_ms: int) -> tuple[JsonObject, Fires]:
    tz = random.choice(ZONES)
    # Rounded, so that some share their instant; never so near that it could be over before it is added.
    at_ms = (now_ms + 2 * HOUR_MS + random.randrange(reach_ms)) // 600_000 * 600_000
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    wall = moment.astimezone(ZoneInfo(tz)).strftime("%Y-%m-%dT%H:%M:%S")
    instant_ms = calendar.once(tz, wall)
    assert instant_ms is not None

    def fires(after_ms: int, until_ms: int) -> list[int]:
        del after_ms
        return [instant_ms] if instant_ms <= until_ms else []

    return {"kind": "at", "at": wall, "tz": tz}, fires
