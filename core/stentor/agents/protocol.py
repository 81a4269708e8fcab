"""The JSON lines between us and a program that is an agent: pure encoding and strict decoding."""

import json
import re
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stentor.agents.environment import iso_utc
from stentor.contract.errors import RunnerError
from stentor.contract.runners import (
    AttachmentRef,
    Denied,
    Final,
    McpAccess,
    Message,
    ModelSwitched,
    Phase,
    RunnerEvent,
    TextDelta,
    ToolResult,
    TurnRequest,
    Usage,
)
from stentor.domain.halves import sound

_EXCERPT = 200
# How an object begins that is meant as an event, though it may not be a whole one.
_BEGINS_AS_EVENT = re.compile(r'\s*\{\s*"type"\s*:')

Count = Annotated[int, Field(ge=0)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _PhaseLine(_Line):
    type: Literal["phase"]
    name: Annotated[str, Field(min_length=1)]

    def event(self) -> RunnerEvent:
        return Phase(self.name)


class _TextLine(_Line):
    type: Literal["text"]
    delta: str

    def event(self) -> RunnerEvent:
        return TextDelta(self.delta)


class _UsageLine(_Line):
    type: Literal["usage"]
    input: Count | None = None
    output: Count | None = None
    cached: Count | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = Field(default=None, alias="costUsd")
    context: Count | None = None

    def event(self) -> RunnerEvent:
        return Usage(self.input, self.output, self.cached, self.cost_usd, self.context)


class _ModelSwitchLine(_Line):
    type: Literal["model_switch"]
    model: Annotated[str, Field(min_length=1)]

    def event(self) -> RunnerEvent:
        return ModelSwitched(self.model)


class _DeniedLine(_Line):
    type: Literal["denied"]
    code: Annotated[str, Field(min_length=1)]
    message: str

    def event(self) -> RunnerEvent:
        return Denied(self.code, self.message)


class _ErrorLine(_Line):
    type: Literal["error"]
    kind: Literal["rate_limit", "auth", "unavailable", "context", "filtered", "crashed"]
    message: str
    retry_after: Annotated[float, Field(ge=0)] | None = Field(default=None, alias="retryAfter")

    def event(self) -> RunnerEvent:
        raise RunnerError(self.kind, self.message, retry_after=self.retry_after)


class _Attachment(_Line):
    path: Annotated[str, Field(min_length=1)]
    name: str | None = None


class _FinalLine(_Line):
    type: Literal["final"]
    text: str
    attachments: tuple[_Attachment, ...] = ()

    def event(self) -> RunnerEvent:
        return Final(self.text, tuple(AttachmentRef(file.path, file.name) for file in self.attachments))


class ToolCall(_Line):
    """The program asks for a tool; it goes on when it reads the result with the same `id`."""

    type: Literal["tool_call"]
    id: str
    name: str
    args: dict[str, object] = Field(default_factory=dict[str, object])

    def event(self) -> "ToolCall":
        return self


_AnyLine = (
    _PhaseLine | _TextLine | _UsageLine | _ModelSwitchLine | _DeniedLine | _ErrorLine | _FinalLine | ToolCall
)
_lines: TypeAdapter[_AnyLine] = TypeAdapter(Annotated[_AnyLine, Field(discriminator="type")])


def is_event(line: bytes) -> bool:
    """Whether `line` is meant as part of this protocol, well-formed or not: it is nothing that people are sent."""
    text = _text(line)
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return _BEGINS_AS_EVENT.match(text) is not None
    return isinstance(value, dict) and "type" in value


def decode_line(line: bytes, number: int) -> RunnerEvent | ToolCall:
    """The event on line `number`. An `error` line is raised as the failure it reports."""
    try:
        value: object = json.loads(_text(line))
        decoded = _lines.validate_json(sound(json.dumps(value, ensure_ascii=False)))
    except ValidationError as error:
        raise RunnerError("crashed", _complaint(line, number, _mistake(error))) from None
    except (ValueError, RecursionError) as error:
        raise RunnerError("crashed", _complaint(line, number, f"Invalid JSON: {error}")) from None
    if isinstance(decoded, _TextLine):
        # Of a character that is cut in two the other half comes with the next piece.
        return TextDelta(cast("dict[str, str]", value)["delta"])
    return decoded.event()


def _text(line: bytes) -> str:
    """Without the mark that some systems begin their texts with, and with a mark in place of what is no character."""
    return line.decode("utf-8-sig", "replace")


def encode_turn(request: TurnRequest, mcp: McpAccess | None = None) -> bytes:
    return _encode(
        {
            "type": "turn",
            "runId": request.run_id,
            "jobId": request.job_id,
            "agentId": request.agent_id,
            "sessionKey": request.session_key,
            "sessionId": request.session_id,
            "message": request.message,
            "question": request.question or request.message,
            "history": [_entry(entry) for entry in request.history],
            "instructions": request.instructions,
            "tools": [
                {"name": tool.name, "description": tool.description, "schema": dict(tool.schema)}
                for tool in request.tools
            ],
            "model": request.model,
            "thinking": request.thinking,
            "fastMode": request.fast_mode,
            "lightContext": request.light_context,
            "bootstrap": [{"path": file.path, "text": file.text} for file in request.bootstrap],
            "deadline": iso_utc(request.deadline),
            "mcp": None if mcp is None else {"url": mcp.url, "token": mcp.token},
        }
    )


def _entry(entry: Message) -> dict[str, object]:
    """What a program that knows nothing of tools has to know, and the calls where there were any."""
    said: dict[str, object] = {"role": entry.role, "text": entry.text}
    if entry.calls:
        calls = [{"id": call.id, "name": call.name, "args": dict(call.args)} for call in entry.calls]
        said["toolCalls"] = calls
    if entry.call_id:
        said["toolCallId"] = entry.call_id
    return said


def encode_tool_result(call: ToolCall, result: ToolResult) -> bytes:
    """The answer to `call`. A tool whose result is not JSON has failed, and the program is told so."""
    answer = {"type": "tool_result", "id": call.id}
    try:
        return _encode({**answer, "ok": result.ok, "result": result.result})
    except (TypeError, ValueError) as error:
        return _encode({**answer, "ok": False, "result": f"the result of {call.name} is not JSON: {error}"})


def _encode(message: dict[str, object]) -> bytes:
    # Pure ASCII, so that a program reads it right whatever locale it runs in.
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _mistake(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(step) for step in first["loc"][1:])
    return f"{field}: {first['msg']}" if field else first["msg"]


def _complaint(line: bytes, number: int, why: str) -> str:
    text = _text(line).strip()
    excerpt = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
    return f"line {number} of its output is not an event of the protocol: {why}, in {excerpt!r}"
