"""One run under way, on virtual time and a real store: what the tests of a turn play in."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.adapters.workspace import FolderWorkspaces
from stentor.contract.runners import AgentRunner, Message, Phase, RunnerEvent, TurnRequest
from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool, ToolCall
from stentor.domain.jobs import Command, Job, fill_defaults
from stentor.domain.records import Preferences, RunSeed
from stentor.domain.rulings import Hand
from stentor.domain.wishes import Wishes
from stentor.ports import Store
from stentor.services.agent_turns import Agent
from stentor.services.asking import Means
from stentor.services.briefing import Briefing
from stentor.services.cooldowns import Cooldowns
from stentor.services.errands import Errands
from stentor.services.mcp_access import McpTurns
from stentor.services.outcomes import TurnFailed, TurnOutcome
from stentor.services.preflight import Preflight
from stentor.services.toolbox import Toolbox
from stentor.services.turn_clocks import SETUP_SECONDS, STALL_SECONDS
from stentor.services.turns import Turns
from stentor.testing.aside import AtOnce
from stentor.testing.points import Trail
from stentor.testing.rows import BOOT
from stentor.testing.store_conformance.steps import running_run
from stentor.testing.virtual_time import VirtualClock, VirtualLoop, pass_time

T = TypeVar("T")
Speech = AsyncGenerator[RunnerEvent]
CALLED = Phase("model-call-started")


class SpeakingRunner(AgentRunner):
    """A runner whose turn is an async generator function. Nobody configures it, so it takes the default's place."""

    name = "echo"

    def __init__(self, speech: Callable[[TurnRequest], Speech]) -> None:
        self._speech = speech

    def turn(self, request: TurnRequest) -> Speech:
        return self._speech(request)


@dataclass
class Scene:
    """A run, what its agent may use, and the group that is left with what does not end."""

    home: Path
    turns: Turns
    run: RunSeed
    clock: VirtualClock
    tasks: asyncio.TaskGroup
    tool_calls: list[object]

    async def take(self, **payload: Any) -> TurnOutcome:
        return await self.turns.take(self.run, a_job(payload), self.tasks)

    async def failure(self, **payload: Any) -> TurnFailed:
        try:
            outcome = await self.take(**payload)
        except TurnFailed as failure:
            return failure
        raise AssertionError(f"the turn came to {outcome}")

    async def remember(self, messages: Sequence[Message]) -> None:
        """Something was said in the session of the run before."""
        await self.turns.means.store.remember(self.run.id, BOOT, messages, self.clock.now_ms())

    async def said(self) -> tuple[Message, ...]:
        """What is written down of the run's session."""
        return tuple(await self.turns.means.store.history(self.run.session.id))

    async def wish(self, wishes: Wishes) -> None:
        await self.turns.means.store.prefer(self.run.session.base_key, wishes, Hand("somebody", 0))

    async def preferences(self) -> Preferences | None:
        return await self.turns.means.store.preferences(self.run.session.base_key)

    @property
    def seconds(self) -> float:
        """How much time has passed."""
        return round(self.clock.monotonic(), 3)

    @property
    def phase(self) -> str:
        with Reader.open(self.home / "stentor.db") as reader:
            found = reader.run(self.run.id)
        assert found is not None
        return str(found["phase"])

    @property
    def late(self) -> list[str]:
        """What was noted of the run after it was over."""
        with Reader.open(self.home / "stentor.db") as reader:
            events = reader.events(0)
        return [event["data"]["what"] for event in events if event["kind"] == "run.late_output"]


def means_of(home: Path, store: Store, clock: VirtualClock, **wanted: Any) -> Means:
    """Nothing configured, but what is wanted."""
    usual: dict[str, Any] = {
        "briefing": Briefing(clock, FolderWorkspaces(home), AtOnce(), "UTC"),
        "cooldowns": Cooldowns(clock),
        "preflight": Preflight(clock),
        "toolbox": Toolbox({}),
        "mcp_turns": McpTurns("t".__mul__),
        "errands": Errands(store, clock, _nobody_runs, _nobody_runs, str, str, BOOT),
        "providers": {},
        "reveal": str,
        "clean": str,
        "boot": BOOT,
        "setup_seconds": SETUP_SECONDS,
        "stall_seconds": STALL_SECONDS,
    }
    return Means(store, clock, **(usual | wanted))


def _nobody_runs(*_: object) -> Any:
    raise AssertionError("nobody was to be sent")


Play = Callable[[Scene], Awaitable[T]]


def a_job(payload: dict[str, Any]) -> Job:
    """An agent's turn, unless the payload says otherwise."""
    agent_turn = {"kind": "agentTurn", "message": "daily brief"}
    return Job.model_validate(
        fill_defaults(
            {
                "id": "brief",
                "name": "Brief",
                "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
                "payload": payload if "kind" in payload else agent_turn | payload,
                "delivery": {"mode": "none"},
            }
        )
    )


def acted(
    home: Path, speech: Callable[[TurnRequest], Speech] | AgentRunner, play: Play[T], **turns: Any
) -> T:
    """Play a scene with an agent that speaks like this."""
    runner = speech if isinstance(speech, AgentRunner) else SpeakingRunner(speech)
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_staged(home, runner, play, turns))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _staged(home: Path, runner: AgentRunner, play: Play[T], turns: dict[str, Any]) -> T:
    path = home / "stentor.db"
    connection = open_connection(path)
    store = SqliteStore(path, connection, InlineWriter(connection, Trail()))
    run = await running_run(store)
    clock = VirtualClock()
    calls: list[object] = []

    looks = turns.pop("looks", False)

    async def page(call: ToolCall, arguments: Mapping[str, object]) -> str:
        calls.append(arguments)
        return f"paged for {call.run_id}"

    agents = {"main": Agent("main", runner, RunnerSettings(), **{"model": "m-1"} | turns.pop("agent", {}))}

    async def look(call: ToolCall, arguments: Mapping[str, object]) -> str:
        """At what is on record when a tool runs."""
        calls.append(await store.history(run.session.id))
        return looks if isinstance(looks, str) else "seen"

    tools = {"page": Tool("page", "Pages somebody.", {}, page)}
    if looks:
        tools["look"] = Tool("look", "Looks.", {}, look)
    try:
        async with asyncio.TaskGroup() as tasks:
            means = means_of(home, store, clock, toolbox=Toolbox(tools), **turns)
            taken = Turns(agents, _sleep_words, means)
            return await play(Scene(home, taken, run, clock, tasks, calls))
    finally:
        await store.close()


async def _sleep_words(command: Command, environment: Mapping[str, str]) -> str:
    """A program that takes as many seconds as its last word says."""
    await pass_time(float(command.argv[-1]))
    return f"{command.argv[0]} for {environment['STENTOR_RUN_ID']}"
