"""Servers nearby are asked before a turn is spent on them: once for all, and the next model is tried where one is down."""

import asyncio
from pathlib import Path

import pytest

from stentor.contract.runners import TurnRequest
from stentor.services.preflight import Preflight
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import VirtualClock, VirtualLoop, pass_time
from tests.services.scenes import Scene, acted
from tests.services.servers import Servers
from tests.services.stories import adding, job, runs

LOCAL = {"model": "local:llama", "fallbacks": ("other:qwen",)}


def test_a_server_that_is_down_is_not_asked_and_the_next_model_is(fast_home: Path) -> None:
    runner = Servers({"local": "connection refused"})

    async def play(scene: Scene) -> None:
        outcome = await scene.take()
        assert (outcome.text, outcome.other_model) == ("other:qwen says so", True)
        assert outcome.warnings == ("local:llama did not answer: connection refused",)

    acted(fast_home, runner, play, agent=LOCAL)
    assert runner.asked == ["other:qwen"]


@pytest.mark.parametrize(
    ("why", "said"), [("connection refused",) * 2, ("broken", "ValueError: no such option")]
)
def test_a_run_whose_servers_are_all_down_is_skipped_and_says_why(
    fast_home: Path, why: str, said: str
) -> None:
    runner = Servers({"local": why, "other": "no answer within 2.5 s"})

    async def play(scene: Scene) -> None:
        failure = await scene.failure()
        assert (failure.status, failure.kind, failure.phase) == ("skipped", "preflight", "setup")
        assert str(failure) == (
            f"local:llama did not answer: {said}; other:qwen did not answer: no answer within 2.5 s"
        )

    acted(fast_home, runner, play, agent=LOCAL)
    assert runner.asked == []


def test_a_server_that_is_down_is_asked_again_after_five_minutes(fast_home: Path) -> None:
    runner = Servers({"local": "connection refused"})

    async def play(scene: Scene) -> None:
        await scene.failure(fallbacks=[])
        await pass_time(290)
        await scene.failure(fallbacks=[])
        assert runner.probes.total() == 1
        await pass_time(20)
        runner.down.clear()
        assert (await scene.take(fallbacks=[])).text == "local:llama says so"

    acted(fast_home, runner, play, agent=LOCAL)


@pytest.mark.parametrize("down", [{}, {"local": "connection refused"}], ids=["up", "down"])
def test_twenty_who_ask_at_once_are_one_probe(down: dict[str, str]) -> None:
    runner = Servers(down)
    loop = VirtualLoop()

    async def crowd() -> list[str]:
        preflight = Preflight(VirtualClock())
        request = TurnRequest(
            *("r-1", None, "main", "key", "s-1", "hello"),
            settings=Servers.settings(),
            call_tool=_no_tools,
            model="local:llama",
        )
        return await asyncio.gather(*(preflight.obstacle(runner, request) for _ in range(20)))

    try:
        answers = loop.run_until_complete(crowd())
    finally:
        loop.close()
    assert answers == [down.get("local", "")] * 20
    assert runner.probes.total() == 1


async def _no_tools(*_: object) -> object:
    raise AssertionError("nobody calls tools here")


def test_a_server_that_says_nothing_takes_no_more_than_half_of_the_time(fast_home: Path) -> None:
    class Hole(Servers):
        async def probe(self, request: TurnRequest) -> str:
            if request.model == "local:llama":
                await pass_time(60)
            return await super().probe(request)

    runner = Hole({})

    async def play(scene: Scene) -> None:
        outcome = await scene.take(timeoutSeconds=8)
        assert (outcome.text, scene.seconds) == ("other:qwen says so", 4 + 2)

    acted(fast_home, runner, play, agent=LOCAL)
    assert runner.asked == ["other:qwen"]


@pytest.mark.parametrize("kind", ["at", "every"])
def test_what_was_skipped_comes_round_again(fast_home: Path, kind: str) -> None:
    """By its schedule, or, where it has but one time, once more a little later."""
    runner = Servers({"local": "connection refused"})
    schedule = job()["schedule"] if kind == "at" else {"kind": "every", "everyMs": 600_000}
    asked = job(schedule=schedule, payload={"kind": "agentTurn", "message": "brief", "model": "local:llama"})
    simulation = Simulation(fast_home, [scripted_channel("page", Provider())], [runner])
    simulation.live(adding(asked), seconds=400 if kind == "at" else 1300)
    log = runs(fast_home)
    assert {(run["status"], run["errorKind"]) for run in log} == {("skipped", "preflight")}
    assert [run["trigger"] for run in log] == (
        ["schedule", "retry", "retry", "retry"] if kind == "at" else ["schedule", "schedule"]
    )
    assert log[0]["error"] == "local:llama did not answer: connection refused"
