"""What is written down and then acted upon is not torn in two."""

import asyncio

import pytest

from stentor.services.persistence import undivided


class Work:
    """Goes on when it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go_on = asyncio.Event()
        self.done: list[str] = []
        self._error = error

    async def __call__(self) -> str:
        self.done.append("written")
        await self.go_on.wait()
        if self._error is not None:
            raise self._error
        self.done.append("acted upon")
        return "result"


async def begun(work: Work, tasks: asyncio.TaskGroup) -> asyncio.Task[str]:
    task = tasks.create_task(undivided(work))
    while not work.done:
        await asyncio.sleep(0)
    return task


async def test_its_result_is_that_of_the_work() -> None:
    work = Work()
    work.go_on.set()
    assert await undivided(work) == "result"


async def test_a_failure_is_told_as_it_is() -> None:
    work = Work(LookupError("not there"))
    work.go_on.set()
    with pytest.raises(LookupError, match="not there"):
        await undivided(work)


@pytest.mark.parametrize("times", [1, 3])
async def test_whoever_is_cancelled_meanwhile_is_so_when_all_is_done(times) -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        task = await begun(work, tasks)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        work.go_on.set()
        await asyncio.wait({task})
    assert task.cancelled()
    assert work.done == ["written", "acted upon"]


async def test_a_failure_counts_more_than_a_cancellation() -> None:
    work = Work(LookupError("not there"))
    with pytest.RaisesGroup(LookupError):
        async with asyncio.TaskGroup() as tasks:
            task = await begun(work, tasks)
            task.cancel()
            await asyncio.sleep(0)
            work.go_on.set()
