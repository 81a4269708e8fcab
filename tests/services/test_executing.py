"""Runs in the hands of the executor: room, order, cancelling, changes on the way, and leases that ran out."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.contract.runners import AgentRunner, Final, Phase, RunnerEvent, TurnRequest
from stentor.domain.instants import from_iso
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import START_MS, pass_time
from tests.services.stories import TalkingRunner, adding, job, runs, stored_job

TURN = {"kind": "agentTurn", "message": "work"}
SOON = {"kind": "at", "at": "2026-07-01T07:00:02Z"}
EVERY_MINUTE = {"kind": "cron", "expr": "* * * * *", "tz": "UTC"}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def home(fast_home: Path, provider: Provider) -> Iterator[Path]:
    yield fast_home
    check(fast_home, Witness({"page": provider}))


def taking(seconds: float) -> TalkingRunner:
    async def turn(request: TurnRequest) -> str:
        await pass_time(seconds)
        return "done"

    return TalkingRunner(turn)


def world(home: Path, provider: Provider, runner: TalkingRunner) -> Simulation:
    return Simulation(home, [scripted_channel("page", provider)], [runner])


def spans(home: Path) -> dict[str, tuple[float, float]]:
    """When each job's run began and ended, in seconds after the beginning."""
    found = {run["jobId"]: (run["startedAt"], run["endedAt"]) for run in runs(home) if run["endedAt"]}
    return {
        name: ((from_iso(start) - START_MS) / 1000, (from_iso(end) - START_MS) / 1000)
        for name, (start, end) in found.items()
        if start
    }


def settings(home: Path, text: str) -> None:
    (home / "stentor.toml").write_text(text)


def test_only_so_many_agents_work_at_once_and_the_others_wait_their_turn(home, provider) -> None:
    settings(home, "[scheduler]\nmax_concurrent_runs = 2\n")
    jobs = [job(id=f"j{n}", payload=TURN, schedule=SOON) for n in range(5)]
    world(home, provider, taking(10)).live(adding(*jobs), seconds=60)
    assert sorted(start for start, _ in spans(home).values()) == [2, 2, 12, 12, 22]


def test_an_agent_may_be_given_less_room_than_all_together(home, provider) -> None:
    settings(home, "[agents.ops]\nmax_concurrent_runs = 1\n")
    slow = [job(id=f"o{n}", payload=TURN, schedule=SOON, agentId="ops") for n in range(3)]
    other = job(id="other", payload=TURN, schedule=SOON)
    world(home, provider, taking(10)).live(adding(*slow, other), seconds=60)
    found = spans(home)
    assert [found[f"o{n}"][0] for n in range(3)] == [2, 12, 22]
    assert found["other"][0] == 2


def test_one_long_run_does_not_hold_up_the_others(home, provider) -> None:
    async def turn(request: TurnRequest) -> str:
        await pass_time(9 * 3600 if request.job_id == "long" else 1)
        return "done"

    late = {"kind": "at", "at": "2026-07-01T14:48:00Z"}
    long = job(id="long", payload={**TURN, "timeoutSeconds": 0}, schedule=SOON)
    world(home, provider, TalkingRunner(turn)).live(
        adding(long, job(id="other", payload=TURN, schedule=late)), seconds=10 * 3600
    )
    assert spans(home)["other"][0] == (7 * 60 + 48) * 60


def test_urgent_work_overtakes_what_waits(home, provider) -> None:
    settings(home, "[scheduler]\nmax_concurrent_runs = 1\n")

    async def story(operations: Operations) -> None:
        for n, priority in enumerate(("announce", "digest", "announce", "alert")):
            delivery = {"to": "page:room1", "priority": priority}
            await operations.add_job(job(id=f"j{n}", payload=TURN, schedule=SOON, delivery=delivery))
        await operations.app.ground.seams.clock.sleep(5)
        await operations.run_job("j1", due=False)

    world(home, provider, taking(10)).live(story, seconds=100)
    order = sorted(runs(home), key=lambda run: str(run["startedAt"]))
    assert [(run["jobId"], run["trigger"]) for run in order] == [
        ("j3", "schedule"),
        ("j1", "manual"),
        ("j0", "schedule"),
        ("j2", "schedule"),
        ("j1", "schedule"),
    ]


def test_fixed_texts_need_no_room(home, provider) -> None:
    settings(home, "[scheduler]\nmax_concurrent_runs = 1\n")
    texts = [job(id=f"t{n}", schedule=SOON) for n in range(20)]
    world(home, provider, taking(50)).live(
        adding(job(id="slow", payload=TURN, schedule=SOON), *texts), seconds=30
    )
    assert [part.text for part in provider.accepted] == ["hello"] * 20 + ["done"]


def cancelling(when: float, *names: str) -> tuple[list[bool], object]:
    """Cancel the first run of each job at a time; what the answers were."""
    answers: list[bool] = []

    async def story(operations: Operations) -> None:
        for name in names:
            await operations.add_job(job(id=name, payload=TURN, schedule=SOON))
        await operations.app.ground.seams.clock.sleep(when)
        for name in names:
            run_id = next(run["runId"] for run in runs(operations.app.ground.home) if run["jobId"] == name)
            answers.append(await operations.app.executor.cancel(run_id))
            answers.append(await operations.app.executor.cancel(run_id))

    return answers, story


