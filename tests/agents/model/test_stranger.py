"""The same turns with a provider that somebody else wrote, in five protocols."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.agents.model.conftest import TRANSLATE, translate
from tests.agents.model.stranger import aimock

from stentor.agents.model.runner import ModelRunner
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final, Message, Phase, RunnerEvent, ToolUse, TurnRequest
from stentor.contract.settings import ProviderSettings

Build = Callable[..., TurnRequest]
API = {
    "openai": ("/v1", "gpt-4o"),
    "openai-responses": ("/v1", "gpt-5-mini"),
    "anthropic": ("", "claude-haiku-5-5"),
    "google": ("", "gemini-2.5-flash"),
    "ollama": ("", "qwen3"),
}
HISTORY = (
    Message("user", "hi"),
    Message("assistant", "", (ToolUse("c1", "translate", {"text": "a"}),)),
    Message("tool", "A", call_id="c1"),
    Message("assistant", "It is A."),
)

# It ends calls of tools as Google never does.
pytestmark = pytest.mark.filterwarnings("ignore:FUNCTION_CALL is not a valid FinishReason:UserWarning")


@pytest.fixture(scope="module")
def there(library: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aimock(tmp_path_factory.mktemp("aimock")) as address:
        yield address


@pytest.fixture(params=API)
def asking(request: pytest.FixtureRequest, there: str, request_for: Build) -> Build:
    path, model = API[request.param]
    providers = {"far": ProviderSettings(api=request.param, base_url=f"{there}{path}")}

    def build(message: str, **more: Any) -> TurnRequest:
        facts = {"model": f"far:{model}", "providers": providers, "message": message, "tools": (TRANSLATE,)}
        return request_for(ModelSettings(), translate, **{**facts, **more})

    return build


async def test_an_answer_is_heard_with_everything_that_may_be_asked_for(
    asking: Build, turn: Callable[[TurnRequest], Awaitable[list[RunnerEvent]]]
) -> None:
    wishes = {"history": HISTORY, "instructions": "Be kind.", "thinking": "low", "fast_mode": True}
    events = await turn(asking("say hello", **wishes))
    assert events[-1] == Final("Hello there, from far away.")


async def test_a_tool_is_called_and_its_result_told(
    asking: Build, turn: Callable[[TurnRequest], Awaitable[list[RunnerEvent]]]
) -> None:
    events = await turn(asking("louder, please"))
    assert Phase("tool:translate") in events
    assert events[-1] == Final("It is HELLO.")


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "auth"), (429, "rate_limit"), (500, "overloaded"), (529, "overloaded")]
)
async def test_a_refusal_is_told_as_what_it_is(
    asking: Build, failure: Callable[[TurnRequest], Awaitable[RunnerError]], status: int, kind: str
) -> None:
    error = await failure(asking(f"answer {status}"))
    assert error.kind == kind
    assert f"answered {status}" in str(error)
    assert error.retry_after == (1 if status == 429 else None)


async def test_it_is_found_to_be_up(asking: Build) -> None:
    runner, request = ModelRunner(), asking("say hello")
    assert runner.endpoint(request) is not None
    assert await runner.probe(request) == ""
