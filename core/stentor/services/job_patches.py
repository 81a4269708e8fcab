"""From a patch to the job it makes of a stored one: what else has to follow when one field is touched."""

from typing import cast

from stentor.domain.aims import address_of
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.patches import patched
from stentor.domain.refusals import Detail, Refused
from stentor.domain.routing import Directory
from stentor.services.job_edits import Edited, StoredJob, revised
from stentor.services.job_rules import JobRules, Origin, natural_grace
from stentor.services.outgoing import expiry_seconds
from stentor.services.threads import without_thread

# What the product says itself: a patch may repeat it, as whoever sends back a whole job does, but not change it.
_COMPUTED = ("id", "timezoneSource")
_OF_CRON_ONLY = frozenset({"tz", "staggerMs"})


def edited(
    rules: JobRules, stored: StoredJob, patch: JsonObject, *, by: str, origin: Origin | None = None
) -> Edited:
    """The stored job after a patch that is said in `origin`: absent keeps, null clears."""
    given = _without_computed(stored, patch)
    schedule, delivery = as_object(given.get("schedule")), as_object(given.get("delivery"))
    base = {key: value for key, value in stored.document.items() if key not in ("enabled", *_COMPUTED)}
    if schedule is not None:
        _check_kind(stored, schedule)
        if not stored.spells_its_schedule(patched(base, given)["schedule"]):
            base = without_default_numbers(rules, stored, base)
    merged = patched(base, given)
    if "enabled" in given and given["enabled"] is None:
        merged["enabled"] = True
    if schedule is not None:
        merged |= _zone_source(stored, schedule, merged["schedule"])
    if delivery is not None:
        merged["delivery"] = _followed(rules.directory, stored, delivery, merged["delivery"])
    return revised(rules, stored, merged, by=by, origin=origin)


def without_default_numbers(rules: JobRules, stored: StoredJob, document: JsonObject) -> JsonObject:
    """Numbers that followed from the old schedule follow from the new one; those somebody chose stay."""
    job = stored.job
    if job is None:
        return document
    cleared: JsonObject = {}
    if job.missed.grace_seconds in default_graces(rules, stored):
        cleared["missed"] = {"graceSeconds": None}
    if job.delivery.expires_after_seconds == expiry_seconds(job):
        cleared["delivery"] = {"expiresAfterSeconds": None}
    return patched(document, cleared)


def default_graces(rules: JobRules, stored: StoredJob) -> set[int]:
    """What the stored schedule gets when nobody says otherwise, as of the times it can have been worked out."""
    job, row = stored.job, stored.row
    if job is None:
        return set()
    looked_at = (row.created_ms, row.updated_ms)
    natural = {natural_grace(job.schedule, at) for at in looked_at}
    return natural | {rules.default_grace(job.schedule, at) for at in looked_at}


def _without_computed(stored: StoredJob, patch: JsonObject) -> JsonObject:
    for key in _COMPUTED:
        if key in patch and patch[key] != stored.document.get(key):
            raise Refused("bad_job", "the change is not valid", details=(Detail(key, "cannot be changed"),))
    return {key: value for key, value in patch.items() if key not in _COMPUTED}


def _check_kind(stored: StoredJob, schedule: JsonObject) -> None:
    kind = stored.job.schedule.kind if stored.job is not None else None
    if kind != "cron" and schedule and schedule.keys() <= _OF_CRON_ONLY:
        raise Refused(
            "bad_schedule",
            f"the job has no cron schedule, so {' and '.join(sorted(schedule))} would say nothing",
            hint="convert it first: --cron EXPR, or schedule.kind cron with an expr",
        )


def _zone_source(stored: StoredJob, given: JsonObject, schedule: JsonObject) -> JsonObject:
    """Who named the zone: a zone that stays as it was keeps its author."""
    if given.get("tz") is not None:
        return {"timezoneSource": "job"}
    kept = schedule.get("tz") is not None and "timezoneSource" in stored.document
    return {"timezoneSource": stored.document["timezoneSource"]} if kept else {}


def _followed(directory: Directory, stored: StoredJob, given: JsonObject, delivery: JsonObject) -> JsonObject:
    """Where a target and its thread or its channel are touched apart from each other, the other half follows."""
    if "threadId" in given and "to" not in given and stored.job is not None and stored.job.delivery.to:
        old = stored.job.delivery
        bare = [without_thread(address_of(old, text), directory) for text in old.to or ()]
        return {**delivery, "to": bare}
    if "channel" not in given and _names_its_channel(given.get("to"), directory):
        return {key: value for key, value in delivery.items() if key != "channel"}
    return delivery


def _names_its_channel(to: object, directory: Directory) -> bool:
    texts = cast("list[object]", to) if isinstance(to, list) else [to]
    return any(
        isinstance(text, str) and directory.channel_of_prefix(text.partition(":")[0].strip()) is not None
        for text in texts
    )
