"""The talk with a model: it is asked, calls tools, is told what they gave, and is asked again until it answers."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Self

import httpx2
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings as Wishes
from pydantic_ai.tools import ToolDefinition

from stentor.agents.model.answers import check_whole, final_of, says_something, without_halves
from stentor.agents.model.clients import http_client, model_of
from stentor.agents.model.endpoints import Endpoint
from stentor.agents.model.failures import failure_of, timed_out
from stentor.agents.model.history import conversation
from stentor.agents.model.meter import Meter
from stentor.agents.model.settings import ModelSettings
from stentor.agents.model.wishes import wishes
from stentor.contract.errors import RunnerError
from stentor.contract.runners import Phase, RunnerEvent, TextDelta, ToolResult, TurnRequest
from stentor.contract.tools import Tool
from stentor.domain.durations import in_seconds
from stentor.domain.halves import sound


@dataclass
class Conversation:
    """One turn. It holds a connection, which is closed with it."""

    request: TurnRequest
    settings: ModelSettings
    endpoint: Endpoint
    http: httpx2.AsyncClient
    exchange: "Exchange"
    # A tool has done what it was asked to, or something was said beside a call.
    _has_acted: bool = False

    @classmethod
    def opened(cls, request: TurnRequest, settings: ModelSettings, endpoint: Endpoint, key: str) -> Self:
        http = http_client(endpoint)
        exchange = Exchange(
            endpoint,
            model_of(endpoint, key, http),
            conversation(request),
            wishes(request, settings, endpoint),
            ModelRequestParameters(function_tools=[_definition(tool) for tool in request.tools]),
        )
        return cls(request, settings, endpoint, http, exchange)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def events(self) -> AsyncGenerator[RunnerEvent]:
        exchange, meter, who = self.exchange, Meter(self.endpoint), self.endpoint.candidate
        known = {tool.name for tool in self.request.tools}
        for asked_before in range(self.settings.max_requests):
            async with aclosing(exchange.events()) as events:
                async for event in events:
                    yield event
            response = exchange.response
            yield meter.add(response)
            check_whole(response, who)
            if not response.tool_calls:
                yield final_of(response, who, may_be_empty=self._has_acted, called=asked_before > 0)
                return
            self._has_acted = self._has_acted or says_something(response)
            returns: list[ToolReturnPart] = []
            for call in response.tool_calls:
                if call.tool_name in known:
                    yield Phase(f"tool:{call.tool_name}")
                returns.append(await self._answered(call))
            exchange.go_on(returns)
        limit = self.settings.max_requests
        raise RunnerError(
            "crashed", f"{who} called tools {limit} times without an answer; max_requests is {limit}"
        )

    async def _answered(self, call: ToolCallPart) -> ToolReturnPart:
        """A tool that fails is no failure of the turn: the model is told, and may do better."""
        try:
            args = call.args_as_dict(raise_if_invalid=True)
        except (ValueError, AssertionError):
            result = ToolResult(ok=False, result="the arguments are no JSON object; call it again with one")
        else:
            result = await self.request.call_tool(call.tool_name, args)
            self._has_acted = self._has_acted or result.ok
        try:
            text = result.result if isinstance(result.result, str) else _json(result.result)
        except (TypeError, ValueError) as error:
            result = ToolResult(ok=False, result="")
            text = f"the result of {call.tool_name} is not JSON: {error}"
        return ToolReturnPart(
            call.tool_name, sound(text), call.tool_call_id, outcome="success" if result.ok else "failed"
        )


@dataclass
class Exchange:
    """What was said, and one request after the other to go on with it."""

    endpoint: Endpoint
    model: Model
    messages: list[ModelMessage]
    wishes: Wishes
    parameters: ModelRequestParameters
    response: ModelResponse = field(default_factory=lambda: ModelResponse(parts=[]))

    async def events(self) -> AsyncGenerator[RunnerEvent]:
        """One request. Its answer is `response` when this is over."""
        phase = "model-call-started"
        yield Phase(phase)
        try:
            async with model_request_stream(
                self.model,
                self.messages,
                model_settings=self.wishes,
                model_request_parameters=self.parameters,
            ) as stream:
                async with aclosing(self._each(stream)) as events:
                    async for event in events:
                        if phase != "model-streaming":
                            phase = "model-streaming"
                            yield Phase(phase)
                        text = _text(event)
                        if text:
                            yield TextDelta(text)
                self.response = without_halves(stream.get())
        except Exception as error:  # noqa: BLE001 - each becomes one of the kinds that the core knows
            raise failure_of(error, self.endpoint, phase) from None

    async def _each(
        self, stream: AsyncIterable[ModelResponseStreamEvent]
    ) -> AsyncGenerator[ModelResponseStreamEvent]:
        """The events of an answer: once it has begun, none is waited for too long."""
        events, idle = aiter(stream), self.endpoint.idle_seconds
        limit: float | None = None
        while True:
            waiting = asyncio.timeout(limit)
            try:
                async with waiting:
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not waiting.expired():
                    raise
                said = f"{self.endpoint.candidate} said nothing more for {in_seconds(idle)}"
                raise timed_out(said, "model-streaming") from None
            yield event
            limit = idle

    def go_on(self, returns: list[ToolReturnPart]) -> None:
        """Next time, the model is told what its tools gave."""
        self.messages += [self.response, ModelRequest(parts=returns)]


def _text(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""


def _definition(tool: Tool) -> ToolDefinition:
    return ToolDefinition(
        name=tool.name,
        description=tool.description,
        parameters_json_schema={"type": "object", "properties": {}, **tool.schema},
    )


def _json(result: object) -> str:
    return json.dumps(result, ensure_ascii=False, allow_nan=False)