@pytest.mark.parametrize("when", [pytest.param(1.9, id="before its instant"), pytest.param(5, id="at work")])
def test_a_run_is_cancelled_once_whatever_it_is_doing(home, provider, when: float) -> None:
    answers, story = cancelling(when, "brief")
    world(home, provider, taking(60)).live(story, seconds=100)
    assert answers == [True, False]
    (run,) = runs(home)
    assert (run["status"], run["errorKind"]) == ("cancelled", "cancelled")
    assert provider.accepted == []
    assert stored_job(home)["status"] == "failed"


def test_a_cancelled_run_makes_room_at_once(home, provider) -> None:
    settings(home, "[scheduler]\nmax_concurrent_runs = 1\n")

    async def story(operations: Operations) -> None:
        for n in range(3):
            await operations.add_job(job(id=f"j{n}", payload=TURN, schedule=SOON))
        await operations.app.ground.seams.clock.sleep(5)
        waiting = {run["jobId"]: run["runId"] for run in runs(operations.app.ground.home)}
        await operations.app.executor.cancel(waiting["j1"])
        await operations.app.executor.cancel(waiting["j0"])

    world(home, provider, taking(10)).live(story, seconds=60)
    assert spans(home)["j2"] == (5, 15)


@pytest.mark.parametrize("status", ["disabled", "removed", "rescheduled"])
def test_what_was_claimed_ahead_does_not_run_for_a_job_that_no_longer_wants_it(
    home, provider, status: str
) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=SOON))
        await operations.app.ground.seams.clock.sleep(1.9)
        if status == "disabled":
            await operations.set_enabled("brief", enabled=False)
        elif status == "removed":
            await operations.remove_job("brief")
        else:
            await operations.edit_job("brief", {"schedule": {"kind": "at", "at": "2026-07-01T08:00:00Z"}})

    world(home, provider, taking(1)).live(story, seconds=30)
    assert provider.accepted == []
    assert [run["status"] for run in runs(home)] == ["cancelled"]


def test_a_change_of_words_on_the_way_is_what_is_sent(home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=SOON))
        await operations.app.ground.seams.clock.sleep(1.9)
        await operations.edit_job("brief", {"payload": {"kind": "text", "text": "better words"}})

    world(home, provider, taking(1)).live(story, seconds=30)
    assert [part.text for part in provider.accepted] == ["better words"]


def test_an_overlap_is_judged_at_the_instant_not_ahead_of_it(home, provider) -> None:
    every_second = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world(home, provider, taking(0.9)).live(
        adding(job(payload=TURN, schedule=every_second, overlap="skip")), seconds=5.95
    )
    assert [run["status"] for run in runs(home)] == ["ok"] * 5


def test_overlap_queue_runs_one_after_the_other(home, provider) -> None:
    world(home, provider, taking(90)).live(
        adding(job(payload=TURN, schedule=EVERY_MINUTE, overlap="queue")), seconds=400
    )
    starts = [(from_iso(run["startedAt"]) - START_MS) / 1000 for run in runs(home) if run["startedAt"]]
    assert starts[:4] == [60, 150, 240, 330]


def test_a_runner_that_does_not_stop_loses_its_lease_and_the_job_goes_on(home, provider) -> None:
    deaf: list[str] = []

    async def stubborn(request: TurnRequest) -> str:
        try:
            await pass_time(10_000)
        except asyncio.CancelledError:
            if deaf:
                raise
            deaf.append(request.run_id)
            await pass_time(200)
            return "far too late"
        return "done"

    half_hourly = {"kind": "every", "everyMs": 1_800_000, "anchorMs": START_MS}
    limited = job(payload={**TURN, "timeoutSeconds": 900}, schedule=half_hourly, failureAlert=False)
    world(home, provider, TalkingRunner(stubborn)).live(adding(limited), seconds=5 * 1800)
    first, second = runs(home)[:2]
    assert (first["runId"], first["status"], first["durationMs"]) == (deaf[0], "timeout", 920_000)
    assert "needs_review" in first["warnings"][0]
    assert second["scheduledFor"] == "2026-07-01T08:00:00Z"
    assert provider.accepted == []


class Odd(AgentRunner):
    """Its result is nothing that a store takes."""

    name = "echo"

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        yield Phase("model-call-started")
        yield Final("done", warnings=("half a character: \ud800",))


def test_a_result_that_the_store_never_takes_ends_its_run_all_the_same(home, provider) -> None:
    simulation = Simulation(home, [scripted_channel("page", provider)], [Odd()])
    simulation.live(adding(job(payload=TURN, failureAlert=False)), seconds=10)
    (run,) = runs(home)
    assert (run["status"], run["errorKind"]) == ("error", "internal")
    assert run["error"].startswith("the result could not be written down: ")
    assert provider.accepted == []
