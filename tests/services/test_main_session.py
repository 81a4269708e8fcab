"""The main session amid trouble: each event is told, answered by the turn that was told of it, and by no other."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.cli.waiting import is_done
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.domain.heartbeats import MOST_EVENTS
from stentor.testing.invariants import check
from stentor.testing.points import SimulatedCrash
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import pass_time
from tests.services.main_session import (
    AGENT,
    BEATING,
    HALF_HOUR,
    MINUTE,
    TO_ROOM,
    World,
    at,
    failing_at_first,
    outlook,
    tea_then_urgent,
    waking,
)
from tests.services.stories import JsonObject, adding


@pytest.fixture
def world(fast_home: Path) -> Iterator[World]:
    yield World(fast_home)
    check(fast_home)


def told_in(questions: list[str]) -> list[str]:
    """The words of all events that were told, in their order."""
    lines = [line for question in questions for line in question.splitlines()]
    return [line.partition("] ")[2] for line in lines if line.startswith("[")]


# More than one turn is told of


@pytest.mark.parametrize("mode", ["now", "next-heartbeat"])
def test_of_very_many_events_the_rest_is_told_by_the_next_turn_at_once(world: World, mode: str) -> None:
    world.configured(AGENT + BEATING)
    words = [f"number {n}" for n in range(2 * MOST_EVENTS + 7)]

    async def story(operations: Operations) -> None:
        for text in words:
            await operations.app.heartbeat.leave(text, mode)  # type: ignore[arg-type]
        await operations.wake({})

    world.simulation().live(story, seconds=MINUTE)
    assert told_in(world.questions) == words
    assert [len(told_in([question])) for question in world.questions] == [MOST_EVENTS, MOST_EVENTS, 7]
    assert world.unanswered == 0


def test_what_a_turn_was_not_told_of_is_open_although_it_ends_well(world: World) -> None:
    world.configured(AGENT + BEATING)
    seen: list[int] = []

    async def looks(request: TurnRequest) -> str:
        seen.append(world.unanswered)
        return request.question

    async def story(operations: Operations) -> None:
        for n in range(MOST_EVENTS + 2):
            await operations.wake({"text": f"number {n}", "mode": "next-heartbeat"})

    world.simulation(looks).live(story, seconds=HALF_HOUR + MINUTE)
    assert seen == [MOST_EVENTS + 2, 2]
    assert [run["status"] for run in world.heartbeats] == ["ok", "ok"]


def test_after_a_turn_that_failed_the_rest_waits_with_what_it_was_told_of(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_once = failing_at_first(RunnerError("auth", "no key"))

    async def story(operations: Operations) -> None:
        for n in range(MOST_EVENTS + 2):
            await operations.app.heartbeat.leave(f"number {n}", "now")
        await operations.wake({})
        await pass_time(MINUTE)
        assert len(world.questions) == 1
        await operations.wake({})

    world.simulation(broken_once).live(story, seconds=MINUTE)
    assert [len(told_in([question])) for question in world.questions] == [MOST_EVENTS, MOST_EVENTS, 2]


# While a failed turn waits to be tried again


def test_a_wake_does_not_wait_until_a_failed_turn_is_tried_again(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_once = failing_at_first(RunnerError("network", "gone"))
    told_after: list[float] = []

    async def story(operations: Operations) -> None:
        await operations.wake({"text": "tea"})
        await pass_time(5)
        clock = operations.app.ground.seams.clock
        asked = clock.monotonic()
        await operations.wake({"text": "urgent"})
        while len(world.questions) < 2:
            await pass_time(0.1)
        told_after.append(clock.monotonic() - asked)

    world.simulation(broken_once).live(story, seconds=2 * MINUTE)
    assert told_after[0] < 1
    assert told_in(world.questions) == ["tea", "tea", "urgent"]


def test_what_another_turn_has_answered_meanwhile_is_not_tried_again(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_once = failing_at_first(RunnerError("network", "gone"))

    world.simulation(broken_once).live(tea_then_urgent, seconds=5 * MINUTE)
    assert len(world.questions) == 2
    ended = [(run["trigger"], run["status"], run["errorKind"]) for run in world.heartbeats]
    assert ended == [("wake", "error", "network"), ("retry", "skipped", "answered"), ("wake", "ok", None)]
    retry, answered_by = world.heartbeats[1], world.heartbeats[2]
    assert answered_by["runId"] in retry["error"]
    assert [is_done(run) for run in world.heartbeats] == [False, True, True]
    assert world.trouble == []


def test_a_turn_is_tried_again_although_another_one_came_before_and_failed_too(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    broken_twice = failing_at_first(RunnerError("network", "gone"), RunnerError("auth", "no key"))

    world.simulation(broken_twice).live(tea_then_urgent, seconds=2 * MINUTE)
    assert told_in(world.questions[-1:]) == ["tea", "urgent"]
    assert world.unanswered == 0


def test_a_heartbeat_that_failed_is_tried_again_although_events_were_answered_meanwhile(
    world: World,
) -> None:
    world.configured(AGENT + BEATING)
    broken_once = failing_at_first(RunnerError("network", "gone"))

    async def story(operations: Operations) -> None:
        await pass_time(HALF_HOUR + 5)
        await operations.wake({"text": "tea"})

    world.simulation(broken_once).live(story, seconds=2 * MINUTE)
    assert [run["status"] for run in world.heartbeats] == ["error", "ok", "ok"]
    assert [question[:4] for question in world.questions] == ["This", "[202", "This"]


def test_whoever_wakes_the_agent_without_a_word_is_not_put_off_with_what_was_answered_before(
    world: World,
) -> None:
    world.configured(AGENT + TO_ROOM)

    async def story(operations: Operations) -> None:
        for asked in ({"text": "tea"}, {}, {}):
            await operations.wake(asked)
            await pass_time(5)

    world.simulation().live(story, seconds=10)
    assert [run["status"] for run in world.heartbeats] == ["ok", "ok", "ok"]
    assert [question[:4] for question in world.questions] == ["[202", "This", "This"]


# What waits for a heartbeat that does not come


def test_an_event_that_was_left_for_a_heartbeat_wakes_the_agent_where_none_comes_any_more(
    world: World,
) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(waking(text="tea", mode="next-heartbeat"), seconds=5)
    assert world.questions == []
    world.configured(AGENT + TO_ROOM)
    world.simulation().live(nothing, seconds=10)
    assert world.sent == ["[2026-07-01 07:00] tea"]
    assert world.unanswered == 0


def test_an_event_that_waits_for_a_heartbeat_that_comes_is_not_told_because_a_process_begins(
    world: World,
) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(waking(text="tea", mode="next-heartbeat"), seconds=5)
    world.simulation().live(nothing, seconds=5 * MINUTE)
    assert world.questions == []


def test_what_a_turn_has_failed_at_is_not_tried_by_each_process_that_begins(world: World) -> None:
    world.configured(AGENT + TO_ROOM)

    async def broken(request: TurnRequest) -> str:
        raise RunnerError("auth", "no key")

    asked = 0
    for story in (waking(text="tea"), nothing, nothing):
        world.simulation(broken).live(story, seconds=MINUTE)
        asked += len(world.questions)
    assert (asked, world.unanswered) == (1, 1)
    world.simulation().live(waking(text="milk"), seconds=MINUTE)
    assert told_in(world.questions) == ["tea", "milk"]


def test_the_rest_is_told_by_the_next_process_if_the_first_ends_before_it_could(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    simulation = world.simulation()
    queued: list[str] = []

    def fall(name: str) -> None:
        queued.extend([name] if name == "store.queue_run.before" else [])
        if len(queued) == 2:
            raise SimulatedCrash(name)

    async def story(operations: Operations) -> None:
        for n in range(MOST_EVENTS + 2):
            await operations.app.heartbeat.leave(f"number {n}", "now")
        await operations.wake({})

    simulation.at_each_point = fall
    assert simulation.live(story, seconds=MINUTE).crashed
    assert (len(world.heartbeats), world.unanswered) == (1, 2)
    world.simulation().live(nothing, seconds=MINUTE)
    assert told_in(world.questions) == [f"number {n}" for n in (MOST_EVENTS, MOST_EVENTS + 1)]


# Who answers what


def hurried(world: World, turn_seconds: float) -> Simulation:
    async def takes_a_while(request: TurnRequest) -> str:
        await pass_time(turn_seconds)
        return request.question

    return world.simulation(takes_a_while, is_slow=True)


@pytest.mark.parametrize("apart_ms", range(0, 40, 3))
@pytest.mark.parametrize("turn_seconds", [0.0, 0.012])
def test_no_agent_is_asked_about_nothing_however_close_together_it_is_woken(
    world: World, apart_ms: int, turn_seconds: float
) -> None:
    world.configured(AGENT + TO_ROOM)

    async def story(operations: Operations) -> None:
        await operations.wake({"text": "one"})
        await pass_time(apart_ms / 1000)
        await operations.wake({"text": "two"})

    hurried(world, turn_seconds).live(story, seconds=10)
    assert told_in(world.questions) == ["one", "two"]
    assert all(question.startswith("[") for question in world.questions)
    assert {run["status"] for run in world.heartbeats} == {"ok"}


@pytest.mark.parametrize("apart_ms", range(0, 40, 3))
def test_whoever_wakes_the_agent_is_told_the_run_that_answers(world: World, apart_ms: int) -> None:
    world.configured(AGENT + TO_ROOM)
    told: dict[str, str] = {}

    async def story(operations: Operations) -> None:
        for text in ("one", "two", "three"):
            told[text] = (await operations.wake({"text": text}))["runId"]
            await pass_time(apart_ms / 1000)

    hurried(world, 0.008).live(story, seconds=10)
    for text, run_id in told.items():
        (answered,) = [run["runId"] for run in world.heartbeats if text in run["summary"]]
        assert answered == run_id


@pytest.mark.parametrize("apart_ms", range(0, 40, 3))
def test_no_agent_is_asked_about_nothing_because_jobs_leave_events_close_together(
    world: World, apart_ms: int
) -> None:
    world.configured(AGENT + TO_ROOM)
    jobs = [at("07:00:02", "one"), at(f"07:00:02.{apart_ms:03}", "two")]
    hurried(world, 0.004).live(adding(*jobs), seconds=10)
    assert sorted(told_in(world.questions)) == ["one", "two"]
    assert all(question.startswith("[") for question in world.questions)


def test_whoever_wakes_the_agent_while_a_turn_begins_is_looked_after_by_that_one(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    run_ids: list[str] = []

    async def story(operations: Operations) -> None:
        run_ids.append((await operations.wake({"text": "one"}))["runId"])
        lock = operations.app.heartbeat.hearing.lock
        # While somebody has it, the turn that begins does not get to look for events.
        async with asyncio.TaskGroup() as tasks, lock:
            woken = tasks.create_task(operations.wake({}))
            await pass_time(1)
        run_ids.append(woken.result()["runId"])

    world.simulation().live(story, seconds=10)
    assert run_ids == [world.heartbeats[0]["runId"]] * 2
    assert world.questions == ["[2026-07-01 07:00] one"]


def test_a_turn_that_is_under_way_answers_no_event_that_came_after_it_was_told(world: World) -> None:
    world.configured(AGENT + TO_ROOM)

    async def busy(request: TurnRequest) -> str:
        await pass_time(20)
        return request.question

    async def story(operations: Operations) -> None:
        await operations.wake({"text": "one"})
        await pass_time(10)
        await operations.wake({"text": "two"})

    world.simulation(busy).live(story, seconds=MINUTE)
    assert world.sent == ["[2026-07-01 07:00] one", "[2026-07-01 07:00] two"]


def test_a_heartbeat_is_taken_although_events_have_been_answered_just_before(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation().live(adding(at("07:29:59", "tea")), seconds=HALF_HOUR + MINUTE)
    assert [run["scheduledFor"] is not None for run in world.heartbeats] == [False, True]
    assert world.questions[1].startswith("This is your heartbeat")


# What is said of it


def test_the_next_heartbeat_is_known_as_soon_as_a_process_has_begun(world: World) -> None:
    world.configured(AGENT + BEATING)
    seen: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        seen.append(outlook(operations))
        seen.append(await operations.wake({"text": "tea", "mode": "next-heartbeat"}))

    world.simulation().live(story, seconds=0)
    assert [found["nextHeartbeatAt"] for found in seen] == ["2026-07-01T07:30:00Z"] * 2


def test_where_no_heartbeat_comes_none_is_foretold(world: World) -> None:
    world.configured(AGENT + TO_ROOM)
    seen: list[JsonObject] = []

    async def story(operations: Operations) -> None:
        seen.append(outlook(operations))

    world.simulation().live(story, seconds=1)
    assert seen[0]["nextHeartbeatAt"] is None


def test_what_was_done_at_a_heartbeat_is_remembered_although_there_was_nothing_to_tell(world: World) -> None:
    world.configured(AGENT + BEATING)

    async def looks_first(request: TurnRequest) -> str:
        await request.call_tool("cron", {"action": "list"})
        return "HEARTBEAT_OK"

    world.simulation(looks_first).live(nothing, seconds=HALF_HOUR + MINUTE)
    assert [run["suppression"] for run in world.heartbeats] == ["heartbeat_ack"]
    assert world.session["messages"] == 4
