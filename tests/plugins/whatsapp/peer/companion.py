"""The real neonize in a process of its own, so that what ends it ends nothing else."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .bell import Bell

PROGRAM = Path(__file__).with_name("companion_program.py")


class Companion:
    """Started by `companion`. `events` are what it has told so far, in order."""

    def __init__(
        self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter, output: Path
    ) -> None:
        self.process = process
        self.output = output
        self.events: list[dict[str, Any]] = []
        self._writer = writer
        self._bell = Bell()
        self._asked = 0
        self.is_gone = False

    async def follow(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self.events.append(json.loads(line))
                self._bell.ring()
        except ConnectionError:
            pass
        self.is_gone = True
        self._bell.ring()

    def all(self, event: str) -> list[dict[str, Any]]:
        return [told for told in self.events if told["event"] == event]

    async def event(self, name: str, number: int = 1) -> dict[str, Any]:
        """The first event of a name, the second, and so on, as soon as it is told."""
        await self._bell.until(
            lambda: len(self.all(name)) >= number or self.is_gone, f"{name} {number} among {self.events}"
        )
        return self.all(name)[number - 1]

    async def ask(self, do: str, **facts: Any) -> Any:
        """What the client says to that; its error is raised as a RuntimeError."""
        answer = await self.answer(await self.start(do, **facts))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    async def start(self, do: str, **facts: Any) -> int:
        """Ask, and do not wait: `answer` waits for it."""
        self._asked += 1
        self._writer.write(json.dumps({"id": self._asked, "do": do, **facts}).encode() + b"\n")
        await self._writer.drain()
        return self._asked

    async def answer(self, number: int) -> dict[str, Any]:
        def given() -> list[dict[str, Any]]:
            return [told for told in self.all("answer") if told["id"] == number]

        await self._bell.until(lambda: given() or self.is_gone, "an answer")
        if not given():
            raise ConnectionError("the client has gone")
        return given()[0]


@asynccontextmanager
async def companion(session: Path, proxy: str, environment: dict[str, str]) -> AsyncGenerator[Companion]:
    """A client with this session database, connecting through the proxy."""
    ours, theirs = socket.socketpair()
    printed = session.with_suffix(".out")
    with theirs, printed.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM,
            str(theirs.fileno()),
            str(session),
            proxy,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[theirs.fileno()],
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    running = Companion(process, writer, printed)
    following = asyncio.create_task(running.follow(reader))
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        writer.close()
        await following
