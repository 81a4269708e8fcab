"""When schedules fire: the answers of `cron next`."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import click
from pydantic import TypeAdapter, ValidationError

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.tz_database import choose_tz_database
from stentor.cli.cron_reading import stored_job
from stentor.cli.output import existing, read_line
from stentor.config import load_config
from stentor.domain.durations import parse_duration
from stentor.domain.instants import absolute, iso, local, parse_at
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused, details_of
from stentor.domain.schedules import At, Cron, Every, Schedule, next_after
from stentor.domain.zones import zone

_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_SCHEDULES = ("expr", "cron", "every", "at", "id", "job")
_KEYS = {*_SCHEDULES, "tz", "after", "n", "count"}
_Model = TypeVar("_Model", Every, Cron)
_COUNT, _MOST = 5, 1000


def answer(home: Path, asked: JsonObject, *, now_ms: int) -> JsonObject:
    """The next `n` instants of a schedule, in UTC and in its own zone."""
    choose_tz_database()
    return _answer(home, asked, now_ms)


def batch(home: Path, lines: Iterable[str]) -> None:
    """One JSON answer per JSON line; a bad line is answered with its error and the rest goes on."""
    from stentor.app.failures import failure_of

    choose_tz_database()
    for line in lines:
        if not line.strip():
            continue
        try:
            asked = read_line(line)
            unknown = asked.keys() - _KEYS
            if unknown:
                raise Refused("bad_request", f"unknown key {min(unknown)!r}")
            document = _answer(home, asked, time.time_ns() // 1_000_000)
        except Exception as error:  # noqa: BLE001 - each line has its own answer
            document = failure_of(error).as_json()
        click.echo(json.dumps(document, ensure_ascii=False))


def _answer(home: Path, asked: JsonObject, now_ms: int) -> JsonObject:
    where, after, count = _frame(home, asked, now_ms)
    schedule, job_id = _schedule(home, asked, where, after)
    own = None if asked.get("tz") is not None else getattr(schedule, "tz", None)
    place = own or where
    found: list[int] = []
    at: int | None = after
    while at is not None and len(found) < count:
        at = next_after(schedule, at, job_id=job_id)
        if at is not None:
            found.append(at)
    if not found:
        raise Refused("never_fires", f"the schedule does not fire after {iso(after)}")
    return {"occurrences": [iso(at) for at in found], "local": [local(at, place) for at in found]}


def _frame(home: Path, asked: JsonObject, now_ms: int) -> tuple[str, int, int]:
    """In which zone, from when on and how many."""
    tz = asked.get("tz")
    count = asked.get("n", asked.get("count", _COUNT))
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST:
        raise Refused("bad_request", f"n must be a whole number from 1 to {_MOST}")
    default = load_config(home).zone()[0]
    try:
        where = default if tz is None else zone(str(tz)).key
        after = now_ms if asked.get("after") is None else absolute(str(asked["after"]), tz)
    except ValueError as error:
        raise Refused("bad_schedule", str(error)) from error
    return where, after, count


def _schedule(home: Path, asked: JsonObject, tz: str, after: int) -> tuple[Schedule, str]:
    given = {key: asked[key] for key in _SCHEDULES if asked.get(key) is not None}
    if len(given) != 1:
        raise Refused("bad_request", "choose exactly one of --cron, --every, --at and --id")
    key, value = given.popitem()
    if key in ("id", "job"):
        return _stored(home, str(value))
    try:
        if key == "at":
            return At(at=iso(parse_at(str(value), tz=asked.get("tz"), now_ms=after))), ""
        if key == "every":
            return _valid(Every, {"everyMs": parse_duration(str(value)), "anchorMs": after}), ""
    except ValueError as error:
        raise Refused("bad_schedule", str(error)) from error
    return _valid(Cron, {"expr": value, "tz": tz}), ""


def _valid(model: type[_Model], fields: JsonObject) -> _Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        details = details_of(error, model)
        raise Refused("bad_schedule", "the schedule is not valid", details=details) from error


def _stored(home: Path, name: str) -> tuple[Schedule, str]:
    with Reader.open(existing(home)) as reader:
        job = stored_job(reader, name)
    return _SCHEDULE.validate_python(job["schedule"]), str(job["id"])
