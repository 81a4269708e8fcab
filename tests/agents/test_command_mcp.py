"""A program that is to find its tools over MCP is told where, and nobody else is."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from pydantic import ValidationError

from stentor.agents.command import CommandRunner, CommandSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final, McpAccess, TurnRequest

ACCESS = McpAccess("http://127.0.0.1:4711/mcp", "stmcp_0123456789")
TELLING = """
    import json, os, sys
    turn = json.loads(sys.stdin.readline())
    mine = {name: value for name, value in os.environ.items() if "MCP" in name}
    print(json.dumps([mine, turn["mcp"]]))
"""


async def _answer(request: TurnRequest) -> object:
    async with aclosing(CommandRunner().turn(request)) as turn:
        events = [event async for event in turn]
    assert isinstance(events[-1], Final)
    return json.loads(events[-1].text)


async def test_a_program_that_wants_it_is_told_where_its_tools_are_and_they_are_closed_behind_it(
    python: Callable[[str], tuple[str, ...]], request_for: Callable[..., TurnRequest]
) -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def over_mcp() -> AsyncGenerator[McpAccess]:
        steps.append("opened")
        yield ACCESS
        steps.append("closed")

    settings = CommandSettings(command=python(TELLING), mcp=True, env={"STENTOR_MCP_TOKEN": "mine"})
    told = await _answer(request_for(settings, over_mcp=over_mcp))

    environment = {"STENTOR_MCP_URL": ACCESS.url, "STENTOR_MCP_TOKEN": ACCESS.token}
    assert told == [environment, {"url": ACCESS.url, "token": ACCESS.token}]
    assert steps == ["opened", "closed"]


async def test_a_program_that_does_not_want_it_opens_nothing(
    python: Callable[[str], tuple[str, ...]], request_for: Callable[..., TurnRequest]
) -> None:
    assert await _answer(request_for(CommandSettings(command=python(TELLING)))) == [{}, None]


async def test_where_nobody_offers_tools_the_program_is_not_started(
    python: Callable[[str], tuple[str, ...]], request_for: Callable[..., TurnRequest]
) -> None:
    with pytest.raises(RunnerError, match="nobody offers tools over MCP here"):
        await _answer(request_for(CommandSettings(command=python(TELLING), mcp=True)))


def test_a_text_is_no_truth_value() -> None:
    with pytest.raises(ValidationError, match="mcp"):
        CommandSettings.model_validate({"command": ["true"], "mcp": "true"})
