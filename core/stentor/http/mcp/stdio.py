"""Tools on standard input and output: those of whoever asks, or those of the turn that a program belongs to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from stentor.domain.plugin_words import said
from stentor.domain.refusals import Refused
from stentor.http.mcp.lines import speak
from stentor.http.mcp.speaking import Context, Offer, refused, server, server_of, unanswered

T = TypeVar("T")
_CONNECT_SECONDS = 10.0
_UNAUTHORIZED = 401
_HINT = "it has tools until its turn is over; start it in the next one again"


async def offer_to_client(offer: Offer) -> None:
    """Until the client leaves."""
    await speak(server_of(lambda _: offer))


async def pass_on(url: str, token: str) -> None:
    """What the daemon offers to the turn with this token, until the client leaves."""
    turn = _Turn(url, token)
    await turn.asked(lambda client: client.list_tools())
    await speak(server(turn.list_tools, turn.call_tool))


@dataclass(frozen=True)
class _Turn:
    """Asked anew each time: it may be over by then, and the client is still to be answered."""

    url: str
    token: str

    async def list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        del context, params
        try:
            return await self.asked(lambda client: client.list_tools())
        except Refused as refusal:
            raise unanswered(refusal) from refusal

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        del context
        try:
            return await self.asked(lambda client: client.call_tool(params.name, params.arguments))
        except Refused as refusal:
            return refused(refusal)

    async def asked(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        answers: list[T] = []
        statuses: list[int] = []

        async def note(response: httpx2.Response) -> None:
            statuses.append(response.status_code)

        # A tool may take its time. What this machine's proxies are is nobody's business here.
        patience = httpx2.Timeout(_CONNECT_SECONDS, read=None)
        headers = {"Authorization": f"Bearer {self.token}"}
        hooks = {"response": [note]}
        why = ""
        try:
            async with (
                httpx2.AsyncClient(
                    headers=headers, timeout=patience, trust_env=False, event_hooks=hooks
                ) as http,
                Client(streamable_http_client(self.url, http_client=http)) as client,
            ):
                answers.append(await ask(client))
        except* (MCPError, httpx2.HTTPError) as errors:
            why = "its token is not good any more" if _UNAUTHORIZED in statuses else _in_words(errors)
        if answers:
            return answers[0]
        raise Refused("no_turn", f"the turn of this program is not open at {self.url} ({why})", hint=_HINT)


def _in_words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _in_words(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return "nobody listens there" if isinstance(error, httpx2.ConnectError) else said(error)
