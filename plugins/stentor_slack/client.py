"""The rim towards the SDK: one session, one request for one call, and every failure as what it proves.

The SDK would send again by itself after a lost connection, and log addresses that are secrets: it is told not to.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from stentor import Ambiguous, CredentialsRejected, NotSent, Rejected, Unavailable
from stentor.contract.errors import DeliveryError
from stentor_slack.answers import Said, hook_refusal, in_vain, mapping, odd, refusal, said
from stentor_slack.limits import Patience

_OPEN = "apps.connections.open"
_GOODBYE_SECONDS = 2.0
# The request has not left: no connection, no TLS, no way through a proxy.
_UNSENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
# From here on the other side may have it. OSError includes TimeoutError.
_CUT_OFF = (aiohttp.ClientError, OSError)
# What the SDK makes of answers that have not the shape of Slack's.
_SHAPELESS = (AttributeError, TypeError, ValueError)


class Taker(Protocol):
    """Takes in one envelope of Socket Mode."""

    async def __call__(self, kind: str, payload: Mapping[str, object]) -> None: ...


class _Answer(Protocol):
    """The SDK's `AsyncSlackResponse`; it and the classes below are typed in part only."""

    data: object
    headers: Mapping[str, str]
    status_code: int


class _Sdk(Protocol):
    async def api_call(
        self,
        api_method: str,
        *,
        data: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> _Answer: ...


class _HookAnswer(Protocol):
    status_code: int
    body: str
    headers: Mapping[str, str]


class _Hook(Protocol):
    async def send_dict(self, body: Mapping[str, object]) -> _HookAnswer: ...


class _SocketSdk(Protocol):
    message_processor: asyncio.Future[object]
    message_receiver: asyncio.Future[object] | None
    current_session_monitor: asyncio.Future[object] | None

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def run_message_listeners(self, message: dict[str, object], raw_message: str) -> None: ...


class Web:
    """Slack's Web API and incoming webhooks, for one account."""

    def __init__(self, token: str, base_url: str, patience: Patience) -> None:
        self.token = token
        self.patience = patience
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=patience.call, connect=patience.connection),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_no_redirects,),
        )
        self._client = AsyncWebClient(
            token=token, base_url=base_url, session=self._session, retry_handlers=[], logger=_quiet()
        )
        self._client.proxy = _proxy(base_url)
        self._hooks: dict[str, _Hook] = {}

    async def call(
        self, method: str, arguments: Mapping[str, object], *, seen: bool = False, as_json: bool = False
    ) -> Mapping[str, object]:
        """Call a method once. `seen`: people may see what it does, so that a doubt about it stays a doubt."""
        sdk = cast("_Sdk", self._client)
        try:
            if as_json:
                answer = await sdk.api_call(method, json=dict(arguments))
            else:
                answer = await sdk.api_call(method, data=_form(arguments))
        except (SlackApiError, *_CUT_OFF, *_SHAPELESS, _Redirected) as error:
            failure = _failure(method, error)
            raise failure if seen else in_vain(failure) from None
        return mapping(answer.data)

    async def post_to_hook(self, name: str, url: str, body: Mapping[str, object]) -> None:
        """Post to an incoming webhook once: it answers `ok`, and nothing else."""
        try:
            answer = await self._hook(url).send_dict(body)
        except _Redirected as error:
            raise hook_refusal(name, error.status, "", "") from None
        except (*_CUT_OFF, *_SHAPELESS) as error:
            raise _failure(f"the webhook {name!r}", error) from None
        if answer.status_code != 200 or answer.body.strip() != "ok":
            retry_after = answer.headers.get("Retry-After", "")
            raise hook_refusal(name, answer.status_code, answer.body, retry_after)

    async def upload(self, url: str, name: str, file: Path) -> None:
        """Bring a file, as people call it `name`, to the place that Slack has named for it. Nobody sees it there."""
        try:
            stream = await asyncio.to_thread(file.open, "rb")
        except OSError as error:
            raise Rejected("file_gone", f"{name} cannot be read: {error.strerror}") from None
        with stream:
            status = await self._put(url, stream)
        if status == 413:
            raise Rejected("too_large", f"{name} is larger than Slack takes")
        if status != 200:
            raise NotSent(f"the upload of {name} was answered with status {status}", refused=True)

    async def _put(self, url: str, stream: object) -> int:
        patience = aiohttp.ClientTimeout(connect=self.patience.connection, sock_read=self.patience.call)
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(
                url, data=stream, headers=headers, timeout=patience, proxy=_proxy(url)
            ) as answer:
                return answer.status
        except (*_CUT_OFF, *_SHAPELESS, _Redirected) as error:
            raise in_vain(_failure("an upload", error)) from None

    async def listen(self, app_token: str, take: Taker) -> None:
        """Take in what Socket Mode brings, until cancelled. Raise when Slack cannot be listened to."""
        async with _Socket(self, app_token, take) as socket:
            await socket.watch()

    async def close(self) -> None:
        await self._session.close()

    @property
    def sdk(self) -> AsyncWebClient:
        return self._client

    def _hook(self, url: str) -> _Hook:
        if url not in self._hooks:
            hook = AsyncWebhookClient(url, session=self._session, retry_handlers=[], logger=_quiet())
            hook.proxy = _proxy(url)
            self._hooks[url] = cast("_Hook", hook)
        return self._hooks[url]


