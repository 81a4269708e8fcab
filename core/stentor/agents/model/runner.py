"""The runner `model`: one turn of one model, asked again for as long as it calls tools."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from stentor.agents.model.endpoints import Endpoint, endpoint_named, endpoint_of
from stentor.agents.model.settings import ModelSettings
from stentor.contract.errors import CredentialsRejected, RunnerError
from stentor.contract.runners import AgentRunner, RunnerEvent, TurnRequest
from stentor.contract.settings import ProviderSettings, RunnerSettings, SecretRef

if TYPE_CHECKING:
    from stentor.agents.model.conversation import Conversation

NO_KEY = "no-key"
"""What is sent where no key is wanted: the clients insist on one."""


class ModelRunner(AgentRunner):
    """Asks the model that the turn is for. Which one is next, if it fails, is for others to say."""

    name = "model"
    settings: ClassVar[type[RunnerSettings]] = ModelSettings
    models = "shared"
    reads_files = False

    async def turn(self, request: TurnRequest) -> AsyncGenerator[RunnerEvent]:
        settings = request.settings if isinstance(request.settings, ModelSettings) else ModelSettings()
        endpoint = endpoint_of(request)
        # Keys may have to be fetched, loading the clients takes most of a second, and reading certificates some of it.
        conversation = await asyncio.to_thread(_opened, request, settings, endpoint)
        async with conversation, aclosing(conversation.events()) as events:
            async for event in events:
                yield event

    def objection(self, model: str, providers: Mapping[str, ProviderSettings]) -> str:
        try:
            endpoint_named(model, providers)
        except RunnerError as error:
            return str(error)
        return ""

    def endpoint(self, request: TurnRequest) -> str | None:
        try:
            endpoint = endpoint_of(request)
        except RunnerError:
            # The turn itself will say what is wrong.
            return None
        return endpoint.address if endpoint.is_nearby else None

    async def probe(self, request: TurnRequest) -> str:
        why_down = await asyncio.to_thread(_preflight)
        return await why_down(endpoint_of(request))


def _key(endpoint: Endpoint, reveal: Callable[[SecretRef], str]) -> str:
    if endpoint.key is None:
        return NO_KEY
    try:
        return _sendable(reveal(endpoint.key), endpoint)
    except (CredentialsRejected, LookupError) as error:
        hint = f"or name another place, as api_key in [providers.{endpoint.provider}]"
        raise RunnerError("auth", f"there is no key for {endpoint.candidate}: {error}; {hint}") from error


def _sendable(key: str, endpoint: Endpoint) -> str:
    """Keys go with the first lines of a request, which take no line breaks and few characters."""
    if key.isascii() and key.isprintable():
        return key
    what = "a line break" if "\n" in key or "\r" in key else "a character"
    mend = "store the key alone, in one line, as the provider shows it"
    raise RunnerError("auth", f"the key for {endpoint.candidate} holds {what} that cannot be sent; {mend}")


def _opened(request: TurnRequest, settings: ModelSettings, endpoint: Endpoint) -> "Conversation":
    key = _key(endpoint, request.reveal)
    try:
        from stentor.agents.model.conversation import Conversation  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise RunnerError(
            "unavailable", f"models need an extra: pip install 'stentor[agent]' ({error})"
        ) from error
    return Conversation.opened(request, settings, endpoint, key)


def _preflight() -> Callable[[Endpoint], Awaitable[str]]:
    from stentor.agents.model.preflight import why_down  # noqa: PLC0415 - only whoever probes pays for it

    return why_down
