"""The other end of Slack's Socket Mode: a web socket on 127.0.0.1 that hands out envelopes."""

import asyncio
import json
from typing import Any, Self

from aiohttp import web


class SocketMode:
    """Keeps the sockets that were opened, the newest last, and what was acknowledged."""

    def __init__(self) -> None:
        self.opened: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
        self.acknowledged: asyncio.Queue[str] = asyncio.Queue()
        self.confirmed: list[str] = []
        self.open_now = 0
        self.all_closed = asyncio.Event()
        self._count = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/link", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"ws://127.0.0.1:{self._runner.addresses[0][1]}/link?ticket=ticketsecret"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.open_now += 1
        self.all_closed.clear()
        await self.opened.put(socket)
        try:
            async for message in socket:
                envelope = json.loads(message.data)["envelope_id"]
                self.confirmed.append(envelope)
                await self.acknowledged.put(envelope)
        finally:
            self.open_now -= 1
            if not self.open_now:
                self.all_closed.set()
        return socket

    async def bring(self, socket: web.WebSocketResponse, kind: str = "events_api", **event: Any) -> str:
        """Hand out an envelope; return its id."""
        self._count += 1
        envelope = f"e{self._count}"
        payload = {"type": "event_callback", "team_id": "T1", "event": event}
        await socket.send_json({"type": kind, "envelope_id": envelope, "payload": payload})
        return envelope
