"""An event loop whose clock can be put forward while nothing happens: time limits pass without being waited for."""

import asyncio
import selectors
from collections.abc import Generator
from contextlib import contextmanager

# So long nothing may come from a socket before it counts as quiet.
_QUIET_SECONDS = 0.05


class _Selector(selectors.DefaultSelector):
    """Waits for sockets only for a moment while it is hurried, and skips the rest of the wait."""

    hurried = 0
    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not self.hurried or timeout is None or timeout <= _QUIET_SECONDS:
            return super().select(timeout)
        ready = super().select(_QUIET_SECONDS)
        if not ready:
            self.skipped += timeout - _QUIET_SECONDS
        return ready


class HurriedLoop(asyncio.SelectorEventLoop):
    """Real sockets, and real time but for what is skipped inside `hurry`."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return super().time() + self._clock.skipped

    @contextmanager
    def hurry(self) -> Generator[None]:
        """Skip waiting inside the block. Both ends of every socket must be on this loop."""
        self._clock.hurried += 1
        try:
            yield
        finally:
            self._clock.hurried -= 1
