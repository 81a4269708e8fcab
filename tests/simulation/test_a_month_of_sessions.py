"""Sessions are bounded with nothing set: after four weeks of two busy jobs those of the last day are left."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.services.stories import TalkingRunner, adding, job

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.session_log import Asked
from stentor.app.operations import Operations
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.domain.instants import from_iso
from stentor.domain.json_types import JsonObject
from stentor.domain.offsets import EPOCH, milliseconds, moment
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, Story, nothing
from stentor.testing.virtual_time import pass_time

HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
QUARTER_MS, HOUR_MS, DAY_MS = 900_000, 3_600_000, 86_400_000
AGENTS = "".join(f'[agents.{name}]\nrunner = "echo"\n' for name in ("ops", "home"))
# How turns go, one after the other.
WAYS = ("fails", "hangs", "well", "well", "well")


def heartbeat(agent: str, expr: str) -> JsonObject:
    return job(
        id=f"beat-{agent}",
        agentId=agent,
        schedule={"kind": "cron", "expr": expr, "tz": "UTC", "staggerMs": 0},
        payload={"kind": "agentTurn", "message": "What is new?", "timeoutSeconds": 60},
        delivery={"mode": "none"},
        retry={"maxAttempts": 0},
    )


JOBS = (
    heartbeat("main", "15,45 7-20 * * 1-5"),
    heartbeat("ops", "0,30 8-18 * * 1-5"),
    heartbeat("home", "15,45 7-20 * * 1-5"),
)


class Moods:
    """An agent that does well three times of five."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, request: TurnRequest) -> str:
        self.asked += 1
        way = WAYS[self.asked % len(WAYS)]
        if way == "fails":
            raise RunnerError("bad_request", "there is no such model")
        if way == "hangs":
            await pass_time(3600)
        await pass_time(20)
        return f"nothing new for {request.job_id}"


def all_sessions(home: Path) -> list[JsonObject]:
    """Every session there is."""
    found: list[JsonObject] = []
    with Reader.open(home / "stentor.db") as reader:
        while True:
            entries, total = reader.session_page(Asked(), limit=200, offset=len(found))
            found += entries
            if len(found) == total:
                return found


def all_runs(home: Path) -> list[JsonObject]:
    found: list[JsonObject] = []
    with Reader.open(home / "stentor.db") as reader:
        while True:
            entries, total = reader.runs(limit=200, offset=len(found))
            found += entries
            if len(found) == total:
                return found


@pytest.fixture
def world(fast_home: Path) -> Simulation:
    (fast_home / "stentor.toml").write_text(AGENTS)
    return Simulation(
        fast_home, [scripted_channel("page", Provider())], runners=[TalkingRunner(Moods().answer)]
    )


def work_through(world: Simulation, days: int) -> None:
    """The process is there for each quarter of an hour in which something may run; once a day it crashes amid that."""
    end_ms = world.now_ms + days * DAY_MS
    while world.now_ms < end_ms:
        instant = moment(world.now_ms // QUARTER_MS * QUARTER_MS + QUARTER_MS)
        world.now_ms = milliseconds(instant - EPOCH) - 2_000
        if instant.weekday() < 5 and 7 <= instant.hour <= 20:
            living = world.begin()
            is_fatal = (instant.hour, instant.minute) == (10, 15)
            living.pass_time(12 if is_fatal else 70)
            living.kill() if is_fatal else living.stop()
        else:
            world.now_ms += 70_000


def ended_since(runs: Iterable[JsonObject], at_ms: int) -> set[str]:
    """The sessions of the runs that ended since."""
    return {run["sessionId"] for run in runs if from_iso(run["endedAt"]) >= at_ms}


async def disable_all(operations: Operations) -> None:
    for each in JOBS:
        await operations.set_enabled(each["id"], enabled=False)


async def remove_all(operations: Operations) -> None:
    for each in JOBS:
        await operations.remove_job(each["id"])


def test_after_four_weeks_the_sessions_of_the_last_day_are_left(world: Simulation, fast_home: Path) -> None:
    world.live(adding(*JOBS), seconds=1)
    work_through(world, 27)
    world.live(nothing, seconds=DAY_SECONDS)
    runs = all_runs(fast_home)
    left = {session["sessionId"] for session in all_sessions(fast_home)}
    # It is looked for old ones every hour.
    young, not_old = (ended_since(runs, world.now_ms - age) for age in (DAY_MS, DAY_MS + HOUR_MS))
    assert young <= left <= not_old
    assert (len(runs) > 1300, 50 < len(left) < 90) == (True, True)
    gone = {run["status"] for run in runs if run["sessionId"] not in left}
    assert gone == {"ok", "error", "timeout", "interrupted"}
    assert {run["jobId"] for run in runs} == {each["id"] for each in JOBS}


@pytest.mark.parametrize("story", [disable_all, remove_all], ids=["disabled", "removed"])
def test_without_a_job_that_could_run_sessions_go_all_the_same(
    world: Simulation, fast_home: Path, story: Story
) -> None:
    (fast_home / "stentor.toml").write_text(f'{AGENTS}[cron]\nsessionRetention = "90m"\n')
    living = world.begin()
    living.tell(adding(*JOBS))
    living.pass_time(4 * HOUR_SECONDS)
    ran = len(all_runs(fast_home))
    assert 0 < len(all_sessions(fast_home)) < ran
    living.tell(story)
    living.pass_time(2.6 * HOUR_SECONDS)
    assert (all_sessions(fast_home), len(all_runs(fast_home))) == ([], ran)
    living.stop()


def test_those_of_all_time_are_kept_where_somebody_wants_it(world: Simulation, fast_home: Path) -> None:
    (fast_home / "stentor.toml").write_text(
        f'{AGENTS}[cron]\nsession_retention = false\n[sessions]\nmaintenance = {{ mode = "off" }}\n'
    )
    world.live(adding(*JOBS), seconds=HOUR_SECONDS)
    kept = len(all_sessions(fast_home))
    world.now_ms += 25 * DAY_MS
    world.live(nothing, seconds=100)
    assert len(all_sessions(fast_home)) >= kept > 0
