"""Messages through one SDK: bare in a loop, and out of the outbox with receipts. `python -m tests.bench.through_sdk`.

Takes the channel's name, the number of messages and a folder; prints what each took, in seconds.
"""

import asyncio
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.bench.dispatching import connected, dispatched

from stentor.adapters.clock import SystemClock
from stentor.adapters.registry import Registry
from stentor.adapters.sqlite.store import SqliteStore
from stentor.app import tuning
from stentor.app.seams import Unwatched
from stentor.contract.targets import TargetHints
from stentor.services.accounts import account_rows
from stentor.services.directory import Directory
from stentor.testing.rows import NOW_MS, delivery_seed

TOKEN = "1:token"
Send = Callable[[int], Awaitable[object]]


async def telegram(stack: AsyncExitStack, port: int) -> Send:
    from telegram import Bot  # noqa: PLC0415 - one SDK at a time
    from telegram.request import HTTPXRequest  # noqa: PLC0415 - one SDK at a time

    bot = Bot(TOKEN, base_url=f"http://127.0.0.1:{port}/bot", request=HTTPXRequest())
    stack.push_async_callback(bot.shutdown)
    return lambda n: bot.send_message(1000 + n, "hello")


async def discord(stack: AsyncExitStack, port: int) -> Send:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import discord as sdk  # noqa: PLC0415 - one SDK at a time

    sdk.http.Route.BASE = f"http://127.0.0.1:{port}/api/v10"
    client = await stack.enter_async_context(sdk.Client(intents=sdk.Intents.none()))
    await client.login(TOKEN)
    return lambda n: client.get_partial_messageable(1000 + n).send("hello", nonce=f"n-{n}")


async def slack(stack: AsyncExitStack, port: int) -> Send:
    import aiohttp  # noqa: PLC0415 - one SDK at a time
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415 - one SDK at a time

    session = await stack.enter_async_context(aiohttp.ClientSession())
    client: Any = AsyncWebClient(
        TOKEN, base_url=f"http://127.0.0.1:{port}/api/", session=session, retry_handlers=[]
    )
    return lambda n: client.chat_postMessage(channel=f"C{1000 + n}", text="hello")


BARE = {"telegram": telegram, "discord": discord, "slack": slack}
PATHS = {"telegram": "", "discord": "/api/v10", "slack": "/api/"}
TARGETS = {"telegram": "telegram:{}", "discord": "discord:channel:{}", "slack": "slack:C{}"}
EXTRAS: dict[str, dict[str, object]] = {"telegram": {"messages_per_second": 10_000}}


async def bare_seconds(channel: str, port: int, messages: int) -> float:
    async with AsyncExitStack() as stack:
        send = await BARE[channel](stack, port)
        await send(0)
        begin = time.perf_counter()
        for n in range(messages):
            await send(n)
        return time.perf_counter() - begin


async def durable_seconds(name: str, port: int, messages: int, home: Path) -> float:
    """From the outbox on the disk until every receipt is on it."""
    channel = Registry.load().channels[name]
    wishes = {
        "token": {"env": "TOKEN"},
        "base_url": f"http://127.0.0.1:{port}{PATHS[name]}",
        **EXTRAS.get(name, {}),
    }
    directory = Directory({name: channel}, {name: {"main": channel.settings.model_validate(wishes)}}, {})
    store, clock = SqliteStore.open(home / "stentor.db", Unwatched()), SystemClock()
    await store.set_accounts(account_rows(directory, gated=False), NOW_MS)
    for n in range(messages):
        target = channel.parse_target(TARGETS[name].format(1000 + n), TargetHints()).on("main")
        seed = delivery_seed(f"d-{n}", to=target, expires_ms=clock.now_ms() + 3_600_000)
        await store.enqueue(seed)
    connections = connected(directory, store, clock, home, {"TOKEN": TOKEN})
    # Opening it is what the bare loop has done before its time was taken too.
    await connections.get(name, "main")
    begin = time.perf_counter()
    await dispatched(store, clock, connections, messages)
    seconds = time.perf_counter() - begin
    await connections.close()
    await store.close()
    return seconds


def main(channel: str, messages: int, home: Path) -> None:
    provider = subprocess.Popen(
        [sys.executable, "-m", "tests.chat_provider"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert provider.stdin is not None
    assert provider.stdout is not None
    with provider, provider.stdin:
        port = int(provider.stdout.readline())
        home.mkdir(parents=True)
        with tuning.tuned():
            durable = tuning.run(durable_seconds(channel, port, messages, home))
        bare = asyncio.run(bare_seconds(channel, port, messages))
    print(json.dumps({"bare": bare, "durable": durable}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
