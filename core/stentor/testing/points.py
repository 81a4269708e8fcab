"""Numbered points: every commit and every await on a seam, and a way to end the world at any of them."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from stentor.adapters.clock import SystemClock
from stentor.contract.channel import Connection
from stentor.contract.inbox import Inbox
from stentor.contract.payloads import Part
from stentor.contract.receipts import Receipt
from stentor.contract.runners import AgentRunner, RunnerEvent, TurnRequest
from stentor.contract.settings import ProviderSettings
from stentor.contract.targets import Target
from stentor.ports import Event, Points, Store

P = ParamSpec("P")
T = TypeVar("T")


class SimulatedCrash(KeyboardInterrupt):
    """The process is gone. Only this kind of exception leaves an event loop without anybody tidying up."""


class Trail:
    """Counts points and, at a chosen one, ends the world: from then on nothing gets past any point."""

    def __init__(self, crash_at: int | None = None, at_each: Callable[[str], None] | None = None) -> None:
        self.names: list[str] = []
        self._crash_at = crash_at
        self._at_each = at_each

    def crash_after(self, points: int | None) -> None:
        """End the world so many points from now; None takes that back."""
        self._crash_at = None if points is None else len(self.names) + points

    @property
    def crashed(self) -> bool:
        return self._crash_at is not None and len(self.names) >= self._crash_at

    def reach(self, name: str) -> None:
        if not self.crashed:
            self.names.append(name)
        if self.crashed:
            raise SimulatedCrash(f"at point {len(self.names)}: {self.names[-1]}")
        if self._at_each is not None:
            try:
                self._at_each(name)
            except SimulatedCrash:
                self.crash_after(0)
                raise


class PointedStore:
    """A store whose every operation is reached, done and left at a point."""

    def __init__(self, store: Store, points: Points) -> None:
        self._store = store
        self._points = points

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        operation = getattr(self._store, name)

        async def pointed(*args: Any, **named: Any) -> Any:
            self._points.reach(f"store.{name}.before")
            result = await operation(*args, **named)
            self._points.reach(f"store.{name}.after")
            return result

        return pointed


def pointed_store(store: Store, points: Points) -> Store:
    return cast("Store", PointedStore(store, points))


class PointedConnection(Connection):
    """A transport whose every send is reached, done and left at a point."""

    def __init__(self, connection: Connection, points: Points) -> None:
        self._connection = connection
        self._points = points

    async def send(self, part: Part) -> Receipt:
        self._points.reach("transport.send.before")
        receipt = await self._connection.send(part)
        self._points.reach("transport.send.after")
        return receipt

    async def probe(self) -> str:
        return await self._connection.probe()

    async def resolve(self, target: Target) -> Target:
        return await self._connection.resolve(target)

    async def reconcile(self, part: Part) -> Receipt | None:
        self._points.reach("transport.reconcile.before")
        return await self._connection.reconcile(part)

    async def receive(self, inbox: Inbox) -> None:
        await self._connection.receive(inbox)

    async def close(self) -> None:
        await self._connection.close()


class PointedRunner(AgentRunner):
    """A runner whose every event is a point."""

    name = "pointed"

    def __init__(self, runner: AgentRunner, points: Points) -> None:
        self._runner = runner
        self._points = points
        self.models = runner.models
        self.reads_files = runner.reads_files

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        self._points.reach("runner.turn.before")
        async for event in self._runner.turn(request):
            self._points.reach(f"runner.event.{type(event).__name__}")
            yield event

    def objection(self, model: str, providers: Mapping[str, ProviderSettings]) -> str:
        return self._runner.objection(model, providers)

    def endpoint(self, request: TurnRequest) -> str | None:
        return self._runner.endpoint(request)

    async def probe(self, request: TurnRequest) -> str:
        return await self._runner.probe(request)


class PointedClock(SystemClock):
    """A clock on which every wait is a point."""

    def __init__(self, clock: SystemClock, points: Points) -> None:
        self._clock = clock
        self._points = points

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._points.reach("clock.sleep")

    async def wait(self, event: Event, seconds: float | None) -> bool:
        done = await self._clock.wait(event, seconds)
        self._points.reach("clock.wait")
        return done
