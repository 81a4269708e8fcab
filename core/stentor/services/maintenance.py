"""What has no instant of its own: the heartbeat, giving up what was not sent in its time, telling of a stall."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from stentor.domain.faults import StoreError
from stentor.ports import Clock, StallNote, Store

log = logging.getLogger(__name__)
T = TypeVar("T")
_EVERY_SECONDS = 10.0


@dataclass
class Maintenance:
    store: Store
    clock: Clock
    boot: str
    note: StallNote
    # Since when, on the monotonic clock, the store has owed an answer: a watchdog looks at this from outside.
    asked_at: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                now = self.clock.now_ms()
                await self._answer(self.store.beat(self.boot, now))
                await self._tell_of_stall(now)
                while await self._answer(self.store.expire(now)):
                    pass
                while await self._answer(self.store.flag_unconfirmed(now)):
                    pass
            except StoreError as error:
                log.warning(
                    "maintenance waits for the store: %s", error, extra={"event": "maintenance_stopped"}
                )
            await self.clock.sleep(_EVERY_SECONDS)

    async def _tell_of_stall(self, now: int) -> None:
        """The loop answers again, perhaps in another process: what a thread could only note becomes an alert."""
        stall = self.note.read()
        if stall is not None:
            alert = {"cause": "stalled", "message": str(stall)}
            await self._answer(self.store.note("alert", alert, now))
            self.note.clear()

    async def _answer(self, operation: Awaitable[T]) -> T:
        self.asked_at = self.clock.monotonic()
        try:
            return await operation
        finally:
            self.asked_at = None
