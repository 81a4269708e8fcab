"""Writing what must not be lost although the store cannot take it right now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stentor.domain.faults import StoreUnavailable
from stentor.ports import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE_SECONDS = 1.0


async def undivided(work: Callable[[], Awaitable[T]]) -> T:
    """Done to its end once begun: a cancellation that comes meanwhile takes effect afterwards.

    For what is written down and then acted upon. Whoever gives up between the two would leave a row that everybody
    takes for work under way.
    """
    over: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    cancelled: asyncio.CancelledError | None = None

    async def do() -> None:
        try:
            over.set_result(await work())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised below, outside of the group
            over.set_exception(error)

    async with asyncio.TaskGroup() as tasks:
        doing = tasks.create_task(do())
        while not doing.done():
            try:
                await asyncio.wait({doing})
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None and over.exception() is None:
        raise cancelled
    return over.result()


async def insist(clock: Clock, what: str, operation: Callable[[], Awaitable[T]]) -> T:
    """Try an operation until the store takes it. The result waits in memory meanwhile, and says so."""
    while True:
        try:
            return await operation()
        except StoreUnavailable as error:
            log.warning("%s waits for the store: %s", what, error, extra={"event": "store_unavailable"})
            await clock.sleep(_PAUSE_SECONDS)
