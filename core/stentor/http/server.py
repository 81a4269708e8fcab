"""Serves the API on the daemon's unix socket, inside the daemon's loop."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette


class _QuietServer(uvicorn.Server):
    """Signals belong to the daemon, not to its web server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class SocketServer:
    """A service for the app: listens until cancelled. Whoever may open the socket's file is trusted."""

    def __init__(self, application: Starlette, path: Path) -> None:
        config = uvicorn.Config(
            application,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = _QuietServer(config)
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
            await self._server.serve([listener])
        except asyncio.CancelledError:
            self._server.should_exit = True
            await self._server.shutdown([listener])
            raise
        finally:
            listener.close()
            self._path.unlink(missing_ok=True)
