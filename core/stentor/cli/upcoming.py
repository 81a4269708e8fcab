"""When schedules fire: the answers of `cron next`."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from stentor.adapters.sqlite.reader import Reader
from stentor.cli.output import existing
from stentor.config import load_config
from stentor.domain.durations import parse_duration
from stentor.domain.instants import absolute, iso, local, parse_at
from stentor.domain.refusals import Refused
from stentor.domain.schedules import Schedule, next_after

JsonObject = dict[str, Any]
_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_KEYS = {"expr", "cron", "every", "at", "id", "job", "tz", "after", "n", "count"}


def answer(home: Path, asked: JsonObject, *, now_ms: int) -> JsonObject:
    """The next `n` instants of a schedule, in UTC and in its own zone."""
    zone = asked.get("tz") or load_config(home).zone()[0]
    after = absolute(str(asked["after"]), asked.get("tz")) if asked.get("after") else now_ms
    schedule, job_id = _schedule(home, asked, zone, after)
    zone = getattr(schedule, "tz", None) or zone
    found: list[int] = []
    at: int | None = after
    while at is not None and len(found) < int(asked.get("n") or asked.get("count") or 5):
        at = next_after(schedule, at, job_id=job_id)
        if at is not None:
            found.append(at)
    if not found:
        raise Refused("never_fires", "the schedule does not fire after that time")
    return {"occurrences": [iso(at) for at in found], "local": [local(at, zone) for at in found]}


def batch(home: Path, lines: Iterable[str]) -> None:
    """One JSON answer per JSON line; a bad line is answered with its error and the rest goes on."""
    from stentor.app.failures import failure_of

    for line in lines:
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            unknown = set(asked) - _KEYS
            if unknown:
                raise Refused("bad_request", f"unknown key {min(unknown)!r}")
            document = answer(home, asked, now_ms=time.time_ns() // 1_000_000)
        except Exception as error:  # noqa: BLE001 - each line has its own answer
            document = failure_of(error).as_json()
        click.echo(json.dumps(document, ensure_ascii=False))


def _schedule(home: Path, asked: JsonObject, zone: str, after: int) -> tuple[Schedule, str]:
    job = asked.get("job") or asked.get("id")
    expr = asked.get("expr") or asked.get("cron")
    given = [value for value in (expr, asked.get("every"), asked.get("at"), job) if value]
    if len(given) != 1:
        raise Refused("bad_request", "choose exactly one of --cron, --every, --at and --id")
    if job:
        return _stored(home, str(job))
    try:
        if expr:
            raw: JsonObject = {"kind": "cron", "expr": expr, "tz": zone}
        elif asked.get("every"):
            raw = {"kind": "every", "everyMs": parse_duration(str(asked["every"])), "anchorMs": after}
        else:
            raw = {"kind": "at", "at": iso(parse_at(str(asked["at"]), tz=asked.get("tz"), now_ms=after))}
        return _SCHEDULE.validate_python(raw), ""
    except ValidationError as error:
        text = "; ".join(
            item["msg"].removeprefix("Value error, ") for item in error.errors(include_url=False)
        )
        raise Refused("bad_schedule", text) from error
    except ValueError as error:
        raise Refused("bad_schedule", str(error)) from error


def _stored(home: Path, name: str) -> tuple[Schedule, str]:
    from stentor.app.operations import NotFound

    with Reader.open(existing(home)) as reader:
        job = reader.job(name)
    if job is None:
        raise NotFound(f"there is no job {name!r}")
    return _SCHEDULE.validate_python(job["schedule"]), str(job["id"])
