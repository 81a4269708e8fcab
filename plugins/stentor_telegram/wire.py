"""HTTP as the library asks for it: one request, one answer, and what became of those that have none."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from yarl import URL


def proxy_for(server: str) -> str | None:
    """The proxy that the environment names for a server."""
    parts = urlsplit(server)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


class HttpClient:
    """What the library asks of httpx's client, by way of aiohttp, which takes far less time for it.

    What goes wrong is said in httpx's exceptions: by them the library, and we, tell what became of a request. There are
    no cookies and no redirects.
    """

    is_closed = False

    def __init__(self, most: int, timeout: httpx.Timeout, proxy: str | None) -> None:
        if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
            raise ValueError(f"a proxy is http://HOST:PORT, not {urlsplit(proxy).scheme}://")
        self.timeout = timeout
        self._proxy = None if proxy is None else URL(proxy)
        self._free = asyncio.Semaphore(most)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=httpx.create_ssl_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: httpx.Timeout,  # noqa: ASYNC109 - the signature of httpx
        **content: Any,
    ) -> httpx.Response:
        # Forms and files are written as httpx writes them.
        request = httpx.Request(method, url, **content)
        async with self._turn(request, timeout.pool):
            return await self._exchange(request, timeout, in_pieces=bool(content.get("files")))

    async def aclose(self) -> None:
        self.is_closed = True
        await self._session.close()

    @asynccontextmanager
    async def _turn(self, request: httpx.Request, seconds: float | None) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("all connections are busy", request=request) from None
        try:
            yield
        finally:
            self._free.release()

    async def _exchange(
        self, request: httpx.Request, patience: httpx.Timeout, *, in_pieces: bool
    ) -> httpx.Response:
        try:
            async with self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=dict(request.headers),
                data=aiter(cast("httpx.AsyncByteStream", request.stream)) if in_pieces else request.content,
                proxy=self._proxy,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=patience.connect, sock_read=patience.read),
            ) as answer:
                return httpx.Response(answer.status, content=await answer.read())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _in_httpx_words(error) from error


def _in_httpx_words(error: Exception) -> httpx.HTTPError:
    said = str(error)
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(said)
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError(said)
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL():
            return httpx.ConnectError(said)
        case TimeoutError():
            return httpx.ReadTimeout(said)
        case _:
            return httpx.RemoteProtocolError(f"{type(error).__name__} {said}".strip())
