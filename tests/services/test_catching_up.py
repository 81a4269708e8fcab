"""Down time, sleep, and clocks that jump: what was missed is accounted for, and made up at a bearable pace."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.domain.instants import from_iso
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import JsonObject, adding, job, runs, stored_job

MINUTE, HOUR = 60, 3600
FIVE_MINUTES = {"kind": "cron", "expr": "*/5 * * * *", "tz": "UTC"}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    yield Simulation(fast_home, [scripted_channel("page", provider)])
    check(fast_home, Witness({"page": provider}))


def fates(home: Path) -> list[tuple[int, str]]:
    """Minutes after the beginning, and what became of the instant."""
    connection = read_only(str(home / "stentor.db"))
    try:
        rows = fetch(connection, "SELECT instant, outcome, reason FROM occurrences ORDER BY instant")
    finally:
        connection.close()
    return [((instant - START_MS) // 60_000, reason or outcome) for instant, outcome, reason in rows]


def test_forty_late_jobs_start_six_a_minute_in_the_order_they_were_due(world, fast_home, provider) -> None:
    def daily(n: int) -> JsonObject:
        schedule = {"kind": "cron", "expr": f"{n % 20} {8 + n // 20} * * *", "tz": "UTC"}
        return job(id=f"j{n:02}", schedule=schedule, delivery={"to": f"page:room{n}"})

    world.live(adding(*[daily(n) for n in reversed(range(40))]), seconds=1)
    world.now_ms += 3 * HOUR * 1000
    world.live(nothing, seconds=7 * MINUTE)
    # What was due at eight is past its two hours of grace; the others come one by one.
    late = sorted((run["startedAt"], run["scheduledFor"]) for run in runs(fast_home))
    started = [from_iso(at) for at, _ in late]
    assert len(late) == 39
    assert [later - earlier for earlier, later in pairwise(started)] == [10_000] * 38
    assert [due for _, due in late] == sorted(due for _, due in late)
    assert {run["trigger"] for run in runs(fast_home)} == {"catchup"}


def test_a_late_text_whose_job_comes_to_need_an_agent_meanwhile_is_a_turn(world, fast_home, provider) -> None:
    hourly = {"kind": "cron", "expr": "0 * * * *", "tz": "UTC"}
    names = ("first", "second")
    world.live(adding(*[job(id=name, schedule=hourly) for name in names]), seconds=1)
    world.now_ms += 90 * MINUTE * 1000

    async def needs_an_agent(operations: Operations) -> None:
        await operations.app.ground.seams.clock.sleep(1)  # it waits for its turn by now
        payload = {"kind": "agentTurn", "message": "look it up"}
        await operations.edit_job("second", {"payload": payload})

    world.live(needs_an_agent, seconds=2 * HOUR)
    assert [part.text for part in provider.accepted[:2]] == ["hello", "[cron:second Brief] look it up"]
    assert {run["status"] for run in runs(fast_home)} == {"ok"}
    assert {fate for _, fate in fates(fast_home)} == {"run"}


def test_the_pace_is_a_setting(world, fast_home, provider) -> None:
    (fast_home / "stentor.toml").write_text("[scheduler]\ncatch_up_per_minute = 0\n")
    daily = {"kind": "cron", "expr": "0 8 * * *", "tz": "UTC"}
    world.live(adding(*[job(id=f"j{n}", schedule=daily) for n in range(10)]), seconds=1)
    world.now_ms += 2 * HOUR * 1000
    world.live(nothing, seconds=1)
    assert len({run["startedAt"] for run in runs(fast_home)}) == 1


def test_jobs_due_together_are_not_held_back_by_the_pace_of_late_ones(world, fast_home, provider) -> None:
    soon = {"kind": "at", "at": "2026-07-01T07:00:05Z"}
    world.live(adding(*[job(id=f"j{n}", schedule=soon) for n in range(30)]), seconds=8)
    assert {run["startedAt"] for run in runs(fast_home)} == {"2026-07-01T07:00:05Z"}


def test_while_a_late_run_waits_its_turn_the_job_is_on_time_again(world, fast_home, provider) -> None:
    every_minute = {"kind": "cron", "expr": "* * * * *", "tz": "UTC"}
    world.live(adding(*[job(id=f"j{n:02}", schedule=every_minute) for n in range(12)]), seconds=1)
    world.now_ms += 10 * MINUTE * 1000
    world.live(nothing, seconds=150)
    on_time = [run for run in runs(fast_home) if run["trigger"] == "schedule"]
    assert {run["lateMs"] for run in on_time} == {0}
    assert len(on_time) == 2 * 12


def test_a_clock_put_forward_counts_as_time_asleep(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=FIVE_MINUTES, missed={"graceSeconds": 7200}))
        clock = operations.app.ground.seams.clock
        await clock.sleep(2)
        world.jump(HOUR - 2)

    world.live(story, seconds=30)
    assert [fate for _, fate in fates(fast_home)] == ["coalesced"] * 11 + ["run"]
    (late,) = runs(fast_home)
    assert late["trigger"] == "catchup"


def test_asleep_past_its_grace_a_job_is_missed(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=FIVE_MINUTES, missed={"policy": "latest", "graceSeconds": 10}))
        clock = operations.app.ground.seams.clock
        await clock.sleep(2)
        world.jump(5 * MINUTE + 28)

    world.live(story, seconds=30)
    assert fates(fast_home) == [(5, "grace")]


def test_a_clock_put_back_fires_nothing_again_until_time_has_caught_up(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=FIVE_MINUTES))
        clock = operations.app.ground.seams.clock
        await clock.sleep(11 * MINUTE)
        world.jump(-2 * HOUR)
        await clock.sleep(2 * HOUR + 3 * MINUTE)

    world.live(story, seconds=100)
    assert fates(fast_home) == [(5, "run"), (10, "run"), (15, "run")]
    assert [run["trigger"] for run in runs(fast_home)] == ["schedule"] * 3


def test_a_new_job_runs_by_the_clock_that_was_put_back(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        clock = operations.app.ground.seams.clock
        await clock.sleep(20)
        world.jump(-2 * HOUR)
        await clock.sleep(20)
        await operations.add_job(job(schedule=FIVE_MINUTES))

    world.live(story, seconds=6 * MINUTE)
    (run,) = runs(fast_home)
    assert (run["trigger"], run["lateMs"]) == ("schedule", 0)


def test_before_the_clock_is_set_nothing_is_scheduled(world, fast_home, provider) -> None:
    world.live(adding(job(schedule=FIVE_MINUTES)), seconds=1)
    states: list[JsonObject] = []
    world.now_ms = 5_000

    async def story(operations: Operations) -> None:
        clock = operations.app.ground.seams.clock
        await clock.sleep(3600)
        states.append({"waiting": operations.app.scheduler.vigil.waiting})
        world.jump((START_MS + 301_000 - clock.now_ms()) / 1000)
        await clock.sleep(30)
        states.append({"waiting": operations.app.scheduler.vigil.waiting})

    world.live(story, seconds=1)
    assert states == [{"waiting": True}, {"waiting": False}]
    (run,) = runs(fast_home)
    assert (run["scheduledFor"], run["trigger"]) == ("2026-07-01T07:05:00Z", "catchup")


def test_a_beat_keeps_its_anchor_through_restarts(world, fast_home, provider) -> None:
    anchor = from_iso("2026-06-30T04:42Z")
    beat = {"kind": "every", "everyMs": 12_600_000, "anchorMs": anchor}
    world.now_ms = from_iso("2026-06-30T05:00Z")
    world.live(adding(job(schedule=beat)), seconds=1)
    world.now_ms = from_iso("2026-06-30T06:08Z")
    world.live(nothing, seconds=1)
    assert stored_job(fast_home)["state"]["nextRunAtMs"] == from_iso("2026-06-30T08:12Z")


def test_days_of_missed_seconds_is_counted_not_listed(world, fast_home, provider) -> None:
    every_second = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world.live(adding(job(schedule=every_second)), seconds=0.1)
    world.now_ms += 2 * 86_400_000
    (fast_home / "stentor.toml").write_text("[cron]\nrun_log = { keep_days = 0.01, keep_runs = 0 }\n")
    world.live(nothing, seconds=5)
    connection = read_only(str(fast_home / "stentor.db"))
    try:
        ranges = fetch(
            connection, "SELECT instant, last_instant, count FROM occurrences WHERE last_instant IS NOT NULL"
        )
        total, newest = fetch(connection, "SELECT sum(count), max(instant) FROM occurrences")[0]
    finally:
        connection.close()
    ((first, last, count),) = ranges
    assert first == START_MS + 1000
    assert count == (last - first) // 1000 + 1 > 150_000
    assert total == (newest - START_MS) // 1000


@pytest.mark.parametrize("starts", [150, 100])
def test_a_job_that_starts_again_and_again_is_switched_off(world: Any, fast_home: Path, starts: int) -> None:
    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_starts_per_minute = 40\n")
    every_second = {"kind": "every", "everyMs": 1000, "anchorMs": START_MS}
    world.live(adding(job(schedule=every_second)), seconds=starts)
    stored = stored_job(fast_home)
    assert (stored["enabled"], stored["status"]) == (False, "disabled")
    assert len([run for run in runs(fast_home) if run["status"] == "ok"]) == 40


def test_a_job_that_makes_up_for_a_long_absence_is_no_loop(world: Any, fast_home: Path) -> None:
    (fast_home / "stentor.toml").write_text("[scheduler]\nmax_starts_per_minute = 40\n")
    every_instant = {"policy": "all", "graceSeconds": HOUR}
    often = {"kind": "every", "everyMs": 10_000, "anchorMs": START_MS}
    world.live(adding(job(schedule=often, missed=every_instant, overlap="queue")), seconds=1)
    world.now_ms += 10 * MINUTE * 1000
    world.live(nothing, seconds=1)
    assert stored_job(fast_home)["enabled"]
    assert len(runs(fast_home)) == 60
