"""What the event loop hears of a child process: kept within bounds, announced to the one who waits."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final, cast

from stentor.agents.process_group import signal_group

STDOUT_LIMIT: Final = 1024 * 1024
"""Bytes a program may print in one run."""

STDERR_TAIL: Final = 8 * 1024
"""Bytes of diagnostics kept; the end of stderr is where programs say what went wrong."""

_STDOUT = 1
_STDERR = 2


class Output(asyncio.SubprocessProtocol):
    """Both output streams and the exit code of one child. Callbacks fill it, so reading needs no tasks."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.exit_code: int | None = None
        self.overflowed = False
        self.released = False
        self._received = 0
        self._open = {_STDOUT, _STDERR}
        self._news = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    @property
    def exited(self) -> bool:
        return self.exit_code is not None

    @property
    def ended(self) -> bool:
        """No more output will come, on either stream."""
        return not self._open

    @property
    def has_line(self) -> bool:
        """A whole line of stdout is there, or all that will ever come."""
        return b"\n" in self.stdout or _STDOUT not in self._open

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds. Made for one waiter at a time."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def stop(self) -> None:
        """Take no more output."""
        self._open.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self.stderr += data
            del self.stderr[:-STDERR_TAIL]
            return
        self._received += len(data)
        if self._received <= STDOUT_LIMIT:
            self.stdout += data
        else:
            self._overflow()
        self._news.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self._open.discard(fd)
        self._news.set()

    def process_exited(self) -> None:
        if self._transport is not None:
            self.exit_code = self._transport.get_returncode()
            # Cancelled while starting: asyncio kills the leader and then waits for whoever holds its pipes.
            if self._transport.is_closing():
                signal_group(self._transport.get_pid(), signal.SIGKILL)
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        if self._transport is not None:
            self._transport.close()
        self.released = True
        self._news.set()

    def _overflow(self) -> None:
        """Stop reading: the program gets SIGPIPE instead of a reader that throws its words away."""
        self.overflowed = True
        pipe = self._transport.get_pipe_transport(_STDOUT) if self._transport is not None else None
        if pipe is not None:
            pipe.close()
