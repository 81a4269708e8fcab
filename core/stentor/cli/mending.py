"""`stentor doctor --fix`: the mends that need nobody's decision. All else stays a finding, with its fix in words."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from stentor.adapters.sqlite.outbox_log import Asked
from stentor.adapters.sqlite.reader import Reader
from stentor.cli.daemon import job_path, operate
from stentor.cli.output import DaemonAnswer, existing
from stentor.domain.json_types import JsonObject
from stentor.domain.refusals import Refused
from stentor.domain.states import DeliveryState

_CODE = "target_moved"


def mended(home: Path, moved: Sequence[JsonObject]) -> list[JsonObject]:
    """Jobs get the new address of a chat that has moved; an old one that nobody uses any more is forgotten."""
    return [{"code": _CODE, "message": message} for target in moved for message in _followed(home, target)]


def _followed(home: Path, target: JsonObject) -> Iterator[str]:
    """What was done about one target. A job that cannot be changed keeps its address, and the finding stays."""
    old, new = str(target["target"]), str(target["movedTo"])
    kept = False
    for job in _jobs_at(home, target):
        to = list(dict.fromkeys(new if text == old else text for text in job["delivery"]["to"]))
        try:
            _readdress(home, str(job["id"]), to)
        except (Refused, DaemonAnswer):
            kept = True
        else:
            yield f"job {job['id']} goes to {new} instead of {old}"
    if not kept and not _waited_for(home, old):
        _forget(home, target)
        yield f"{old} on {target['accountId']} is forgotten"


def _jobs_at(home: Path, target: JsonObject) -> list[JsonObject]:
    with Reader.open(existing(home)) as reader:
        texts, _ = reader.jobs_json(agent=None, everything=True)
    jobs: list[JsonObject] = [json.loads(text) for text in texts]
    return [job for job in jobs if _goes_to(job["delivery"], target)]


def _goes_to(delivery: JsonObject, target: JsonObject) -> bool:
    return target["target"] in (delivery["to"] or ()) and delivery["accountId"] in (
        None,
        target["accountId"],
    )


def _waited_for(home: Path, target: str) -> bool:
    """What is still to be sent to the old address finds the new one by what is known of it."""
    with Reader.open(existing(home)) as reader:
        _, waiting = reader.delivery_page(
            Asked(target=target, state=DeliveryState.PENDING), limit=0, offset=0
        )
    return waiting > 0


def _readdress(home: Path, job: str, to: list[str]) -> None:
    patch: JsonObject = {"delivery": {"to": to}}
    operate(home, ("PATCH", job_path(job), patch), lambda operations: operations.edit_job(job, patch))


def _forget(home: Path, target: JsonObject) -> None:
    from stentor.app.outbox_operations import OutboxOperations

    body: JsonObject = {"target": target["target"], "account": target["accountId"]}
    request = ("POST", "targets/clear", body)
    operate(home, request, lambda operations: OutboxOperations.of(operations).clear_target(body))
