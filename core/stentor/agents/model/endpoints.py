"""Which server is meant by the name of a model, and what is spoken there."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from stentor.contract.errors import RunnerError
from stentor.contract.runners import TurnRequest
from stentor.contract.settings import ProviderSettings, SecretRef

Api = Literal["openai", "openai-responses", "anthropic", "google", "ollama"]


@dataclass(frozen=True, slots=True)
class Usual:
    """Where a protocol is usually spoken, and where the key for it is usually kept."""

    base_url: str
    key: SecretRef | None


_OPENAI = Usual("https://api.openai.com/v1", SecretRef(env="OPENAI_API_KEY"))
USUAL: dict[Api, Usual] = {
    "openai": _OPENAI,
    "openai-responses": _OPENAI,
    "anthropic": Usual("https://api.anthropic.com", SecretRef(env="ANTHROPIC_API_KEY")),
    "google": Usual("https://generativelanguage.googleapis.com", SecretRef(env="GOOGLE_API_KEY")),
    "ollama": Usual("http://127.0.0.1:11434/v1", None),
}
KNOWN: dict[str, Api] = {
    "anthropic": "anthropic",
    "google": "google",
    "ollama": "ollama",
    "openai": "openai-responses",
}
"""The providers that need no section."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model, where it is asked and in which terms. `candidate` is its whole name."""

    candidate: str
    model: str
    api: Api
    base_url: str
    key: SecretRef | None
    first_event_seconds: float
    request_seconds: float
    idle_seconds: float

    @property
    def provider(self) -> str:
        return self.candidate.partition(":")[0]

    @property
    def is_nearby(self) -> bool:
        """Whether the server is on this machine or in this network."""
        return is_nearby(urlsplit(self.base_url).hostname or "")

    @property
    def address(self) -> str:
        """The base URL as people may see it."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def endpoint_of(request: TurnRequest) -> Endpoint:
    """What the request asks for. No single request to a model may take more than half of the turn's time."""
    if not request.model:
        hint = f'set model = "openai:..." in [agents.{request.agent_id}]'
        raise RunnerError("bad_request", f"the agent {request.agent_id!r} has no model; {hint}")
    return endpoint_named(request.model, request.providers, request.seconds)


def endpoint_named(
    candidate: str, providers: Mapping[str, ProviderSettings], most_seconds: float | None = None
) -> Endpoint:
    """What the whole name of a model stands for. Raises `RunnerError` where it stands for nothing."""
    name, _, model = candidate.partition(":")
    if not name or not model:
        such = _with_colon(candidate, providers) or "provider:model, such as openai:gpt-5-mini"
        raise RunnerError("bad_request", f"{candidate!r} names no provider; write {such}")
    section = providers.get(name)
    if section is None and name not in KNOWN:
        known = ", ".join(sorted({*KNOWN, *providers}))
        meant = _with_colon(candidate, providers)
        way = f"write {meant}" if meant else f"add [providers.{name}] with its base_url, or use {known}"
        raise RunnerError("bad_request", f"there is no provider {name!r}; {way}")
    settings = section or ProviderSettings()
    api = _api(name, settings)
    most = most_seconds or float("inf")
    return Endpoint(
        candidate=candidate,
        model=model,
        api=api,
        base_url=_base_url(api, settings),
        key=settings.api_key or (None if settings.base_url else USUAL[api].key),
        first_event_seconds=min(settings.first_event_seconds, most),
        request_seconds=min(settings.request_seconds, most),
        idle_seconds=min(settings.idle_seconds, most),
    )


def _with_colon(candidate: str, providers: Mapping[str, ProviderSettings]) -> str:
    """As others write it, `openai/gpt-5`, in our spelling; empty where no provider stands in front."""
    name, _, model = candidate.partition("/")
    return f"{name}:{model}" if model and (name in KNOWN or name in providers) else ""


def is_nearby(host: str) -> bool:
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_private
    except ValueError:
        return False


def _api(name: str, settings: ProviderSettings) -> Api:
    """OpenAI itself is asked in its newer protocol, which its imitators do not all speak."""
    if settings.api is not None:
        return settings.api
    if name not in KNOWN and not settings.base_url:
        raise RunnerError(
            "bad_request", f"[providers.{name}] says neither base_url nor api; add its base_url"
        )
    if name == "openai" and settings.base_url:
        return "openai"
    return KNOWN.get(name, "openai")


def _base_url(api: Api, settings: ProviderSettings) -> str:
    url = (settings.base_url or USUAL[api].base_url).rstrip("/")
    # Ollama speaks OpenAI's protocol below /v1 and its own beside it.
    return f"{url.removesuffix('/v1')}/v1" if api == "ollama" else url
