"""Short words for what the service tests tell a simulated process."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.runners import AgentRunner, Final, Phase, RunnerEvent, TurnRequest
from stentor.testing.simulation import Story
from stentor.testing.virtual_time import pass_time

JsonObject = dict[str, Any]


def job(**changes: Any) -> JsonObject:
    """A one-shot text two seconds after the start, to page:room1."""
    return {
        "id": "brief",
        "name": "Brief",
        "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
        "payload": {"kind": "text", "text": "hello"},
        "delivery": {"to": "page:room1"},
    } | changes


class SlowDisk:
    """A store whose every operation takes a second more once it is done."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        async def slow(*args: Any, **named: Any) -> Any:
            done = await getattr(self._store, name)(*args, **named)
            await pass_time(1)
            return done

        return slow


def adding(*jobs: JsonObject) -> Story:
    async def story(operations: Operations) -> None:
        for raw in jobs:
            await operations.add_job(raw)

    return story


def sending(*targets: str) -> Story:
    async def story(operations: Operations) -> None:
        for number, target in enumerate(targets):
            await operations.send({"to": target, "text": f"message {number}"})

    return story


class TalkingRunner(AgentRunner):
    """A runner whose turn is a function."""

    name = "echo"

    def __init__(self, turn: Callable[[TurnRequest], Coroutine[Any, Any, str]]) -> None:
        self._turn = turn
        self.turns: list[TurnRequest] = []

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        self.turns.append(request)
        yield Phase("model-call-started")
        yield Final(await self._turn(request))


def runs(home: Path) -> list[JsonObject]:
    """The run log, oldest first."""
    with Reader.open(home / "stentor.db") as reader:
        return list(reversed(reader.runs(limit=200, offset=0)[0]))


def deliveries(home: Path) -> list[JsonObject]:
    """All deliveries, oldest first."""
    with Reader.open(home / "stentor.db") as reader:
        return list(reversed(reader.deliveries()))


def alerts(home: Path) -> list[str]:
    with Reader.open(home / "stentor.db") as reader:
        return [alert["cause"] for alert in reversed(reader.alerts(100))]


def stored_job(home: Path, name: str = "brief") -> JsonObject:
    with Reader.open(home / "stentor.db") as reader:
        found = reader.job(name)
    assert found is not None
    return found
