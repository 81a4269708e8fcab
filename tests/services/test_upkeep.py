"""What a process does beside its work: beat, tell of stalls, and keep the run log within its limits."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import apsw
import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter
from stentor.adapters.stall_note import StallFile
from stentor.domain.retention import Limits, Removed
from stentor.domain.stalls import Stall
from stentor.services.maintenance import Maintenance
from stentor.services.retention import Retention
from stentor.testing.points import Trail
from stentor.testing.rows import BOOT, NOW_MS, SECOND_MS
from stentor.testing.scripted import Provider, scripted_channel
from stentor.testing.simulation import Simulation, nothing
from stentor.testing.virtual_time import VirtualClock, VirtualLoop, pass_time
from tests.services.stories import adding, alerts, job, runs

T = TypeVar("T")
EVERY_MINUTE = {"kind": "every", "everyMs": 60_000, "anchorMs": NOW_MS}
HOUR_SECONDS = 3600


@pytest.fixture
def world(fast_home: Path) -> Simulation:
    return Simulation(fast_home, [scripted_channel("page", Provider())])


def removals(home: Path) -> list[int]:
    """How many runs went with each sweep that found any."""
    with Reader.open(home / "stentor.db") as reader:
        events = [event for page in range(0, 3000, 200) for event in reader.events(page)]
    seen = {event["id"]: event["data"] for event in events if event["kind"] == "history.removed"}
    return [data["runs"] for _, data in sorted(seen.items()) if data["runs"]]


def test_the_run_log_is_tidied_shortly_after_the_start_and_then_every_hour(
    world: Simulation, fast_home: Path
) -> None:
    (fast_home / "stentor.toml").write_text("[cron]\nrun_log = { keep_runs = 10 }\n")
    world.live(adding(job(schedule=EVERY_MINUTE)), seconds=59)
    world.live(nothing, seconds=2.5 * HOUR_SECONDS)
    assert removals(fast_home) == [51, 60]
    assert len(runs(fast_home)) < 70


def test_a_run_log_within_its_limits_is_left_as_it_is(world: Simulation, fast_home: Path) -> None:
    world.live(adding(job(schedule=EVERY_MINUTE)), seconds=1.5 * HOUR_SECONDS)
    assert removals(fast_home) == []
    assert len(runs(fast_home)) == 90


def test_nothing_goes_where_everything_is_to_be_kept(world: Simulation, fast_home: Path) -> None:
    everything = """
        deliveries.keep_days = 0
        cron.session_retention = false
        cron.run_log = { keep_runs = 0, keep_days = false }
        sessions.maintenance = { prune_after = 0, max_entries = 0, max_disk_bytes = 0 }
    """
    (fast_home / "stentor.toml").write_text(everything)
    world.live(adding(job()), seconds=10)
    world.now_ms += 400 * 86_400_000
    world.live(nothing, seconds=HOUR_SECONDS)
    assert (removals(fast_home), len(runs(fast_home))) == ([], 1)
    with Reader.open(fast_home / "stentor.db") as reader:
        assert reader.session_figures()["total"] == 1


def test_history_ends_after_its_days_unless_told_otherwise(world: Simulation, fast_home: Path) -> None:
    world.live(adding(job()), seconds=10)
    world.now_ms += 29 * 86_400_000
    world.live(nothing, seconds=HOUR_SECONDS)
    assert len(runs(fast_home)) == 1
    world.now_ms += 86_400_000
    world.live(nothing, seconds=HOUR_SECONDS)
    assert (removals(fast_home), runs(fast_home)) == ([1], [])


def test_what_went_unheard_in_one_process_is_an_alert_of_the_next(world: Simulation, fast_home: Path) -> None:
    note = StallFile(fast_home)
    note.write(Stall(NOW_MS, 31, ended=True))
    world.live(nothing, seconds=1)
    assert alerts(fast_home) == ["stalled"]
    assert note.read() is None
    world.live(nothing, seconds=60)
    assert alerts(fast_home) == ["stalled"]


def test_a_stall_of_a_process_that_lives_on_is_told_when_the_loop_turns_again(
    world: Simulation, fast_home: Path
) -> None:
    async def stall(_: object) -> None:
        await pass_time(15)
        StallFile(fast_home).write(Stall(NOW_MS, 31, ended=False))

    world.live(stall, seconds=10)
    with Reader.open(fast_home / "stentor.db") as reader:
        assert [alert["message"] for alert in reader.alerts(10)] == ["the daemon stalled 31 s"]


# on a store alone


def on_virtual_time(work: Callable[[], Awaitable[T]]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work())
    finally:
        loop.close()


def open_store(home: Path) -> SqliteStore:
    connection = open_connection(home / "stentor.db")
    return SqliteStore(home / "stentor.db", connection, InlineWriter(connection, Trail()))


class _SilentWriter:
    """A disk that hangs: operations are taken and never done."""

    def submit(self, run: Callable[[apsw.Connection], T]) -> "asyncio.Future[T]":
        del run
        return asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """There is nothing to close."""


def test_without_limits_there_is_nothing_to_tidy_and_nobody_waits(fast_home: Path) -> None:
    async def work() -> float:
        store = open_store(fast_home)
        await Retention(store, VirtualClock(), Limits()).run()
        await store.close()
        return asyncio.get_running_loop().time()

    assert on_virtual_time(work) == 0


def test_an_empty_run_log_is_swept_in_no_time(fast_home: Path) -> None:
    async def work() -> Removed:
        store = open_store(fast_home)
        removed = await Retention(store, VirtualClock(), Limits(1, 1, 1)).sweep()
        await store.close()
        return removed

    assert on_virtual_time(work) == Removed()


def test_a_store_that_cannot_be_written_is_tidied_another_time(
    fast_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        store = open_store(fast_home)
        await store.close()
        async with asyncio.TaskGroup() as tasks:
            service = tasks.create_task(Retention(store, VirtualClock(), Limits(days=1)).run())
            await pass_time(2 * HOUR_SECONDS)
            service.cancel()

    on_virtual_time(work)
    assert [vars(record)["event"] for record in caplog.records] == ["retention_stopped"] * 2


def test_since_when_the_store_owes_an_answer_can_be_seen_from_outside(fast_home: Path) -> None:
    async def work() -> tuple[float | None, float | None]:
        connection = open_connection(fast_home / "stentor.db")
        hanging = SqliteStore(fast_home / "stentor.db", connection, _SilentWriter())
        upkeep = Maintenance(hanging, VirtualClock(), BOOT, StallFile(fast_home))
        before = upkeep.asked_at
        async with asyncio.TaskGroup() as tasks:
            service = tasks.create_task(upkeep.run())
            await pass_time(40)
            asked_at = upkeep.asked_at
            service.cancel()
        connection.close()
        return before, asked_at

    assert on_virtual_time(work) == (None, 0)


def test_a_store_that_answers_owes_nothing_between_two_beats(fast_home: Path) -> None:
    async def work() -> tuple[float | None, int | None]:
        store = open_store(fast_home)
        upkeep = Maintenance(store, VirtualClock(), BOOT, StallFile(fast_home))
        async with asyncio.TaskGroup() as tasks:
            service = tasks.create_task(upkeep.run())
            await pass_time(35)
            service.cancel()
        await store.close()
        with Reader.open(fast_home / "stentor.db") as reader:
            return upkeep.asked_at, reader.heartbeat()

    assert on_virtual_time(work) == (None, NOW_MS + 30 * SECOND_MS)
