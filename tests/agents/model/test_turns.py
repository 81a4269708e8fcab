"""Turns with a scripted provider: what it is asked, and what is made of its answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.agents.model.conftest import KEY, TRANSLATE
from tests.loopback import closed_port
from tests.scripted_model import ScriptedModel

from stentor.agents.model.endpoints import Api, Endpoint
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    BootstrapFile,
    Final,
    Message,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnRequest,
    Usage,
)

Build = Callable[..., TurnRequest]
Take = Callable[[TurnRequest], Awaitable[list[RunnerEvent]]]
STARTED, STREAMING = Phase("model-call-started"), Phase("model-streaming")
ONCE = Usage(input=120, output=7, cached=20, context=120)


def said(server: ScriptedModel, at: int = -1) -> list[dict[str, Any]]:
    return server.asked[at].messages


async def test_an_answer_is_heard_as_it_comes(server: ScriptedModel, asking: Build, turn: Take) -> None:
    assert await turn(asking("text")) == [
        STARTED,
        STREAMING,
        TextDelta("It is"),
        TextDelta(" done."),
        ONCE,
        Final("It is done."),
    ]
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert said(server) == [{"role": "user", "content": "[cron:brief Morning brief] say hello"}]


async def test_a_server_that_wants_no_key_gets_one_that_is_none(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    await turn(asking("text", provider={"api_key": None}))
    assert server.asked[0].headers["authorization"] == "Bearer no-key"


async def test_an_answer_that_asks_for_silence_is_an_answer(asking: Build, turn: Take) -> None:
    assert (await turn(asking("no-reply")))[-1] == Final("NO_REPLY")


async def test_tools_are_called_and_their_results_told(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    events = await turn(asking("tools", tools=(TRANSLATE,)))
    twice = Usage(input=240, output=14, cached=40, context=120)
    assert [event for event in events if not isinstance(event, TextDelta)] == [
        *(STARTED, STREAMING, ONCE),
        Phase("tool:translate"),
        *(STARTED, STREAMING, twice),
        Final("The tool said: HELLO"),
    ]
    (tool,) = server.asked[0].body["tools"]
    assert (tool["function"]["name"], tool["function"]["description"]) == ("translate", "Says it louder.")
    assert tool["function"]["parameters"].items() >= TRANSLATE.schema.items()
    called, answered = said(server)[-2:]
    assert called["tool_calls"][0]["function"] == {"name": "translate", "arguments": '{"text":"hello"}'}
    assert (answered["role"], answered["tool_call_id"], answered["content"]) == ("tool", "call_1", "HELLO")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        pytest.param(
            ToolResult(ok=True, result={"id": 7, "wo": "Zürich"}), '{"id": 7, "wo": "Zürich"}', id="JSON"
        ),
        pytest.param(
            ToolResult(ok=False, result="there is no such target"), "there is no such target", id="refusal"
        ),
        pytest.param(ToolResult(ok=True, result={1, 2}), "is not JSON", id="not JSON"),
        pytest.param(ToolResult(ok=True, result=float("nan")), "is not JSON", id="no number"),
    ],
)
async def test_what_a_tool_gives_is_told_whatever_it_is(
    server: ScriptedModel, asking: Build, turn: Take, result: ToolResult, text: str
) -> None:
    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        return result

    final = (await turn(asking("tools", tools=(TRANSLATE,), call_tool=call)))[-1]
    assert isinstance(final, Final)
    assert text in final.text
    assert text in said(server)[-1]["content"]


async def test_arguments_that_are_no_json_are_told_to_the_model_and_not_to_the_tool(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        raise AssertionError("there is nothing to call it with")

    assert (await turn(asking("bad-arguments", tools=(TRANSLATE,), call_tool=call)))[-1] == Final("Oh.")
    assert "no JSON object" in said(server)[-1]["content"]


async def test_who_has_called_tools_may_have_nothing_left_to_say(asking: Build, turn: Take) -> None:
    assert (await turn(asking("speechless-after-tools", tools=(TRANSLATE,))))[-1] == Final("")


async def test_who_has_spoken_beside_a_call_may_end_without_a_word(asking: Build, turn: Take) -> None:
    """What was said there is heard; whether it is the answer is not for the model's runner to say."""

    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        return ToolResult(ok=False, result="no")

    events = await turn(asking("speechless-after-a-remark", tools=(TRANSLATE,), call_tool=call))
    assert TextDelta("Three items.") in events
    assert events[-1] == Final("")


