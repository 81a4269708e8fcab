"""A small HTTP server on 127.0.0.1 that counts, records and misbehaves as told."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Reply:
    """Answer with this. `declared` promises more body than is sent, and then nothing more comes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    declared: int | None = None


@dataclass(frozen=True)
class Drop:
    """Read the whole request, then cut the connection."""


@dataclass(frozen=True)
class Hang:
    """Read the whole request, then say nothing until the server closes."""


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": location})


def closed_port() -> int:
    """A port of 127.0.0.1 nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class LoopbackServer:
    """Answers requests with what `plan` holds, one by one, and then with `otherwise`."""

    def __init__(
        self, otherwise: Reply | Drop | Hang | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.otherwise = otherwise or Reply()
        self.plan: deque[Reply | Drop | Hang] = deque()
        self.seen: list[Seen] = []
        self.connections = 0
        self.connected = asyncio.Event()
        self.port = 0
        self._tls = tls
        self._closing = asyncio.Event()
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._server: asyncio.Server | None = None

    def url(self, path: str = "/in") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def deserted(self) -> None:
        """Return when no client is connected any more."""
        for ended in list(self._open.values()):
            await ended.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._closing.set()
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self.deserted()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.connected.set()
        ended = self._open[writer] = asyncio.Event()
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        # Not a graceful close: over TLS that would wait for a client that is gone.
        writer.transport.abort()
        del self._open[writer]
        ended.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = request.split(" ")
        self.seen.append(Seen(method, path, headers, body))
        behaviour = self.plan.popleft() if self.plan else self.otherwise
        if isinstance(behaviour, Hang):
            await self._closing.wait()
        if not isinstance(behaviour, Reply):
            return False
        await _answer(behaviour, writer)
        if behaviour.declared is not None:
            await self._closing.wait()
        return behaviour.declared is None


async def _answer(reply: Reply, writer: asyncio.StreamWriter) -> None:
    length = len(reply.body) if reply.declared is None else reply.declared
    headers = {"Content-Length": str(length), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Told", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
    await writer.drain()
