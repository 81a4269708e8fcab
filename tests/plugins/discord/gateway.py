"""A gateway on 127.0.0.1: it greets, takes an identification or a resumption, and tells of messages."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from tests.plugins.discord.provider import BOT

ANN = {"id": "66", "username": "ann", "global_name": "Ann", "discriminator": "0", "avatar": None}


def written(**more: Any) -> dict[str, Any]:
    """A message in a channel of a server."""
    return {
        "id": "1001",
        "channel_id": "555",
        "guild_id": "1",
        "type": 0,
        "content": "good morning",
        "timestamp": "2027-03-14T15:09:26.000000+00:00",
        "edited_timestamp": None,
        "author": ANN,
        "attachments": [],
        "embeds": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        **more,
    }


class Gateway:
    """`refuses_with` closes instead of a greeting; `events` are told once a client is known."""

    def __init__(self) -> None:
        self.open_now = 0
        self.refuses_with = 0
        self.heartbeat_ms = 45_000
        self.came: list[dict[str, Any]] = []
        self.known = asyncio.Event()
        self.beats = asyncio.Event()
        self.url = ""
        self._socket: web.WebSocketResponse | None = None
        self._sequence = 0

    async def tell(self, event: str, body: dict[str, Any]) -> None:
        assert self._socket is not None
        self._sequence += 1
        await self._socket.send_json({"op": 0, "t": event, "s": self._sequence, "d": body})

    async def hang_up(self, code: int) -> None:
        assert self._socket is not None
        await self._socket.close(code=code)

    async def ask_to_reconnect(self) -> None:
        assert self._socket is not None
        self.known.clear()
        await self._socket.send_json({"op": 7, "d": None})

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open_now += 1
        try:
            await socket.send_json({"op": 10, "d": {"heartbeat_interval": self.heartbeat_ms}})
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                await self._take(message.json(), socket)
        finally:
            self.open_now -= 1
        return socket

    async def _take(self, came: dict[str, Any], socket: web.WebSocketResponse) -> None:
        self.came.append(came)
        match came["op"]:
            case 1:
                await socket.send_json({"op": 11})
                self.beats.set()
            case 2 | 6 if self.refuses_with:
                await socket.close(code=self.refuses_with)
            case 2:
                self._socket = socket
                who: dict[str, Any] = {
                    "v": 10,
                    "user": BOT,
                    "guilds": [],
                    "application": {"id": "900", "flags": 0},
                }
                where = {"session_id": "s", "resume_gateway_url": self.url}
                await self.tell("READY", {**who, **where})
                self.known.set()
            case 6:
                self._socket = socket
                await self.tell("RESUMED", {})
                self.known.set()
            case other:
                raise AssertionError(f"a client sent opcode {other}")


@asynccontextmanager
async def running_gateway() -> AsyncGenerator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_get("/", gateway.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    gateway.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield gateway
    finally:
        await runner.cleanup()
