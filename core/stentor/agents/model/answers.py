"""What a model's last words amount to: an answer, or none."""

from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart

from stentor.agents.model.history import sound
from stentor.contract.errors import RunnerError
from stentor.contract.runners import Final
from stentor.domain.reasoning import without_reasoning

_CUT = "the answer is cut off: it reached the most tokens the model may use for one; raise max_tokens"
_UNFINISHED = "the provider did not say that the answer is complete"


def check_whole(response: ModelResponse, candidate: str) -> None:
    """Raise where there is nothing to go on with, whatever the words so far."""
    if response.finish_reason == "content_filter":
        raise RunnerError("filtered", f"{candidate} held its answer back (content filter)")
    if response.finish_reason == "error":
        raise RunnerError("unavailable", f"{candidate} broke off its answer with an error")
    if response.state != "complete" or not (response.finish_reason or _said(response)):
        raise RunnerError("network", f"{candidate}: the answer was cut off")


def final_of(response: ModelResponse, candidate: str, *, has_acted: bool) -> Final:
    """The answer. One that has called tools in this turn may have nothing left to say."""
    text = sound("".join(part.content for part in response.parts if isinstance(part, TextPart))).strip()
    if not without_reasoning(text).strip() and not has_acted:
        raise RunnerError("empty", f"{candidate} {_instead(response)}")
    return Final(text, warnings=tuple(_doubts(response)))


def _instead(response: ModelResponse) -> str:
    if response.finish_reason == "length":
        return "used up its tokens before it answered; raise max_tokens"
    if any(isinstance(part, TextPart | ThinkingPart) and part.content.strip() for part in response.parts):
        return "thought, and answered nothing"
    return "answered nothing"


def _doubts(response: ModelResponse) -> list[str]:
    if response.finish_reason == "length":
        return [_CUT]
    # Where a provider says nothing the library may take it for a regular end.
    return [] if response.finish_reason and _said(response) else [_UNFINISHED]


def _said(response: ModelResponse) -> object:
    """Why the answer ended, in the provider's own words, which may be new."""
    return (response.provider_details or {}).get("finish_reason")
