"""Destinations of alerts are checked and stored when a job is added or changed, like all its targets."""

from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from tests.services.stories import JsonObject, adding, job, stored_job

GLOBALLY = '[cron]\nfailure_destination = { to = "ops:all" }\n'


def world(home: Path, config: str = "") -> Simulation:
    if config:
        (home / "stentor.toml").write_text(config)
    return Simulation(home, [scripted_channel(name, Provider()) for name in ("page", "ops")])


def editing(**patch: Any) -> Story:
    async def story(operations: Operations) -> None:
        await operations.edit_job("brief", patch)

    return story


def to(place: JsonObject) -> JsonObject:
    return {"to": "page:room1", "failureDestination": place}


def test_a_destination_is_stored_in_its_canonical_spelling(fast_home: Path) -> None:
    raw = job(delivery=to({"to": "OPS: own"}), failureAlert={"to": "alert", "channel": "ops"})
    world(fast_home).live(adding(raw), seconds=1)
    stored = stored_job(fast_home)
    assert stored["delivery"]["failureDestination"]["to"] == "ops:own"
    assert stored["failureAlert"]["to"] == "ops:alert"


@pytest.mark.parametrize(
    ("config", "place"),
    [
        pytest.param(GLOBALLY, {"accountId": "default"}, id="another account of everybody's"),
        pytest.param("", {"mode": "announce"}, id="where it announces"),
    ],
)
def test_what_a_job_leaves_out_is_taken_over(fast_home: Path, config: str, place: JsonObject) -> None:
    world(fast_home, config).live(adding(job(delivery=to(place))), seconds=1)
    found = stored_job(fast_home)["delivery"]["failureDestination"]
    assert {key: value for key, value in found.items() if value is not None} == place


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        pytest.param(
            {"delivery": {"failureDestination": {"to": "pager:x"}}}, "no loaded plugin", id="the destination"
        ),
        pytest.param({"failureAlert": {"to": "pager:x"}}, "no loaded plugin", id="the alert"),
        pytest.param({"failureAlert": {"threadId": "7"}}, "names no target", id="a thread of nothing"),
        pytest.param({"failureAlert": {"after": 0}}, "failureAlert.after", id="from no error on"),
    ],
)
def test_an_edit_is_checked_like_a_new_job(fast_home: Path, patch: JsonObject, said: str) -> None:
    simulation = world(fast_home)
    quiet = job(delivery={"mode": "none"})
    simulation.live(adding(quiet), seconds=0.5)
    refusals: list[str] = []

    async def story(operations: Operations) -> None:
        with pytest.raises(Refused) as refusal:
            await operations.edit_job("brief", patch)
        refusals.append(refusal.value.message)

    simulation.live(story, seconds=0.5)
    assert said in refusals[0]


def test_alerts_are_switched_off_described_and_left_to_the_configuration(fast_home: Path) -> None:
    simulation = world(fast_home)
    simulation.live(adding(job(failureAlert=False)), seconds=0.5)
    assert stored_job(fast_home)["failureAlert"] is False
    simulation.live(editing(failureAlert={"cooldown": "2h"}), seconds=0.2)
    assert stored_job(fast_home)["failureAlert"]["cooldownMs"] == 7_200_000
    simulation.live(editing(failureAlert=None), seconds=0.2)
    assert stored_job(fast_home)["failureAlert"] is None
