"""Heavy work goes in steps, and the loop takes one of them before everybody else has had a turn."""

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Courtesy:
    """Whoever has much to do asks before each step. However many do, their steps never add up to one long one."""

    _waiting: deque["asyncio.Future[None]"] = field(default_factory=deque["asyncio.Future[None]"])

    async def turn(self) -> None:
        """Wait until it is our turn: first come, first served."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            loop.call_soon(self._next)
        await mine

    def _next(self) -> None:
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()  # cancelled, or the one before
        if self._waiting:
            self._waiting[0].set_result(None)
            asyncio.get_running_loop().call_soon(self._next)
