"""Targets of one job that turn out to be one place, and places that are of no use under any of their names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.contract.errors import Moved, Rejected
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.targets import Target
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import adding, alerts, deliveries, job, runs

NEW_ROOM = Target("page", "room", "room9", "room9")


class Town:
    """A provider that knows which rooms moved, which threads are gone and who is blocked."""

    def __init__(self, home: Path) -> None:
        self.provider = Provider()
        self.provider.script.extend([self._answer] * 100)
        self.world = Simulation(home, [scripted_channel("page", self.provider)])
        self.moved: dict[str, Target] = {}
        self.blocked: set[str] = set()

    def _answer(self, part: Part) -> Receipt:
        if part.target.thread:
            raise Rejected("thread_gone")
        if part.target.id in self.moved:
            raise Moved(self.moved[part.target.id])
        if part.target.id in self.blocked:
            raise Rejected("blocked")
        return self.provider.accept(part)

    @property
    def requests(self) -> list[str]:
        return [part.target.canonical for part in self.provider.requests]


@pytest.fixture
def town(fast_home: Path) -> Iterator[Town]:
    town = Town(fast_home)
    yield town
    check(fast_home, Witness({"page": town.provider}))


def each_minute(**delivery: Any) -> dict[str, Any]:
    schedule = {"kind": "every", "everyMs": 60_000, "anchorMs": START_MS}
    return job(schedule=schedule, delivery=delivery)


@pytest.mark.parametrize(
    "targets",
    [
        ["page:room1", "page:room9"],
        ["page:room9", "page:room1"],
        ["page:room9:t1", "page:room9"],
        ["page:room9:t1", "page:room9:t2"],
    ],
    ids=["moved onto the other", "moved onto the first", "thread and parent", "two threads"],
)
def test_targets_that_turn_out_to_be_one_place_get_one_message(
    town: Town, fast_home: Path, targets: list[str]
) -> None:
    town.moved["room1"] = NEW_ROOM
    option = {"onThreadGone": "parent"} if "page:room9:t1" in targets else {}
    town.world.live(adding(job(delivery={"to": targets, **option})), seconds=60)
    town.world.live(nothing, seconds=60)
    found = {delivery["state"]: delivery for delivery in deliveries(fast_home)}
    left_out = found["suppressed"]
    assert (left_out["reason"], left_out["linkedTo"]) == ("duplicate", found["accepted"]["id"])
    assert found["accepted"]["target"] == "page:room9"
    assert len(town.provider.accepted) == 1
    (run,) = runs(fast_home)
    assert (run["deliveryStatus"], run["completionStatus"]) == ("delivered", "succeeded")
    assert alerts(fast_home) == []


def test_a_job_that_names_a_place_twice_sends_there_once_each_time(town: Town, fast_home: Path) -> None:
    town.moved["room1"] = NEW_ROOM
    town.world.live(adding(each_minute(to=["page:room1", "page:room9"])), seconds=190)
    assert town.requests.count("page:room1") == 1
    assert len(town.provider.accepted) == len(runs(fast_home))
    for run in runs(fast_home):
        assert sorted(entry["state"] for entry in run["deliveries"]) == ["accepted", "suppressed"]
        assert run["deliveryStatus"] == "delivered"


def test_a_place_that_is_of_no_use_is_not_tried_under_its_old_address(town: Town, fast_home: Path) -> None:
    town.moved["room1"] = NEW_ROOM
    town.blocked.add("room9")
    town.world.live(adding(each_minute(to="page:room1")), seconds=250)
    assert town.requests == ["page:room1", "page:room9"]
    assert deliveries(fast_home)[-1]["reason"] == "target_suspended: blocked"


def test_a_parent_that_is_of_no_use_is_not_tried_for_its_threads(town: Town, fast_home: Path) -> None:
    town.blocked.add("room9")
    town.world.live(adding(each_minute(to="page:room9:t1", onThreadGone="parent")), seconds=250)
    assert town.requests.count("page:room9") == 1
    assert {delivery["state"] for delivery in deliveries(fast_home)} == {"failed"}