class _Socket(SocketModeClient):
    """The SDK's client of Socket Mode, which says when it cannot go on, and leaves no task behind."""

    def __init__(self, web: Web, app_token: str, take: Taker) -> None:
        patience = web.patience
        super().__init__(app_token, logger=_quiet(), web_client=web.sdk, ping_interval=patience.ping)
        self.proxy = web.sdk.proxy
        self._web = web
        self._take_in = take
        self._given_up = asyncio.Event()
        self._trouble: Exception = Unavailable("the socket is closed")
        self._running: set[asyncio.Task[object]] = set()
        self._in_turn = asyncio.Lock()
        self.socket_mode_request_listeners.append(self._take)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True
        self.auto_reconnect_enabled = False
        sdk = cast("_SocketSdk", self)
        own = (sdk.message_processor, sdk.message_receiver, sdk.current_session_monitor)
        tasks = [*self._running, *(task for task in own if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(*_CUT_OFF):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await sdk.disconnect()
        await self.aiohttp_client_session.close()

    async def watch(self) -> None:
        """Connect, and return never: the SDK connects anew by itself, for as long as that makes sense."""
        patience = self._web.patience
        missed = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.silence):
                await cast("_SocketSdk", self).connect()
        while missed <= patience.silence:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.ping):
                    await self._given_up.wait()
            if self._given_up.is_set():
                raise self._trouble
            missed = 0.0 if await self.is_connected() else missed + patience.ping
        raise Unavailable("the connection for receiving was lost and does not come back")

    async def issue_new_wss_url(self) -> str:
        """The SDK would ask for ever, whatever the answer."""
        try:
            answer = await self._web.call(_OPEN, {"token": self.app_token}, as_json=True)
        except CredentialsRejected as error:
            # Sending has a token of its own, and goes on.
            raise self._give_up(Unavailable(f"app_token is refused: {error}")) from None
        except DeliveryError as error:
            raise self._give_up(error) from None
        url = answer.get("url")
        if not isinstance(url, str):
            raise self._give_up(in_vain(odd(_OPEN)))
        return url

    async def run_message_listeners(self, message: dict[str, object], raw_message: str) -> None:
        if self.closed:
            return
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._running.add(task)
        try:
            await cast("_SocketSdk", super()).run_message_listeners(message, raw_message)
        finally:
            self._running.discard(task)

    async def _take(self, _: object, request: SocketModeRequest) -> None:
        """Acknowledge an envelope once it is kept: what is not acknowledged, Slack brings again."""
        async with self._in_turn:
            try:
                await self._take_in(request.type, mapping(cast("object", request.payload)))
            except Exception as error:
                self._give_up(error)
                raise
        await self.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    def _give_up(self, error: Exception) -> Exception:
        self.closed = True
        self._trouble = error
        self._given_up.set()
        return error


class _Redirected(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def _no_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A redirect would take the token, or the text, to where nobody meant it to go."""
    answer = await handler(request)
    if 300 <= answer.status < 400:
        answer.close()
        raise _Redirected(answer.status)
    return answer


def _failure(what: str, error: Exception) -> DeliveryError:
    """What a failed request proves. The SDK's own words are not passed on: they may hold addresses that are secrets."""
    match error:
        case SlackApiError():
            return refusal(_said(what, cast("object", error.response)))
        case _Redirected():
            return refusal(said(what, error.status, None))
        case aiohttp.ClientConnectorError():
            return NotSent(f"{what}: no connection to {error.host}: {error.os_error.strerror or 'refused'}")
        case _ if isinstance(error, _UNSENT):
            return NotSent(f"{what}: no connection ({type(error).__name__})")
        case TimeoutError():
            return Ambiguous(f"{what}: no answer in time")
        case _ if isinstance(error, _CUT_OFF):
            return Ambiguous(f"{what}: cut off before an answer came ({type(error).__name__})")
        case _:
            return odd(what)


def _said(method: str, response: object) -> Said:
    """The SDK hands over its own answer, or aiohttp's where the body was no JSON."""
    if isinstance(response, aiohttp.ClientResponse):
        return said(method, response.status, None, response.headers.get("Retry-After", ""))
    answer = cast("_Answer", response)
    return said(method, answer.status_code, answer.data, answer.headers.get("Retry-After", ""))


def _form(arguments: Mapping[str, object]) -> dict[str, str]:
    """Arguments as a form, which all methods take."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in arguments.items()}


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address. The SDK knows no exceptions from it."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _quiet() -> logging.Logger:
    """A logger that says nothing: what goes wrong is told by errors, and the SDK's words may hold secrets."""
    logger = logging.getLogger("stentor_slack.sdk")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
