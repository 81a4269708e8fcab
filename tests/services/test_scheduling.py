"""When jobs fire: on time, once, late or not at all, and always with a row that says so."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.rows import fetch
from stentor.adapters.sqlite.snapshot import read_only
from stentor.app.operations import Operations
from stentor.domain.instants import from_iso
from stentor.testing.invariants import Witness, check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import START_MS
from tests.services.stories import JsonObject, adding, alerts, job, runs, stored_job

EVERY_MINUTE = {"kind": "cron", "expr": "* * * * *", "tz": "UTC"}


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(fast_home: Path, provider: Provider) -> Iterator[Simulation]:
    simulation = Simulation(fast_home, [scripted_channel("page", provider)])
    yield simulation
    check(fast_home, Witness({"page": provider}))


def occurrences(home: Path) -> list[tuple[int, str, str]]:
    """Seconds after the start, outcome and reason of every accounted instant."""
    connection = read_only(str(home / "stentor.db"))
    rows = fetch(connection, "SELECT instant, outcome, reason FROM occurrences ORDER BY instant")
    connection.close()
    return [((instant - START_MS) // 1000, outcome, reason) for instant, outcome, reason in rows]


def test_a_job_fires_at_its_exact_instant(world, fast_home) -> None:
    world.live(adding(job(schedule={"kind": "every", "everyMs": 1500, "anchorMs": START_MS})), seconds=10)
    assert [run["lateMs"] for run in runs(fast_home)] == [0] * 6
    assert [run["trigger"] for run in runs(fast_home)] == ["schedule"] * 6


def test_what_was_due_while_nobody_ran_is_made_up_once_and_the_rest_is_named(
    world, fast_home, provider
) -> None:
    world.live(adding(job(schedule=EVERY_MINUTE, missed={"graceSeconds": 7200})), seconds=61)
    world.now_ms += 300_000
    world.live(nothing, seconds=1)
    assert [(at, outcome, reason) for at, outcome, reason in occurrences(fast_home) if at > 60] == [
        (120, "missed", "coalesced"),
        (180, "missed", "coalesced"),
        (240, "missed", "coalesced"),
        (300, "missed", "coalesced"),
        (360, "run", ""),
    ]
    late = runs(fast_home)[-1]
    assert (late["trigger"], late["lateMs"]) == ("catchup", 1000)
    assert alerts(fast_home) == ["missed"]
    assert len(provider.accepted) == 2


def test_policy_all_makes_up_every_one_within_grace(world, fast_home, provider) -> None:
    world.live(
        adding(
            job(
                schedule=EVERY_MINUTE,
                missed={"policy": "all", "graceSeconds": 200},
                overlap="queue",
                failureAlert=False,
            )
        ),
        seconds=1,
    )
    world.now_ms += 300_000
    world.live(nothing, seconds=31)
    assert [outcome for _, outcome, _ in occurrences(fast_home)] == ["missed", "run", "run", "run", "run"]
    assert len(provider.accepted) == 4
    started = sorted(from_iso(run["startedAt"]) for run in runs(fast_home))
    assert [later - earlier for earlier, later in pairwise(started)] == [10_000] * 3


def test_policy_skip_makes_up_nothing(world, fast_home, provider) -> None:
    world.live(adding(job(schedule=EVERY_MINUTE, missed={"policy": "skip"})), seconds=1)
    world.now_ms += 170_000
    world.live(nothing, seconds=2)
    assert [outcome for _, outcome, _ in occurrences(fast_home)] == ["missed", "missed"]
    assert provider.accepted == []


def test_a_one_shot_missed_by_more_than_a_day_says_so_and_stays(world, fast_home, provider) -> None:
    world.live(adding(job()), seconds=1)
    world.now_ms += 3 * 86_400_000
    world.live(nothing, seconds=1)
    assert stored_job(fast_home)["status"] == "missed"
    assert stored_job(fast_home)["state"]["nextRunAtMs"] is None
    assert alerts(fast_home) == ["missed"]
    assert provider.accepted == []


def test_thousands_of_missed_instants_are_accounted_in_slices(world, fast_home) -> None:
    world.live(adding(job(schedule={"kind": "every", "everyMs": 1000, "anchorMs": START_MS})), seconds=0.1)
    world.now_ms += 3_600_000
    world.live(nothing, seconds=1)
    rows = occurrences(fast_home)
    assert [at for at, _, _ in rows] == list(range(1, len(rows) + 1))
    assert 1 <= [outcome for _, outcome, _ in rows].count("run") <= 3


def test_a_clock_set_back_fires_nothing_again(fast_home, provider, world) -> None:
    world.live(adding(job(schedule=EVERY_MINUTE)), seconds=125)
    fired = len(provider.accepted)
    world.now_ms -= 120_000
    world.live(nothing, seconds=60)
    assert len(provider.accepted) == fired


def test_a_job_that_cannot_be_read_is_switched_off_after_three_tries_and_the_others_fire(
    world, fast_home, provider
) -> None:
    other = job(id="other", delivery={"to": "page:room2"})
    world.live(adding(job(), other), seconds=0.5)
    connection = apsw.Connection(str(fast_home / "stentor.db"))
    connection.execute("UPDATE jobs SET doc = replace(doc, '\"at\"', '\"noon\"') WHERE id = 'brief'")
    connection.close()
    world.live(nothing, seconds=5)
    assert [part.target.canonical for part in provider.accepted] == ["page:room2"]
    assert stored_job(fast_home)["status"] == "disabled"
    assert stored_job(fast_home)["blocked"].startswith("unreadable")
    assert stored_job(fast_home)["state"]["lastError"].startswith("the schedule cannot be computed")
    assert alerts(fast_home) == ["auto_disabled"]


def test_a_job_changed_between_its_claim_and_its_instant_does_not_fire(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job())
        await operations.app.ground.seams.clock.sleep(1.9)
        await operations.set_enabled("brief", enabled=False)

    world.live(story, seconds=10)
    assert [run["status"] for run in runs(fast_home)] == ["cancelled"]
    assert provider.accepted == []


def test_a_disabled_job_owes_nothing_for_the_time_it_was_off(world, fast_home) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job(schedule=EVERY_MINUTE))
        await operations.set_enabled("brief", enabled=False)
        await operations.app.ground.seams.clock.sleep(600)
        await operations.set_enabled("brief", enabled=True)

    world.live(story, seconds=61)
    assert [at for at, _, _ in occurrences(fast_home)] == [660]


def test_switching_on_what_is_on_does_not_forget_what_was_due(world, fast_home) -> None:
    world.live(adding(job(schedule=EVERY_MINUTE, missed={"graceSeconds": 7200})), seconds=61)
    world.now_ms += 300_000

    async def story(operations: Operations) -> None:
        await operations.set_enabled("brief", enabled=True)

    world.live(story, seconds=1)
    assert [at for at, _, _ in occurrences(fast_home)] == [60, 120, 180, 240, 300, 360]


def test_a_manual_run_leaves_the_scheduled_instant_alone(world, fast_home, provider) -> None:
    async def story(operations: Operations) -> None:
        await operations.add_job(job())
        await operations.app.ground.seams.clock.sleep(1)
        await operations.run_job("brief", due=False)

    world.live(story, seconds=10)
    assert [run["trigger"] for run in runs(fast_home)] == ["manual", "schedule"]
    assert stored_job(fast_home)["state"]["lastRunAtMs"] == START_MS + 2000
    assert stored_job(fast_home)["status"] == "done"
    assert len(provider.accepted) == 2


def test_a_new_time_zone_database_moves_what_lies_ahead_and_nothing_else(world, fast_home) -> None:
    daily = {"kind": "cron", "expr": "30 7 * * *", "tz": "UTC"}
    world.live(adding(job(schedule=daily), job(id="beat", schedule=EVERY_MINUTE)), seconds=100)
    before = occurrences(fast_home)
    connection = apsw.Connection(str(fast_home / "stentor.db"))
    connection.execute("UPDATE meta SET value = '2020a' WHERE key = 'tz'")
    connection.execute("UPDATE jobs SET next_at = next_at + 3600000 WHERE id = 'brief'")
    connection.close()
    world.live(nothing, seconds=1)
    assert stored_job(fast_home)["state"]["nextRunAtMs"] == from_iso("2026-07-01T07:30Z")
    assert occurrences(fast_home) == before
    with Reader.open(fast_home / "stentor.db") as reader:
        (changed,) = [event["data"] for event in reader.events(0) if event["kind"] == "tz.changed"]
    assert (changed["from"], changed["jobs"]) == ("2020a", 1)


def test_the_same_time_zone_database_moves_nothing(world, fast_home) -> None:
    daily = {"kind": "cron", "expr": "30 7 * * *", "tz": "UTC"}
    world.live(adding(job(schedule=daily)), seconds=1)
    connection = apsw.Connection(str(fast_home / "stentor.db"))
    connection.execute("UPDATE jobs SET next_at = next_at + 3600000")
    connection.close()
    world.live(nothing, seconds=1)
    assert stored_job(fast_home)["state"]["nextRunAtMs"] == from_iso("2026-07-01T08:30Z")


def test_a_job_that_takes_the_place_of_a_removed_one_runs_by_its_own_schedule(
    world, fast_home, provider
) -> None:
    def beat(seconds: int) -> JsonObject:
        return job(schedule={"kind": "every", "everyMs": seconds * 1000, "anchorMs": START_MS})

    async def story(operations: Operations) -> None:
        await operations.add_job(beat(7))
        await operations.app.ground.seams.clock.sleep(15)
        await operations.remove_job("brief")
        await operations.add_job(beat(60))

    world.live(story, seconds=100)
    assert len(provider.accepted) == 2 + 1
