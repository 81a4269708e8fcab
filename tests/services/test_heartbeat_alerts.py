"""What people hear of turns that nobody stored a job for: of the main session, and of what agents ask each other."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError, RunnerErrorKind
from stentor.contract.runners import TurnRequest
from stentor.testing.invariants import check
from stentor.testing.points import SimulatedCrash
from stentor.testing.scripted import scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import pass_time
from tests.services.errand_stories import Caller, Cast, Part, named, saying
from tests.services.errand_stories import waking as asking
from tests.services.main_session import AGENT, BEATING, HALF_HOUR, MINUTE, TO_ROOM, Turn, World, waking
from tests.services.servers import Servers
from tests.services.stories import JsonObject, adding, job, runs

TO_OPS = '[cron]\nfailure_destination = { to = "page:ops" }\n'
BOOM = "boom (last phase: model-call-started)"
CHAT = "agent:main:session:chat"


@pytest.fixture
def world(fast_home: Path) -> Iterator[World]:
    yield World(fast_home)
    check(fast_home)


def broken(*, times: int = 10**6, kind: RunnerErrorKind = "crashed") -> Turn:
    """An agent that fails, and then is well again."""
    left = iter(range(times))

    async def turn(request: TurnRequest) -> str:
        for _ in left:
            raise RunnerError(kind, "boom")
        return request.question

    return turn


def incidents(world: World) -> list[tuple[str, str]]:
    """Those that are open."""
    with Reader.open(world.home / "stentor.db") as reader:
        return [(found["cause"], found["root"]) for found in reader.incidents(100)]


def incidents_ever(world: World) -> list[str]:
    """The causes also of those that are over."""
    connection = apsw.Connection(str(world.home / "stentor.db"), flags=apsw.SQLITE_OPEN_READONLY)
    found = [str(cause) for (cause,) in connection.execute("SELECT cause FROM incidents ORDER BY id")]
    connection.close()
    return found


def failing(world: World) -> JsonObject | None:
    with Reader.open(world.home / "stentor.db") as reader:
        found: JsonObject | None = reader.main_session()["failing"]
    return found


# The main session


def test_a_wake_that_fails_for_good_is_told_like_the_failure_of_a_job(world: World) -> None:
    world.configured(AGENT + TO_ROOM + TO_OPS)
    world.simulation(broken()).live(waking(text="the disk is full"), seconds=MINUTE)
    assert world.trouble == [("page:ops", f"⚠️ The heartbeat failed: {BOOM}")]
    assert incidents(world) == [("failing", "main/heartbeat")]
    assert failing(world) == {"times": 1, "error": BOOM}


def test_it_is_told_too_that_the_main_session_is_well_again(world: World) -> None:
    world.configured(AGENT + TO_ROOM + TO_OPS)
    world.simulation(broken()).live(waking(text="the disk is full"), seconds=MINUTE)
    world.simulation().live(waking(text="tea"), seconds=2 * MINUTE)
    (_, opened), (where, closed) = world.trouble
    assert "failed" in opened
    assert (where, closed.partition(";")[0]) == ("page:ops", "✅ The heartbeat is good again")
    assert (incidents(world), failing(world)) == ([], None)


def test_heartbeats_that_go_on_failing_are_told_once_where_their_answers_go(world: World) -> None:
    world.configured(AGENT + BEATING)
    world.simulation(broken()).live(nothing, seconds=HALF_HOUR + MINUTE)
    assert (world.trouble, failing(world)) == ([], {"times": 1, "error": BOOM})
    world.simulation(broken()).live(nothing, seconds=HALF_HOUR + 2 * MINUTE)
    assert world.trouble == [("page:room1", "⚠️ The heartbeat failed 2 times in a row")]
    assert failing(world) == {"times": 2, "error": BOOM}


def test_heartbeats_that_go_on_failing_are_told_of_again_after_the_cooldown(world: World) -> None:
    world.configured(AGENT + BEATING + '[cron]\nfailure_alert = { after = 1, cooldown = "100m" }\n')
    world.simulation(broken()).live(nothing, seconds=8 * HALF_HOUR + 2 * MINUTE)
    assert [text for _, text in world.trouble] == [
        f"⚠️ The heartbeat failed: {BOOM}",
        "⚠️ The heartbeat failed 4 times in a row",
        "⚠️ The heartbeat failed 7 times in a row",
    ]


def test_what_an_agent_does_to_its_jobs_and_to_the_main_session_is_one_alert(world: World) -> None:
    world.configured(AGENT + TO_ROOM + TO_OPS)
    turn = job(payload={"kind": "agentTurn", "message": "work"})

    async def story(operations: Operations) -> None:
        await operations.add_job(turn)
        await operations.wake({"text": "tea"})

    world.simulation(broken(kind="auth")).live(story, seconds=MINUTE)
    assert world.trouble == [("page:ops", f'⚠️ Agent "main" fails: {BOOM}')]
    (alert,) = [part.text for part in world.provider.accepted if part.target.canonical == "page:ops"]
    assert 'Jobs concerned: "Brief", "main/heartbeat"' in alert
    world.simulation().live(waking(text="milk"), seconds=2 * MINUTE)
    assert world.trouble[1][1].startswith('✅ Agent "main" is good again')
    assert incidents(world) == []


@pytest.mark.parametrize(
    ("toml", "turn"),
    [
        pytest.param("", broken(times=1, kind="network"), id="it passes"),
        pytest.param("[cron]\nfailure_alert = { enabled = false }\n", broken(), id="nobody wants to hear of it"),
    ],
)  # fmt: skip
def test_it_is_not_told_where(world: World, toml: str, turn: Turn) -> None:
    world.configured(AGENT + TO_ROOM + toml)
    world.simulation(turn).live(waking(text="tea"), seconds=5 * MINUTE)
    assert (world.trouble, incidents(world)) == ([], [])


def test_a_turn_that_was_cancelled_is_no_trouble(world: World) -> None:
    world.configured(AGENT + TO_ROOM + TO_OPS)

    async def busy(request: TurnRequest) -> str:
        await pass_time(HALF_HOUR)
        return request.question

    async def story(operations: Operations) -> None:
        run = await operations.wake({"text": "tea"})
        await pass_time(5)
        await operations.cancel_run(run["runId"])

    world.simulation(busy).live(story, seconds=MINUTE)
    assert (world.trouble, failing(world)) == ([], None)


def test_what_another_turn_has_answered_counts_for_nothing(world: World) -> None:
    skips = "[cron]\nfailure_alert = { after = 1, include_skipped = true }\n"
    world.configured(AGENT + TO_ROOM + skips)

    async def story(operations: Operations) -> None:
        await operations.wake({"text": "tea"})
        await pass_time(5)
        await operations.wake({"text": "milk"})

    world.simulation(broken(times=1, kind="network")).live(story, seconds=5 * MINUTE)
    assert [run["status"] for run in world.heartbeats] == ["error", "skipped", "ok"]
    assert "skipped" not in incidents_ever(world)
    with Reader.open(world.home / "stentor.db") as reader:
        last = reader.main_session()["lastTurn"]
    assert (last["status"], failing(world)) == ("ok", None)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        pytest.param("", [], id="not usually"),
        pytest.param(
            "[cron]\nfailure_alert = { include_skipped = true }\n",
            ["⚠️ The heartbeat was skipped 2 times in a row", "✅ The heartbeat is good again"],
            id="where skips count",
        ),
    ],
)
def test_turns_whose_servers_are_down_are_told_of(world: World, wish: str, told: list[str]) -> None:
    world.configured(f'{AGENT}model = "local:llama"\n{BEATING}{wish}')
    servers = Servers({"local": "connection refused"})
    living = Simulation(world.home, [scripted_channel("page", world.provider)], [servers]).begin()
    living.pass_time(2 * HALF_HOUR)
    servers.down.clear()
    living.pass_time(2 * HALF_HOUR)
    living.stop()
    assert [text.partition(";")[0] for _, text in world.trouble] == told
    assert incidents(world) == []


def test_a_turn_that_brings_down_every_process_is_told_of(world: World) -> None:
    world.configured(AGENT + TO_ROOM + TO_OPS)
    simulation = world.simulation()

    def fall(name: str) -> None:
        if name == "runner.turn.before":
            raise SimulatedCrash(name)

    simulation.at_each_point = fall
    for story in (waking(text="tea"), nothing, nothing, nothing):
        simulation.live(story, seconds=2 * MINUTE)
    assert [where for where, _ in world.trouble] == ["page:ops"]
    assert "The heartbeat failed" in world.trouble[0][1]


# What agents ask of each other


def falling(error: str = "no idea") -> Part:
    async def part(request: TurnRequest) -> str:
        raise RunnerError("crashed", error)

    return part


def after_a_chat(world: World, **parts: Part) -> None:
    """There is a session to say something in; then a job leads the rest."""
    world.configured(AGENT + TO_OPS)
    lead = job(payload={"kind": "agentTurn", "message": "lead"}, delivery={"mode": "none"})

    async def story(operations: Operations) -> None:
        await asking("hello", named("chat"))(operations)
        await adding(lead)(operations)

    world.simulation(Cast(hello=saying("hello"), **parts)).live(story, seconds=5 * MINUTE)


def said(seconds: int) -> tuple[str, JsonObject]:
    return "sessions_send", {"message": "news", "sessionKey": CHAT, "timeoutSeconds": seconds}


def late(seconds: float, then: Part) -> Part:
    async def part(request: TurnRequest) -> str:
        await pass_time(seconds)
        return await then(request)

    return part


@pytest.mark.parametrize(
    ("lead", "news"),
    [
        pytest.param(Caller(said(0)), late(20, falling()), id="its sender is over"),
        pytest.param(late(5, Caller(said(5))), late(20, falling()), id="its sender is over by then"),
        pytest.param(Caller(said(0), said(30)), falling(), id="its sender goes on, but did not wait"),
    ],
)
def test_what_was_said_elsewhere_and_failed_is_told_where_nobody_waited_for_it(
    world: World, lead: Part, news: Part
) -> None:
    after_a_chat(world, lead=lead, news=news)
    (told,) = world.trouble
    expected = f"⚠️ What an agent said in {CHAT} was not answered: no idea (last phase: model-call-started)"
    assert told == ("page:ops", expected)
    assert incidents(world) == [("errand_failed", CHAT)]
    asked = [run["jobId"] for run in runs(world.home) if run["askedBy"] is not None]
    (alert,) = [part.text for part in world.provider.accepted if part.target.canonical == "page:ops"]
    assert alert.partition("Next: stentor cron runs --id ")[2] in asked


@pytest.mark.parametrize(
    ("lead", "news"),
    [
        pytest.param(Caller(said(60)), falling(), id="whoever said it has heard of that"),
        pytest.param(Caller(said(0)), late(20, saying("so it is")), id="it was answered"),
        pytest.param(
            Caller(("sessions_spawn", {"task": "news"}), ("sessions_yield", {})),
            falling(),
            id="a helper failed, and its sender has heard of that",
        ),
    ],
)
def test_what_agents_ask_of_each_other_is_their_own_affair_where(
    world: World, lead: Part, news: Part
) -> None:
    after_a_chat(world, lead=lead, news=news)
    assert (world.trouble, incidents_ever(world)) == ([], [])
