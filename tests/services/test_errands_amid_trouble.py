"""What agents ask of others while disks are slow, runs are cancelled, turns fail and processes end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.testing.scripted import Provider
from stentor.testing.simulation import nothing
from stentor.testing.virtual_time import pass_time
from tests.services.errand_stories import Caller, Cast, Part, named, saying, sessions, waking, world
from tests.services.stories import JsonObject, SlowDisk, adding, job, runs

CHAT = "agent:main:session:chat"
TO_ROOM = {"to": "page:room1", "text": "the house is on fire"}


def spawn(task: str, **arguments: object) -> tuple[str, JsonObject]:
    return "sessions_spawn", {"task": task, **arguments}


def send(message: str, **arguments: object) -> tuple[str, JsonObject]:
    return "sessions_send", {"message": message, "timeoutSeconds": 0, **arguments}


def wait(**arguments: object) -> tuple[str, JsonObject]:
    return "sessions_yield", arguments


def leading(**delivery: object) -> JsonObject:
    return job(payload={"kind": "agentTurn", "message": "lead"}, delivery=delivery or {"mode": "none"})


def busy_with(seconds: float, answer: str = "done") -> Part:
    async def part(request: TurnRequest) -> str:
        del request
        await pass_time(seconds)
        return answer

    return part


def outcomes(home: Path) -> list[tuple[str, str]]:
    return [(run["jobName"], run["status"]) for run in runs(home)]


@pytest.mark.parametrize("seconds", [2.5, 3.5])
def test_a_run_that_is_cancelled_while_it_sends_another_leaves_none_queued(fast_home, seconds) -> None:
    async def story(operations: Operations) -> None:
        errands = operations.app.heartbeat.errands
        errands.store = SlowDisk(errands.store)  # type: ignore[assignment]
        await adding(leading())(operations)
        await pass_time(seconds)
        (lead,) = [run for run in runs(fast_home) if run["jobName"] == "Brief"]
        await operations.cancel_run(lead["runId"])

    cast = Cast(lead=Caller(spawn("other"), wait()), other=busy_with(60))
    world(fast_home, cast).live(story, seconds=120)

    assert outcomes(fast_home) == [("Brief", "cancelled"), ("other", "cancelled")]


def test_nobody_is_left_at_work_who_was_sent_just_as_the_turn_failed(fast_home) -> None:
    calls: list[asyncio.Task[Any]] = []

    async def hasty(request: TurnRequest) -> str:
        name, arguments = spawn("other")
        calls.append(asyncio.get_running_loop().create_task(request.call_tool(name, arguments)))
        await pass_time(0.5)
        raise RunnerError("denied", "that is not allowed")

    async def story(operations: Operations) -> None:
        errands = operations.app.heartbeat.errands
        errands.store = SlowDisk(errands.store)  # type: ignore[assignment]
        await adding(leading())(operations)

    world(fast_home, Cast(lead=hasty, other=busy_with(60))).live(story, seconds=20)
    assert outcomes(fast_home) == [("Brief", "error"), ("other", "cancelled")]
    assert [call.result().ok for call in calls] == [False]


def test_whoever_asks_for_a_run_and_leaves_gets_it_done_all_the_same(fast_home) -> None:
    async def story(operations: Operations) -> None:
        await adding(job(schedule={"kind": "every", "everyMs": 3_600_000}))(operations)
        operations.app.book.store = SlowDisk(operations.app.book.store)  # type: ignore[assignment]
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(operations.run_job("brief", due=False))
            await pass_time(1.5)
            asking.cancel()

    world(fast_home, saying("unused")).live(story, seconds=30)
    assert [(run["trigger"], run["status"]) for run in runs(fast_home)] == [("manual", "ok")]


def failing_after(*calls: tuple[str, JsonObject]) -> Part:
    """Calls, and then fails of trouble that passes."""
    caller = Caller(*calls)

    async def part(request: TurnRequest) -> str:
        await caller(request)
        raise RunnerError("rate_limit", "too many at once")

    return part


@pytest.mark.parametrize("depth", [1, 2])
def test_a_run_whose_helpers_have_sent_something_is_not_done_again(fast_home, depth) -> None:
    page = Provider()
    deepest = Caller(("message", TO_ROOM))
    cast = Cast(
        lead=failing_after(spawn("first"), wait()),
        first=deepest if depth == 1 else Caller(spawn("second"), wait()),
        second=deepest,
    )
    world(fast_home, cast, page).live(adding(leading(to="page:room1")), seconds=3600)

    assert [part.text for part in page.accepted].count(TO_ROOM["text"]) == 1
    (lead,) = [run for run in runs(fast_home) if run["jobName"] == "Brief"]
    assert "sent something already" in " ".join(lead["warnings"])


def test_a_run_whose_helpers_have_sent_nothing_is_done_again(fast_home) -> None:
    cast = Cast(lead=failing_after(spawn("first"), wait()), first=saying("nothing to report"))
    world(fast_home, cast).live(adding(leading()), seconds=3600)
    assert [run["trigger"] for run in runs(fast_home) if run["jobName"] == "Brief"] == ["schedule"] + [
        "retry"
    ] * 3


def test_what_was_said_in_another_session_is_not_said_again(fast_home) -> None:
    chat = saying("so it is")
    cast = Cast(hello=saying("hello"), lead=failing_after(send("news", sessionKey=CHAT)), news=chat)

    async def story(operations: Operations) -> None:
        await waking("hello", named("chat"))(operations)
        await adding(leading())(operations)

    world(fast_home, cast).live(story, seconds=3600)
    assert cast.asked.count("news") == 1


@pytest.mark.parametrize("kindly", [True, False], ids=["stop", "kill"])
def test_what_was_accepted_for_another_session_is_answered_there_by_the_next_process(
    fast_home, kindly
) -> None:
    cast = Cast(
        long=busy_with(3600),
        lead=Caller(send("news", sessionKey=CHAT)),
        news=Caller(("cron", {"action": "remove", "jobId": "other"}), final="I have heard"),
    )
    simulation = world(fast_home, cast)
    living = simulation.begin()
    living.tell(adding(job(id="other", schedule={"kind": "every", "everyMs": 3_600_000})))
    living.tell(waking("long", named("chat")))
    living.tell(adding(leading()))
    living.pass_time(10)
    if kindly:
        living.stop()
    else:
        living.kill()
    assert "news" not in cast.asked
    simulation.live(nothing, seconds=60)

    assert [run["status"] for run in runs(fast_home)] == ["interrupted", "ok", "ok"]
    assert [run["jobName"] for run in runs(fast_home)][-1] == "chat"


def test_what_a_run_of_a_job_may_not_do_nobody_may_for_it_after_a_restart_either(fast_home) -> None:
    other = Caller(("cron", {"action": "remove", "jobId": "other"}))
    cast = Cast(long=busy_with(3600), lead=Caller(send("news", sessionKey=CHAT)), news=other)
    simulation = world(fast_home, cast)
    living = simulation.begin()
    living.tell(adding(job(id="other", schedule={"kind": "every", "everyMs": 3_600_000})))
    living.tell(waking("long", named("chat")))
    living.tell(adding(leading()))
    living.pass_time(10)
    living.kill()
    simulation.live(nothing, seconds=60)

    assert [result.ok for result in other.results] == [False]
    assert other.answers[0].startswith("a run of a job may look at jobs")


def test_whoever_was_sent_by_a_process_that_is_gone_is_told_as_interrupted(fast_home) -> None:
    cast = Cast(
        long=busy_with(3600),
        lead=Caller(spawn("short"), spawn("late", session="chat"), wait()),
        short=busy_with(3600),
        late=saying("never"),
    )
    simulation = world(fast_home, cast)
    living = simulation.begin()
    living.tell(waking("long", named("chat")))
    living.pass_time(1)
    living.tell(waking("lead"))
    living.pass_time(10)
    living.kill()
    simulation.live(nothing, seconds=60)

    ended = {(run["jobName"], run["status"], run["error"]) for run in runs(fast_home)}
    assert ("short", "interrupted", "the process ended before the run did") in ended
    assert ("chat", "interrupted", "the process of the run that asked for it ended") in ended
    assert "late" not in cast.asked


def test_a_session_that_was_to_go_with_its_run_goes_after_a_restart(fast_home) -> None:
    cast = Cast(lead=Caller(spawn("brief one", cleanup="delete"), wait()), brief=busy_with(3600))
    simulation = world(fast_home, cast)
    living = simulation.begin()
    living.tell(waking("lead"))
    living.pass_time(10)
    living.kill()
    assert "subagent" in {session["kind"] for session in sessions(fast_home)}
    simulation.live(nothing, seconds=60)
    assert "subagent" not in {session["kind"] for session in sessions(fast_home)}


def test_two_sessions_that_would_wait_for_each_other_are_told_so(fast_home) -> None:
    """Each is at work itself, and sends somebody into the other's session."""

    async def quarrel(request: TurnRequest) -> str:
        mine = request.session_key.rpartition(":")[2]
        other = "b" if mine == "a" else "a"
        await pass_time(5 if mine == "b" else 1)
        sent = await request.call_tool("sessions_spawn", {"task": "help", "session": other})
        refusals.append("" if sent.ok else str(sent.result))
        await request.call_tool("sessions_yield", {})
        return "done"

    refusals: list[str] = []

    async def story(operations: Operations) -> None:
        for name in ("a", "b"):
            await waking("quarrel", named(name))(operations)

    world(fast_home, Cast(quarrel=quarrel, help=saying("helped"), more=saying("good"))).live(
        story, seconds=60
    )

    assert refusals == ["", "agent:main:session:a waits for this very work itself; name another session"]
    assert {run["status"] for run in runs(fast_home)} == {"ok"}


