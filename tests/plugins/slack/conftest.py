from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.fake_context import FakeContext
from tests.plugins.slack.provider import APP_TOKEN, TOKEN, FakeSlack

from stentor import Connection
from stentor_slack.channel import SlackSettings
from stentor_slack.connection import connect
from stentor_slack.limits import Patience

Connect = Callable[..., AbstractAsyncContextManager[Connection]]


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as running:
        yield running


@pytest.fixture
def ctx(tmp_path: Path, slack: FakeSlack) -> FakeContext:
    secrets = {"TOKEN": TOKEN, "APP_TOKEN": APP_TOKEN, "ALERTS": slack.hook_url}
    return FakeContext(data_dir=tmp_path, secrets=secrets)


@pytest.fixture
def open_account(ctx: FakeContext, slack: FakeSlack) -> Connect:
    """Opens an account on the loopback Slack, and closes it."""

    @asynccontextmanager
    async def opened(*, patience: Patience | None = None, **more: object) -> AsyncGenerator[Connection, None]:
        given = {"token": {"env": "TOKEN"}, "base_url": slack.base_url, **more}
        connection = await connect(SlackSettings.model_validate(given), ctx, patience)
        try:
            yield connection
        finally:
            await connection.close()

    return opened


@pytest.fixture
async def connection(open_account: Connect) -> AsyncIterator[Connection]:
    async with open_account(webhooks={"alerts": {"env": "ALERTS"}}) as opened:
        yield opened
