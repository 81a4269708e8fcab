"""Ending a child together with everything it has started."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

GRACE_S: Final = 1.0
"""How long a group may take to end by itself after SIGTERM."""

_REAP_S: Final = 0.25
_LOOK_EVERY_S: Final = 0.05


def signal_group(leader: int, number: int) -> bool:
    """Whether anybody was left to be signalled."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


class ProcessGroup:
    """The group a child leads; it outlives the leader for as long as any member does."""

    def __init__(self, leader: int, *, leader_is_reaped: Callable[[], bool]) -> None:
        self._id = leader
        self._leader_is_reaped = leader_is_reaped
        self._ended = False

    async def end(self) -> None:
        """SIGTERM, a grace, SIGKILL. Being cancelled meanwhile cuts the grace short, never the SIGKILL."""
        if self._ended:
            return
        try:
            for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, _REAP_S)):
                if not self._signal(number) or await self._is_empty_within(patience):
                    break
        except asyncio.CancelledError:
            self._signal(signal.SIGKILL)
            raise
        finally:
            self._ended = True

    async def _is_empty_within(self, seconds: float) -> bool:
        # Nothing announces the end of a process that is not our child, so it has to be asked for.
        for _ in range(round(seconds / _LOOK_EVERY_S)):
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self._signal(0):
                return True
        return False

    def _signal(self, number: int) -> bool:
        self._reap_orphans()
        return signal_group(self._id, number)

    def _reap_orphans(self) -> None:
        """As process 1 of a container we inherit the orphans, and nobody else would collect them.

        The leader itself belongs to the event loop's child watcher and must be reaped by that first.
        """
        with suppress(ChildProcessError):
            while self._leader_is_reaped() and os.waitpid(-self._id, os.WNOHANG) != (0, 0):
                pass
