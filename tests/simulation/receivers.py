"""Receivers of webhooks: real sockets on 127.0.0.1 that count what they read, and misbehave as they are told.

They live longer than the processes that post to them: each of those takes them onto its own loop.
"""

import asyncio
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from stentor.contract.payloads import Part
from stentor.contract.targets import Target
from stentor.testing.scripted import Provider

Reach = Callable[[str], None]
Ending = Literal["stays", "closes", "resets"]
_RESET = struct.pack("ii", 1, 0)
_MOST = 1 << 20
_HEAD_ENDS = b"\r\n\r\n"


@dataclass(frozen=True)
class Behaviour:
    """What comes back, each piece after so many seconds, and what then becomes of the line.

    `arrives` says whether the message is taken in; `at_once` does not even wait for a request.
    """

    pieces: tuple[tuple[float, bytes], ...] = ()
    then: Ending = "stays"
    arrives: bool = False
    at_once: bool = False


@dataclass(frozen=True)
class Request:
    """One request that was read to its end, and the time of its process at which it was."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def part(self) -> str:
        """All a receiver has to tell a repetition by."""
        return self.headers["webhook-id"]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer in full. Underscores in the names of headers are dashes; of the length, `Content_Length` may lie."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in ({"Content-Length": str(len(body))} | named).items()]
    return "\r\n".join([f"HTTP/1.1 {status} Told", *lines, "", ""]).encode("latin-1") + body


WELL = Behaviour(((0, answer(200)),), arrives=True)


class Receiver:
    """Treats requests as `script` says, one by one, and then well. `deaf_for` so many seconds it is not there at all."""

    def __init__(self, script: Iterable[Behaviour] = (), *, deaf_for: float = 0) -> None:
        self.script = deque(script)
        self.requests: list[Request] = []
        self.arrived: Counter[str] = Counter()
        self.dialled = 0
        # Something was said on a line since somebody asked.
        self.spoke = False
        self._deaf_for = deaf_for
        self._lines: list[_Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._door = socket.socket()
        self._door.setblocking(False)
        self._door.bind(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._door.getsockname()[1]}"

    @property
    def expects(self) -> bool:
        """Whether somebody on a line is about to say what he wants."""
        return any(line.expects for line in self._lines)

    def plug_in(self, loop: asyncio.AbstractEventLoop, reach: Reach) -> None:
        """Serve from this loop, and name the points of its process that only the far side sees."""
        if self._deaf_for:
            loop.call_later(self._deaf_for, self._open, loop, reach)
            self._deaf_for = 0
        else:
            self._open(loop, reach)

    def unplug(self) -> None:
        """The process is gone; what it had sent by then arrives all the same."""
        for line in list(self._lines):
            line.read_the_rest()
            self.hung_up(line)
        if self._loop is not None:
            self._loop.remove_reader(self._door)

    def close(self) -> None:
        self._door.close()

    def behaviour(self) -> Behaviour:
        return self.script.popleft() if self.script else WELL

    def hung_up(self, line: "_Line") -> None:
        if line in self._lines:
            self._lines.remove(line)
            line.close()

    def _open(self, loop: asyncio.AbstractEventLoop, reach: Reach) -> None:
        self._door.listen()
        self._loop = loop
        loop.add_reader(self._door, self._take_calls, loop, reach)

    def _take_calls(self, loop: asyncio.AbstractEventLoop, reach: Reach) -> None:
        with suppress(BlockingIOError):
            connection, _ = self._door.accept()
            self.dialled += 1
            line = _Line(self, connection, loop, reach)
            self._lines.append(line)
            line.serve()
            reach("wire.dialled")


class _Line:
    """One connection: requests come in, and pieces of answers go out in their time."""

    def __init__(
        self, receiver: Receiver, connection: socket.socket, loop: asyncio.AbstractEventLoop, reach: Reach
    ) -> None:
        connection.setblocking(False)
        self._receiver = receiver
        self._connection = connection
        self._loop = loop
        self._reach = reach
        self._received = b""
        self._timers: list[asyncio.TimerHandle] = []
        self.expects = True

    def serve(self) -> None:
        script = self._receiver.script
        if script and script[0].at_once:
            self._perform(script.popleft())
        else:
            self._loop.add_reader(self._connection, self._hear)

    def read_the_rest(self) -> None:
        with suppress(OSError):
            self._received += self._connection.recv(_MOST)
            if self._request():
                self._take_in(self._receiver.behaviour())

    def close(self) -> None:
        self._loop.remove_reader(self._connection)
        for timer in self._timers:
            timer.cancel()
        self._connection.close()

    def _hear(self) -> None:
        try:
            heard = self._connection.recv(_MOST)
        except OSError:
            heard = b""
        if not heard:
            self._receiver.hung_up(self)
            return
        self._received += heard
        if self._request():
            behaviour = self._receiver.behaviour()
            self._take_in(behaviour)
            self._perform(behaviour)
            self._reach("wire.heard")

    def _request(self) -> bool:
        """Count a request, once it is there to its end."""
        head, ended, body = self._received.partition(_HEAD_ENDS)
        if not ended:
            return False
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return False
        self._received = b""
        path = request.split(" ")[1]
        self._receiver.requests.append(Request(path, headers, body, self._loop.time()))
        return True

    def _take_in(self, behaviour: Behaviour) -> None:
        if behaviour.arrives:
            self._receiver.arrived[self._receiver.requests[-1].part] += 1

    def _perform(self, behaviour: Behaviour) -> None:
        self.expects = False
        seconds = 0.0
        for wait, piece in behaviour.pieces:
            seconds += wait
            self._timers.append(self._loop.call_later(seconds, self._say, piece))
        self._timers.append(self._loop.call_later(seconds, self._end, behaviour))

    def _say(self, piece: bytes) -> None:
        with suppress(OSError):
            self._connection.sendall(piece)
        self._receiver.spoke = True

    def _end(self, behaviour: Behaviour) -> None:
        if behaviour.then == "resets":
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if behaviour.then != "stays":
            self._receiver.hung_up(self)
            self._receiver.spoke = True
        if behaviour.pieces:
            self._reach("wire.answered")


def witness(receivers: Sequence[Receiver]) -> Provider:
    """What arrived, as the invariants ask for it: who tells repetitions by their id shows each message once."""
    provider = Provider(deduplicates=True)
    for part in {part for receiver in receivers for part in receiver.arrived}:
        provider.accept(Part(part, "", Target("webhook", "", "", ""), 1, 1, "", 1))
    return provider
