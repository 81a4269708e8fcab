"""What is asked for beside the words, as the models' library calls it."""

from pydantic_ai.settings import ModelSettings as Wishes
from pydantic_ai.settings import ThinkingLevel

from stentor.agents.model.endpoints import Endpoint
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest

_LEVELS: dict[str, ThinkingLevel] = {
    "off": False,
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}
_TIERED = frozenset({"openai-responses", "google"})
"""Protocols whose servers know a faster tier. Others may refuse the word."""


def wishes(request: TurnRequest, settings: ModelSettings, endpoint: Endpoint) -> Wishes:
    """Nothing is tried twice here: that is for others to decide."""
    asked = Wishes(
        max_retries=0,
        first_event_timeout=endpoint.first_event_seconds,
        request_timeout=endpoint.request_seconds,
        timeout=endpoint.request_seconds,
    )
    if settings.max_tokens is not None:
        asked["max_tokens"] = settings.max_tokens
    if settings.temperature is not None:
        asked["temperature"] = settings.temperature
    if request.fast_mode and endpoint.api in _TIERED:
        asked["service_tier"] = "priority"
    if request.thinking is not None:
        asked["thinking"] = _level(request.thinking)
    return asked


def _level(name: str) -> ThinkingLevel:
    if name not in _LEVELS:
        raise RunnerError(
            "bad_request", f"there is no thinking level {name!r}; there are {', '.join(_LEVELS)}"
        )
    return _LEVELS[name]
