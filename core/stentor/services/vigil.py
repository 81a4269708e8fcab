"""Since when somebody has been watching the clock without a gap."""

import logging
from dataclasses import dataclass, field

from stentor.domain.durations import format_duration
from stentor.ports import Clock, Store

log = logging.getLogger(__name__)
# The wall clock may run this far ahead of the time that really passed before it counts as a sleep or a jump.
_JUMP_MS = 300_000
_STEP_BACK_MS = 5_000
_CLOCK_LOOKS_SECONDS = 1.0


@dataclass
class Vigil:
    """Compares the wall clock, which may jump, with the monotonic one, which does not."""

    store: Store
    clock: Clock
    awake_ms: int = 0
    waiting: bool = False
    _seen: tuple[int, float] | None = field(default=None)

    async def begin(self) -> None:
        """A clock that lies before anything the store has seen is not set yet: nothing is scheduled by it."""
        newest_ms = await self.store.newest_ms()
        behind = newest_ms - self.clock.now_ms()
        if behind > _STEP_BACK_MS:
            log.warning(
                "waiting for the clock: it is %s behind what the store has seen",
                format_duration(behind),
                extra={"event": "waiting_for_clock"},
            )
        while self.clock.now_ms() < newest_ms - _STEP_BACK_MS:
            self.waiting = True
            await self.clock.sleep(_CLOCK_LOOKS_SECONDS)
        self.waiting = False
        self.awake_ms = self.clock.now_ms()

    def look(self) -> int:
        """What time it is. After a gap, what fell due in it counts as missed, not as due."""
        now, elapsed = self.clock.now_ms(), self.clock.monotonic()
        if self._seen is not None:
            ahead = now - self._seen[0] - round((elapsed - self._seen[1]) * 1000)
            if ahead > _JUMP_MS:
                log.warning(
                    "the clock moved %s ahead: what fell due meanwhile was missed",
                    format_duration(ahead),
                    extra={"event": "clock_moved_ahead"},
                )
                self.awake_ms = now
            elif ahead < -_STEP_BACK_MS:
                log.warning(
                    "the clock moved back %s: nothing that was accounted for runs again",
                    format_duration(-ahead),
                    extra={"event": "clock_moved_back"},
                )
                self.awake_ms = min(self.awake_ms, now)
        self._seen = (now, elapsed)
        return now
