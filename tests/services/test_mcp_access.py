"""A turn that is open to programs: to those with its token, and as long as it goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final, McpAccess, TurnRequest
from stentor.contract.tools import Tool, ToolCall
from stentor.domain.redaction import MASK, Redactor
from stentor.services.listening import Listening
from stentor.services.mcp_access import McpTurns
from stentor.services.transcript import Transcript
from stentor.services.turn_clocks import TimeLeft, TurnClocks
from stentor.testing.chance import SeededChance
from stentor.testing.rows import BOOT
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, Speech, acted

URL = "http://127.0.0.1:1/mcp"
T = TypeVar("T")


class Listener:
    """Listens already."""

    async def url(self) -> str:
        return URL


def turns() -> McpTurns:
    return McpTurns(SeededChance(7).token, Listener())


async def dawdle(call: ToolCall, arguments: Mapping[str, object]) -> object:
    """Says when it began and when it was done."""
    begun = asyncio.get_running_loop().time()
    await pass_time(2)
    return [begun, asyncio.get_running_loop().time()]


def listened(home: Path, play: Callable[[Listening], Awaitable[T]]) -> T:
    """Play with one turn and its tool."""

    async def with_turn(scene: Scene) -> T:
        means = scene.turns.means
        transcript = Transcript(scene.run, means.store, scene.clock, BOOT, str)
        clocks = TurnClocks(scene.clock, TimeLeft(60, 60), 60, 60)
        tools = {"dawdle": Tool("dawdle", "Takes its time.", {"type": "object"}, dawdle)}
        return await play(Listening(scene.run, means.store, scene.clock, BOOT, tools, clocks, transcript))

    return acted(home, _silent, with_turn)


async def _silent(request: TurnRequest) -> Speech:
    yield CALLED


def test_a_runner_opens_its_turn_and_its_calls_are_those_of_the_run(fast_home: Path) -> None:
    open_turns = turns()
    seen: list[McpAccess] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        async with request.over_mcp() as access:
            seen.append(access)
            turn = open_turns.behind(access.token)
            assert turn is not None
            assert [tool.name for tool in await turn.tools()] == ["page"]
            paged = await turn.call("page", {"who": "anna"})
            unknown = await turn.call("fly", {})
        yield Final(f"{paged.result}; {unknown.result}")

    async def play(scene: Scene) -> tuple[str, list[object], list[str]]:
        outcome = await scene.take()
        said = [call.name for entry in await scene.said() for call in entry.calls]
        return outcome.text, scene.tool_calls, said

    text, calls, said = acted(fast_home, speech, play, mcp_turns=open_turns)
    assert text.endswith("there is no tool 'fly'; available: page")
    assert "paged for " in text
    assert calls == [{"who": "anna"}]
    assert said == ["page", "fly"]
    assert seen[0].url == URL
    assert open_turns.behind(seen[0].token) is None


def test_two_open_turns_have_tokens_of_their_own(fast_home: Path) -> None:
    async def play(listening: Listening) -> None:
        open_turns = turns()
        async with open_turns.open(listening) as one:
            async with open_turns.open(listening) as other:
                assert one.token != other.token
                first = open_turns.behind(one.token)
                assert None is not first is not open_turns.behind(other.token)
            assert open_turns.behind(other.token) is None
            assert open_turns.behind(one.token) is first
            assert open_turns.behind("") is open_turns.behind("é") is None

    listened(fast_home, play)


def test_a_turn_that_is_over_is_open_no_more_even_if_its_runner_goes_on(fast_home: Path) -> None:
    async def play(listening: Listening) -> None:
        open_turns = turns()
        async with open_turns.open(listening) as access:
            listening.over = True
            assert open_turns.behind(access.token) is None

    listened(fast_home, play)


def test_calls_at_the_same_time_are_done_one_after_the_other(fast_home: Path) -> None:
    async def play(listening: Listening) -> list[object]:
        open_turns = turns()
        async with open_turns.open(listening) as access:
            turn = open_turns.behind(access.token)
            assert turn is not None
            both = await asyncio.gather(turn.call("dawdle", {}), turn.call("dawdle", {}))
        return [result.result for result in both]

    assert listened(fast_home, play) == [[0, 2], [2, 4]]


def test_a_call_that_is_under_way_when_the_turn_is_closed_is_given_up(fast_home: Path) -> None:
    async def play(listening: Listening) -> tuple[object, float]:
        open_turns = turns()
        async with asyncio.TaskGroup() as tasks:
            async with open_turns.open(listening) as access:
                turn = open_turns.behind(access.token)
                assert turn is not None
                call = tasks.create_task(turn.call("dawdle", {}))
                await pass_time(1)
            result = await call
        assert result.ok is False
        return result.result, listening.clock.monotonic()

    assert listened(fast_home, play) == ("fenced: the turn is over, and nobody waits for the result", 1)


def test_where_nobody_listens_no_turn_is_opened(fast_home: Path) -> None:
    async def play(listening: Listening) -> str:
        with pytest.raises(RunnerError) as caught:
            async with McpTurns(SeededChance(7).token).open(listening):
                raise AssertionError("it was opened")
        return f"{caught.value.kind}: {caught.value}"

    said = "bad_request: nobody offers tools over MCP here; run it with `stentor serve`"
    assert listened(fast_home, play) == said


def test_a_token_is_blacked_out_although_nobody_has_learned_it(fast_home: Path) -> None:
    async def play(listening: Listening) -> str:
        async with turns().open(listening) as access:
            return Redactor().clean(f"let me in with {access.token}, please")

    assert listened(fast_home, play) == f"let me in with {MASK}, please"
