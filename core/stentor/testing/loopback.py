"""A small HTTP server on 127.0.0.1 that counts, records and misbehaves as told."""

import asyncio
import json
import socket
import ssl
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


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
    """Read the whole request, then say nothing for as long as the client holds on."""


@dataclass(frozen=True)
class Reset:
    """Cut the connection as soon as the request's head has come, while its body is still on the way."""


Told = Reply | Drop | Hang | Reset
# An answer that is still to come, such as that to a long poll.
Later = Coroutine[Any, Any, Told]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    """An answer in JSON; `_` in the name of a header stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status, headers={"Location": location})


def closed_port() -> int:
    """A port of 127.0.0.1 nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class LoopbackServer:
    """Answers requests with what `plan` holds, one by one, and then with `otherwise`.

    A subclass may decide anew for each request, in `answer` and, before the body has come, in `cuts`.
    """

    def __init__(self, otherwise: Told | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.otherwise: Told = otherwise or Reply()
        self.plan: deque[Told] = deque()
        self.seen: list[Seen] = []
        self.connections = 0
        self.connected = asyncio.Event()
        self.port = 0
        self._tls = tls
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._server: asyncio.Server | None = None

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def url(self, path: str = "/in") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def deserted(self) -> None:
        """Return when no client is connected any more."""
        for ended in list(self._open.values()):
            await ended.wait()

    async def listen(self) -> None:
        """Take connections, on the same port as before where there was one."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cut every connection and take no more: the port refuses them."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in self._open:
            writer.transport.abort()
        await self.deserted()
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    def answer(self, seen: Seen) -> Told | Later:  # noqa: ARG002 - for those who decide by the request
        """What becomes of a request that has come as a whole."""
        return self.plan.popleft() if self.plan else self.otherwise

    def cuts(self, head: Seen) -> bool:  # noqa: ARG002 - for those who decide by the request
        """Whether a request is cut off before its body is read."""
        if not isinstance(self.plan[0] if self.plan else self.otherwise, Reset):
            return False
        if self.plan:
            self.plan.popleft()
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.connected.set()
        ended = self._open[writer] = asyncio.Event()
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            # Not a graceful close: over TLS that would wait for a client that is gone.
            writer.transport.abort()
            del self._open[writer]
            ended.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, path, _ = request.split(" ")
        begun = Seen(method, path, headers, b"")
        if self.cuts(begun):
            self.seen.append(begun)
            return False
        seen = Seen(method, path, headers, await _body(reader, headers))
        self.seen.append(seen)
        told = self.answer(seen)
        if isinstance(told, Coroutine):
            told = await _in_time(told, reader)
        if isinstance(told, Hang):
            await reader.read()
        if not isinstance(told, Reply):
            return False
        await _answer(told, writer)
        if told.declared is not None:
            await reader.read()
        return told.declared is None


async def _in_time(later: Later, reader: asyncio.StreamReader) -> Told:
    """The answer when it comes; none to a client that has gone."""
    answering, leaving = asyncio.Task(later), asyncio.Task(reader.read())
    try:
        await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else Drop()
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.wait([answering, leaving])


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body


async def _answer(reply: Reply, writer: asyncio.StreamWriter) -> None:
    length = len(reply.body) if reply.declared is None else reply.declared
    headers = {"Content-Length": str(length), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Told", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body)
    await writer.drain()
