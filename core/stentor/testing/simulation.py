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
from stentor.ports import Aside, Points, Store
from stentor.testing.aside import AtOnce
from stentor.testing.chance import SeededChance
from stentor.testing.points import (
    PointedClock,
    PointedConnection,
    PointedRunner,
    SimulatedCrash,
    Trail,
    pointed_store,
)
from stentor.testing.virtual_time import START_MS, VirtualClock, VirtualLoop, pass_time

Story = Callable[[Operations], Awaitable[None]]
# Between the seeds of processes that live at the same time; one after the other they count up by one.
_FAR_APART = 1_000_003


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
    aside: Aside = field(default_factory=AtOnce)
    # Told of each point; what it raises happens there.
    at_each_point: Callable[[str], None] | None = None
    _stops: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    _connections: list[apsw.Connection] = field(default_factory=list[apsw.Connection])
    _clock: VirtualClock = field(default_factory=VirtualClock)

    def live(
        self, story: Story, *, seconds: float, crash_at: int | None = None, neighbours: Sequence[Path] = ()
    ) -> Life:
        """Start a process, tell it `story`, let it run for `seconds`, and stop it, unless it crashes before.

        In the homes of `neighbours` processes live at the same time, which are told nothing.
        """
        trail, loop, apps = self._born(crash_at)
        crashed = False
        try:
            loop.run_until_complete(self._processes(story, seconds, neighbours, trail, apps))
        except SimulatedCrash:
            crashed = True
            _abandon(loop)
        finally:
            self._bury(loop, apps)
        return Life(trail, crashed, self.now_ms)

    def begin(self) -> "Living":
        """Start a process that lives on between the steps of a test."""
        trail, loop, apps = self._born(None)
        asked = asyncio.Event()

        async def until_asked(operations: Operations) -> None:
            del operations
            await asked.wait()

        # The outermost task of its loop: no group stands above it.
        process = asyncio.Task(self._processes(until_asked, 0, (), trail, apps), loop=loop)
        living = Living(loop, trail, apps, process, asked, lambda: self._bury(loop, apps))
        living.pass_time(0.001)
        return living

    def jump(self, seconds: float) -> None:
        """Set the wall clock of the living process forward, or back, without any time passing for it."""
        self._clock.start_ms += round(seconds * 1000)

    def ask_to_stop(self) -> None:
        """What the system does with a signal."""
        for stop in self._stops:
            stop.set()

    def _born(self, crash_at: int | None) -> tuple[Trail, VirtualLoop, list[App]]:
        self._clock = VirtualClock(self.now_ms)
        self._stops.clear()
        return Trail(crash_at, self.at_each_point), VirtualLoop(), []

    def _bury(self, loop: VirtualLoop, apps: list[App]) -> None:
        """What the system takes back from a process, however it ended."""
        self.now_ms = self._clock.start_ms + round(loop.time() * 1000)
        loop.close()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        for app in apps:
            app.ground.lock.release()
        self.seed += 1

    async def _processes(
        self, story: Story, seconds: float, neighbours: Sequence[Path], trail: Trail, apps: list[App]
    ) -> None:
        for number, home in enumerate((self.home, *neighbours)):
            seams = self._seams(trail, self.seed + number * _FAR_APART)
            apps.append(App.open(home, role="simulation", seams=seams, registry=self._registry()))
        first, *others = apps
        await asyncio.gather(
            self._process(first, story, seconds), *(self._process(app, nothing, seconds) for app in others)
        )

    async def _process(self, app: App, story: Story, seconds: float) -> None:
        stop = asyncio.Event()
        self._stops.append(stop)

        async def told() -> None:
            await story(Operations(app))
            await app.ground.seams.clock.sleep(seconds)
            stop.set()

        await app.run(stop, told)
        await app.connections.close()
        await app.ground.store.close()

    def _registry(self) -> Registry:
        return Registry.of(channels=self.channels, runners=self.runners or (EchoRunner(),))

    def _seams(self, trail: Trail, seed: int) -> Seams:
        def open_store(path: Path, points: Points) -> Store:
            connection = open_connection(path)
            self._connections.append(connection)
            return pointed_store(SqliteStore(path, connection, InlineWriter(connection, points)), points)

        return Seams(
            PointedClock(self._clock, trail),
            SeededChance(seed),
            trail,
            self.aside,
            open_store,
            lambda connection: PointedConnection(connection, trail),
            lambda runner: PointedRunner(runner, trail),
        )


@dataclass
class Living:
    """A process in the middle of its life: no time passes for it until the test lets it."""

    _loop: VirtualLoop
    _trail: Trail
    _apps: list[App]
    _process: "asyncio.Task[None]"
    _asked: asyncio.Event
    _bury: Callable[[], None]

    def tell(self, story: Story) -> None:
        self._go_on(story(Operations(self._apps[0])))

    def pass_time(self, seconds: float, *, crash_after: int | None = None) -> bool:
        """Whether the process is still there afterwards; with `crash_after`, at most so many points later it is not."""
        if crash_after is not None:
            self._trail.crash_after(crash_after)
        try:
            self._go_on(pass_time(seconds))
        except SimulatedCrash:
            self.kill()
            return False
        self._trail.crash_after(None)
        return True

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._asked.set()
        self._loop.run_until_complete(self._process)
        self._bury()

    def kill(self) -> None:
        """From now on nothing gets past any point."""
        self._trail.crash_after(0)
        _abandon(self._loop)
        self._bury()

    def _go_on(self, step: Awaitable[None]) -> None:
        self._loop.run_until_complete(step)
        if self._process.done():
            self._process.result()


async def nothing(operations: Operations) -> None:
    """The story of a process that is only there to go on."""
    del operations


def _abandon(loop: asyncio.AbstractEventLoop) -> None:
    """A dead process has no tasks to finish and nobody to complain."""
    loop.set_exception_handler(lambda _loop, _context: None)
    while tasks := asyncio.all_tasks(loop):
        # Some do not end at the first asking.
        for task in tasks:
            task.cancel()
        # Tasks that still reach a point die of it, one after the other, and each death stops the loop.
        with suppress(SimulatedCrash, RuntimeError):
            loop.run_until_complete(asyncio.sleep(0))
