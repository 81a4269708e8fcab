"""Work that a daemon does in threads, where there are none: a simulation has one thread."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class AtOnce:
    async def do(self, work: Callable[[], T]) -> T:
        return work()
