"""The whole product in one thread on virtual time, which can be ended at any point and started again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from stentor.adapters.registry import Registry
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.agents.echo import EchoRunner
from stentor.app.assembly import App
from stentor.app.operations import Operations
from stentor.app.seams import Seams
from stentor.contract.channel import Channel
from stentor.contract.runners import AgentRunner
from stentor.ports import Points, Store
from stentor.testing.chance import SeededChance
from stentor.testing.points import (
    PointedClock,
    PointedConnection,
    PointedRunner,
    SimulatedCrash,
    Trail,
    pointed_store,
)
from stentor.testing.virtual_time import START_MS, VirtualClock, VirtualLoop

Story = Callable[[Operations], Awaitable[None]]


@dataclass
class Life:
    """What one process left behind when it ended."""

    trail: Trail
    crashed: bool
    ended_ms: int


@dataclass
class Simulation:
    """One home, and the processes that live in it one after the other."""

    home: Path
    channels: Sequence[Channel]
    runners: Sequence[AgentRunner] = ()
    seed: int = 1
    now_ms: int = START_MS
    _connections: list[apsw.Connection] = field(default_factory=list[apsw.Connection])

    def live(self, story: Story, *, seconds: float, crash_at: int | None = None) -> Life:
        """Start a process, tell it `story`, let it run for `seconds`, and stop it, unless it crashes before."""
        trail = Trail(crash_at)
        clock = VirtualClock(self.now_ms)
        loop = VirtualLoop()
        apps: list[App] = []
        crashed = False
        try:
            loop.run_until_complete(self._process(story, seconds, clock, trail, apps))
        except SimulatedCrash:
            crashed = True
            _abandon(loop)
        finally:
            self.now_ms = clock.start_ms + round(loop.time() * 1000)
            loop.close()
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            for app in apps:
                app.lock.release()
        self.seed += 1
        return Life(trail, crashed, self.now_ms)

    async def _process(
        self, story: Story, seconds: float, clock: VirtualClock, trail: Trail, apps: list[App]
    ) -> None:
        app = App.open(
            self.home, role="simulation", seams=self._seams(clock, trail), registry=self._registry()
        )
        apps.append(app)
        stop = asyncio.Event()

        async def told() -> None:
            await story(Operations(app))
            await clock.sleep(seconds)
            stop.set()

        await app.run(stop, told)
        await app.connections.close()
        await app.store.close()

    def _registry(self) -> Registry:
        return Registry.of(channels=self.channels, runners=self.runners or (EchoRunner(),))

    def _seams(self, clock: VirtualClock, trail: Trail) -> Seams:
        def open_store(path: Path, points: Points) -> Store:
            connection = open_connection(path)
            self._connections.append(connection)
            return pointed_store(SqliteStore(path, connection, InlineWriter(connection, points)), points)

        return Seams(
            PointedClock(clock, trail),
            SeededChance(self.seed),
            trail,
            open_store,
            lambda connection: PointedConnection(connection, trail),
            lambda runner: PointedRunner(runner, trail),
        )


async def nothing(operations: Operations) -> None:
    """The story of a process that is only there to go on."""
    del operations


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """A dead process has no tasks to finish and nobody to complain."""
    loop.set_exception_handler(lambda _loop, _context: None)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    while asyncio.all_tasks(loop):
        # Tasks that still reach a point die of it, one after the other, and each death stops the loop.
        with suppress(SimulatedCrash, RuntimeError):
            loop.run_until_complete(asyncio.sleep(0))
