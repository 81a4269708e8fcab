"""Listens for programs that use the tools of their turn: at a port of this machine, from the first one on."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from stentor.contract.errors import RunnerError
from stentor.services.mcp_access import McpTurns

Serve = Callable[[socket.socket, McpTurns, str], Awaitable[None]]
NEEDS_EXTRA = "MCP needs an extra: pip install 'stentor[mcp]'"
_ADDRESS = "127.0.0.1"


class LoopbackHost:
    """A service for the app. Until a turn wants to be opened it costs nothing."""

    def __init__(self, turns: McpTurns) -> None:
        self._turns = turns
        self._wanted, self._settled = asyncio.Event(), asyncio.Event()
        self._url = self._obstacle = ""
        turns.host = self

    async def url(self) -> str:
        self._wanted.set()
        await self._settled.wait()
        if self._obstacle:
            raise RunnerError("bad_request", self._obstacle)
        return self._url

    async def run(self) -> None:
        """Listens until cancelled, unless it cannot."""
        await self._wanted.wait()
        try:
            serve = await asyncio.to_thread(_load)
            listener = socket.create_server((_ADDRESS, 0))
        except ImportError as error:
            self._give_up(f"{NEEDS_EXTRA} ({error})")
        except OSError as error:
            self._give_up(f"no port of this machine is to be had for MCP: {error}")
        else:
            with listener:
                self._url = f"http://{_ADDRESS}:{listener.getsockname()[1]}/mcp"
                self._settled.set()
                await serve(listener, self._turns, self._url)

    def _give_up(self, why: str) -> None:
        self._obstacle = why
        self._settled.set()


def _load() -> Serve:
    from stentor.http.mcp.endpoint import serve_turns  # noqa: PLC0415 - an extra, and slow to load

    return serve_turns
