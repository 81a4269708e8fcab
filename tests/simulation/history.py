"""Some days in the life of a store in which everything that can go wrong does, and in the end a quiet day."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.simulation import calendar_oracle as calendar
from tests.simulation.accounts import Accounts
from tests.simulation.moods import Mood, MoodyChannel, MoodyRunner
from tests.simulation.random_jobs import DAY_MS, JsonObject, PlannedJob, any_job

from stentor.adapters.sqlite.reader import Reader
from stentor.app.missing import NotFound
from stentor.app.operations import Operations
from stentor.contract.traits import Traits
from stentor.domain.faults import StaleRevision
from stentor.domain.refusals import Refused
from stentor.testing.scripted import Provider
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS

_CONFIG = """
[scheduler]
catch_up_per_minute = 60

[cron.run_log]
keep_runs = {runs}
keep_days = {days}

[deliveries]
keep_days = {days}
"""
_HOUR = 3600.0


@dataclass
class History:
    """`planned` holds the jobs that nobody has changed since they were added at `created`."""

    home: Path
    random: Random
    traits: Traits
    planned: dict[str, PlannedJob] = field(default_factory=dict[str, PlannedJob])
    created: dict[str, int] = field(default_factory=dict[str, int])
    names: int = 0

    def __post_init__(self) -> None:
        self.mood = Mood(self.random, self.random.choice((0.05, 0.2, 0.6)))
        self.provider = Provider(deduplicates=self.traits.idempotency != "none")
        self.forgets = int(self.random.random() < 0.2)
        (self.home / "stentor.toml").write_text(_CONFIG.format(runs=5 * self.forgets, days=self.forgets))
        channel = MoodyChannel(self.provider, self.mood, self.traits)
        self.world = Simulation(self.home, [channel], [MoodyRunner(self.mood)], self.random.randrange(10**6))
        self.latest_ms = START_MS

    def happen(self) -> None:
        end_ms = START_MS + round(self.mood.between(0.1, 30) * DAY_MS)
        for _ in range(self.random.randint(1, 8)):
            self._live()
            self.world.now_ms += round(self.mood.between(0.5, 3 * 24 * _HOUR) * 1000)
            if self.world.now_ms > end_ms:
                break
        self._calm_down()

    def _calm_down(self) -> None:
        """Nothing goes wrong any more, and everybody gets the time to finish."""
        self.mood.badness = 0
        self.world.now_ms = max(self.world.now_ms, self.latest_ms)
        for away_seconds in (1, 2 * _HOUR, 26 * _HOUR):
            self._live_quietly(away_seconds)
        for _ in range(50):
            if not Accounts.of(self.home).open_runs:
                break
            self._live_quietly(1)

    def _live_quietly(self, away_seconds: float) -> None:
        """Who is asked to stop accounts for nothing more, and goes on until his work is done."""
        self.world.now_ms += round(away_seconds * 1000)
        self.latest_ms = self.world.now_ms + 600_000
        self.world.live(nothing, seconds=600)

    def _live(self) -> None:
        async def story(operations: Operations) -> None:
            for _ in range(self.random.randrange(8)):
                await operations.app.ground.seams.clock.sleep(self.mood.between(0.1, 900))
                with suppress(Refused, NotFound, StaleRevision):
                    await self.random.choice(self._acts)(operations)

        point = round(self.mood.between(1, 3_000)) if self.random.random() < 0.6 else None
        self.world.live(story, seconds=self.mood.between(1, _HOUR), crash_at=point)
        self.latest_ms = max(self.latest_ms, self.world.now_ms)

    @property
    def _acts(self) -> list[Callable[[Operations], Awaitable[object]]]:
        return (
            [self._add] * 6
            + [self._run] * 3
            + [
                self._edit,
                self._switch,
                self._remove,
                self._cancel,
                self._jump,
                self._jump,
                *([] if self.forgets else [self._send]),
            ]
        )

    async def _add(self, operations: Operations) -> None:
        now_ms = operations.app.ground.seams.clock.now_ms()
        name = f"j{self.names}"
        self.names += 1
        often = self.random.random() < 0.6
        planned = (
            self._frequent(name, now_ms) if often else any_job(self.random, name, now_ms, reach_ms=DAY_MS)
        )
        planned.document.update(self._circumstances())
        self.planned[name], self.created[name] = planned, now_ms
        await operations.add_job(planned.document)

    def _frequent(self, name: str, now_ms: int) -> PlannedJob:
        """A beat that does not wait for days until it comes to something."""
        every_ms, anchor_ms = (
            round(self.mood.between(20, 4 * _HOUR) * 1000),
            now_ms - self.random.randrange(10**6),
        )
        document = {
            "id": name,
            "schedule": {"kind": "every", "everyMs": every_ms, "anchorMs": anchor_ms},
            "missed": {
                "policy": self.random.choice(("latest", "all", "skip")),
                "graceSeconds": self.random.choice((0, 60, 1800)),
            },
            "overlap": self.random.choice(("skip", "queue")),
        }
        return PlannedJob(document, lambda after, until: calendar.beats(anchor_ms, every_ms, after, until))

    def _circumstances(self) -> JsonObject:
        """What a job does, and what is to become of it when that does not work out."""
        rooms = [f"page:room{n}" for n in self.random.sample(range(4), self.random.choice((1, 1, 2)))]
        return {
            "payload": self.random.choice(
                (
                    {"kind": "text", "text": "tea"},
                    {"kind": "text", "text": "long " * 2_000},
                    {"kind": "agentTurn", "message": "tea?"},
                    {"kind": "agentTurn", "message": "tea?", "timeoutSeconds": 30},
                )
            ),
            "delivery": {"to": rooms, "expiresAfterSeconds": self.random.choice((60, 7_200, 86_400))},
            "sessionTarget": self.random.choice(("isolated", "isolated", "session:shared")),
            "onInterrupt": self.random.choice(("auto", "rerun", "report")),
            "retry": {"maxAttempts": self.random.choice((0, 1, 3))},
        }

    async def _run(self, operations: Operations) -> None:
        await operations.run_job(self._somebody(), due=self.random.random() < 0.2)

    async def _edit(self, operations: Operations) -> None:
        every_ms = round(self.mood.between(20, _HOUR) * 1000)
        # Who fires so often and makes up for days is never done with it.
        soon_over = {"graceSeconds": 1800}
        patches: tuple[JsonObject, ...] = (
            {"name": "Another name"},
            {"schedule": {"kind": "every", "everyMs": every_ms}, "missed": soon_over},
            {"schedule": {"kind": "cron", "expr": "*/7 * * * *", "tz": "Europe/Berlin"}, "missed": soon_over},
            {"missed": {"policy": "skip"}},
            self._circumstances(),
        )
        await operations.edit_job(self._changed(), self.random.choice(patches))

    async def _switch(self, operations: Operations) -> None:
        await operations.set_enabled(self._changed(), enabled=self.random.random() < 0.6)

    async def _remove(self, operations: Operations) -> None:
        await operations.remove_job(self._changed())

    async def _send(self, operations: Operations) -> None:
        await operations.send({"to": f"page:room{self.random.randrange(4)}", "text": "by hand"})

    async def _cancel(self, operations: Operations) -> None:
        with Reader.open(self.home / "stentor.db") as reader:
            runs, _ = reader.runs(limit=5, offset=0)
        for run in runs[:1]:
            await operations.cancel_run(run["runId"])

    async def _jump(self, operations: Operations) -> None:
        self.latest_ms = max(self.latest_ms, operations.app.ground.seams.clock.now_ms())
        back = self.random.random() < 0.4
        self.world.jump(-self.mood.between(0.5, 2 * _HOUR) if back else self.mood.between(0.5, 48 * _HOUR))

    def _somebody(self) -> str:
        return f"j{self.random.randrange(self.names + 1)}"

    def _changed(self) -> str:
        """Somebody whose instants the calendar does not know any more."""
        name = self._somebody()
        self.planned.pop(name, None)
        return name

    def complaints(self) -> list[str]:
        """What is left open, and what the calendar has to say."""
        accounts = Accounts.of(self.home)
        found = [f"{run} is still open" for run in accounts.open_runs]
        if not self.forgets:
            found += accounts.wrong_runs(self.planned)
            for name in sorted(self.planned.keys() & accounts.jobs.keys()):
                found += accounts.missing_or_invented(self.planned[name], self.created[name], self.latest_ms)
        return found
