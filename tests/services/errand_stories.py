"""Agents that send each other, and runs that no schedule asked for: what the tests of built-in tools play with."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.session_log import Asked
from stentor.app.operations import Operations
from stentor.contract.runners import ToolResult, TurnRequest
from stentor.domain.jobs import AgentTurn, DeliveryModel
from stentor.domain.records import SessionSeed
from stentor.services.errand import Errand
from stentor.services.errand_jobs import errand_job
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from tests.services.stories import JsonObject, TalkingRunner

Part = Callable[[TurnRequest], Coroutine[Any, Any, str]]
MAIN = SessionSeed("s-main", "agent:main:main", "agent:main:main", "main", "main", "Main", shared=True)


class Cast:
    """Agents by the first word of what they are asked; `more` is asked whatever comes after an answer."""

    def __init__(self, **parts: Part) -> None:
        self._parts = parts
        self.asked: list[str] = []

    async def __call__(self, request: TurnRequest) -> str:
        _, marked, said = request.question.partition("] ")
        self.asked.append(said if marked else request.question)
        return await self._parts[said.split()[0] if marked else "more"](request)


class Caller:
    """An agent that makes one call after the other, and keeps what it is told."""

    def __init__(self, *calls: tuple[str, JsonObject], final: str = "done") -> None:
        self.calls = calls
        self.final = final
        self.results: list[ToolResult] = []
        self.tools: dict[str, Any] = {}

    async def __call__(self, request: TurnRequest) -> str:
        self.tools = {tool.name: tool for tool in request.tools}
        for name, arguments in self.calls:
            self.results.append(await request.call_tool(name, arguments))
        return self.final

    @property
    def answers(self) -> list[Any]:
        return [result.result for result in self.results]


def saying(text: str) -> Part:
    async def say(request: TurnRequest) -> str:
        del request
        return text

    return say


def named(name: str, agent: str = "main") -> SessionSeed:
    key = f"agent:{agent}:session:{name}"
    return SessionSeed(f"s-{name}", key, key, "named", agent, name, shared=True)


def waking(message: str, session: SessionSeed = MAIN, **delivery: Any) -> Story:
    """Somebody asks an agent in a session of its own accord, not a job's."""

    async def story(operations: Operations) -> None:
        turn = AgentTurn(message=message)
        now = operations.app.ground.seams.clock.now_ms()
        wanted = DeliveryModel.model_validate(delivery or {"mode": "none"})
        asked = errand_job(f"j-{session.id}", turn, session, wanted, now_ms=now)
        await operations.app.executor.work.turns.means.errands.send(Errand(asked, session))

    return story


def world(
    home: Path, agent: Part, provider: Provider | None = None, *, reads_files: bool = True
) -> Simulation:
    channel, runner = scripted_channel("page", provider or Provider()), TalkingRunner(agent)
    runner.reads_files = reads_files
    return Simulation(home, [channel], [runner])


def sessions(home: Path) -> list[JsonObject]:
    """Oldest first."""
    with Reader.open(home / "stentor.db") as reader:
        return list(reversed(reader.session_page(Asked(), limit=200, offset=0)[0]))
