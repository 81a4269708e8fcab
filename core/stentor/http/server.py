"""Serves applications inside the daemon's loop: the API on its unix socket, and others on sockets of their own."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp


class _QuietServer(uvicorn.Server):
    """Signals belong to the daemon, not to its web server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def serve_on(listener: socket.socket, application: ASGIApp) -> None:
    """Answer what comes in on a socket that listens, until cancelled."""
    config = uvicorn.Config(
        application,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    server = _QuietServer(config)
    try:
        await server.serve([listener])
    except asyncio.CancelledError:
        server.should_exit = True
        await server.shutdown([listener])
        raise


class SocketServer:
    """A service for the app: listens until cancelled. Whoever may open the socket's file is trusted."""

    def __init__(self, application: Starlette, path: Path) -> None:
        self._application = application
        self._path = path
        self.listening = asyncio.Event()

    async def run(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            listener.listen(128)
            self.listening.set()
            listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
            await serve_on(listener, self._application)
        finally:
            listener.close()
            self._path.unlink(missing_ok=True)
