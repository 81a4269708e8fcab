"""Waiting for what will be so, without looking again and again."""

import asyncio
from collections.abc import Callable

PATIENCE = 20.0


class Bell:
    """Rung whenever something has changed; those who wait look whether it is what they wait for."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def ring(self) -> None:
        for waiter in self._waiting:
            waiter.set()

    async def until(self, so: Callable[[], object], what: str) -> None:
        waiter = asyncio.Event()
        self._waiting.add(waiter)
        try:
            async with asyncio.timeout(PATIENCE):
                while not so():
                    waiter.clear()
                    await waiter.wait()
        except TimeoutError:
            raise TimeoutError(f"{PATIENCE:g} s have passed without {what}") from None
        finally:
            self._waiting.discard(waiter)
