"""What a tool must be, so that every agent can be told of it and it can be called."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import pytest

from stentor.adapters.declared import PluginError
from stentor.adapters.registry import Registry
from stentor.contract.tools import Tool, ToolCall


def tool(name: str) -> Tool:
    async def handler(call: ToolCall, arguments: Mapping[str, object]) -> object:
        return None

    return Tool(name, "Look a word up.", {"type": "object"}, handler)


class Finder:
    """Looks words up, as an object that is called and by a method."""

    async def __call__(self, call: ToolCall, arguments: Mapping[str, object]) -> object:
        return None

    async def look_up(self, call: ToolCall, arguments: Mapping[str, object]) -> object:
        return None


async def yields(call: ToolCall, arguments: Mapping[str, object]) -> AsyncIterator[object]:
    yield None


def nested(levels: int) -> dict[str, Any]:
    inside: dict[str, Any] = {}
    for _ in range(levels):
        inside = {"a": inside}
    return inside


CIRCULAR: dict[str, Any] = {}
CIRCULAR["a"] = CIRCULAR


@pytest.mark.parametrize("name", ["look up", "look.up", "lück", "look/up", "", "l" * 65, 5, None])
def test_a_tool_has_a_name_that_every_server_of_models_takes(name: Any) -> None:
    with pytest.raises(PluginError, match=r"Tool has the name .*: choose another name"):
        Registry.of(tools=(tool(name),))


@pytest.mark.parametrize("name", ["message", "cron", "sessions_yield"])
def test_no_tool_takes_the_name_of_a_built_in_one(name: str) -> None:
    with pytest.raises(PluginError, match=f"the tool '{name}' is built in: choose another name"):
        Registry.of(tools=(tool(name),))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"x": {"enum": {1, 2}}}}, "is not JSON, write one that json.dumps takes: TypeError"),
        ({"properties": {"x": {"default": float("nan")}}}, "is not JSON, .*: ValueError"),
        ({"properties": {("x", "y"): {}}}, "is not JSON, .*: TypeError"),
        ({"properties": CIRCULAR}, "is not JSON, .*: ValueError"),
        ({"properties": nested(200)}, "is not JSON, .* more than 100 levels deep"),
        ({"type": "array"}, 'must be of type "object", with its arguments as properties'),
        ({"properties": ["x"]}, 'must be of type "object", with its arguments as properties'),
        ("object", "must be a dict that JSON can hold"),
        (None, "must be a dict that JSON can hold"),
    ],
    ids=["set", "no number", "pair as key", "circle", "deep", "list", "list inside", "text", "nothing"],
)
def test_a_tool_whose_schema_no_model_could_be_told_is_refused(schema: Any, why: str) -> None:
    with pytest.raises(PluginError, match=f"tool 'look': its schema {why}"):
        Registry.of(tools=(replace(tool("look"), schema=schema),))


def test_a_schema_is_told_as_it_was_when_it_was_declared() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a\ud800": {"enum": ("x", "y")}}}
    registry = Registry.of(tools=(replace(tool("look"), schema=schema),))
    schema["properties"] = None
    expected = {"type": "object", "properties": {"a\N{REPLACEMENT CHARACTER}": {"enum": ["x", "y"]}}}
    assert registry.tools["look"].schema == expected


@pytest.mark.parametrize("text", [5, None, "half a \ud800"], ids=["number", "none", "half a character"])
def test_a_tool_has_a_description_that_can_be_sent(text: Any) -> None:
    with pytest.raises(PluginError, match="tool 'look': its description must be text that can be sent"):
        Registry.of(tools=(replace(tool("look"), description=text),))


@pytest.mark.parametrize("handler", [lambda call, arguments: {}, dict, yields, 5, None])
def test_a_tool_whose_handler_is_not_async_is_refused(handler: Any) -> None:
    with pytest.raises(PluginError, match=r"tool 'look': its handler .*`async def`"):
        Registry.of(tools=(replace(tool("look"), handler=handler),))


def test_whatever_comes_down_to_an_async_function_is_a_handler() -> None:
    look = tool("look")

    @wraps(look.handler)
    def wrapped(call: ToolCall, arguments: Mapping[str, object]) -> Awaitable[object]:
        return look.handler(call, arguments)

    handlers = (look.handler, partial(look.handler), Finder(), Finder().look_up, wrapped)
    registry = Registry.of(tools=[replace(look, name=f"t{n}", handler=h) for n, h in enumerate(handlers)])
    assert len(registry.tools) == len(handlers)
