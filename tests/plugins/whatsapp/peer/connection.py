"""One connection of a device, from the handshake until it is closed."""

from itertools import count

from .noise import Line
from .people import lid_of
from .stanzas import SERVER, Node, decoded, encoded, shown, stanza
from .websocket import Websocket


class Connection:
    def __init__(self, line: Line, websocket: Websocket, log: list[str]) -> None:
        self.hello = line.hello
        self.is_ending = False
        self._line, self._websocket, self._log = line, websocket, log
        self._ids = count(1)

    @property
    def number(self) -> str:
        """The number that the device says it belongs to, "" of one that is not paired."""
        return str(self.hello.username or "")

    @property
    def device(self) -> int:
        return int(self.hello.device)

    @property
    def lid(self) -> str:
        """The device's hidden id, under which its messages are encrypted."""
        return lid_of(self.number).replace("@", f":{self.device}@")

    def next_id(self) -> str:
        return f"peer-{next(self._ids)}"

    async def receive(self) -> Node:
        node = decoded(await self._line.receive())
        self._log.append(f"from the device: {shown(node)}")
        return node

    async def send(self, node: Node) -> None:
        self._log.append(f"to the device: {shown(node)}")
        await self._line.send(encoded(node))

    async def result(self, query: Node, *content: Node) -> None:
        await self.send(stanza("iq", *content, from_=SERVER, type="result", id=query.attrs["id"]))

    async def refuse(self, query: Node, code: int, text: str) -> None:
        await self.send(
            stanza(
                "iq",
                stanza("error", code=code, text=text),
                from_=query.attrs.get("to", SERVER),
                type="error",
                id=query.attrs["id"],
            )
        )

    async def end(self, *last: Node) -> None:
        """Say the last words, and close when they are heard."""
        for node in last:
            await self.send(node)
        self.is_ending = True
        await self._websocket.close_when_heard()

    def drop(self) -> None:
        self.is_ending = True
        self._websocket.close()
