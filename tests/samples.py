"""A job that is fine as it stands, and others that differ from it in one thing."""

from copy import deepcopy
from typing import Any

JsonObject = dict[str, Any]

JOB: JsonObject = {
    "name": "Brief",
    "schedule": {"kind": "every", "everyMs": 3_600_000},
    "payload": {"kind": "agentTurn", "message": "Anything new?"},
    "delivery": {"to": "local:inbox"},
}


def changed(**fields: object) -> JsonObject:
    """The sample job with other fields; `delivery__to` reaches into an object."""
    job = deepcopy(JOB)
    for path, value in fields.items():
        *objects, key = path.split("__")
        inner = job
        for name in objects:
            inner = inner.setdefault(name, {})
        inner[key] = value
    return job
