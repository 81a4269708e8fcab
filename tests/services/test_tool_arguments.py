"""What every built-in tool has in common: how it says what it takes, and what it does with anything else."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stentor.contract.runners import TurnRequest
from stentor.contract.tools import BUILT_IN, Tool
from tests.services.errand_stories import MAIN, waking, world

Tools = Mapping[str, Tool]
Call = tuple[str, dict[str, object]]
# What no field of that type takes.
WRONG: dict[str, tuple[object, ...]] = {
    "integer": ("5", 5.5, True, 10**30, -1),
    "number": ("30", True, float("nan"), float("inf"), 10**30, -1),
    "boolean": (1, "yes"),
    "string": (["x"], True),
    "array": ("x", {"x": 1}),
    "object": ([1], 5),
}


def no_calls(tools: Tools) -> Iterator[Call]:
    del tools
    yield from ()


def met(
    home: Path, calls: Callable[[Tools], Iterator[Call]] = no_calls
) -> tuple[Tools, list[tuple[Call, str]]]:
    """The tools as an agent finds them that may send messages, and what these calls are answered."""
    tools: dict[str, Tool] = {}
    answers: list[tuple[Call, str]] = []

    async def look(request: TurnRequest) -> str:
        tools.update((tool.name, tool) for tool in request.tools)
        for name, arguments in calls(tools):
            said = await request.call_tool(name, arguments)
            answers.append(((name, arguments), "was taken" if said.ok else str(said.result)))
        return "seen"

    story = waking("look", MAIN, mode="none", agentMaySend=True, to=["page:room1"])
    # Who reads files has one tool less.
    world(home, look, reads_files=False).live(story, seconds=5)
    assert tools.keys() == BUILT_IN
    return tools, answers


def fields(tools: Tools) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, tool in tools.items():
        properties: Any = tool.schema["properties"]
        for field, schema in properties.items():
            yield name, field, schema


def test_each_says_what_it_takes_and_nothing_else(fast_home) -> None:
    tools, _ = met(fast_home)
    for tool in tools.values():
        assert (tool.schema["type"], tool.schema["additionalProperties"]) == ("object", False)
        assert not {"$ref", "$defs", "anyOf"} & set(json.dumps(tool.schema).split('"'))
    for name, field, schema in fields(tools):
        assert schema["description"], (name, field)
        assert schema["type"] in WRONG, (name, field)


def test_no_number_is_without_limits(fast_home) -> None:
    """Beyond these there are numbers that no store can count with."""
    tools, _ = met(fast_home)
    numbers = [found for found in fields(tools) if found[2]["type"] in ("integer", "number")]
    assert len(numbers) >= 7
    assert [found for found in numbers if not {"minimum", "maximum"} <= found[2].keys()] == []


def test_values_of_another_kind_are_refused_by_name(fast_home) -> None:
    def calls(tools: Tools) -> Iterator[Call]:
        for name, field, schema in fields(tools):
            for wrong in WRONG[schema["type"]]:
                yield name, {field: wrong}

    _, answers = met(fast_home, calls)
    assert len(answers) > 60
    assert [
        (name, arguments, said)
        for (name, arguments), said in answers
        if f"{next(iter(arguments))}: must " not in said
    ] == []


def test_a_whole_number_may_have_a_point(fast_home) -> None:
    def calls(tools: Tools) -> Iterator[Call]:
        del tools
        yield "sessions_list", {"limit": 5.0}
        yield "cron", {"action": "list", "limit": 1e2}

    _, answers = met(fast_home, calls)
    assert [said for _, said in answers] == ["was taken", "was taken"]


def test_what_is_null_was_not_said(fast_home) -> None:
    def calls(tools: Tools) -> Iterator[Call]:
        for name, field, _ in fields(tools):
            yield name, {field: None}

    tools, answers = met(fast_home, calls)
    for (name, _), said in answers:
        needed: Any = tools[name].schema["required"]
        missing = "; ".join(f"{field}: is missing" for field in needed)
        if needed:
            assert said == f"the call of {name} is not valid; {missing}"
        else:
            assert "not valid" not in said
