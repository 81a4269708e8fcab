"""The process is ended at every point while an event wakes the agent: people are told of the event, and once."""

from contextlib import suppress
from pathlib import Path

import pytest
from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.runners import TurnRequest
from stentor.contract.traits import Traits
from stentor.domain.faults import AlreadyExists
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story

TOML = '[agents.main]\nrunner = "echo"\n[heartbeat]\ntarget = "page:room1"\nevery = "30m"\n'
JOB = {
    "id": "tea",
    "name": "Tea",
    "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
    "payload": {"kind": "systemEvent", "text": "tea is ready"},
    "failureAlert": False,
}


async def by_a_job(operations: Operations) -> None:
    with suppress(AlreadyExists):
        await operations.add_job(JOB)


async def by_hand(operations: Operations) -> None:
    with Reader.open(operations.app.ground.home / "stentor.db") as reader:
        found = reader.session("agent:main:main")
    if found is None:
        await operations.wake({"text": "tea is ready"})


async def agent(request: TurnRequest) -> str:
    return request.question


def simulated(home: Path) -> tuple[Simulation, Provider]:
    home.mkdir(parents=True)
    (home / "stentor.toml").write_text(TOML)
    provider = Provider(deduplicates=True)
    channel = scripted_channel("page", provider, Traits(idempotency="key"))
    return Simulation(home, [channel], [TalkingRunner(agent)]), provider


@pytest.mark.parametrize("story", [by_a_job, by_hand], ids=["by a job", "by hand"])
def test_a_crash_at_any_point_leaves_one_answer(fast_home: Path, story: Story) -> None:
    calm, provider = simulated(fast_home / "calm")
    total = len(calm.live(story, seconds=8).trail.names)
    assert [part.text for part in provider.accepted] == ["[2026-07-01 07:00] tea is ready"]
    for point in range(1, total + 1):
        home = fast_home / str(point)
        simulation, provider = simulated(home)
        life = simulation.live(story, seconds=8, crash_at=point)
        assert life.crashed
        simulation.live(story, seconds=60)
        where = f"point {len(life.trail.names)}, {life.trail.names[-1]}"
        assert [part.text for part in provider.accepted] == ["[2026-07-01 07:00] tea is ready"], where
        with Reader.open(home / "stentor.db") as reader:
            assert reader.main_session()["unanswered"] == 0, where
        check(home, Witness({"page": provider}))
