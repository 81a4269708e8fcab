import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.fake_context import FakeContext
from tests.plugins.telegram.provider import TOKEN, TelegramServer

from stentor.contract.inbox import Incoming
from stentor_telegram.channel import TelegramSettings
from stentor_telegram.connection import TelegramConnection, open_connection
from stentor_telegram.limits import Patience

# Long enough for a busy machine, short enough to be waited for.
SHORT = Patience(connect=0.4, write=0.4, read=0.4, pool=0.4, message=0.8, files=0.8, poll=0.1)

Connect = Callable[..., AbstractAsyncContextManager[TelegramConnection]]


@dataclass
class PatientContext(FakeContext):
    """Remembers how long it was to sleep. The clock goes on by that, so nobody waits."""

    slept: list[float] = field(default_factory=list[float])

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Letterbox:
    """An inbox that says when something has come, and may fail to keep it."""

    kept: list[Incoming] = field(default_factory=list[Incoming])
    failures: int = 0
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, message: Incoming) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        self.kept.append(message)
        self.filled.set()

    async def has(self, count: int) -> list[Incoming]:
        while len(self.kept) < count:
            self.filled.clear()
            await self.filled.wait()
        return self.kept


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def ctx(tmp_path: Path) -> PatientContext:
    return PatientContext(
        data_dir=tmp_path, secrets={"TELEGRAM_BOT_TOKEN": TOKEN, "HOOK_SECRET": "hook-s3cret"}
    )


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


@pytest.fixture
def connect(server: TelegramServer, ctx: PatientContext) -> Connect:
    """An account on the server."""

    @asynccontextmanager
    async def opened(patience: Patience = SHORT, **other: Any) -> AsyncGenerator[TelegramConnection]:
        chosen = {"token": {"env": "TELEGRAM_BOT_TOKEN"}, "base_url": server.root, **other}
        connection = open_connection(TelegramSettings.model_validate(chosen), ctx, patience)
        try:
            yield connection
        finally:
            await connection.close()

    return opened
