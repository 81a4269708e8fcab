"""The client for each protocol, on an HTTP client of our own that the turn closes."""
# ruff: noqa: PLC0415 - each of them may be absent, and none is loaded for another

import ssl
from functools import cache

import httpx2
from pydantic_ai.models import Model

from stentor.agents.model.endpoints import Endpoint
from stentor.contract.errors import RunnerError


def http_client(endpoint: Endpoint) -> httpx2.AsyncClient:
    """Proxies are for servers out there."""
    return httpx2.AsyncClient(
        timeout=endpoint.request_seconds, trust_env=not endpoint.is_nearby, verify=_trusted()
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to believe. Reading all certificates takes longer than many an answer."""
    return httpx2.create_ssl_context()


def model_of(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> Model:
    try:
        return _model_of(endpoint, key, http)
    except ImportError as error:
        extra = "agent-all" if endpoint.api in ("anthropic", "google") else "agent"
        raise RunnerError(
            "unavailable", f"{endpoint.candidate} needs an extra: pip install 'stentor[{extra}]'"
        ) from error


def _model_of(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> Model:
    model, where = endpoint.model, endpoint.base_url
    match endpoint.api:
        case "anthropic":
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            provider = AnthropicProvider(api_key=key, base_url=where, http_client=http)
            return AnthropicModel(model, provider=provider)
        case "google":
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider

            return GoogleModel(model, provider=GoogleProvider(api_key=key, base_url=where, http_client=http))
        case "ollama":
            from pydantic_ai.models.ollama import OllamaModel
            from pydantic_ai.providers.ollama import OllamaProvider

            return OllamaModel(model, provider=OllamaProvider(where, key, http_client=http))
        case "openai" | "openai-responses":
            from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
            from pydantic_ai.providers.openai import OpenAIProvider

            speaks = OpenAIResponsesModel if endpoint.api == "openai-responses" else OpenAIChatModel
            return speaks(model, provider=OpenAIProvider(where, key, http_client=http))