@pytest.mark.parametrize("model", ["text", "tools"])
async def test_the_history_and_what_comes_before_it_are_told_with_every_request(
    server: ScriptedModel, asking: Build, turn: Take, model: str
) -> None:
    history = (
        Message("user", "first"),
        Message("assistant", "", (ToolUse("c1", "translate", {"text": "a"}),)),
        Message("tool", "A", call_id="c1"),
        Message("assistant", "It is A."),
    )
    files = (BootstrapFile("AGENTS.md", "Be kind.\n"), BootstrapFile("notes/USER.md", "Likes tea."))
    request = asking(
        model, history=history, instructions="Deliver.", bootstrap=files, message="now", tools=(TRANSLATE,)
    )
    await turn(request)
    for asked in server.asked:
        assert asked.messages[:6] == [
            {
                "role": "system",
                "content": "Deliver.\n\n## AGENTS.md\n\nBe kind.\n\n## notes/USER.md\n\nLikes tea.",
            },
            {"role": "user", "content": "first"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "translate", "arguments": '{"text":"a"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "A"},
            {"role": "assistant", "content": "It is A."},
            {"role": "user", "content": "now"},
        ]


async def test_tokens_that_were_not_told_are_unknown_and_not_zero(asking: Build, turn: Take) -> None:
    for model in ("no-usage", "zero-usage"):
        assert Usage() in await turn(asking(model))


async def test_thoughts_are_no_part_of_the_answer(asking: Build, turn: Take) -> None:
    events = await turn(asking("reasoning"))
    assert TextDelta("Hm.") not in events
    assert events[-1] == Final("Done.")


async def test_an_answer_that_reached_its_length_is_one_with_a_warning(asking: Build, turn: Take) -> None:
    final = (await turn(asking("length")))[-1]
    assert isinstance(final, Final)
    assert final.text == "It is do"
    assert ["max_tokens" in warning for warning in final.warnings] == [True]


async def test_an_answer_that_nobody_called_complete_is_one_with_a_warning(asking: Build, turn: Take) -> None:
    final = (await turn(asking("unfinished")))[-1]
    assert final == Final("It is", warnings=("the provider did not say that the answer is complete",))


async def test_the_agents_settings_reach_the_model(server: ScriptedModel, asking: Build, turn: Take) -> None:
    await turn(asking("text", settings=ModelSettings(max_tokens=300, temperature=0.5)))
    body = server.asked[0].body
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 300
    assert body["temperature"] == 0.5


async def test_a_model_that_knows_no_levels_is_not_asked_for_one(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    await turn(asking("text", thinking="high", fast_mode=True))
    plain = {"model", "messages", "stream", "stream_options"}
    assert server.asked[0].body.keys() <= plain


@pytest.mark.parametrize(
    ("level", "effort"),
    [("off", "minimal"), ("minimal", "minimal"), ("low", "low"), ("medium", "medium"), ("high", "high")],
)
async def test_a_model_that_knows_levels_is_asked_for_one(
    server: ScriptedModel, asking: Build, turn: Take, level: str, effort: str
) -> None:
    with pytest.raises(RunnerError, match="404"):
        await turn(asking("gpt-5-mini", thinking=level))
    assert server.asked[0].body["reasoning_effort"] == effort


async def test_half_a_character_is_no_reason_to_fail(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    """Neither in what is told, nor where a server splits one between two pieces."""

    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        return ToolResult(ok=True, result="\udc4b")

    history = (Message("user", "\ud83d"), Message("assistant", "\ud83d\udc4b"))
    more = {"history": history, "message": "\x00 \ud800", "instructions": "\ud800"}
    events = await turn(asking("tools", tools=(TRANSLATE,), call_tool=call, **more))
    assert [message["content"] for message in said(server, 0)] == ["\ufffd", "\ufffd", "👋", "\x00 \ufffd"]
    assert events[-1] == Final("The tool said: \ufffd")
    assert (await turn(asking("split-character")))[-1] == Final("👋")


async def test_half_a_character_that_a_model_says_can_be_told_to_it_again(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    given: list[Mapping[str, object]] = []

    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        given.append(args)
        return ToolResult(ok=True, result="seen")

    events = await turn(asking("half-beside-a-call", tools=(TRANSLATE,), call_tool=call))
    assert events[-1] == Final("Done.")
    assert said(server)[1]["content"] == "Hi \ufffd"
    assert given == [{"text": "\ufffd"}]


@pytest.mark.parametrize(
    ("api", "tier"),
    [("openai-responses", "priority"), ("google", "priority"), ("openai", None), ("ollama", None)],
)
def test_only_who_knows_a_faster_tier_is_asked_for_it(
    library: None, request_for: Build, api: Api, tier: str | None
) -> None:
    from stentor.agents.model.wishes import wishes  # noqa: PLC0415 - the library may be absent

    endpoint = Endpoint("x:m", "m", api, "http://127.0.0.1", None, 1, 2, 1)
    for fast, wished in ((True, tier), (False, None)):
        request = request_for(ModelSettings(), fast_mode=fast)
        assert wishes(request, ModelSettings(), endpoint).get("service_tier") == wished


async def test_a_tool_that_does_not_exist_is_told_as_such_and_is_no_phase(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    async def call(name: str, args: Mapping[str, object]) -> ToolResult:
        return ToolResult(ok=False, result=f"there is no tool {name!r}")

    events = await turn(asking("sends", tools=(TRANSLATE,), call_tool=call, message="tell local:ops"))
    assert [event.name for event in events if isinstance(event, Phase)] == [STARTED.name, STREAMING.name] * 2
    assert "there is no tool 'message'" in said(server)[-1]["content"]


async def test_a_tool_that_takes_nothing_is_described_as_one(
    server: ScriptedModel, asking: Build, turn: Take
) -> None:
    await turn(asking("text", tools=(replace(TRANSLATE, schema={}),)))
    (tool,) = server.asked[0].body["tools"]
    assert (tool["function"]["parameters"]["type"], tool["function"]["parameters"]["properties"]) == (
        "object",
        {},
    )


async def test_a_server_nearby_is_asked_without_a_proxy(
    asking: Build, turn: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert (await turn(asking("text")))[-1] == Final("It is done.")
