"""However many have much to do, the loop is given back between any two of their steps."""

import asyncio

from stentor.services.courtesy import Courtesy


async def test_steps_of_different_workers_never_fall_into_one_turn_of_the_loop() -> None:
    loop = asyncio.get_running_loop()
    courtesy = Courtesy()
    turn = 0
    steps: list[tuple[int, str]] = []

    def count() -> None:
        nonlocal turn
        turn += 1
        counting[0] = loop.call_soon(count)

    async def work(name: str) -> None:
        for _ in range(5):
            await courtesy.turn()
            steps.append((turn, name))

    counting = [loop.call_soon(count)]
    async with asyncio.TaskGroup() as workers:
        for name in "abc":
            workers.create_task(work(name))
    counting[0].cancel()

    assert [name for _, name in steps] == list("abc" * 5)
    assert len({at for at, _ in steps}) == len(steps)


async def test_who_is_cancelled_while_it_waits_keeps_nobody() -> None:
    courtesy = Courtesy()
    async with asyncio.TaskGroup() as workers:
        waiting = [workers.create_task(courtesy.turn()) for _ in range(4)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()

    assert [task.cancelled() for task in waiting] == [True, False, True, False]
