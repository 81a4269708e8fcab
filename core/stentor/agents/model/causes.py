"""Why a server could not be reached, in a few words: what is at the bottom of an error."""

import socket
import ssl
from collections.abc import Iterator
from typing import cast

import httpx2

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "refused the connection"),
    (ConnectionResetError, "cut the connection"),
    (BrokenPipeError, "cut the connection"),
    (socket.gaierror, "is no host that is known here"),
    (ssl.SSLError, "does not prove who it is (TLS)"),
    (TimeoutError, "did not answer in time"),
    (httpx2.RemoteProtocolError, "cut the connection, or does not speak HTTP"),
)


def why_unreachable(error: BaseException) -> str:
    """What the server did, to go after its name. Nothing is quoted: an error may hold what was sent."""
    below = list(_below(error))
    for kind, words in _WORDS:
        if any(isinstance(cause, kind) for cause in below):
            return words
    return "cannot be reached"


def _below(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", cause).exceptions
