"""Lets a program that speaks MCP use the tools of the turn it works for, with a token that is good for that turn alone."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Protocol

from stentor.contract.errors import RunnerError
from stentor.contract.runners import McpAccess, ToolResult
from stentor.contract.tools import Tool
from stentor.domain.json_types import JsonObject
from stentor.domain.redaction import MCP_MARK
from stentor.services.listening import Listening

_TOKEN_LENGTH = 40
_OVER = "fenced: the turn is over, and nobody waits for the result"


class McpHost(Protocol):
    """Whoever listens for programs."""

    async def url(self) -> str:
        """Where it listens from now on; `RunnerError` if it cannot."""
        ...


class OpenTurn:
    """A turn whose tools may be called from outside, as long as it is open."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._one_by_one = asyncio.Lock()
        self._under_way: set[asyncio.Task[ToolResult]] = set()

    @property
    def is_over(self) -> bool:
        return self._listening.over

    async def tools(self) -> Sequence[Tool]:
        return tuple(self._listening.tools.values())

    async def call(self, name: str, arguments: JsonObject) -> ToolResult:
        """As if the runner had called it. What is still under way at the end of the turn is given up."""
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(self._called(name, arguments), name=f"mcp {name}")
            self._under_way.add(call)
            call.add_done_callback(self._under_way.discard)
        return ToolResult(ok=False, result=_OVER) if call.cancelled() else call.result()

    async def _called(self, name: str, arguments: JsonObject) -> ToolResult:
        # In a transcript each call has its answer before anything else is said.
        async with self._one_by_one:
            return await self._listening.call_tool(name, arguments)

    def close(self) -> None:
        for call in self._under_way:
            call.cancel()


@dataclass
class McpTurns:
    """The turns that are open now, each behind its token."""

    new_token: Callable[[int], str]
    # Whoever serves sets it; where nobody does, no turn can be opened.
    host: McpHost | None = None
    _open: dict[str, OpenTurn] = field(default_factory=dict[str, OpenTurn])

    @asynccontextmanager
    async def open(self, listening: Listening) -> AsyncGenerator[McpAccess]:
        """Opened for as long as the block lasts."""
        if self.host is None:
            raise RunnerError("bad_request", "nobody offers tools over MCP here; run it with `stentor serve`")
        url, token = await self.host.url(), MCP_MARK + self.new_token(_TOKEN_LENGTH)
        turn = self._open[token] = OpenTurn(listening)
        try:
            yield McpAccess(url, token)
        finally:
            del self._open[token]
            turn.close()

    def behind(self, token: str) -> OpenTurn | None:
        """The turn that a token opens. How long the answer takes says nothing about any token."""
        said, found = token.encode(), None
        for known, turn in self._open.items():
            if compare_digest(known.encode(), said) and not turn.is_over:
                found = turn
        return found
