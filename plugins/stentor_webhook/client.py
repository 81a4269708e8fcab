"""The live side of the webhook channel: one connection pool behind the guard.

The pool is used without a client around it: that way there are no cookies, no redirects, no proxies from the
environment and no log line with the whole URL to switch off.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import httpcore2
import httpx2

from stentor import Ambiguous, ChannelContext, Connection, CredentialsRejected, NotSent, Part, Receipt, Target
from stentor.contract.errors import DeliveryError
from stentor_webhook.answers import EXCERPT, Answer, refusal
from stentor_webhook.guard import Guard
from stentor_webhook.signing import sign, signing_key
from stentor_webhook.targets import WebUrl, parse_url

TIME_LIMIT = 10.0
_TRANSPORT_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    OSError,  # includes TimeoutError, and TLS errors that pass through a read unmapped
)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Dials the addresses the guard vouched for. TLS and the Host header keep the name."""

    def __init__(self, guard: Guard, dialler: httpcore2.AsyncNetworkBackend | None = None) -> None:
        self._guard = guard
        # The cast is for type checkers that see the stand-in httpcore2 defines where anyio is missing.
        self._dialler = dialler or cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the pool's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port)
        # A dead address must not use up the time of the next one.
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses:
            try:
                return await self._dialler.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        raise NotSent(f"{host} accepts no connection on port {port} (tried {', '.join(addresses)})")


@dataclass
class _Attempt:
    """How far one request has come, which decides what a failure proves."""

    url: WebUrl
    dialled: httpcore2.AsyncNetworkStream | None = None
    writing: bool = False

    async def trace(self, event: str, info: Mapping[str, object]) -> None:
        if event == "connection.connect_tcp.complete":
            self.dialled = cast("httpcore2.AsyncNetworkStream", info["return_value"])
        elif event == "http11.send_request_headers.started":
            self.writing = True

    async def hang_up(self) -> None:
        """Close the socket of a handshake that was cancelled; from the first byte on the pool does that itself."""
        if self.dialled is not None and not self.writing:
            await self.dialled.aclose()

    def failure(self, error: Exception) -> DeliveryError:
        late = isinstance(error, TimeoutError | httpcore2.TimeoutException)
        if self.writing:
            return Ambiguous(
                f"{self.url.shown}: {'no answer in time' if late else 'cut off before an answer came'}"
            )
        return NotSent(f"{self.url.shown}: {'no connection in time' if late else f'no connection: {error}'}")


class WebhookConnection(Connection):
    """Posts parts for one account."""

    def __init__(
        self,
        ctx: ChannelContext,
        guard: Guard,
        *,
        signing_secret: str | None = None,
        bearer_token: str | None = None,
        tls: ssl.SSLContext | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._ctx = ctx
        self._guard = guard
        self._key = None if signing_secret is None else signing_key(signing_secret)
        self._token = None if bearer_token is None else _header_safe(bearer_token)
        self._secrets = tuple(filter(None, (signing_secret, bearer_token)))
        self._time_limit = time_limit
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpx2.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5,
            network_backend=GuardedBackend(guard),
        )

    async def send(self, part: Part) -> Receipt:
        url = parse_url(part.target.id)
        answer = await self._post(url, part.id, part.text.encode())
        if not answer.ok:
            raise refusal(answer, url, self._ctx.now(), self._secrets)
        return Receipt(target=part.target, message_id=part.id, detail={"status": str(answer.status)})

    async def resolve(self, target: Target) -> Target:
        """Ask the guard about the target's addresses; nothing is sent."""
        url = parse_url(target.id)
        try:
            async with asyncio.timeout(self._time_limit):
                await self._guard.addresses(url.host, url.effective_port)
        except TimeoutError:
            raise NotSent(f"the name {url.host} could not be resolved in time") from None
        return target

    async def close(self) -> None:
        await self._pool.aclose()

    async def _post(self, url: WebUrl, part_id: str, body: bytes) -> Answer:
        attempt = _Attempt(url)
        answer: Answer | None = None
        try:
            async with (
                asyncio.timeout(self._time_limit),
                self._pool.stream(
                    "POST",
                    httpcore2.URL(
                        scheme=url.scheme, host=url.host, port=url.port, target=url.path + url.query
                    ),
                    headers=list(self._headers(url, part_id, body).items()),
                    content=body,
                    extensions={"trace": attempt.trace, "timeout": {"connect": self._time_limit}},
                ) as response,
            ):
                answer = _begun(response)
                await _read_body(answer, response)
        except _TRANSPORT_ERRORS as error:
            # Once there is a status it stands, however the body ends.
            if answer is None:
                raise attempt.failure(error) from None
        finally:
            await attempt.hang_up()
        return answer

    def _headers(self, url: WebUrl, part_id: str, body: bytes) -> dict[str, str]:
        timestamp = int(self._ctx.now().timestamp())
        headers = {
            "host": url.authority,
            "user-agent": "stentor",
            "content-type": "application/json",
            "idempotency-key": part_id,
            "webhook-id": part_id,
            "webhook-timestamp": str(timestamp),
        }
        if self._key is not None:
            headers["webhook-signature"] = sign(self._key, part_id, timestamp, body)
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        return headers


def _header_safe(token: str) -> str:
    if not re.fullmatch(r"[!-~]+", token):
        raise CredentialsRejected(
            "bearer_token is empty or holds a blank, a line break or a character outside ASCII: "
            "mend what the setting points to"
        )
    return token


def _begun(response: httpcore2.Response) -> Answer:
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    return Answer(response.status, headers.get(b"location", ""), headers.get(b"retry-after", ""))


async def _read_body(answer: Answer, response: httpcore2.Response) -> None:
    """Keep enough for an excerpt in any encoding; a short body read to its end frees the connection."""
    async with aclosing(response.aiter_stream()) as chunks:
        async for chunk in chunks:
            answer.body += chunk
            if len(answer.body) > 8 * EXCERPT:
                break
