"""The server's side of a websocket over a pair of streams."""

import asyncio

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

_PIECE = 65536
_DATA = (Opcode.BINARY, Opcode.TEXT, Opcode.CONT)


class Websocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = ServerProtocol(max_size=None)
        self._pings_left = 0

    async def receive(self) -> bytes:
        """What the client has sent next. ConnectionError says that nothing more comes."""
        while True:
            data = await self._reader.read(_PIECE)
            if not data:
                raise ConnectionError("the client has gone")
            self._protocol.receive_data(data)
            received = b"".join([self._taken(event) for event in self._protocol.events_received()])
            await self._flush()
            if received:
                return received

    def _taken(self, event: Request | Frame) -> bytes:
        if isinstance(event, Request):
            self._protocol.send_response(self._protocol.accept(event))
            return b""
        if event.opcode is Opcode.CLOSE:
            raise ConnectionError("the client has closed the websocket")
        if event.opcode is Opcode.PONG and self._pings_left:
            self._heard()
        return bytes(event.data) if event.opcode in _DATA else b""

    async def send(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        await self._flush()

    async def close_when_heard(self) -> None:
        """Who answers a ping has read what came before it; a second one leaves time to act on that."""
        self._pings_left = 2
        self._protocol.send_ping(b"heard?")
        await self._flush()

    def _heard(self) -> None:
        self._pings_left -= 1
        if not self._pings_left:
            self.close()
            raise ConnectionError("everything has been said")
        self._protocol.send_ping(b"really?")

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
