import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stentor.agents.environment import iso_utc
from stentor.agents.protocol import ToolCall, decode_line, encode_tool_result, encode_turn, is_event
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AttachmentRef,
    BootstrapFile,
    Denied,
    Final,
    Message,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    ToolUse,
    TurnRequest,
    Usage,
)
from stentor.contract.settings import RunnerSettings
from stentor.contract.tools import Tool
from stentor.contract.tools import ToolCall as RunningToolCall

CALL = ToolCall(type="tool_call", id="1", name="message", args={})


async def _send(call: RunningToolCall, args: object) -> object:
    return None


def test_a_turn_is_one_line_with_the_documented_fields(request_for: Callable[..., TurnRequest]) -> None:
    request = request_for(
        RunnerSettings(),
        message="grüß\n👋",
        question="grüß",
        instructions="Be kind.",
        history=(
            Message("user", "hi"),
            Message("assistant", "", (ToolUse("c-1", "message", {"to": "a"}),)),
            Message("tool", "sent", call_id="c-1"),
            Message("assistant", "hello"),
        ),
        tools=(Tool("message", "Send a message.", {"type": "object"}, _send),),
        bootstrap=(BootstrapFile("AGENTS.md", "Be brief."),),
        model="openai:gpt-5-mini",
        thinking="low",
        light_context=True,
        deadline=datetime(2026, 3, 8, 9, 30, tzinfo=timezone(timedelta(hours=2))),
    )

    line = encode_turn(request)

    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line) == {
        "type": "turn",
        "runId": "run-1",
        "jobId": "brief",
        "agentId": "ops",
        "sessionKey": "agent:ops:cron:brief:run:s-1",
        "sessionId": "s-1",
        "message": "grüß\n👋",
        "question": "grüß",
        "history": [
            {"role": "user", "text": "hi"},
            {
                "role": "assistant",
                "text": "",
                "toolCalls": [{"id": "c-1", "name": "message", "args": {"to": "a"}}],
            },
            {"role": "tool", "text": "sent", "toolCallId": "c-1"},
            {"role": "assistant", "text": "hello"},
        ],
        "instructions": "Be kind.",
        "tools": [{"name": "message", "description": "Send a message.", "schema": {"type": "object"}}],
        "model": "openai:gpt-5-mini",
        "thinking": "low",
        "fastMode": False,
        "lightContext": True,
        "bootstrap": [{"path": "AGENTS.md", "text": "Be brief."}],
        "deadline": "2026-03-08T07:30:00Z",
        "mcp": None,
    }


def test_what_a_turn_does_not_have_is_null(request_for: Callable[..., TurnRequest]) -> None:
    turn = json.loads(encode_turn(request_for(RunnerSettings(), job_id=None)))

    assert {name for name, value in turn.items() if value is None} == {
        "jobId",
        "model",
        "thinking",
        "deadline",
        "mcp",
    }


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"type":"phase","name":"model-call-started"}', Phase("model-call-started")),
        ('{"type":"text","delta":"grüß 👋"}', TextDelta("grüß 👋")),
        ('{"type":"usage","input":10,"output":5}', Usage(input=10, output=5)),
        ('{"type":"usage","input":1,"cached":2,"costUsd":0.5}', Usage(input=1, cached=2, cost_usd=0.5)),
        ('{"type":"usage","input":null}', Usage()),
        ('{"type":"denied","code":"SYSTEM_RUN_DENIED","message":"no"}', Denied("SYSTEM_RUN_DENIED", "no")),
        ('{"type":"model_switch","model":"m2"}', ModelSwitched("m2")),
        ('{"type":"final","text":"done"}', Final("done")),
        (
            '{"type":"final","text":"","attachments":[{"path":"report.pdf"},{"path":"a.txt","name":"A"}]}',
            Final("", (AttachmentRef("report.pdf"), AttachmentRef("a.txt", "A"))),
        ),
        (
            '  {"args":{"to":"x","n":[1]},"id":"7","name":"message","type":"tool_call"}  ',
            ToolCall(type="tool_call", id="7", name="message", args={"to": "x", "n": [1]}),
        ),
    ],
    ids=lambda value: value.strip()[:40] if isinstance(value, str) else "",
)
def test_a_line_becomes_its_event(line: str, event: RunnerEvent | ToolCall) -> None:
    assert decode_line(line.encode(), 1) == event


@pytest.mark.parametrize(
    ("line", "event"),
    [
        pytest.param(
            b'\xef\xbb\xbf{"type":"final","text":"done"}', Final("done"), id="a mark before the first line"
        ),
        pytest.param(b'{"type":"final","text":"x \\ud83d y"}', Final("x \ufffd y"), id="half a character"),
        pytest.param(
            b'{"type":"final","text":"\\ud83d\\ude00"}', Final("\U0001f600"), id="two halves are one"
        ),
        pytest.param(b'{"type":"final","text":"caf\xe9"}', Final("caf\ufffd"), id="bytes that are no text"),
        pytest.param(
            b'{"type":"tool_call","id":"1","name":"m","args":{"a":["\\ud83d"]}}',
            ToolCall(type="tool_call", id="1", name="m", args={"a": ["\ufffd"]}),
            id="inside a call",
        ),
        pytest.param(
            b'{"type":"text","delta":"Hi \\ud83d"}',
            TextDelta("Hi \ud83d"),
            id="the rest comes with the next piece",
        ),
    ],
)
def test_a_line_counts_though_not_all_of_it_is_text(line: bytes, event: RunnerEvent | ToolCall) -> None:
    assert is_event(line)
    assert decode_line(line, 1) == event


