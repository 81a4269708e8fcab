"""Tools on standard input and output: those of whoever asks, or those of the turn that a program belongs to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

from stentor.domain.refusals import Refused
from stentor.http.mcp.speaking import Context, Offer, refused, server, server_of

T = TypeVar("T")
_CONNECT_SECONDS = 10.0
_HINT = "it has tools until its turn is over; start it in the next one again"


async def offer_to_client(offer: Offer) -> None:
    """Until the client leaves."""
    await _speak(server_of(lambda _: offer))


async def pass_on(url: str, token: str) -> None:
    """What the daemon offers to the turn with this token, until the client leaves."""
    turn = _Turn(url, token)
    await turn.asked(lambda client: client.list_tools())
    await _speak(server(turn.list_tools, turn.call_tool))


@dataclass(frozen=True)
class _Turn:
    """Asked anew each time: it may be over by then, and the client is still to be answered."""

    url: str
    token: str

    async def list_tools(self, context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        del context, params
        return await self.asked(lambda client: client.list_tools())

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        del context
        try:
            return await self.asked(lambda client: client.call_tool(params.name, params.arguments))
        except Refused as refusal:
            return refused(f"{refusal.message}; {refusal.hint}")

    async def asked(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        answers: list[T] = []
        # A tool may take its time. What this machine's proxies are is nobody's business here.
        patience = httpx2.Timeout(_CONNECT_SECONDS, read=None)
        headers = {"Authorization": f"Bearer {self.token}"}
        why = ""
        try:
            async with (
                httpx2.AsyncClient(headers=headers, timeout=patience, trust_env=False) as http,
                Client(streamable_http_client(self.url, http_client=http)) as client,
            ):
                answers.append(await ask(client))
        except* (MCPError, httpx2.HTTPError) as errors:
            why = str(errors.exceptions[0])
        if answers:
            return answers[0]
        raise Refused("no_turn", f"the turn of this program is not open at {self.url} ({why})", hint=_HINT)


async def _speak(spoken: Server[Any]) -> None:
    async with stdio_server() as (heard, said):
        await spoken.run(heard, said, spoken.create_initialization_options())
