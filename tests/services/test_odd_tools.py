"""Plugins' tools that raise what nobody expects, or give what is no JSON: whoever called is told, and nobody else hurt."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pytest

from stentor.contract.runners import Final, Message, ToolResult, TurnRequest
from stentor.contract.tools import Tool, ToolCall, ToolRefused
from stentor.services.listening import Listening
from stentor.services.mcp_access import McpTurns
from stentor.services.transcript import Transcript
from stentor.services.turn_clocks import TimeLeft, TurnClocks
from stentor.testing.chance import SeededChance
from stentor.testing.rows import BOOT
from stentor.testing.virtual_time import pass_time
from tests.services.scenes import CALLED, Scene, Speech, acted

HALF = "a\ud800b"
MENDED = "a\N{REPLACEMENT CHARACTER}b"
T = TypeVar("T")
Handler = Callable[[ToolCall, Mapping[str, object]], Awaitable[object]]


class Mute(Exception):
    """Cannot be put into words."""

    def __str__(self) -> NoReturn:
        raise SystemExit(4)


class MuteRefusal(ToolRefused):
    def __str__(self) -> NoReturn:
        raise RuntimeError("no words")


class Ending(SystemExit):
    """Ends the process, with a text of its own."""

    def __str__(self) -> str:
        return HALF


class Thing:
    """Nothing that JSON knows, and not to be put into words either."""

    def __repr__(self) -> NoReturn:
        raise RuntimeError("no words")


class Listener:
    async def url(self) -> str:
        return "http://127.0.0.1:1/mcp"


def raising(error: BaseException) -> Handler:
    async def handler(call: ToolCall, arguments: Mapping[str, object]) -> object:
        await pass_time(1)
        raise error

    return handler


def giving(result: Any) -> Handler:
    async def handler(call: ToolCall, arguments: Mapping[str, object]) -> object:
        return result

    return handler


def listened(home: Path, handler: Handler, play: Callable[[Listening], Awaitable[T]]) -> T:
    """Play with a turn that has one tool, `odd`."""

    async def with_turn(scene: Scene) -> T:
        means = scene.turns.means
        transcript = Transcript(scene.run, means.store, scene.clock, BOOT, str)
        clocks = TurnClocks(scene.clock, TimeLeft(60, 60), 60, 60)
        tools = {"odd": Tool("odd", "Is odd.", {"type": "object"}, handler)}
        return await play(Listening(scene.run, means.store, scene.clock, BOOT, tools, clocks, transcript))

    return acted(home, _silent, with_turn)


async def _silent(request: TurnRequest) -> Speech:
    yield CALLED


async def in_turn(listening: Listening) -> ToolResult:
    return await listening.call_tool("odd", {})


async def over_mcp(listening: Listening) -> ToolResult:
    open_turns = McpTurns(SeededChance(7).token, Listener())
    async with open_turns.open(listening) as access:
        turn = open_turns.behind(access.token)
        assert turn is not None
        return await turn.call("odd", {})


WAYS = pytest.mark.parametrize("call", [in_turn, over_mcp])


@WAYS
@pytest.mark.parametrize(
    ("raised", "said"),
    [
        pytest.param(SystemExit(3), "SystemExit: 3", id="end of the process"),
        pytest.param(Ending(1), f"Ending: {MENDED}", id="end of its own"),
        pytest.param(KeyboardInterrupt(), "KeyboardInterrupt", id="interrupt"),
        pytest.param(GeneratorExit(), "GeneratorExit", id="generator's end"),
        pytest.param(asyncio.CancelledError(), "CancelledError", id="cancelled from within"),
        pytest.param(BaseException("base"), "BaseException: base", id="base"),
        pytest.param(
            BaseExceptionGroup("many", [SystemExit(3), ValueError("x")]),
            "BaseExceptionGroup: many (2 sub-exceptions)",
            id="group",
        ),
        pytest.param(Mute(), "Mute", id="cannot be put into words"),
        pytest.param(ValueError(HALF), f"ValueError: {MENDED}", id="half a character"),
        pytest.param(ToolRefused(HALF), MENDED, id="refusal with half a character"),
        pytest.param(MuteRefusal(), "MuteRefusal", id="refusal without words"),
    ],
)
def test_whatever_a_tool_raises_its_caller_is_told_that_it_failed(
    fast_home: Path, raised: BaseException, said: str, call: Callable[[Listening], Awaitable[ToolResult]]
) -> None:
    async def play(listening: Listening) -> tuple[ToolResult, ToolResult]:
        return await call(listening), await call(listening)

    assert listened(fast_home, raising(raised), play) == (ToolResult(ok=False, result=said),) * 2


def test_a_call_that_is_given_up_is_no_failure_of_its_tool(fast_home: Path) -> None:
    async def for_ever(call: ToolCall, arguments: Mapping[str, object]) -> object:
        return await asyncio.get_running_loop().create_future()

    async def play(listening: Listening) -> bool:
        async with asyncio.TaskGroup() as tasks:
            calling = tasks.create_task(listening.call_tool("odd", {}))
            await pass_time(1)
            calling.cancel()
        return calling.cancelled()

    assert listened(fast_home, for_ever, play) is True


def nested(levels: int) -> object:
    inside: object = 1
    for _ in range(levels):
        inside = [inside]
    return inside


CIRCLE: list[object] = []
CIRCLE.append(CIRCLE)


@WAYS
@pytest.mark.parametrize(
    ("result", "why"),
    [
        pytest.param(b"bytes", "TypeError: Object of type bytes is not JSON serializable", id="bytes"),
        pytest.param({"x": {1, 2}}, "TypeError: Object of type set is not JSON serializable", id="set"),
        pytest.param({"x": float("nan")}, "ValueError: Out of range float values are not", id="no number"),
        pytest.param({(1, 2): 3}, "TypeError: keys must be str, int, float, bool or None", id="pair as key"),
        pytest.param([Thing()], "TypeError: Object of type Thing is not JSON serializable", id="thing"),
        pytest.param(CIRCLE, "ValueError: Circular reference detected", id="circle"),
        pytest.param(nested(101), "it is nested more than 100 levels deep", id="deep"),
        pytest.param(nested(100_000), "RecursionError: maximum recursion depth exceeded", id="bottomless"),
    ],
)
def test_a_result_that_is_not_json_is_told_as_a_failure(
    fast_home: Path, result: object, why: str, call: Callable[[Listening], Awaitable[ToolResult]]
) -> None:
    told = listened(fast_home, giving(result), call)
    assert told.ok is False
    assert str(told.result).startswith(f"the result of odd is not JSON: {why}")


@WAYS
@pytest.mark.parametrize(
    ("result", "told"),
    [
        pytest.param(HALF, MENDED, id="half a character"),
        pytest.param({HALF: [HALF, "a\0b"]}, {MENDED: [MENDED, MENDED]}, id="half a character inside"),
        pytest.param(("x", {5: True}), ["x", {"5": True}], id="tuple and a number as key"),
        pytest.param(nested(100), nested(100), id="deep"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_result_is_told_as_the_json_that_it_comes_to(
    fast_home: Path, result: object, told: object, call: Callable[[Listening], Awaitable[ToolResult]]
) -> None:
    found = listened(fast_home, giving(result), call)
    assert found == ToolResult(ok=True, result=told)
    assert json.loads(json.dumps(found.result, ensure_ascii=False).encode()) == told


def test_what_a_tool_refuses_without_words_is_a_warning_of_the_run_all_the_same(fast_home: Path) -> None:
    async def play(listening: Listening) -> list[str]:
        await in_turn(listening)
        return listening.refusals

    assert listened(fast_home, raising(MuteRefusal()), play) == ["the tool odd refused: MuteRefusal"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("look", "'look'", id="withheld"),
        pytest.param("fax", "'fax'", id="unknown"),
        pytest.param(HALF, r"'a\ud800b'", id="half a character"),
        pytest.param("x" * 1_000, f"'{'x' * 78}…", id="endless"),
    ],
)
def test_a_call_of_a_tool_that_the_run_does_not_have_is_a_warning_of_it(
    fast_home: Path, name: str, shown: str
) -> None:
    answers: list[ToolResult] = []

    async def speech(request: TurnRequest) -> Speech:
        yield CALLED
        answers.extend([await request.call_tool(name, {}), await request.call_tool(name, {})])
        yield Final("done")

    async def play(scene: Scene) -> tuple[tuple[str, ...], tuple[Message, ...]]:
        return (await scene.take(toolsAllow=["page"])).warnings, await scene.said()

    warnings, said = acted(fast_home, speech, play, looks=True)
    assert warnings == (f"the tool {shown} was called, and this run has none of that name",)
    assert answers == [ToolResult(ok=False, result=f"there is no tool {shown}; available: page")] * 2
    assert said[-1].text == f"failed: there is no tool {shown}; available: page"
