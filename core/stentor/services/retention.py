"""Tidies the run log and the sessions up, on a clock of its own and in slices that leave the store to everybody else."""

import logging
from dataclasses import asdict, dataclass

from stentor.domain.faults import StoreError
from stentor.domain.retention import Limits, Position, Removed
from stentor.ports import Clock, Store

log = logging.getLogger(__name__)
_AFTER_START_SECONDS = 60.0
_EVERY_SECONDS = 3600.0


@dataclass
class Retention:
    store: Store
    clock: Clock
    limits: Limits

    async def run(self) -> None:
        """Until cancelled. The start belongs to recovery and to what fell due meanwhile."""
        seconds = _AFTER_START_SECONDS
        while self.limits:
            await self.clock.sleep(seconds)
            seconds = _EVERY_SECONDS
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("the run log stays as it is: %s", error, extra={"event": "retention_stopped"})

    async def sweep(self) -> Removed:
        """From one end to the other; what went is written down once."""
        now = self.clock.now_ms()
        removed = Removed()
        position: Position | None = Position()
        while position is not None:
            slice_ = await self.store.prune(self.limits, now, position)
            removed, position = removed + slice_.removed, slice_.following
        if self.limits.sessions:
            await self.store.swept(removed, now)
        if removed:
            await self._mention(removed, now)
            while await self.store.give_back():
                pass
        return removed

    async def _mention(self, removed: Removed, now: int) -> None:
        log.info(
            "history removed: %d runs (%d bytes), %d instants that did not run, %d events, %d deliveries, %d sessions",
            removed.runs,
            removed.bytes,
            removed.instants,
            removed.events,
            removed.deliveries,
            removed.sessions.total.sessions,
            extra={"event": "history_removed"},
        )
        await self.store.note("history.removed", asdict(removed), now)
