"""The door for what comes from outside: too much and half characters are refused, older shapes repaired."""

import json
from collections.abc import Mapping
from typing import Any, cast

from stentor.compat.openclaw import Repaired, repair_job
from stentor.compat.patches import repair_patch
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused

# As JSON in UTF-8, however the characters are written outside.
LARGEST_REQUEST = 256 * 1024
# Many jobs at once; each of them is held to the limit of one.
LARGEST_APPLICATION = 64 * 1024 * 1024


def job_from_outside(raw: Mapping[str, Any]) -> Repaired:
    check_size(raw)
    return repair_job(raw)


def patch_from_outside(raw: Mapping[str, Any], current: JsonObject) -> Repaired:
    check_size(raw)
    return repair_patch(raw, current)


def jobs_from_outside(raw: object) -> tuple[list[JsonObject], dict[str, list[str]]]:
    """A list of jobs as today's format has them, and what was repaired of each."""
    if not isinstance(raw, list):
        raise Refused("bad_request", "jobs must be a list of jobs", hint='{"jobs": [{"id": …, …}]}')
    jobs: list[JsonObject] = []
    repairs: dict[str, list[str]] = {}
    for number, item in enumerate(cast("list[object]", raw), start=1):
        job = as_object(item)
        if job is None:
            raise Refused("bad_jobs", f"job {number} is no object")
        repaired = job_from_outside(job)
        jobs.append(repaired.job)
        if repaired.repairs:
            repairs[str(repaired.job.get("id"))] = list(repaired.repairs)
    return jobs, repairs


def check_size(raw: Mapping[str, Any], largest: int = LARGEST_REQUEST) -> None:
    """The same limit for whoever asks a daemon and for whoever does without one."""
    if refuse_half_characters(raw) > largest:
        raise too_large(largest)


def too_large(largest: int) -> Refused:
    return Refused(
        "too_large", f"what is asked at once is at most {largest} bytes of JSON", hint="shorten it"
    )


def refuse_half_characters(raw: Mapping[str, Any]) -> int:
    """JSON can spell half of a surrogate pair; nothing that writes or sends text can. Returns the size in bytes."""
    try:
        return len(json.dumps(raw, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise Refused(
            "bad_text",
            "the text holds half a character (a lone surrogate)",
            hint="write the character itself",
        ) from None
