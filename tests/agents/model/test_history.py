"""Every history that the core may give a runner is one that the library takes, with nothing lost."""
# ruff: noqa: PLC0415 - the library may be absent, and tests say so themselves

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stentor.agents.model.settings import ModelSettings
from stentor.contract.runners import Message, ToolUse, TurnRequest

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

pytestmark = pytest.mark.usefixtures("library")
TEXTS = st.text(max_size=20)
ARGS = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | TEXTS, max_size=3)


@st.composite
def rounds(draw: st.DrawFn) -> list[Message]:
    """What one question led to: calls and their results, and an answer."""
    told = [Message("user", draw(TEXTS))]
    for number in range(draw(st.integers(0, 3))):
        idents = [f"{draw(st.integers(0, 10**6))}-{number}-{at}" for at in range(draw(st.integers(1, 3)))]
        calls = tuple(
            ToolUse(ident, draw(st.sampled_from(["cron", "message"])), draw(ARGS)) for ident in idents
        )
        told.append(Message("assistant", draw(TEXTS), calls))
        told += [Message("tool", draw(TEXTS), call_id=ident) for ident in draw(st.permutations(idents))]
    return [*told, Message("assistant", draw(TEXTS))]


HISTORIES = st.lists(rounds(), max_size=4).map(lambda parts: tuple(entry for part in parts for entry in part))


def read_back(messages: "list[ModelMessage]") -> list[tuple[object, ...]]:
    """Who said what, in order."""
    found: list[tuple[object, ...]] = []
    for message in messages:
        for part in message.parts:
            match part.part_kind:
                case "user-prompt":
                    found.append(("user", part.content))
                case "text":
                    found.append(("assistant", part.content))
                case "tool-call":
                    found.append(("call", part.tool_name, part.args, part.tool_call_id))
                case "tool-return":
                    found.append(("result", part.tool_name, part.content, part.tool_call_id))
    return found


def expected(history: tuple[Message, ...]) -> list[tuple[object, ...]]:
    # Not every provider gives each call an id of its own.
    names: dict[str, str] = {}
    found: list[tuple[object, ...]] = []
    for entry in history:
        names |= {call.id: call.name for call in entry.calls}
        if entry.role == "tool":
            found.append(("result", names[entry.call_id], entry.text, entry.call_id))
        elif entry.role == "user" or entry.text:
            found.append((entry.role, entry.text))
        found += [("call", call.name, dict(call.args), call.id) for call in entry.calls]
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
async def test_any_history_is_taken_as_it_is(
    request_for: Callable[..., TurnRequest], history: tuple[Message, ...]
) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    from stentor.agents.model.history import conversation

    seen: list[ModelMessage] = []

    def answer(messages: "list[ModelMessage]", info: AgentInfo) -> ModelResponse:
        seen.extend(messages)
        return ModelResponse(parts=[TextPart("done")])

    messages = conversation(request_for(ModelSettings(), history=history, message="now"))
    result = await Agent(FunctionModel(answer)).run(message_history=messages)

    assert result.output == "done"
    assert read_back(messages) == [*expected(history), ("user", "now")]
    # The library puts results into the order of their calls.
    assert sorted(map(repr, read_back(seen))) == sorted(map(repr, read_back(messages)))
    kinds = [type(message) for message in messages]
    assert kinds == [ModelRequest, ModelResponse] * (len(kinds) // 2) + [ModelRequest]
