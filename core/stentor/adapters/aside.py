"""Work beside the loop, in a thread of its own."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Threads:
    async def do(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)
