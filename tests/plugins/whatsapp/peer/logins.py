"""Who may come in, who is here, and how connections end."""

import asyncio
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from .bell import Bell
from .certificates import Authority
from .connection import Connection
from .door import Door
from .media import Media
from .noise import greeted
from .pairing import Registry
from .phone import Phone
from .stanzas import Node, stanza
from .websocket import Websocket


class Logins(ABC):
    """A server that pairs devices and lets them in. What they want then is for others to say."""

    def __init__(self, authority: Authority, number: str) -> None:
        self.authority = authority
        self.phone = Phone(number)
        self.media = Media()
        self.logins = 0
        self.refusals = 0
        self.connected = asyncio.Event()
        self.log: list[str] = []
        hosts = {"web.whatsapp.com:443": self._serve, ".whatsapp.net:443": self.media.serve}
        self.door = Door(authority.tls, hosts, self._refused)
        self._registry = Registry()
        self._bell = Bell()
        self._failure: Node | None = None
        self._connections: list[Connection] = []
        self._current: Connection | None = None

    async def __aenter__(self) -> Self:
        await self.door.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.door.close()
        if self.door.faults:
            raise ExceptionGroup("the peer itself has failed", self.door.faults)

    # The owner's phone

    async def scan(self, text: str, phone: str = "") -> None:
        """Returns when the device has signed that it belongs to the phone now; it logs in next."""
        await self._registry.scan(text, Phone(phone) if phone else self.phone)

    async def enter(self, code: str, phone: str = "") -> None:
        """Like a scan; `cryptography.exceptions.InvalidTag` says that it is not the code of the device."""
        await self._registry.enter(code, Phone(phone) if phone else self.phone)

    async def unlink(self) -> None:
        """The owner throws the device out: it is told so, and can not log in again."""
        self._registry.throw_out(self._here())
        await self.stream_error("conflict", "device_removed", code=401)

    # Waiting

    async def login(self, number: int = 1) -> None:
        """Until there have been so many logins."""
        await self._bell.until(lambda: self.logins >= number, f"login {number}")

    async def refusal(self, number: int = 1) -> None:
        """Until so many attempts to log in have been turned away."""
        await self._bell.until(lambda: self.refusals >= number, f"refusal {number}")

    async def gone(self) -> None:
        """Until no device is connected."""
        await self._bell.until(lambda: not self._connections, "an end of all connections")

    # Troubles

    async def fail_login(self, code: int | None, *, ban: int = 101, expire: int = 3600) -> None:
        """Logins fail with the code from now on, None for no more. Who is here has to log in again."""
        if code is None:
            self._failure = None
            return
        self._failure = stanza("failure", reason=code, code=ban, expire=expire, location="frc")
        await self.disconnect()

    async def stream_error(self, tag: str = "", kind: str = "", *, code: int | None = None) -> None:
        """Say why, and close: `code=515` asks to come again, `"conflict", "replaced"` says that another did."""
        detail = [stanza(tag, type=kind)] if tag else []
        current = self._here()
        await current.end(stanza("stream:error", *detail, code=code))
        await self._ended([current])

    async def replaced(self) -> None:
        await self.stream_error("conflict", "replaced")

    async def disconnect(self) -> None:
        """Close all connections without a word."""
        ending = list(self._connections)
        for connection in ending:
            connection.drop()
        await self._ended(ending)

    async def panic(self) -> None:
        """Send what ends the process of a client: whatsmeow's decoder does not survive a doubled @."""
        await self._here().send(stanza("message", from_="1@@s.whatsapp.net", id="1"))

    async def _ended(self, connections: list[Connection]) -> None:
        await self._bell.until(
            lambda: not any(connection in self._connections for connection in connections),
            "an end of the connection",
        )

    # What a connection goes through

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        websocket = Websocket(reader, writer)
        line = await greeted(websocket, self.authority.static, self.authority.chain)
        connection = Connection(line, websocket, self.log)
        self._connections.append(connection)
        try:
            await (self._let_in(connection) if connection.number else self._registry.offer(connection))
            while True:
                node = await connection.receive()
                if not connection.is_ending and not await self._registry.hear(connection, node):
                    await self._hear(connection, node)
        finally:
            self._connections.remove(connection)
            self._registry.forget(connection)
            if self._current is connection:
                self._current = None
                self.connected.clear()
            self._bell.ring()

    async def _let_in(self, connection: Connection) -> None:
        failure = self._failure
        if self._registry.has_thrown_out(connection):
            failure = stanza("failure", reason=401, location="frc")
        if failure is not None:
            await connection.end(failure)
            self._refused()
            return
        if self._current is not None:
            await self._current.end(stanza("stream:error", stanza("conflict", type="replaced")))
        self.connected.clear()
        self._current = connection
        await connection.send(stanza("success", t=now(), lid=connection.lid, props=2, status="ok"))

    @abstractmethod
    async def _hear(self, connection: Connection, node: Node) -> None:
        """What a device says after it has been let in."""

    def _is_here(self, connection: Connection) -> None:
        """The device has done what it does after a login."""
        if connection is self._current:
            self.logins += 1
            self.connected.set()
            self._bell.ring()

    def _refused(self) -> None:
        self.refusals += 1
        self._bell.ring()

    def _here(self) -> Connection:
        if self._current is None:
            raise ConnectionError("no device is connected")
        return self._current


def now() -> int:
    return int(time.time())
