"""The real child in a process of its own, spoken to in plain JSON over its socket."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from tests.plugins.whatsapp.peer.bell import Bell

AT = 1_795_000_000_000
LONG_AFTER = 2 * AT
RANI = "6281234567890"
TO_RANI = f"{RANI}@s.whatsapp.net"
_END = "\nfrom stentor_whatsapp.child import main\nmain()\n"


class Outside(Protocol):
    """What a child finds when it looks for WhatsApp."""

    @property
    def environment(self) -> Mapping[str, str]: ...

    @property
    def proxy_url(self) -> str: ...


@dataclass(frozen=True)
class Nobody:
    """No WhatsApp can be reached."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    proxy_url: str = "http://127.0.0.1:9"


class Said(Exception):
    """The child answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['kind']}: {error['text']}")
        self.kind: str = error["kind"]
        self.text: str = error["text"]
        self.facts = error


@dataclass
class Kid:
    """One life of a child."""

    folder: Path
    proxy: str
    process: asyncio.subprocess.Process
    writer: asyncio.StreamWriter
    events: list[dict[str, Any]] = field(default_factory=list)
    _bell: Bell = field(default_factory=Bell)
    _numbers: Any = field(default_factory=lambda: count(1))
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _is_gone: bool = False

    @property
    def log(self) -> str:
        return (self.folder / "child.log").read_text()

    async def open(self, **facts: Any) -> dict[str, Any]:
        usual = {
            "session": str(self.folder / "session.db"),
            "ledger": str(self.folder / "ledger.db"),
            "proxy": self.proxy,
            "device": "Stentor",
        }
        return await self.ask("open", **{**usual, **facts})

    async def log_in(self, **facts: Any) -> None:
        """Open and connect, and wait until it is connected."""
        await self.open(**facts)
        await self.ask("connect")
        await self.state("connected")

    async def send(
        self, part: str = "part", text: str = "Halo", to: str = TO_RANI, **facts: Any
    ) -> dict[str, Any]:
        return await self.ask("send", **{"part": part, "to": to, "text": text, "at": AT, **facts})

    async def recall(self, part: str = "part") -> dict[str, Any]:
        return await self.ask("recall", part=part, tried=LONG_AFTER)

    async def ask(self, do: str, **facts: Any) -> dict[str, Any]:
        """The facts of the answer. `Said` is an error, and `EOFError` the end of the child."""
        number = self.say(do, **facts)
        await self._bell.until(lambda: number in self._answers or self._is_gone, f"an answer to {do}")
        if number not in self._answers:
            raise EOFError(do)
        answer = self._answers[number]
        if "error" in answer:
            raise Said(answer["error"])
        return dict(answer["ok"])

    def say(self, do: str, **facts: Any) -> int:
        number = next(self._numbers)
        self.writer.write(json.dumps({"id": number, "do": do, **facts}).encode() + b"\n")
        return number

    async def state(self, state: str) -> dict[str, Any]:
        return await self.event("state", state=state)

    async def event(self, name: str, number: int = 1, **facts: Any) -> dict[str, Any]:
        """The first event like this, or the second, and so on, as soon as it has come."""
        await self._bell.until(
            lambda: len(self.all(name, **facts)) >= number, f"{name} {facts} among {self.events}"
        )
        return self.all(name, **facts)[number - 1]

    def all(self, name: str, **facts: Any) -> list[dict[str, Any]]:
        return [event for event in self.events if {"event": name, **facts}.items() <= event.items()]

    async def gone(self) -> int:
        """How it ended, as soon as it has."""
        async with asyncio.timeout(20):
            return await self.process.wait()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.gone()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                heard = json.loads(line)
                if "event" in heard:
                    self.events.append(heard)
                else:
                    assert heard["id"] not in self._answers, "one question, one answer"
                    self._answers[heard["id"]] = heard
                self._bell.ring()
        self._is_gone = True
        self._bell.ring()


@asynccontextmanager
async def child(
    whatsapp: Outside, folder: Path, *, doing: str = "", **environment: str
) -> AsyncIterator[Kid]:
    """A child for as long as the block lasts; `doing` is run in it before anything else."""
    program = ["-P", "-m", "stentor_whatsapp.child"] if not doing else ["-P", "-c", doing + _END]
    ours, theirs = socket.socketpair()
    with theirs, (folder / "child.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            str(theirs.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env={**os.environ, **whatsapp.environment, **environment},
        )
    reader, writer = await asyncio.open_connection(sock=ours, limit=2**23)
    kid = Kid(folder, whatsapp.proxy_url, process, writer)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(kid.listen(reader))
        try:
            yield kid
        finally:
            writer.close()
            await kid.kill()
