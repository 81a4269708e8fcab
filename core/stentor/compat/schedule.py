"""Schedules as older releases wrote them."""

import re

from stentor.compat.sections import Section, is_number, spellings
from stentor.domain.durations import parse_duration
from stentor.domain.instants import LAST_MS, iso

_KINDS = spellings(("at", "every", "cron"))
_KIND_OF_FIELD = {"at": "at", "everyMs": "every", "expr": "cron"}
_DIGITS = re.compile(r"[0-9]{1,17}")


def repair_schedule(job: Section) -> None:
    """Turn bare text, `cron`, `atMs`, `every` and `exact` into a schedule object of today."""
    bare = job.fields.get("schedule")
    if isinstance(bare, str) and bare.strip():
        job.fields["schedule"] = {"kind": "cron", "expr": bare.strip()}
        job.note("schedule text taken as a cron expression")
    schedule = job.child("schedule")
    if schedule is None:
        return
    schedule.read_word("kind", _KINDS)
    schedule.rename("cron", "expr")
    schedule.rename("atMs", "at")
    schedule.rename("every", "everyMs")
    _infer_kind(schedule)
    _repair_instant(schedule)
    _repair_period(schedule)
    _repair_exact(job, schedule)


def _infer_kind(schedule: Section) -> None:
    kinds = [kind for key, kind in _KIND_OF_FIELD.items() if schedule.fields.get(key) is not None]
    if schedule.fields.get("kind") is None and len(kinds) == 1:
        schedule.fields["kind"] = kinds[0]
        schedule.note(f"{schedule.where('kind')} {kinds[0]} follows from its fields")


def _repair_instant(schedule: Section) -> None:
    """Epoch milliseconds become ISO text; every other text is left to the strict model."""
    milliseconds = _whole_number(schedule.fields.get("at"))
    if milliseconds is not None and 0 <= milliseconds < LAST_MS:
        schedule.replace("at", iso(milliseconds))


def _repair_period(schedule: Section) -> None:
    value = schedule.fields.get("everyMs")
    milliseconds = _whole_number(value)
    if milliseconds is None and isinstance(value, str):
        milliseconds = _duration(value)
    if milliseconds is not None:
        schedule.replace("everyMs", milliseconds)


def _repair_exact(job: Section, schedule: Section) -> None:
    """`exact` was the word for a stagger of zero; it only ever concerned cron."""
    if schedule.fields.get("kind") != "cron":
        return
    for section in (schedule, job):
        section.read_flags("exact")
        exact = section.fields.get("exact")
        if not isinstance(exact, bool):
            continue
        del section.fields["exact"]
        if exact:
            schedule.fields["staggerMs"] = 0
            schedule.note(f"{section.where('exact')} turned into {schedule.where('staggerMs')} 0")
        else:
            schedule.note(f"{section.where('exact')} false dropped: it says nothing")


def _whole_number(value: object) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and is_number(value) else None


def _duration(text: str) -> int | None:
    try:
        return parse_duration(text)
    except ValueError:
        return None
