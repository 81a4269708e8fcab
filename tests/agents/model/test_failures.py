"""Turns that end without an answer, each as what it is, after exactly one request."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
from tests.agents.model.conftest import TRANSLATE
from tests.loopback import closed_port
from tests.scripted_model import ScriptedModel

from stentor.agents.model.runner import ModelRunner
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import CredentialsRejected, RunnerError
from stentor.contract.runners import Phase, TextDelta, ToolResult, TurnRequest
from stentor.contract.settings import ProviderSettings, SecretRef

Build = Callable[..., TurnRequest]
Fail = Callable[[TurnRequest], Awaitable[RunnerError]]


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("status-301", "bad_request", "answered 301: base_url leads elsewhere"),
        ("status-400", "bad_request", "answered 400: the request was refused"),
        ("status-401", "auth", "answered 401: the key is not accepted"),
        ("status-402", "rate_limit", "answered 402: the account has used up its quota or its credit"),
        ("status-403", "auth", "answered 403: the key is not accepted"),
        ("status-404", "bad_request", "answered 404: there is no such model, or base_url is wrong"),
        ("status-408", "overloaded", "answered 408"),
        ("status-413", "context", "answered 413"),
        ("status-418", "bad_request", "answered 418"),
        ("status-422", "bad_request", "answered 422"),
        ("status-429", "rate_limit", "answered 429: too many requests"),
        ("status-500", "overloaded", "answered 500: the provider failed"),
        ("status-502", "overloaded", "answered 502"),
        ("status-503", "overloaded", "answered 503: the provider cannot serve it now"),
        ("status-529", "overloaded", "answered 529"),
        ("unheard-of", "bad_request", "answered 404 (model_not_found)"),
        ("flagged-request", "bad_request", "answered 400: the request was refused"),
        ("quota", "rate_limit", "answered 429 (insufficient_quota): the account has used up its quota"),
        ("too-long", "context", "(context_length_exceeded): the conversation does not fit"),
        ("empty", "empty", "answered nothing"),
        ("zero-width", "empty", "answered nothing"),
        ("reasoning-only", "empty", "thought, and answered nothing"),
        ("length-in-thought", "empty", "raise max_tokens"),
        ("filtered", "filtered", "held its answer back"),
        ("cut", "network", "cut the answer off"),
        ("cut-before", "network", "cut the connection"),
        ("garbage", "unavailable", "what came is no answer of a model"),
        ("garbage-amid", "unavailable", "no answer of a model"),
        ("error-amid", "overloaded", "the provider failed"),
    ],
)
async def test_every_way_to_fail_is_told_as_what_it_is_and_not_tried_twice(
    server: ScriptedModel, asking: Build, failure: Fail, model: str, kind: str, words: str
) -> None:
    error = await failure(asking(model))
    assert error.kind == kind
    assert str(error).startswith(f"local:{model}")
    assert words in str(error)
    assert len(server.asked) == 1


async def test_a_provider_says_how_long_it_wants_to_be_left_alone(asking: Build, failure: Fail) -> None:
    error = await failure(asking("rate-limited"))
    assert (error.kind, error.retry_after) == ("rate_limit", 7)


async def test_nobody_there_is_a_network_fault(asking: Build, failure: Fail) -> None:
    where = f"http://127.0.0.1:{closed_port()}/v1"
    error = await failure(asking("text", provider={"base_url": where}))
    assert (error.kind, str(error)) == ("network", f"local:text: {where} refused the connection")


@pytest.mark.parametrize(
    ("model", "words", "limit"),
    [
        ("hang-before", "said nothing within 0.2 s (phase model-call-started)", "first_event_seconds"),
        ("hang-at-first", "said nothing within 0.2 s (phase model-call-started)", "first_event_seconds"),
        ("hang-amid", "was not done within 0.2 s (phase model-streaming)", "request_seconds"),
        ("hang-amid", "said nothing more for 0.2 s (phase model-streaming)", "idle_seconds"),
    ],
    ids=["before the answer", "before its first word", "amid the answer", "between two words"],
)
async def test_silence_ends_in_time_and_the_connection_with_it(
    server: ScriptedModel, asking: Build, failure: Fail, model: str, words: str, limit: str
) -> None:
    error = await failure(asking(model, provider={"request_seconds": 9, limit: 0.2}))
    assert (error.kind, str(error)) == ("timeout", f"local:{model} {words}")
    async with asyncio.timeout(5):
        await server.hung_up.wait()
    assert len(server.asked) == 1


async def test_tools_that_did_nothing_are_no_answer(asking: Build, failure: Fail) -> None:
    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        return ToolResult(ok=False, result=f"there is no tool {name!r}")

    error = await failure(asking("speechless-after-tools", tools=(TRANSLATE,), call_tool=call))
    assert (error.kind, str(error)) == (
        "empty",
        "local:speechless-after-tools called tools, none of which did what it was asked, and answered nothing",
    )


async def test_a_request_gets_no_more_time_than_there_is(asking: Build, failure: Fail) -> None:
    error = await failure(asking("hang-amid", seconds=0.3))
    assert "was not done within 0.3 s" in str(error)


@pytest.mark.parametrize("model", ["hang-before", "hang-amid"], ids=["before the answer", "amid the answer"])
async def test_a_turn_that_is_cancelled_hangs_up_at_once(
    server: ScriptedModel, asking: Build, model: str
) -> None:
    last = Phase("model-call-started") if model == "hang-before" else TextDelta("It is")
    heard = asyncio.Event()

    async def listen() -> None:
        async for event in ModelRunner().turn(asking(model)):
            if event == last:
                heard.set()

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        turn = tasks.create_task(listen())
        await heard.wait()
        while not server.asked:
            await asyncio.sleep(0)
        turn.cancel()
        await server.hung_up.wait()


async def test_a_turn_that_is_closed_hangs_up_at_once(server: ScriptedModel, asking: Build) -> None:
    turn = ModelRunner().turn(asking("hang-amid"))
    async with asyncio.timeout(20):
        async for event in turn:
            if isinstance(event, TextDelta):
                break
        await turn.aclose()
        await server.hung_up.wait()


async def test_who_calls_tools_for_ever_is_stopped(
    server: ScriptedModel, asking: Build, failure: Fail
) -> None:
    error = await failure(
        asking("tools-for-ever", tools=(TRANSLATE,), settings=ModelSettings(max_requests=3))
    )
    assert (error.kind, len(server.asked)) == ("crashed", 3)
    assert "called tools 3 times without an answer" in str(error)


def test_fifty_requests_are_the_limit_where_none_is_set() -> None:
    assert ModelSettings().max_requests == 50


@pytest.mark.parametrize(
    ("key", "words"),
    [("sk-abc\ndef12345", "a line break"), ("sk-abc\r", "a line break"), ("sk-\u20ac12345", "a character")],
)
async def test_a_key_that_cannot_be_sent_is_a_matter_of_credentials_and_is_not_quoted(
    server: ScriptedModel, asking: Build, failure: Fail, key: str, words: str
) -> None:
    error = await failure(asking("text", reveal=lambda _: key))
    assert error.kind == "auth"
    assert f"the key for local:text holds {words} that cannot be sent; store the key alone" in str(error)
    assert key.strip() not in str(error)
    assert server.asked == []


async def test_a_key_that_cannot_be_had_is_a_matter_of_credentials(
    server: ScriptedModel, asking: Build, failure: Fail
) -> None:
    def reveal(ref: SecretRef) -> str:
        raise CredentialsRejected(f"the variable {ref.env} is not set")

    error = await failure(asking("text", reveal=reveal))
    assert (error.kind, server.asked) == ("auth", [])
    assert str(error) == (
        "there is no key for local:text: the variable SOME_KEY is not set; "
        "or name another place, as api_key in [providers.local]"
    )


async def test_a_level_of_thinking_that_does_not_exist_is_refused(asking: Build, failure: Fail) -> None:
    error = await failure(asking("text", thinking="deep"))
    assert (error.kind, "there is no thinking level 'deep'" in str(error)) == ("bad_request", True)


@pytest.mark.parametrize(
    ("missing", "model", "extra"),
    [
        ("pydantic_ai.direct", "local:text", "agent"),
        ("pydantic_ai.models.openai", "local:text", "agent"),
        ("pydantic_ai.models.anthropic", "far:text", "agent-all"),
    ],
    ids=["the library", "one client", "another client"],
)
async def test_what_is_not_installed_is_told_with_the_way_to_install_it(
    asking: Build, failure: Fail, monkeypatch: pytest.MonkeyPatch, missing: str, model: str, extra: str
) -> None:
    far = ProviderSettings(api="anthropic", base_url="http://127.0.0.1:9")
    request = asking("text")
    request = asking("text", model=model, providers={**request.providers, "far": far})
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    monkeypatch.delitem(__import__("sys").modules, "stentor.agents.model.conversation", raising=False)
    error = await failure(request)
    assert (error.kind, f"pip install 'stentor[{extra}]'" in str(error)) == ("unavailable", True)
