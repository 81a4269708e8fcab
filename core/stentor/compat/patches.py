"""Changes to a stored job as older releases and other tools write them.

A patch says only what changes, so its kinds follow from the job it is for, and no part of it may stand for more than
it says.
"""

from collections.abc import Mapping

from stentor.compat.openclaw import Repaired, repair_job
from stentor.compat.sections import as_mapping

_BEST_EFFORT = ("bestEffort", "bestEffortDeliver")


def repair_patch(raw: Mapping[str, object], current: Mapping[str, object]) -> Repaired:
    """Repair one patch to `current`, which is a job in the canonical format."""
    patch, hints = _apart(raw)
    payload = as_mapping(patch.get("payload"))
    if payload is not None:
        patch["payload"], of_payload = _apart(payload)
        hints = {**of_payload, **hints}
    if hints:
        # Whether a delivery must arrive does not say that there is to be one.
        patch["delivery"] = {**hints, **(as_mapping(patch.get("delivery")) or {})}
    return repair_job(_with_kinds(patch, current))


def _with_kinds(patch: dict[str, object], current: Mapping[str, object]) -> dict[str, object]:
    """What fits the kind that is stored means that kind: a text in a patch is the kind of text the job has."""
    stored = as_mapping(current.get("payload")) or {}
    at_the_top = [key for key in patch if key in stored and key not in current]
    if at_the_top and patch.get("payload") is None:
        patch["payload"] = {"kind": stored["kind"]}
    for key in ("schedule", "payload"):
        given, stored = as_mapping(patch.get(key)), as_mapping(current.get(key)) or {}
        if given and given.get("kind") is None and given.keys() <= stored.keys():
            patch[key] = {**given, "kind": stored["kind"]}
    return patch


def _apart(section: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """A section without its hints at best effort, and those."""
    hints = {key: section[key] for key in _BEST_EFFORT if key in section}
    return {key: value for key, value in section.items() if key not in hints}, hints
