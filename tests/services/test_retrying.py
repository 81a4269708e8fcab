"""What failures do to a job: it slows down, tries again where that may help, and is switched off in the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.domain.instants import from_iso
from stentor.testing.invariants import check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import TalkingRunner, adding, alerts, job, runs, stored_job

TURN = {"kind": "agentTurn", "message": "work"}
EVERY_SECOND = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
DAILY = {"kind": "cron", "expr": "1 7 * * *", "tz": "UTC"}


class Trouble:
    """A runner's turn that fails as often as it is told to."""

    def __init__(
        self, kind: str, message: str = "no", times: int = 10**6, retry_after: float | None = None
    ) -> None:
        self.left = times
        self._error = (kind, message)
        self._retry_after = retry_after

    async def __call__(self, request: TurnRequest) -> str:
        self.left -= 1
        if self.left >= 0:
            raise RunnerError(*self._error, retry_after=self._retry_after)
        return "done"


@pytest.fixture
def world(fast_home: Path) -> Iterator[Callable[[Trouble], Simulation]]:
    yield lambda trouble: Simulation(
        fast_home, [scripted_channel("page", Provider())], [TalkingRunner(trouble)]
    )
    check(fast_home)


def starts(home: Path) -> list[float]:
    """When runs started, in seconds after the beginning."""
    return [(from_iso(run["startedAt"]) - START_MS) / 1000 for run in runs(home) if run["startedAt"]]


def outcomes(home: Path, reason: str) -> int:
    query = "SELECT count(*) FROM occurrences WHERE reason = ?"
    connection = read_only(str(home / "stentor.db"))
    try:
        return int(fetch(connection, query, (reason,))[0][0])
    finally:
        connection.close()


def test_errors_in_a_row_slow_a_job_down_step_by_step(world: Any, fast_home: Path) -> None:
    world(Trouble("auth")).live(adding(job(schedule=EVERY_SECOND, payload=TURN)), seconds=8600)
    assert starts(fast_home) == [1, 31, 91, 391, 1291, 4891, 8491]
    assert outcomes(fast_home, "backoff") == 8490 - 6
    assert stored_job(fast_home)["state"]["consecutiveErrors"] == 7


def test_a_success_brings_the_schedule_back_to_normal(world: Any, fast_home: Path) -> None:
    world(Trouble("auth", times=2)).live(adding(job(schedule=EVERY_SECOND, payload=TURN)), seconds=95)
    assert starts(fast_home) == [1, 31, 91, 92, 93, 94, 95]
    assert stored_job(fast_home)["state"]["consecutiveErrors"] == 0


def test_a_manual_success_ends_the_waiting_at_once(world: Any, fast_home: Path) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=EVERY_SECOND, payload=TURN))
        await operations.app.ground.seams.clock.sleep(10.5)
        await operations.run_job("brief", due=False)

    world(Trouble("auth", times=1)).live(story, seconds=2)
    assert starts(fast_home)[:4] == [1, 10.5, 10.5, 11]


def test_the_waiting_outlives_a_restart(world: Any, fast_home: Path) -> None:
    simulation = world(Trouble("auth"))
    simulation.live(adding(job(schedule=EVERY_SECOND, payload=TURN)), seconds=5)
    simulation.live(nothing, seconds=30)
    assert starts(fast_home) == [1, 31]


def test_skipped_runs_do_not_slow_a_job_down(world: Any, fast_home: Path) -> None:
    async def slow(request: TurnRequest) -> str:
        await simulation_clock.sleep(1.5)
        return "done"

    simulation = Simulation(fast_home, [scripted_channel("page", Provider())], [TalkingRunner(slow)])

    async def story(operations: Operations) -> None:
        nonlocal simulation_clock
        simulation_clock = operations.app.ground.seams.clock
        await operations.add_job(job(schedule=EVERY_SECOND, payload=TURN))

    simulation_clock: Any = None
    simulation.live(story, seconds=8.9)
    assert starts(fast_home) == [1, 3, 5, 7]
    assert outcomes(fast_home, "overlap") == 4
    assert stored_job(fast_home)["state"]["consecutiveErrors"] == 0


