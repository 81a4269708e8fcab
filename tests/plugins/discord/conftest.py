from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.plugins.discord.provider import TOKEN, DiscordServer

from stentor import Connection
from stentor_discord.connection import connect
from stentor_discord.limits import Patience
from stentor_discord.targets import parse_hook_url

# Long enough for a busy machine, short enough to be waited for.
SHORT = Patience(connect=0.4, answer=0.4, upload=0.8, excuse=0.1)

Connect = Callable[..., AbstractAsyncContextManager[Connection]]


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as running:
        yield running


@pytest.fixture
def connected(server: DiscordServer) -> Connect:
    """An account on the server, with a bot and the webhook `alerts`."""

    @asynccontextmanager
    async def opened(**other: Any) -> AsyncGenerator[Connection]:
        chosen: dict[str, Any] = {
            "base_url": server.base_url,
            "token": TOKEN,
            "webhooks": {"alerts": parse_hook_url(server.hook_url)},
            **other,
        }
        connection = await connect(**chosen)
        try:
            yield connection
        finally:
            await connection.close()

    return opened


@pytest.fixture
def connected_briefly(connected: Connect) -> Connect:
    """The same for those who are kept waiting."""

    def opened(**other: Any) -> AbstractAsyncContextManager[Connection]:
        return connected(patience=SHORT, **other)

    return opened
