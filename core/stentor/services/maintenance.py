"""What has no instant of its own: the heartbeat, and giving up what was not sent in its time."""

import logging
from dataclasses import dataclass

from stentor.domain.faults import StoreError
from stentor.ports import Clock, Store

log = logging.getLogger(__name__)
_EVERY_SECONDS = 10.0


@dataclass
class Maintenance:
    store: Store
    clock: Clock
    boot: str

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                now = self.clock.now_ms()
                await self.store.beat(self.boot, now)
                while await self.store.expire(now):
                    pass
            except StoreError as error:
                log.warning(
                    "maintenance waits for the store: %s", error, extra={"event": "maintenance_stopped"}
                )
            await self.clock.sleep(_EVERY_SECONDS)
