"""The small web server that Telegram calls with what people write, one message with each call."""

import asyncio
import hmac
import json
import logging
import re
import secrets
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import cast

from stentor import ChannelContext, CredentialsRejected, Unavailable
from stentor.contract.inbox import Inbox
from stentor_telegram.channel import TelegramSettings, listen_address
from stentor_telegram.receiving import Myself, Telegram, Update, incoming, patiently

log = logging.getLogger(__name__)

_HEADER = "x-telegram-bot-api-secret-token"
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LENGTH = re.compile(r"[0-9]{1,7}")
_LONGEST_HEAD, _LONGEST_BODY = 16_384, 1_000_000
_PATIENCE = 30


async def listen(telegram: Telegram, settings: TelegramSettings, ctx: ChannelContext, inbox: Inbox) -> None:
    """Have Telegram call us, and take in what it brings until cancelled. What comes later waits at Telegram."""
    secret = _secret(settings, ctx)
    with _listener(settings.webhook_listen) as listener:
        me = await patiently(ctx, telegram.myself)
        await patiently(ctx, lambda: telegram.call(settings.webhook_url or "", secret))
        async with Hook(inbox, me, secret).serving(listener) as server:
            await server.serve_forever()


class Hook:
    """Answers a call with success once its message is kept; Telegram repeats what is answered otherwise."""

    def __init__(self, inbox: Inbox, me: Myself, secret: str) -> None:
        self._inbox = inbox
        self._me = me
        self._secret = secret
        self._calls: dict[asyncio.StreamWriter, asyncio.Event] = {}

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncGenerator[asyncio.Server]:
        server = await asyncio.start_server(self._call, sock=listener, limit=_LONGEST_HEAD)
        try:
            yield server
        finally:
            server.close()
            for writer, ended in list(self._calls.items()):
                # Whoever has not said all yet is cut off; a message that is being kept is kept.
                writer.transport.abort()
                await ended.wait()
            await server.wait_closed()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = self._calls[writer] = asyncio.Event()
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(_PATIENCE):
                    status = await self._taken(reader)
                    writer.write(
                        f"HTTP/1.1 {status} {status.phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                    )
                    writer.close()
                    await writer.wait_closed()
        finally:
            writer.transport.abort()
            del self._calls[writer]
            ended.set()

    async def _taken(self, reader: asyncio.StreamReader) -> HTTPStatus:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        method, headers = _read_head(head)
        length = headers.get("content-length", "")
        if not hmac.compare_digest(headers.get(_HEADER, "").encode(), self._secret.encode()):
            return HTTPStatus.FORBIDDEN
        if method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if not _LENGTH.fullmatch(length):
            return HTTPStatus.LENGTH_REQUIRED
        if int(length) > _LONGEST_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return await self._kept(await reader.readexactly(int(length)))

    async def _kept(self, body: bytes) -> HTTPStatus:
        try:
            update = cast("object", json.loads(body))
        except (ValueError, RecursionError):
            update = None
        if not isinstance(update, dict):
            return HTTPStatus.BAD_REQUEST
        message = incoming(cast("Update", update), self._me)
        if message is None:
            return HTTPStatus.OK
        try:
            await self._inbox.put(message)
        except Exception:
            log.exception("a message that Telegram brought could not be kept; it will be brought again")
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return HTTPStatus.OK


def _read_head(head: bytes) -> tuple[str, Mapping[str, str]]:
    request, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return request.partition(" ")[0], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _secret(settings: TelegramSettings, ctx: ChannelContext) -> str:
    """The word that tells Telegram from anybody else: a new one each time, unless one is set."""
    if settings.webhook_secret is None:
        return secrets.token_urlsafe(32)
    secret = ctx.reveal(settings.webhook_secret)
    if not _SECRET.fullmatch(secret):
        raise CredentialsRejected(
            "webhook_secret must have 1 to 256 letters, digits, - and _: mend what the setting points to"
        )
    return secret


def _listener(address: str) -> socket.socket:
    """Connections are taken from now on, and wait for the server."""
    host, port = listen_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Unavailable(
            f"cannot listen at {address} ({why}): set webhook_listen to an address that is free"
        ) from None