def test_who_has_waited_long_enough_is_not_taken_to_wait_for_ever(fast_home) -> None:
    async def asking(request: TurnRequest) -> str:
        await request.call_tool(
            "sessions_send", {"message": "slowly", "sessionKey": CHAT, "timeoutSeconds": 5}
        )
        await pass_time(60)
        return "done"

    async def slowly(request: TurnRequest) -> str:
        await pass_time(20)
        sent = await request.call_tool("sessions_spawn", {"task": "help", "session": "asker"})
        accepted.append(sent.ok)
        return "done"

    accepted: list[bool] = []

    async def story(operations: Operations) -> None:
        await waking("hello", named("chat"))(operations)
        await pass_time(1)
        await waking("asking", named("asker"))(operations)

    cast = Cast(
        hello=saying("hello"), asking=asking, slowly=slowly, help=saying("helped"), more=saying("good")
    )
    world(fast_home, cast).live(story, seconds=300)
    assert accepted == [True]
    assert {run["status"] for run in runs(fast_home)} == {"ok"}


def test_so_much_is_said_elsewhere_and_no_more_before_some_of_it_is_answered(fast_home) -> None:
    sends = [send(f"news {number}", sessionKey=CHAT) for number in range(6)]
    keeper = Caller(*sends)
    cast = Cast(hello=saying("hello"), lead=keeper, news=busy_with(10))

    async def story(operations: Operations) -> None:
        await waking("hello", named("chat"))(operations)
        await pass_time(1)
        await waking("lead")(operations)

    world(fast_home, cast).live(story, seconds=120)
    assert [result.ok for result in keeper.results] == [True] * 5 + [False]
    assert keeper.answers[-1].startswith("5 of what you said elsewhere are not answered yet")
