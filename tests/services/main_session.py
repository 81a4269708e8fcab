"""A home whose agent acts in its main session, and what becomes of the events there."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.app.seams import Seams
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.domain.happenings import HEARTBEAT
from stentor.ports import Points, Store
from stentor.testing.points import Trail
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story
from stentor.testing.virtual_time import pass_time
from tests.services.stories import JsonObject, TalkingRunner, job, runs

MINUTE = 60
HALF_HOUR = 30 * MINUTE
MAIN = "agent:main:main"
AGENT = '[agents.main]\nrunner = "echo"\n'
TO_ROOM = '[heartbeat]\ntarget = "page:room1"\n'
BEATING = f'{TO_ROOM}every = "30m"\n'
TROUBLE = "⚠✅"
Turn = Callable[[TurnRequest], Coroutine[Any, Any, str]]


async def repeat(request: TurnRequest) -> str:
    return request.question


async def all_quiet(request: TurnRequest) -> str:
    del request
    return "HEARTBEAT_OK"


def failing_at_first(*errors: RunnerError) -> Turn:
    """Once with each of these errors, in their order; then it repeats what it is asked."""
    left = iter(errors)

    async def turn(request: TurnRequest) -> str:
        for error in left:
            raise error
        return request.question

    return turn


async def tea_then_urgent(operations: Operations) -> None:
    await operations.wake({"text": "tea"})
    await pass_time(5)
    await operations.wake({"text": "urgent"})


class World:
    """A home with an agent that acts in its main session."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.provider = Provider()
        self.runner = TalkingRunner(repeat)
        self._last: Simulation | None = None

    def configured(self, toml: str) -> None:
        (self.home / "stentor.toml").write_text(f'timezone = "UTC"\n{toml}')

    def simulation(self, turn: Turn | None = None, *, is_slow: bool = False) -> Simulation:
        """Where the last one ended another begins."""
        self.runner = TalkingRunner(turn or repeat)
        channels, last = [scripted_channel("page", self.provider)], self._last
        begun = (SlowSimulation if is_slow else Simulation)(self.home, channels, [self.runner])
        if last is not None:
            begun.now_ms, begun.seed = last.now_ms, last.seed
        self._last = begun
        return begun

    @property
    def questions(self) -> list[str]:
        return [turn.question for turn in self.runner.turns]

    @property
    def sent(self) -> list[str]:
        """Without what people are told of trouble."""
        return [part.text for part in self.provider.accepted if part.text[0] not in TROUBLE]

    @property
    def trouble(self) -> list[tuple[str, str]]:
        """What people are told of it, and where: the first line each time."""
        alarms = [part for part in self.provider.accepted if part.text[0] in TROUBLE]
        return [(part.target.canonical, part.text.splitlines()[0]) for part in alarms]

    @property
    def heartbeats(self) -> list[JsonObject]:
        return [run for run in runs(self.home) if run["jobId"] == HEARTBEAT]

    @property
    def session(self) -> JsonObject:
        with Reader.open(self.home / "stentor.db") as reader:
            found = reader.session(MAIN)
        assert found is not None
        return found

    @property
    def unanswered(self) -> int:
        with Reader.open(self.home / "stentor.db") as reader:
            return int(reader.main_session()["unanswered"])


def event(text: str = "water the plants", **changes: Any) -> JsonObject:
    payload = {"kind": "systemEvent", "text": text}
    return job(payload=payload, delivery={"mode": "none"}) | changes


def at(time: str, text: str, **changes: Any) -> JsonObject:
    schedule = {"kind": "at", "at": f"2026-07-01T{time}Z"}
    return event(text, id=text, schedule=schedule, **changes)


def waking(**asked: str) -> Story:
    async def story(operations: Operations) -> None:
        await operations.wake(asked)

    return story


def outlook(operations: Operations) -> JsonObject:
    return dict(operations.app.heartbeat.outlook())


class SlowStore:
    """What is asked of it is done after a moment, and known another moment later."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        operation = getattr(self._store, name)

        async def slow(*args: Any, **named: Any) -> Any:
            await pass_time(0.002)
            result = await operation(*args, **named)
            await pass_time(0.003)
            return result

        return slow


class SlowSimulation(Simulation):
    """Where others get on while one waits for the store."""

    def _seams(self, trail: Trail, seed: int) -> Seams:
        usual = super()._seams(trail, seed)

        def open_store(path: Path, points: Points) -> Store:
            return cast("Store", SlowStore(usual.open_store(path, points)))

        return replace(usual, open_store=open_store)
