"""Targets as JSON, whole, so that another process can go on with them."""

from stentor.contract.targets import Target
from stentor.domain.json_types import JsonObject


def spelt(target: Target) -> JsonObject:
    """A target as another process can read it."""
    return {
        "channel": target.channel,
        "kind": target.kind,
        "id": target.id,
        "address": target.address,
        "thread": target.thread,
        "account": target.account,
        "display": target.display,
        "warnings": list(target.warnings),
    }


def as_spelt(found: JsonObject) -> Target:
    """The target that another process has spelt."""
    return Target(
        found["channel"],
        found["kind"],
        found["id"],
        found["address"],
        found["thread"],
        found["account"],
        found["display"],
        tuple(found["warnings"]),
    )
