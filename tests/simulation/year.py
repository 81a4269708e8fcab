"""A year in the life of a store: jobs come, processes start and stop and die, and the clock is not to be trusted."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import exp, log
from pathlib import Path
from random import Random

from tests.services.stories import TalkingRunner
from tests.simulation import calendar_oracle as calendar
from tests.simulation.accounts import Accounts
from tests.simulation.random_jobs import DAY_MS, HOUR_MS, ZONES, PlannedJob, any_job

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS, pass_time

END_MS = START_MS + 365 * DAY_MS
# All of it is kept, and nobody is switched off for having bad luck with the lots.
_CONFIG = """
[scheduler]
disable_after_errors = 0

[cron.run_log]
keep_runs = 0
keep_days = 0

[deliveries]
keep_days = 0
"""
_HOUR = 3600.0
_DAY = 24 * _HOUR
_CHANGES_OF_CLOCKS = sorted({at for zone in ZONES for at in calendar.changes(zone) if START_MS < at < END_MS})


@dataclass(frozen=True)
class Weather:
    """What kind of year it is. `lots` decides everything that is not said here.

    crashes       the share of lives that end in the middle of something.
    jumps         how many times a clock is set in one life, each as likely as the others.
    away_days     the longest time without a process.
    """

    lots: int
    jobs: int
    crashes: float
    jumps: tuple[int, ...]
    away_days: int


@dataclass
class Year:
    """`planned` holds every job of the store, and `created` when it was taken."""

    home: Path
    weather: Weather
    planned: dict[str, PlannedJob] = field(default_factory=dict[str, PlannedJob])
    created: dict[str, int] = field(default_factory=dict[str, int])
    lives: int = 0
    crashes: int = 0
    jumps: int = 0

    def __post_init__(self) -> None:
        (self.home / "stentor.toml").write_text(_CONFIG)
        self.random = Random(self.weather.lots)
        self.provider = Provider()
        channel = scripted_channel("page", self.provider)
        self.world = Simulation(
            self.home, [channel], [TalkingRunner(self._turn)], self.random.randrange(10**6)
        )
        # The latest time any clock has shown.
        self.latest_ms = START_MS

    def pass_by(self) -> None:
        """Live through it, and then on until nothing is open."""
        while self.world.now_ms < END_MS:
            self._live()
            self._be_away()
        self.world.now_ms = max(self.world.now_ms, self.latest_ms)
        self._live_quietly()
        while Accounts.of(self.home).open_runs:
            self._live_quietly()
        self.planned = {name: self.planned[name] for name in self._stored()}

    def _live_quietly(self) -> None:
        """Who is asked to stop accounts for nothing more, and goes on until his work is done."""
        self.latest_ms = self.world.now_ms + HOUR_MS
        self.world.live(nothing, seconds=_HOUR)

    def _live(self) -> None:
        newcomers = self._newcomers()
        jumps = [self._jump() for _ in range(self.random.choice(self.weather.jumps))]

        async def story(operations: Operations) -> None:
            for job in newcomers:
                await self._offer(operations, job)
            for seconds, jump in jumps:
                await operations.app.ground.seams.clock.sleep(seconds)
                self.latest_ms = max(self.latest_ms, operations.app.ground.seams.clock.now_ms())
                self.world.jump(jump)
                self.jumps += 1

        up = self._between(20, 3 * _HOUR)
        point = round(self._between(20, 10_000)) if self.random.random() < self.weather.crashes else None
        life = self.world.live(story, seconds=up, crash_at=point)
        self.lives += 1
        self.crashes += life.crashed
        self.latest_ms = max(self.latest_ms, life.ended_ms)

    def _be_away(self) -> None:
        """For a second or for days; or until about the time at which clocks change somewhere."""
        self.world.now_ms += round(self._between(1, self.weather.away_days * _DAY) * 1000)
        coming = next((at for at in _CHANGES_OF_CLOCKS if 0 < at - self.world.now_ms < 10 * DAY_MS), None)
        if coming is not None and self.random.random() < 0.3:
            self.world.now_ms = coming + self.random.randrange(-2 * HOUR_MS, HOUR_MS)

    def _jump(self) -> tuple[float, float]:
        """After how long, and by how much: back by hours at most, forward by days."""
        by = -self._between(1, 4 * _HOUR) if self.random.random() < 0.4 else self._between(1, 2 * _DAY)
        return self._between(1, _HOUR), by

    def _newcomers(self) -> Sequence[PlannedJob]:
        """More than half of the jobs are there from the start. Whom a crash kept out comes again, as somebody else."""
        share = min(1.0, 0.6 * (1 + (self.world.now_ms - START_MS) / (END_MS - START_MS)))
        names = {f"j{number:03}" for number in range(round(self.weather.jobs * share))}
        reach_ms = max(END_MS - self.world.now_ms, DAY_MS)
        return [
            any_job(self.random, name, self.world.now_ms, reach_ms=reach_ms)
            for name in sorted(names - self._stored())
        ]

    async def _offer(self, operations: Operations, job: PlannedJob) -> None:
        self.planned[job.id] = job
        self.created[job.id] = operations.app.ground.seams.clock.now_ms()
        await operations.add_job(job.document)

    async def _turn(self, request: TurnRequest) -> str:
        """Some turns take minutes, few take longer than they may, and some fail."""
        await pass_time(self._between(0.01, _HOUR))
        if self.random.random() < 0.05:
            raise RunnerError("unavailable", "the model is not at home")
        return f"about {request.message}"

    def _between(self, low: float, high: float) -> float:
        """As often between 1 and 10 as between 10 and 100."""
        return exp(self.random.uniform(log(low), log(high)))

    def _stored(self) -> set[str]:
        if not self.lives:
            return set()
        with closing(read_only(str(self.home / "stentor.db"))) as connection:
            return {name for (name,) in fetch(connection, "SELECT id FROM jobs")}
