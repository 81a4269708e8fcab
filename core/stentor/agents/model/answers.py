"""What a model's last words amount to: an answer, or none."""

from dataclasses import fields, replace
from typing import Any, cast

from pydantic_ai.messages import ModelResponse, ModelResponsePart, TextPart, ThinkingPart

from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final
from stentor.domain.halves import sound
from stentor.domain.reasoning import without_reasoning
from stentor.domain.replies import Reason, classify

_CUT = "the answer is cut off: it reached the most tokens the model may use for one; raise max_tokens"
_UNFINISHED = "the provider did not say that the answer is complete"


def without_halves(response: ModelResponse) -> ModelResponse:
    """Halves of characters can neither be sent back with the next request nor to anybody else."""
    return replace(response, parts=[_mended(part) for part in response.parts])


def _mended(part: ModelResponsePart) -> ModelResponsePart:
    said: dict[str, Any] = {
        field.name: _sound(getattr(part, field.name)) for field in fields(part) if field.init
    }
    return replace(part, **said)


def _sound(value: object) -> object:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, list):
        return [_sound(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        inside = cast("dict[str, object]", value)
        return {sound(key): _sound(item) for key, item in inside.items()}
    return value


def says_something(response: ModelResponse) -> bool:
    return classify(_text(response)).reason is not Reason.EMPTY


def check_whole(response: ModelResponse, candidate: str) -> None:
    """Raise where there is nothing to go on with, whatever the words so far."""
    if response.finish_reason == "content_filter":
        raise RunnerError("filtered", f"{candidate} held its answer back (content filter)")
    if response.finish_reason == "error":
        raise RunnerError("unavailable", f"{candidate} broke off its answer with an error")
    if response.state != "complete" or not (response.finish_reason or _said(response)):
        raise RunnerError("network", f"{candidate}: the answer was cut off")


def final_of(response: ModelResponse, candidate: str, *, may_be_empty: bool, called: bool) -> Final:
    """The answer. Whether there has to be one depends on what was done and said before it in this turn."""
    if not may_be_empty and not says_something(response):
        raise RunnerError("empty", f"{candidate} {_instead(response, called=called)}")
    return Final(_text(response).strip(), warnings=tuple(_doubts(response)))


def _instead(response: ModelResponse, *, called: bool) -> str:
    if response.finish_reason == "length":
        return "used up its tokens before it answered; raise max_tokens"
    if called:
        return "called tools, none of which did what it was asked, and answered nothing"
    text = _text(response)
    has_thought = any(isinstance(part, ThinkingPart) and part.content.strip() for part in response.parts)
    is_thought = has_thought or without_reasoning(text) != text
    return "thought, and answered nothing" if is_thought else "answered nothing"


def _text(response: ModelResponse) -> str:
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def _doubts(response: ModelResponse) -> list[str]:
    if response.finish_reason == "length":
        return [_CUT]
    # Where a provider says nothing the library may take it for a regular end.
    return [] if response.finish_reason and _said(response) else [_UNFINISHED]


def _said(response: ModelResponse) -> object:
    """Why the answer ended, in the provider's own words, which may be new."""
    return (response.provider_details or {}).get("finish_reason")
