"""Tools as the protocol has them, whoever offers them."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Protocol

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from stentor.contract.runners import ToolResult
from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.plugin_words import whole
from stentor.domain.refusals import Refused

Context = ServerRequestContext[Any, Any]
ListTools = Callable[[Context, PaginatedRequestParams | None], Awaitable[ListToolsResult]]
CallTool = Callable[[Context, CallToolRequestParams], Awaitable[CallToolResult]]


class Described(Protocol):
    """A tool, as far as clients are told of it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def schema(self) -> Mapping[str, object]: ...


class Offer(Protocol):
    """Tools that somebody may call."""

    async def tools(self) -> Sequence[Described]: ...
    async def call(self, name: str, arguments: JsonObject) -> ToolResult: ...


def server(list_tools: ListTools, call_tool: CallTool) -> Server[Any]:
    return Server("stentor", version=version("stentor"), on_list_tools=list_tools, on_call_tool=call_tool)


def server_of(offer_in: Callable[[Context], Offer]) -> Server[Any]:
    """Offers to each request what is found in its context."""

    async def list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        del params  # there are not so many
        try:
            tools = await offer_in(context).tools()
        except Refused as refusal:
            raise unanswered(refusal) from refusal
        return ListToolsResult(tools=[_told(tool) for tool in tools])

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        return _answer(await offer_in(context).call(params.name, params.arguments or {}))

    return server(list_tools, call_tool)


def refused(why: str | Refused) -> CallToolResult:
    """What a tool does not do; the model reads it."""
    return CallToolResult(content=[TextContent(text=_in_words(why))], is_error=True)


def unanswered(why: Refused) -> MCPError:
    """A question to which there is no answer; people read it, where the client shows it."""
    return MCPError(INTERNAL_ERROR, _in_words(why))


def _in_words(why: str | Refused) -> str:
    text = why if isinstance(why, str) else "; ".join(filter(None, (why.message, why.hint)))
    return whole(text)


def _told(tool: Described) -> Tool:
    return Tool(name=tool.name, description=tool.description, input_schema={"type": "object", **tool.schema})


def _answer(result: ToolResult) -> CallToolResult:
    """As text, which every client shows, and objects as such besides."""
    said = result.result
    if not result.ok:
        return refused(str(said))
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return CallToolResult(content=[TextContent(text=text)], structured_content=as_object(said))
