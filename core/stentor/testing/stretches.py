"""Which schedule a job had when: the history of its edits, read back as stretches of time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import apsw
from pydantic import TypeAdapter

from stentor.adapters.sqlite.rows import Row, fetch
from stentor.domain.instants import from_iso
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.patches import patched
from stentor.domain.schedules import At, Schedule

_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)
_HISTORY = """
SELECT job_id, at, kind, data FROM events WHERE kind IN ('job.added', 'job.changed', 'job.removed', 'job.retired')
ORDER BY job_id, id
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A job's schedule yielded, and every instant in (since, until] has its row."""

    job_id: str
    schedule: Schedule
    since_ms: int
    until_ms: int


def stretches(connection: apsw.Connection) -> Iterator[Stretch]:
    """Of every job whose history is known from its beginning, and that can be read."""
    standing: dict[str, int] = dict(
        fetch(connection, "SELECT id, accounted_at FROM jobs WHERE blocked IS NULL")
    )
    for job, rows in groupby(fetch(connection, _HISTORY), lambda row: str(row[0])):
        yield from _of_job(job, rows, standing.get(job))


def _of_job(job: str, history: Iterator[Row], accounted_ms: int | None) -> Iterator[Stretch]:
    document: JsonObject | None = None
    since = 0
    for _, at_ms, kind, text in history:
        data: JsonObject = json.loads(text)
        before, after = as_object(data.get("before")) or {}, as_object(data.get("after")) or {}
        if kind == "job.changed" and not after.keys() & {"schedule", "enabled"}:
            continue
        # A job that was off by the time of a change was switched off by itself, some time before.
        if document is not None and before.get("enabled") is not False:
            # What the product switches off by itself is accounted for as far as it had come.
            yield from _stretch(job, document, since, int(data.get("accountedMs") or at_ms))
        if kind == "job.added":
            document = after
        elif kind == "job.changed" and document is not None:
            document = patched(document, after)
        else:
            document = None
        since = at_ms
    if document is not None and accounted_ms is not None:
        yield from _stretch(job, document, since, accounted_ms)


def _stretch(job: str, document: JsonObject, since_ms: int, until_ms: int) -> Iterator[Stretch]:
    if not document.get("enabled") or "schedule" not in document:
        return
    schedule = _SCHEDULE.validate_python(document["schedule"])
    if isinstance(schedule, At):
        since_ms = min(since_ms, from_iso(schedule.at) - 1)  # one that is just due counts from before it
    yield Stretch(job, schedule, since_ms, until_ms)
