"""Waits a moment for what becomes of a message that an agent has sent."""

from collections.abc import Awaitable, Callable

from stentor.domain.states import DeliveryState
from stentor.ports import Clock

# So long an agent waits for it; it is on its way in any case.
PATIENCE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


async def standing(
    look: Callable[[], Awaitable[DeliveryState]], clock: Clock, is_over: Callable[[], bool]
) -> DeliveryState:
    """How far it is, as soon as that is known, or nobody wants to know it any more."""
    pause, until = _FIRST_PAUSE_SECONDS, clock.monotonic() + PATIENCE_SECONDS
    while True:
        state = await look()
        if state is not DeliveryState.PENDING or is_over() or clock.monotonic() >= until:
            return state
        await clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
