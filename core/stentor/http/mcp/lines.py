"""Standard input and output as a client of the protocol uses them: a message a line, and each is answered."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage

from stentor.http.mcp.messages import Unsound, message_in

_STDIN, _STDOUT, _STDERR = range(3)
_AT_ONCE = 65_536
ToServer = MemoryObjectSendStream[SessionMessage | Exception]
ToClient = MemoryObjectSendStream[SessionMessage]


async def speak(spoken: Server[Any]) -> None:
    """Until the client leaves: it says nothing more, or hears nothing more."""
    if sys.stdin is None:
        return
    to_server, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, said = anyio.create_memory_object_stream[SessionMessage](0)
    with _for_us_alone() as (source, sink):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_take_in(_heard_on(source), to_server, to_client.clone()))
                tasks.create_task(_give_out(said, sink))
                await spoken.run(heard, to_client, spoken.create_initialization_options())
                to_client.close()
        except* BrokenPipeError:
            pass


async def _take_in(lines: "asyncio.Queue[bytes | None]", to_server: ToServer, to_client: ToClient) -> None:
    async with to_server, to_client:
        while (line := await lines.get()) is not None:
            if not line or line.isspace():
                continue
            try:
                await to_server.send(SessionMessage(message_in(line)))
            except Unsound as flaw:
                await to_client.send(SessionMessage(flaw.answer))


async def _give_out(said: MemoryObjectReceiveStream[SessionMessage], sink: int) -> None:
    async with said:
        async for message in said:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
            await asyncio.to_thread(_write, sink, line.encode())


def _heard_on(source: int) -> "asyncio.Queue[bytes | None]":
    """Each line, and None at the end. Nobody can interrupt a read, so its thread may be left behind."""
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(line: bytes | None) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=_listen, args=(source, tell), name="mcp-stdin", daemon=True).start()
    return lines


def _listen(source: int, tell: Callable[[bytes | None], object]) -> None:
    # A loop that is closed wants to hear nothing more.
    with suppress(RuntimeError):
        for line in _lines_of(source):
            tell(line)
        tell(None)


def _lines_of(source: int) -> Iterator[bytes]:
    waiting = bytearray()
    with suppress(OSError):  # a terminal that is gone, say, is the end of what it says
        while piece := os.read(source, _AT_ONCE):
            begin = len(waiting)
            waiting += piece
            while (end := waiting.find(b"\n", begin)) >= 0:
                yield bytes(waiting[:end])
                del waiting[: end + 1]
                begin = 0
    yield bytes(waiting)


def _write(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


@contextmanager
def _for_us_alone() -> Generator[tuple[int, int]]:
    """Both for the protocol: what else would read finds an end, and what else is printed goes where errors go."""
    source, sink = os.dup(_STDIN), os.dup(_STDOUT)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, _STDIN)
    os.dup2(nothing if sys.stderr is None else _STDERR, _STDOUT)
    os.close(nothing)
    try:
        yield source, sink
    finally:
        sys.stdout.flush()
        os.dup2(sink, _STDOUT)
        os.close(sink)
        # `source` stays as it is: somebody may be reading there, and nobody else is to come to stand in its place.
