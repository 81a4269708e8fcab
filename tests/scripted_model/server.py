"""The server: it notes what it is asked, counts, and notices who hangs up."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

from tests.scripted_model.scripts import Body, Script, script_of


@dataclass(frozen=True)
class Asked:
    """One request for a completion."""

    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]


class ScriptedModel:
    """Listens for as long as it is entered. `scripts` says what a model's name means, the usual ones if left out."""

    def __init__(self, scripts: Callable[[Body], Script] = script_of, *, lists_models: int = 200) -> None:
        self.asked: list[Asked] = []
        self.paths: list[str] = []
        self.hung_up = asyncio.Event()
        self._scripts, self._lists_models = scripts, lists_models
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer, closed in list(self._open.items()):
            writer.transport.abort()
            await closed.wait()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closed = self._open[writer] = asyncio.Event()
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.transport.abort()
            del self._open[writer]
            closed.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = head[0].split(" ")[1]
        self.paths.append(path)
        if not path.endswith("/chat/completions"):
            _write_document(writer, Script(document={"data": []}, status=self._lists_models))
            return True
        self.asked.append(Asked(headers, json.loads(body)))
        return await self._answer(self._scripts(self.asked[-1].body), reader, writer)

    async def _answer(
        self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if script.document is not None:
            _write_document(writer, script)
            return True
        if not script.silent:
            _write_head(writer, script, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
            for piece in script.pieces:
                _write_piece(writer, piece)
        if script.end == "cut":
            await writer.drain()
            return False
        if script.end == "hang" or script.silent:
            assert await reader.read(1) == b"", "nobody says anything more on this connection"
            self.hung_up.set()
            return False
        if script.end == "done":
            _write_piece(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        return True


def _write_document(writer: asyncio.StreamWriter, script: Script) -> None:
    is_text = isinstance(script.document, str)
    content = str(script.document) if is_text else json.dumps(script.document)
    kind = "text/html" if is_text else "application/json"
    _write_head(writer, script, {"Content-Type": kind, "Content-Length": str(len(content))})
    writer.write(content.encode())


def _write_head(writer: asyncio.StreamWriter, script: Script, more: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {script.status} Scripted"]
    lines += [f"{name}: {value}" for name, value in {**script.headers, **more}.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())


def _write_piece(writer: asyncio.StreamWriter, piece: object) -> None:
    said = piece if isinstance(piece, str) else json.dumps(piece)
    data = f"data: {said}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@contextmanager
def in_a_thread() -> Iterator[ScriptedModel]:
    """One for tests that have no loop, or that look at Stentor from outside."""
    begun, loop = threading.Event(), asyncio.new_event_loop()
    model = ScriptedModel()
    over = asyncio.Event()

    async def serve() -> None:
        async with model:
            begun.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert begun.wait(10)
        yield model
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
