"""The process is ended at every point it passes while there is trouble to tell: it is told, and told once."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.stories import TalkingRunner

from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.contract.traits import Traits
from stentor.domain.faults import AlreadyExists
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Life, Simulation, nothing

CONFIG = '[cron]\nfailure_destination = { to = "ops:all" }\n'
JOB = {
    "id": "brief",
    "name": "Brief",
    "schedule": {"kind": "at", "at": "2026-07-01T07:00:02Z"},
    "payload": {"kind": "agentTurn", "message": "daily brief"},
    "delivery": {"to": ["page:room1"]},
    "retry": {"maxAttempts": 0},
}


async def failing(request: TurnRequest) -> str:
    raise RunnerError("crashed", f"boom: {request.message}")


async def add_job(operations: Operations) -> None:
    with suppress(AlreadyExists):
        await operations.add_job(JOB)


@dataclass
class World:
    """A home whose only job fails, and the provider that people read."""

    home: Path
    ops: Provider = field(default_factory=lambda: Provider(deduplicates=True))

    def __post_init__(self) -> None:
        self.home.mkdir()
        (self.home / "stentor.toml").write_text(CONFIG)
        channels = [
            scripted_channel("page", Provider()),
            scripted_channel("ops", self.ops, Traits(idempotency="key")),
        ]
        self.simulation = Simulation(self.home, channels, [TalkingRunner(failing)])

    def live(self, *, seconds: float, crash_at: int | None = None) -> Life:
        return self.simulation.live(add_job, seconds=seconds, crash_at=crash_at)

    def assert_told_once(self) -> None:
        check(self.home, Witness({"ops": self.ops}))
        with Reader.open(self.home / "stentor.db") as reader:
            alerts = [found for found in reader.deliveries() if found["purpose"] == "failure"]
            (incident,) = reader.incidents(10)
            failures, _ = reader.runs(limit=10, offset=0)
        assert [(alert["target"], alert["state"]) for alert in alerts] == [("ops:all", "accepted")]
        assert (incident["cause"], incident["told"]) == ("failing", 1)
        # A run that the end of its process cut off is one of them.
        assert incident["count"] == len(failures)
        assert len(self.ops.accepted) == 1
        assert self.ops.accepted[0].text.startswith('⚠️ Job "Brief" failed')


def test_a_crash_at_any_point_tells_of_a_failure_once(fast_home: Path) -> None:
    calm = World(fast_home / "calm")
    total = len(calm.live(seconds=15).trail.names)
    calm.assert_told_once()
    for point in range(1, total + 1):
        world = World(fast_home / str(point))
        life = world.live(seconds=15, crash_at=point)
        world.live(seconds=30)
        try:
            world.assert_told_once()
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"crash at point {point} ({life.trail.names[-1]}): {error}") from error


def test_ten_restarts_after_that_tell_nothing_more(fast_home: Path) -> None:
    world = World(fast_home / "home")
    world.live(seconds=15)
    for _ in range(10):
        world.simulation.live(nothing, seconds=20)
    world.assert_told_once()
