"""Writing what must not be lost although the store cannot take it right now."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stentor.domain.faults import StoreUnavailable
from stentor.ports import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE_SECONDS = 1.0


async def insist(clock: Clock, what: str, operation: Callable[[], Awaitable[T]]) -> T:
    """Try an operation until the store takes it. The result waits in memory meanwhile, and says so."""
    while True:
        try:
            return await operation()
        except StoreUnavailable as error:
            log.warning("%s waits for the store: %s", what, error, extra={"event": "store_unavailable"})
            await clock.sleep(_PAUSE_SECONDS)
