from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.util import find_spec
from typing import Any

import pytest
from tests.requirements import lacking
from tests.scripted_model import ScriptedModel

from stentor.agents.model.runner import ModelRunner
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import RunnerEvent, ToolResult, TurnRequest
from stentor.contract.settings import ProviderSettings, SecretRef
from stentor.contract.tools import Tool

KEY = "sk-QUOTED-0123456789"


@pytest.fixture(scope="session")
def library() -> None:
    """What tests need that ask a model of anything."""
    if find_spec("pydantic_ai") is None:
        lacking("pydantic-ai, the extra `agent`")


@pytest.fixture
async def server(library: None) -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as listening:
        yield listening


async def translate(name: str, args: Mapping[str, object]) -> ToolResult:
    assert name == "translate"
    return ToolResult(ok=True, result=str(args.get("text", "")).upper())


async def _nothing(*_: object) -> None:
    raise AssertionError("a runner calls tools through its request")


TRANSLATE = Tool(
    "translate",
    "Says it louder.",
    {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    _nothing,
)


def reveal(ref: SecretRef) -> str:
    assert ref == SecretRef(env="SOME_KEY")
    return KEY


@pytest.fixture
def asking(server: ScriptedModel, request_for: Callable[..., TurnRequest]) -> Callable[..., TurnRequest]:
    """A request for one of the scripted models."""

    def build(name: str, *, provider: Mapping[str, object] | None = None, **more: Any) -> TurnRequest:
        there = {"base_url": server.url, "api_key": {"env": "SOME_KEY"}, **(provider or {})}
        providers = {"local": ProviderSettings.model_validate(there)}
        facts = {
            "settings": ModelSettings(),
            "call_tool": translate,
            "reveal": reveal,
            "providers": providers,
        }
        return request_for(**{**facts, "model": f"local:{name}", **more})

    return build


async def heard(request: TurnRequest) -> list[RunnerEvent]:
    return [event async for event in ModelRunner().turn(request)]


@pytest.fixture
def turn() -> Callable[[TurnRequest], Awaitable[list[RunnerEvent]]]:
    return heard


async def failing(request: TurnRequest) -> RunnerError:
    with pytest.raises(RunnerError) as raised:
        await heard(request)
    assert "QUOTED" not in str(raised.value), "nothing that a provider says, and no key"
    return raised.value


@pytest.fixture
def failure() -> Callable[[TurnRequest], Awaitable[RunnerError]]:
    return failing
