"""A simulated process with real sockets: time passes for it only when nothing is under way on a line."""

import asyncio
import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulation.receivers import Receiver

from stentor.app.assembly import App
from stentor.testing.points import Trail
from stentor.testing.simulation import Simulation
from stentor.testing.virtual_time import VirtualLoop

# The system carries bytes over at once, except when it has other things to do.
_GRACE_SECONDS = 0.05


class WiredLoop(VirtualLoop):
    """Virtual time, real sockets. It waits for these in real time while somebody is about to speak."""

    def __init__(self, receivers: Sequence[Receiver], trail: Trail) -> None:
        super().__init__()
        self._receivers = receivers
        self._dialling = 0
        self._lines: list[asyncio.WriteTransport] = []
        self._pass_time = self._virtual.select
        self._virtual.select = self._select
        for receiver in receivers:
            receiver.plug_in(self, trail.reach)

    async def getaddrinfo(self, host: Any, port: Any, **wanted: Any) -> Any:
        """On the spot instead of in a thread: an address needs nobody to be asked."""
        return socket.getaddrinfo(host, port, **wanted, flags=socket.AI_NUMERICHOST)

    async def create_connection(self, *args: Any, **named: Any) -> Any:
        self._dialling += 1
        try:
            line = await super().create_connection(*args, **named)
        finally:
            self._dialling -= 1
        self._lines.append(line[0])
        return line

    def close(self) -> None:
        """What the system does with the sockets of a process that is gone."""
        if not self.is_closed():
            for receiver in self._receivers:
                receiver.unplug()
            for line in self._lines:
                line.abort()
            self.call_soon(self.stop)
            self.run_forever()
        super().close()

    def _select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        speaking = self._dialling or any(receiver.expects or receiver.spoke for receiver in self._receivers)
        if speaking and (timeout is None or timeout > 0):
            for receiver in self._receivers:
                receiver.spoke = False
            ready = selectors.DefaultSelector.select(self._virtual, _GRACE_SECONDS)
            if ready:
                return ready
        return self._pass_time(timeout)


@dataclass
class WiredSimulation(Simulation):
    """A home whose processes post to `receivers`."""

    receivers: Sequence[Receiver] = ()

    def _born(self, crash_at: int | None) -> tuple[Trail, VirtualLoop, list[App]]:
        trail, loop, apps = super()._born(crash_at)
        loop.close()
        return trail, WiredLoop(self.receivers, trail), apps