@pytest.mark.parametrize("kind", ["rate_limit", "auth", "unavailable", "context", "filtered", "crashed"])
def test_an_error_line_is_raised_with_its_kind(kind: str) -> None:
    with pytest.raises(RunnerError, match=r"^no more today$") as caught:
        decode_line(json.dumps({"type": "error", "kind": kind, "message": "no more today"}).encode(), 1)

    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"Traceback (most recent call last):", "Invalid JSON"),
        (b'{"type":"text","delta":"half', "Invalid JSON"),
        (b"[]", "object"),
        (b'{"delta":"no type"}', "type"),
        (b'{"type":"bogus"}', "bogus"),
        (b'{"type":"text"}', "delta: Field required"),
        (b'{"type":"text","delta":5}', "delta: Input should be a valid string"),
        (b'{"type":"usage","input":"10"}', "input: Input should be a valid integer"),
        (b'{"type":"usage","input":-1}', "input: Input should be greater than or equal to 0"),
        (b'{"type":"usage","costUsd":NaN}', "costUsd"),
        (b'{"type":"error","kind":"tired","message":""}', "kind: Input should be"),
        (b'{"type":"final","text":"x","attachements":[]}', "attachements: Extra inputs are not permitted"),
        (b'{"type":"final","text":"x","attachments":["a.pdf"]}', "attachments.0"),
        (b'{"type":"tool_call","id":1,"name":"message","args":{}}', "id: Input should be a valid string"),
        (b'{"type":"usage","input":' + b"9" * 5000 + b"}", "Invalid JSON"),
    ],
    ids=lambda value: value.decode("utf-8", "replace")[:40] if isinstance(value, bytes) else "",
)
def test_a_line_that_is_no_event_is_named_with_the_reason(line: bytes, why: str) -> None:
    with pytest.raises(RunnerError) as caught:
        decode_line(line, 3)

    message = str(caught.value)
    assert caught.value.kind == "crashed"
    assert message.startswith("line 3 ")
    assert why in message
    assert repr(line.decode("utf-8", "replace")[:200])[1:-1] in message


def test_only_the_beginning_of_a_long_line_is_quoted() -> None:
    with pytest.raises(RunnerError) as caught:
        decode_line(b'{"type":"text","delta":' + b"9" * 100_000, 1)

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (b'{"type":"text"}', True),
        (b' {"type":"bogus"} \n', True),
        (b'{"kind":"text"}', False),
        (b'["type"]', False),
        (b'"type"', False),
        (b"type", False),
        (b"42\n", False),
        (b"\xff\xfe", False),
        (b"[" * 100_000, False),
        (b'\xef\xbb\xbf{"type":"text"}', True),
        (b'{"type":"text","delta":"half', True),
        (b'{"type":"text","delta":' + b"[" * 100_000, True),
        (b"{ 'type': 'text' }", False),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_a_line_belongs_to_the_protocol_if_it_is_an_object_with_a_type_or_begins_as_one(
    line: bytes, meant: bool
) -> None:
    assert is_event(line) is meant


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ToolResult(ok=True, result={"delivery": "d-1"}), {"ok": True, "result": {"delivery": "d-1"}}),
        (ToolResult(ok=False, result="no such target"), {"ok": False, "result": "no such target"}),
        (ToolResult(ok=True, result=None), {"ok": True, "result": None}),
    ],
    ids=["ok", "failed", "empty"],
)
def test_a_tool_result_names_the_call_it_answers(result: ToolResult, said: dict[str, object]) -> None:
    assert json.loads(encode_tool_result(CALL, result)) == {"type": "tool_result", "id": "1", **said}


@pytest.mark.parametrize("result", [datetime.now, float("nan"), {1, 2}], ids=["object", "nan", "set"])
def test_a_result_that_is_not_json_is_a_failed_call(result: object) -> None:
    answer = json.loads(encode_tool_result(CALL, ToolResult(ok=True, result=result)))

    assert answer["ok"] is False
    assert answer["result"].startswith("the result of message is not JSON")


def test_a_moment_is_written_in_utc() -> None:
    assert iso_utc(datetime(2026, 3, 8, 7, 30, tzinfo=UTC)) == "2026-03-08T07:30:00Z"
    assert iso_utc(datetime(2026, 3, 8, 7, 30, 0, 250_000, tzinfo=UTC)) == "2026-03-08T07:30:00.250Z"
    assert iso_utc(None) is None
