"""What a channel starts on the event loop and in threads, to see whether it ends again."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from stentor.domain.plugin_words import named

T = TypeVar("T")
# The loop's own workers look names up, and end with the loop.
_OF_THE_LOOP = "asyncio_"
# Tasks inherit it from whoever starts them: that tells the channel's tasks from the provider's.
_by_the_channel: ContextVar[bool] = ContextVar("by_the_channel", default=False)


class Traces:
    """Watches one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()
        self._threads = set(threading.enumerate())
        self.complaints: list[str] = []
        loop.set_task_factory(self._started)
        loop.set_exception_handler(self._complained)

    def calling(self, call: Callable[[], Awaitable[object]]) -> asyncio.Task[object]:
        """A call to the channel, under way; it comes to what is returned or raised."""
        return asyncio.Task(_caught(call), loop=self._loop)

    def tasks(self) -> list[str]:
        """The tasks of the channel that have not ended."""
        return [repr(task.get_coro()) for task in self._tasks if not task.done()]

    def threads(self) -> list[str]:
        """The threads that were not there at first."""
        names = [thread.name for thread in set(threading.enumerate()) - self._threads]
        return [name for name in names if not name.startswith(_OF_THE_LOOP)]

    def _started(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **how: Any,
    ) -> asyncio.Task[T]:
        task = asyncio.Task(cast("Coroutine[Any, Any, T]", work), loop=loop, **how)
        if _by_the_channel.get():
            self._tasks.add(task)
        return task

    def _complained(self, loop: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:  # noqa: ARG002 - asyncio's signature
        error: object = said.get("exception")
        text = f": {named(error)}" if isinstance(error, BaseException) else ""
        self.complaints.append(f"{said.get('message')}{text}")


async def _caught(call: Callable[[], Awaitable[object]]) -> object:
    """What a call returns, or raises; only its being cancelled from outside is felt."""
    _by_the_channel.set(True)
    try:
        return await call()
    except asyncio.CancelledError as error:
        task = cast("asyncio.Task[object]", asyncio.current_task())
        if task.cancelling():
            raise
        return error
    except BaseException as error:  # noqa: BLE001 - which one it may be is what is checked
        return error
