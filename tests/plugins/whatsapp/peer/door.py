"""The way in: an HTTP proxy that opens tunnels to WhatsApp's hosts, and is all of those hosts itself."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_LOST = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError)


class Door:
    """What is served by the name of the host; anything else is refused like a proxy refuses it."""

    def __init__(self, tls: ssl.SSLContext, hosts: dict[str, Serve], refused: Callable[[], None]) -> None:
        self.is_open = True
        self.tunnels = 0
        self.faults: list[Exception] = []
        self._tls, self._hosts, self._refused = tls, hosts, refused
        self._server: asyncio.Server | None = None
        self._visits: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for visit, writer in self._visits.items():
            visit.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits[task] = writer
        try:
            await self._tunnel(reader, writer)
        except (*_LOST, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        except Exception as fault:  # noqa: BLE001 - told at the end, where the test can see it
            self.faults.append(fault)
        finally:
            del self._visits[task]
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        serve = next((serve for end, serve in self._hosts.items() if asked.endswith(end)), None)
        if serve is None or not self.is_open:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            self._refused()
            return
        self.tunnels += 1
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.start_tls(self._tls)
        await serve(reader, writer)
