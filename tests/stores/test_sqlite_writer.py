"""One writer: whatever waits becomes one commit, and a commit that fails has not happened for anybody."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from stentor.adapters.sqlite.reader import Reader
from stentor.adapters.sqlite.store import SqliteStore, open_connection
from stentor.adapters.sqlite.writer import InlineWriter, ThreadWriter
from stentor.domain.faults import AlreadyExists, StoreUnavailable
from stentor.domain.records import JobRow
from stentor.ports import Points
from stentor.testing.points import Trail
from stentor.testing.rows import job_row

MakeWriter = Callable[[apsw.Connection, Points], InlineWriter | ThreadWriter]
MANY = 200


class Turnstile:
    """Holds every commit until it is opened, and counts them."""

    def __init__(self) -> None:
        self.commits = 0
        self.reached = threading.Event()
        self.opened = threading.Event()

    def reach(self, name: str) -> None:
        if name == "commit.before":
            self.commits += 1
            self.reached.set()
            assert self.opened.wait(10), "nobody opened the turnstile"


class World:
    """A store with its connection in the test's hand."""

    def __init__(self, path: Path, make_writer: MakeWriter) -> None:
        self.trail = Trail()
        self.connection = open_connection(path)
        self.store = SqliteStore(path, self.connection, make_writer(self.connection, self.trail))

    @property
    def commits(self) -> int:
        return self.trail.names.count("commit.after")

    def fill_the_disk(self) -> None:
        pages = self.connection.pragma("page_count")
        self.connection.pragma("max_page_count", pages + 8)

    def make_room(self) -> None:
        self.connection.pragma("max_page_count", 1_000_000)


@pytest.fixture(params=[ThreadWriter, InlineWriter], ids=["thread", "inline"])
async def world(path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    world = World(path, request.param)
    yield world
    await world.store.close()


def jobs(count: int, first: int = 0) -> list[JobRow]:
    return [job_row(f"job-{n}") for n in range(first, first + count)]


def large(job: JobRow) -> JobRow:
    """A job for which a full disk has no room."""
    return replace(job, doc=json.dumps({"text": "x" * 100_000}))


async def outcomes(store: SqliteStore, rows: list[JobRow]) -> list[BaseException | None]:
    """What became of adding all of them at once."""
    return await asyncio.gather(*(store.add_job(row) for row in rows), return_exceptions=True)


# group commit


async def test_what_is_asked_while_a_commit_runs_shares_the_next_one(path: Path) -> None:
    turnstile = Turnstile()
    store = SqliteStore.open(path, turnstile)

    async def open_it() -> None:
        turnstile.opened.set()

    async with asyncio.TaskGroup() as asking:
        asking.create_task(store.add_job(job_row("first")))
        await asyncio.to_thread(turnstile.reached.wait, 10)
        for row in jobs(MANY):
            asking.create_task(store.add_job(row))
        asking.create_task(open_it())
    assert turnstile.commits == 2
    assert len(await store.jobs()) == MANY + 1
    await store.close()


async def test_many_operations_at_once_need_few_commits(world: World) -> None:
    await outcomes(world.store, jobs(MANY))
    assert world.commits <= MANY / 10
    assert len(await world.store.jobs()) == MANY


async def test_nobody_hears_of_success_before_the_commit(path: Path) -> None:
    turnstile = Turnstile()
    store = SqliteStore.open(path, turnstile)
    async with asyncio.TaskGroup() as asking:
        added = asking.create_task(store.add_job(job_row()))
        await asyncio.to_thread(turnstile.reached.wait, 10)
        with Reader.open(path) as reader:
            assert (added.done(), reader.counts()["jobs"]) == (False, 0)
        turnstile.opened.set()
    await store.close()


async def test_an_operation_that_fails_takes_nobody_with_it(world: World) -> None:
    rows = [*jobs(MANY), job_row("job-7"), *jobs(MANY, first=MANY)]
    failed = [error for error in await outcomes(world.store, rows) if error is not None]
    assert [type(error) for error in failed] == [AlreadyExists]
    assert "job-7" in str(failed[0])
    assert len(await world.store.jobs()) == 2 * MANY


async def test_a_failed_operation_leaves_nothing_of_itself_behind(world: World, path: Path) -> None:
    await world.store.add_job(job_row())
    before = events(path)
    (error,) = await outcomes(world.store, [job_row()])
    assert isinstance(error, AlreadyExists)
    assert events(path) == before


async def test_a_caller_that_gave_up_does_not_undo_what_it_asked_for(world: World) -> None:
    asked = asyncio.ensure_future(world.store.add_job(job_row()))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert [job.id for job in await world.store.jobs()] == ["brief"]


# commits that fail


async def test_a_full_disk_makes_the_store_unavailable_and_leaves_nothing_behind(
    world: World, path: Path
) -> None:
    world.fill_the_disk()
    errors = await outcomes(world.store, [large(job) for job in jobs(20)])
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert "full" in str(errors[0])
    world.make_room()
    assert list(await world.store.jobs()) == []
    assert events(path) == []
    assert not path.with_name("stentor.db.mark").exists()


async def test_the_same_operations_succeed_when_there_is_room_again(world: World) -> None:
    rows = [large(job) for job in jobs(20)]
    world.fill_the_disk()
    await outcomes(world.store, rows)
    world.make_room()
    assert await outcomes(world.store, rows) == [None] * 20
    assert len(await world.store.jobs()) == 20


async def test_when_the_disk_fills_up_each_caller_hears_what_became_of_its_own_operation(
    world: World, path: Path
) -> None:
    world.fill_the_disk()
    rows = [*jobs(5), large(job_row("large")), *jobs(5, first=5)]
    heard = await outcomes(world.store, rows)
    world.make_room()
    there = {job.id for job in await world.store.jobs()}
    assert {job.id for job, error in zip(rows, heard, strict=True) if error is None} == there
    assert "large" not in there
    with Reader.open(path) as reader:
        assert len(reader.events(0)) == len(there)


class FullAtSync(apsw.VFS):
    """A disk that takes every write and finds itself full when asked to keep them."""

    def __init__(self) -> None:
        self.full = False
        self.below = apsw.vfs_names()[0]
        super().__init__("full-at-sync", self.below, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FullAtSync, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        super().__init__(disk.below, name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's
        if self._disk.full:
            raise apsw.FullError("no room")
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[FullAtSync]:
    disk = FullAtSync()
    yield disk
    disk.unregister()


@pytest.mark.parametrize("make_writer", [ThreadWriter, InlineWriter], ids=["thread", "inline"])
async def test_a_commit_that_fails_has_not_happened_for_anybody(
    disk: FullAtSync, path: Path, make_writer: MakeWriter
) -> None:
    world = World(path, make_writer)
    await world.store.add_job(job_row("before"))
    disk.full = True
    errors = await outcomes(world.store, jobs(20))
    assert {type(error) for error in errors} == {StoreUnavailable}
    disk.full = False
    assert [job.id for job in await world.store.jobs()] == ["before"]
    assert await outcomes(world.store, jobs(20)) == [None] * 20
    await world.store.close()


def events(path: Path) -> list[object]:
    with Reader.open(path) as reader:
        return list(reader.events(0))
