"""Applying many jobs at once: together or not at all, and without holding anybody up."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stentor.app.operations import Operations
from stentor.testing.invariants import check
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from tests.services.stories import JsonObject, adding, job, stored_job

HOURLY = {"kind": "cron", "expr": "0 * * * *", "tz": "UTC"}


@pytest.fixture
def world(fast_home: Path) -> Iterator[Simulation]:
    yield Simulation(fast_home, [scripted_channel("page", Provider())])
    check(fast_home)


def hourly(name: str, **changes: object) -> JsonObject:
    return job(id=name, name=name, schedule=HOURLY, **changes)


def test_a_long_file_lets_others_go_in_between(world) -> None:
    turns = 0
    done = asyncio.Event()

    async def somebody_else() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async def story(operations: Operations) -> None:
        async def apply() -> None:
            await operations.apply_jobs({"jobs": [hourly(f"job-{n}") for n in range(100)]})
            done.set()

        await asyncio.gather(somebody_else(), apply())

    world.live(story, seconds=1)
    assert turns >= 5


def test_what_is_edited_meanwhile_is_looked_at_again(world, fast_home) -> None:
    jobs = [hourly(f"job-{n}", description="applied") for n in range(40)]

    async def story(operations: Operations) -> None:
        await operations.apply_jobs({"jobs": [hourly(f"job-{n}") for n in range(40)]})
        _, applied = await asyncio.gather(
            operations.edit_job("job-0", {"description": "by hand"}), operations.apply_jobs({"jobs": jobs})
        )
        assert len(applied["changed"]) == 40

    world.live(story, seconds=1)
    assert stored_job(fast_home, "job-0")["description"] == "applied"


def test_all_of_a_file_is_applied_or_nothing_wherever_the_process_ends(fast_home) -> None:
    before, after = {"old": "old", "kept": "kept"}, {"kept": "Kept", "new": "new"}

    async def story(operations: Operations) -> None:
        jobs = [{**hourly("kept"), "name": "Kept"}, hourly("new")]
        await operations.apply_jobs({"jobs": jobs, "prune": True})

    points, point = 1, 0
    while point < points:
        home = fast_home / str(point)
        world = Simulation(home, [scripted_channel("page", Provider())])
        world.live(adding(hourly("old"), hourly("kept")), seconds=1)
        life = world.live(story, seconds=1, crash_at=point or None)
        points = points if point else len(life.trail.names)
        names: dict[str, str] = {}

        async def look(operations: Operations, names: dict[str, str] = names) -> None:
            names.update({row.id: row.name for row in await operations.app.ground.store.jobs()})

        world.live(look, seconds=1)
        assert names in (before, after), point
        world.live(nothing, seconds=1)
        check(home)
        point += 1
