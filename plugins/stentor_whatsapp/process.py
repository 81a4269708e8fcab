"""One child process: started in a group of its own, spoken to over a socket, and never left behind."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stentor_whatsapp.line import Hear, Line, Lost, Refused

LOG_BYTES = 1024 * 1024
_TAIL_BYTES = 8 * 1024
_PRINTED = 1
# What the Go runtime writes before it ends a process.
_LAST_WORDS = ("panic: ", "fatal error: ")


@dataclass(frozen=True, slots=True)
class Grace:
    """Seconds that a child gets to leave: when it is asked to, when it is told to, and when it has been killed."""

    asked: float = 1.0
    told: float = 1.0
    killed: float = 5.0


class Log:
    """What a child prints: a file within bounds, and the one before it. Losing it is no reason to fail."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tail = bytearray()
        self._file: BinaryIO | None = None
        self._is_closed = False

    def write(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-_TAIL_BYTES]
        if self._is_closed:
            return
        with suppress(OSError):
            self._make_room(len(data))
            file = self._file = self._file or self._opened()
            file.write(data)

    def last_words(self) -> str:
        """Why it died, as far as it said so."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in lines if line.startswith(_LAST_WORDS)), "")

    def close(self) -> None:
        """What is still to come is not kept."""
        self._is_closed = True
        self._let_go()

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _opened(self) -> BinaryIO:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "ab", buffering=0)

    def _make_room(self, more: int) -> None:
        if self._path.exists() and self._path.stat().st_size + more > LOG_BYTES:
            self._let_go()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))


class _Ear(asyncio.SubprocessProtocol):
    """Hears what the child prints, and when it is over."""

    def __init__(self, log: Log) -> None:
        self.exited = asyncio.Event()
        self.released = asyncio.Event()
        self._log = log

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio calls it so
        self._log.write(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.released.set()


@asynccontextmanager
async def running(argv: Sequence[str], log: Log, hear: Hear, grace: Grace) -> AsyncGenerator[Line]:
    """A child for as long as the block lasts. Raises `Lost` where there can be none."""
    ours, theirs = socket.socketpair()
    line, ear = Line(hear), _Ear(log)
    loop = asyncio.get_running_loop()
    with ours:
        with theirs:
            number = theirs.fileno()
            try:
                process, _ = await loop.subprocess_exec(
                    lambda: ear,
                    *argv,
                    str(number),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(number,),
                    start_new_session=True,
                )
            except OSError as error:
                raise Lost(f"{argv[0]} cannot be started: {error}", written=False) from error
        child = _Child(process, ear, line)
        try:
            ours.settimeout(0)
            await loop.create_connection(lambda: line, sock=ours)
            yield line
        finally:
            try:
                await child.end(grace)
            finally:
                log.close()


class _Child:
    """A process that has been started, and its end."""

    def __init__(self, process: asyncio.SubprocessTransport, ear: _Ear, line: Line) -> None:
        self._process = process
        self._ear = ear
        self._line = line

    async def end(self, grace: Grace) -> None:
        """Ask it to leave, tell it to, and end it. Being cancelled meanwhile cuts the grace short, never the end."""
        try:
            await self._leave(grace)
        finally:
            # It may have started programs of its own, which outlive it.
            self._signal(signal.SIGKILL)
            self._line.hang_up("it was ended")
            await self._let_go(grace)

    async def _leave(self, grace: Grace) -> None:
        if not self._line.gone.is_set():
            with suppress(Lost, Refused):
                await self._line.request("close", grace.asked)
                await self._exited_within(grace.asked)
        # Without its socket it leaves at once, and whatever hangs may hear the signal.
        self._line.hang_up("it was asked to leave")
        if not self._ear.exited.is_set() and self._signal(signal.SIGTERM):
            await self._exited_within(grace.told)

    async def _let_go(self, grace: Grace) -> None:
        """It has been killed, so this takes no time, and whoever is cancelled meanwhile waits for it all the same."""
        try:
            # Only a process that the kernel will not let die takes longer.
            await self._exited_within(grace.killed)
        except asyncio.CancelledError:
            await self._exited_within(grace.killed)
            raise
        finally:
            # Whatever it has left behind may hold its output open.
            self._process.close()
            if self._ear.exited.is_set():
                await self._ear.released.wait()
            await self._line.gone.wait()

    async def _exited_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ear.exited.wait()

    def _signal(self, number: int) -> bool:
        try:
            os.killpg(self._process.get_pid(), number)
        except (ProcessLookupError, PermissionError):
            return False
        return True