def test_trouble_that_passes_is_tried_again_soon(world: Any, fast_home: Path) -> None:
    world(Trouble("rate_limit", times=2)).live(adding(job(payload=TURN)), seconds=120)
    assert [(run["status"], run["trigger"], run["attempt"]) for run in runs(fast_home)] == [
        ("error", "schedule", 1),
        ("error", "retry", 2),
        ("ok", "retry", 3),
    ]
    assert starts(fast_home) == [2, 32, 92]
    assert {run["scheduledFor"] for run in runs(fast_home)} == {"2026-07-01T07:00:02Z"}
    assert stored_job(fast_home)["status"] == "done"


@pytest.mark.parametrize("seconds", [5, 90], ids=["sooner than usual", "later than usual"])
def test_it_is_tried_again_when_the_provider_wants_to_be_asked_again(
    world: Any, fast_home: Path, seconds: float
) -> None:
    world(Trouble("rate_limit", times=2, retry_after=seconds)).live(adding(job(payload=TURN)), seconds=300)
    assert starts(fast_home) == [2, 2 + seconds, 2 + 2 * seconds]


def test_a_provider_that_wants_to_be_left_alone_until_the_next_run_is_not_asked_before(
    world: Any, fast_home: Path
) -> None:
    trouble = Trouble("rate_limit", times=1, retry_after=200)
    schedule = {"kind": "every", "everyMs": 120_000, "anchorMs": START_MS}
    world(trouble).live(adding(job(schedule=schedule, payload=TURN)), seconds=300)
    assert starts(fast_home) == [120, 240]


def test_it_is_tried_again_only_so_often(world: Any, fast_home: Path) -> None:
    trouble = job(payload=TURN, retry={"maxAttempts": 2})
    world(Trouble("rate_limit")).live(adding(trouble), seconds=3600)
    assert starts(fast_home) == [2, 32, 92]
    assert stored_job(fast_home)["status"] == "failed"


@pytest.mark.parametrize("kind", ["auth", "denied", "context"])
def test_trouble_that_stays_ends_a_one_shot_at_once(world: Any, fast_home: Path, kind: str) -> None:
    world(Trouble(kind)).live(adding(job(payload=TURN)), seconds=3600)
    assert starts(fast_home) == [2]
    assert stored_job(fast_home)["status"] == "failed"


def test_a_retry_waits_through_a_restart(world: Any, fast_home: Path) -> None:
    simulation = world(Trouble("rate_limit", times=1))
    simulation.live(adding(job(payload=TURN)), seconds=5)
    assert stored_job(fast_home)["status"] == "error"
    simulation.live(nothing, seconds=30)
    assert starts(fast_home) == [2, 32]
    assert stored_job(fast_home)["status"] == "done"


def test_a_daily_job_is_tried_again_today_and_not_tomorrow_twice(world: Any, fast_home: Path) -> None:
    world(Trouble("unavailable", times=1)).live(adding(job(schedule=DAILY, payload=TURN)), seconds=86_500)
    assert starts(fast_home) == [60, 90, 86_460]


def test_a_manual_run_is_not_tried_again(world: Any, fast_home: Path) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=DAILY, payload=TURN))
        await operations.run_job("brief", due=False)

    world(Trouble("rate_limit")).live(story, seconds=50)
    assert len(starts(fast_home)) == 1


def test_ten_errors_in_a_row_switch_a_job_off_with_an_alert(world: Any, fast_home: Path) -> None:
    hourly = {"kind": "cron", "expr": "0 * * * *", "tz": "UTC"}
    world(Trouble("auth")).live(adding(job(schedule=hourly, payload=TURN)), seconds=3600 * 15)
    stored = stored_job(fast_home)
    assert (stored["enabled"], stored["status"], stored["state"]["consecutiveErrors"]) == (
        False,
        "disabled",
        10,
    )
    assert len(runs(fast_home)) == 10
    assert alerts(fast_home)[-1] == "auto_disabled"


def test_switched_on_again_it_starts_with_a_clean_slate(world: Any, fast_home: Path) -> None:
    async def story(operations: Operations) -> None:
        await operations.set_enabled("brief", enabled=True)

    simulation = world(Trouble("auth", times=10))
    hourly = {"kind": "cron", "expr": "0 * * * *", "tz": "UTC"}
    simulation.live(adding(job(schedule=hourly, payload=TURN)), seconds=3600 * 15)
    simulation.live(story, seconds=3700)
    stored = stored_job(fast_home)
    assert (stored["status"], stored["state"]["consecutiveErrors"]) == ("ok", 0)
