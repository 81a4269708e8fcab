"""An event loop on virtual time: waiting costs nothing, and the same history happens the same way twice.

Nothing in it talks to the outside: sockets, threads and child processes do not wait on virtual time.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Generator
from itertools import count
from typing import Any, TypeVar, cast

from stentor.adapters.clock import SystemClock

T = TypeVar("T")
START_MS = 1_782_889_200_000  # 2026-07-01T07:00:00Z


class NothingToWaitFor(RuntimeError):
    """Every task waits for another one: on a real loop this would hang for ever."""


class _Selector(selectors.DefaultSelector):
    """Instead of sleeping until the next timer, moves the loop's time there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingToWaitFor("no timer is set and nothing is ready")
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class _NumberedTask(asyncio.Task[T]):
    """asyncio keeps tasks in sets, ordered by their addresses in memory: in every process another history."""

    def __init__(self, number: int, work: Coroutine[Any, Any, T], **named: Any) -> None:
        self._number = number
        super().__init__(work, **named)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        self._numbers = count()
        super().__init__(self._virtual)
        self.set_task_factory(self._numbered)

    def _numbered(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **named: Any,
    ) -> asyncio.Task[T]:
        return _NumberedTask(next(self._numbers), cast("Coroutine[Any, Any, T]", work), loop=loop, **named)

    def time(self) -> float:
        return self._virtual.now


class VirtualClock(SystemClock):
    """Wall time follows the loop's time; whoever sets it moves its start."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.start_ms = start_ms

    def now_ms(self) -> int:
        return self.start_ms + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


async def pass_time(seconds: float) -> None:
    """Let virtual time pass; on a real loop this would be a sleep, so there it is refused."""
    if not isinstance(asyncio.get_running_loop(), VirtualLoop):
        raise TypeError("time passes by itself on a real loop: wait for an event instead")
    await asyncio.sleep(seconds)
