"""Changes to a job: what is absent stays, null goes back to the default, and what came of it."""

from stentor.domain.idle_options import idle_with
from stentor.domain.json_types import JsonObject, as_object

_ADDRESS = ("to", "channel", "accountId", "threadId")
_DEFAULT_MODE = "announce"


def patched(job: JsonObject, patch: JsonObject) -> JsonObject:
    """The job as it reads after a change. Objects are changed field by field, lists as a whole."""
    changed = _merged(job, patch)
    for key, adjust in (("schedule", _with_its_zone), ("delivery", _with_its_address)):
        before, given = as_object(job.get(key)), as_object(patch.get(key))
        if before is not None and given is not None:
            changed[key] = _merged(adjust(before, given), given)
    return changed


def differences(before: JsonObject, after: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Only what differs, as it was and as it is. What is absent counts as null."""
    was: JsonObject = {}
    now: JsonObject = {}
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        inner = as_object(old), as_object(new)
        if inner[0] is not None and inner[1] is not None:
            old, new = differences(inner[0], inner[1])
        if old != new:
            was[key], now[key] = old, new
    return was, now


def _merged(before: JsonObject, given: JsonObject) -> JsonObject:
    """Another kind is another thing: nothing of the old one is left then."""
    another = given.get("kind") is not None and given["kind"] != before.get("kind")
    merged = {} if another else dict(before)
    for key, value in given.items():
        inner = as_object(value)
        if value is None:
            merged.pop(key, None)
        elif inner is not None:
            merged[key] = _merged(as_object(merged.get(key)) or {}, inner)
        else:
            merged[key] = value
    return merged


def _with_its_zone(schedule: JsonObject, given: JsonObject) -> JsonObject:
    """A time and the zone it is read in are one statement."""
    return _without(schedule, "tz") if given.get("at") is not None else schedule


def _with_its_address(delivery: JsonObject, given: JsonObject) -> JsonObject:
    """An address belongs to its mode, and a thread to its target: neither is carried over to another.

    Nor are options that would say nothing there.
    """
    mode = given.get("mode") or _DEFAULT_MODE
    if "mode" in given and mode != delivery.get("mode"):
        may_send = given.get("agentMaySend", delivery.get("agentMaySend")) is True
        return _without(delivery, *_ADDRESS, *idle_with(str(mode), agent_may_send=may_send))
    return _without(delivery, "threadId") if "to" in given else delivery


def _without(section: JsonObject, *keys: str) -> JsonObject:
    return {key: value for key, value in section.items() if key not in keys}
