"""Writing commands: through the daemon where one runs, else with the store's lock in hand."""

import json
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from time import sleep
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from stentor.adapters.socket_path import socket_path
from stentor.app.author import author_of_this_process, to_header
from stentor.cli.output import DaemonAnswer, DaemonUnreachable
from stentor.domain.json_types import JsonObject

if TYPE_CHECKING:
    from stentor.app.operations import Operations

Request = tuple[str, str, JsonObject | None]
T = TypeVar("T")
_EXIT_OF_STATUS = {400: 2, 403: 7, 404: 4}
_PATIENCE_SECONDS = 30.0
# An account may take a minute to open, and another one to answer.
ACCOUNT_SECONDS = 150.0
_TRIES = 30
_BETWEEN_TRIES = 0.1


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path
        self._patience = patience

    def connect(self) -> None:
        self.sock = socket(AF_UNIX, SOCK_STREAM)
        self.sock.settimeout(self._patience)
        self.sock.connect(str(self._path))


def ask(
    home: Path,
    method: str,
    path: str,
    body: JsonObject | None = None,
    *,
    patience: float = _PATIENCE_SECONDS,
) -> JsonObject | None:
    """The daemon's answer, or None when no daemon runs."""
    listener = socket_path(home)
    if listener is None:
        return None
    connection = _UnixConnection(listener, patience)
    try:
        connection.connect()
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        connection.close()
        return None
    except (TimeoutError, BlockingIOError) as error:
        connection.close()
        raise DaemonUnreachable(str(error)) from error
    asked = False
    try:
        payload = None if body is None else _spelt(body)
        headers = {"Content-Type": "application/json", **to_header(author_of_this_process())}
        connection.request(method, f"/api/v1/{path}", payload, headers)
        asked = True
        response = connection.getresponse()
        document: JsonObject = json.loads(response.read())
    except (OSError, HTTPException, ValueError) as error:
        raise DaemonUnreachable(str(error), perhaps_done=_look_at(method, path) if asked else "") from error
    finally:
        connection.close()
    if response.status != 200:
        raise DaemonAnswer(_EXIT_OF_STATUS.get(response.status, 1), document)
    return document


def _spelt(body: JsonObject) -> bytes:
    """As UTF-8, so that a text weighs what it weighs. Half a character is spelt out for the daemon to refuse."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _look_at(method: str, path: str) -> str:
    """Where it shows whether a request has been carried out; a question carries nothing out."""
    if method == "GET":
        return ""
    what, _, rest = path.partition("/")
    if what in ("send", "deliveries", "targets") or rest == "message":
        return "stentor deliveries list"
    if what == "sessions" or rest == "session_status":
        return "stentor sessions list"
    if what == "accounts":
        return "stentor channels list"
    return "stentor cron runs" if what in ("runs", "wake") or rest.endswith("/run") else "stentor cron edits"


def operate(
    home: Path,
    request: Request,
    directly: Callable[["Operations"], Awaitable[JsonObject]],
) -> tuple[JsonObject, bool]:
    """Ask the daemon, or do it ourselves; and whether a daemon did it."""

    def alone() -> tuple[JsonObject, bool]:
        import asyncio

        return asyncio.run(_directly(home, directly)), False

    return ask_or_do(home, request, lambda answer: (answer, True), alone)


def ask_or_do(home: Path, request: Request, answered: Callable[[JsonObject], T], alone: Callable[[], T]) -> T:
    """What the daemon's answer comes to; where none runs, what doing it alone comes to.

    A daemon that has just started holds the lock a moment before it listens, and another command holds it only for
    as long as it takes: both are waited for.
    """
    answer = ask(home, *request)
    if answer is not None:
        return answered(answer)
    from stentor.adapters.lock import LockHeld

    for _ in range(_TRIES):
        try:
            return alone()
        except LockHeld:
            sleep(_BETWEEN_TRIES)
        answer = ask(home, *request)
        if answer is not None:
            return answered(answer)
    return alone()


async def _directly(home: Path, work: Callable[["Operations"], Awaitable[JsonObject]]) -> JsonObject:
    from stentor.app.assembly import App
    from stentor.app.operations import Operations

    app = App.open(home, role="command")
    try:
        app.learn_secrets()
        await app.announce_accounts()
        return await work(Operations(app, author_of_this_process()))
    finally:
        await app.close()


def job_path(name: str, *rest: str) -> str:
    return "/".join(["jobs", quote(name, safe=""), *rest])
