"""What people write comes in through the real SDK's gateway client."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.plugins.discord.conftest import Connect
from tests.plugins.discord.gateway import ANN, Gateway, running_gateway, written
from tests.plugins.discord.provider import API, BOT, TOKEN, DiscordServer, page, refused, said
from tests.plugins.discord.samples import part

from stentor import Connection, CredentialsRejected, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.inbox import Incoming


@dataclass
class Tray:
    """An inbox that can be waited for."""

    messages: asyncio.Queue[Incoming] = field(default_factory=asyncio.Queue[Incoming])

    async def put(self, message: Incoming) -> None:
        await self.messages.put(message)

    async def next(self) -> Incoming:
        async with asyncio.timeout(5):
            return await self.messages.get()


class FullTray(Tray):
    async def put(self, message: Incoming) -> None:
        raise Unavailable("the inbox is full")


class SlowTray(Tray):
    """One that takes its time, as a disk does."""

    async def put(self, message: Incoming) -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        await super().put(message)


async def ended(connection: Connection, tray: Tray) -> DeliveryError:
    """Why receiving ended."""
    with pytest.raises(DeliveryError) as caught:
        await connection.receive(tray)
    return caught.value


@pytest.fixture
async def gateway(server: DiscordServer) -> AsyncIterator[Gateway]:
    async with running_gateway() as running:
        server.gets[f"{API}/gateway"] = said({"url": running.url})
        yield running


@asynccontextmanager
async def listening(connection: Connection, tray: Tray, gateway: Gateway) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        receiving = group.create_task(connection.receive(tray))
        async with asyncio.timeout(5):
            await gateway.known.wait()
        yield
        receiving.cancel()


async def test_a_message_in_a_channel_comes_in(connected: Connect, gateway: Gateway) -> None:
    # Discord's ids tell the time, in milliseconds since its own beginning.
    at = datetime(2027, 3, 14, 15, 9, 26, tzinfo=UTC)
    milliseconds = (at - datetime(2015, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        await gateway.tell("MESSAGE_CREATE", written(id=str(milliseconds << 22)))
        came = await tray.next()

    assert came == Incoming(
        target=part("channel:555").target,
        message_id=str(milliseconds << 22),
        sender="66",
        sender_name="Ann",
        text="good morning",
        at=at,
    )


async def test_a_direct_message_is_answered_to_the_person(connected: Connect, gateway: Gateway) -> None:
    direct = written(channel_id="866")
    del direct["guild_id"]
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        await gateway.tell("MESSAGE_CREATE", direct)
        came = await tray.next()

    assert (came.target.canonical, came.direct) == ("discord:user:66", True)


async def test_who_is_named_and_what_is_answered_is_told(connected: Connect, gateway: Gateway) -> None:
    reference = {"message_id": "900900", "channel_id": "555", "guild_id": "1"}
    mine = written(id="900900", author=BOT)
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        await gateway.tell("MESSAGE_CREATE", written(mentions=[BOT], content="<@900> hi"))
        await gateway.tell(
            "MESSAGE_CREATE", written(type=19, message_reference=reference, referenced_message=mine)
        )
        file = {"id": "1", "filename": "a.txt", "size": 1, "url": "http://x", "proxy_url": "http://x"}
        await gateway.tell("MESSAGE_CREATE", written(attachments=[file]))
        named, answering, with_file = [await tray.next() for _ in range(3)]

    assert (named.addressed, named.reply_to, named.text) == (True, "", "<@900> hi")
    assert (answering.addressed, answering.reply_to) == (True, "900900")
    assert (with_file.addressed, with_file.files) == (False, ("a.txt",))


async def test_machines_and_what_merely_happened_are_left_out(connected: Connect, gateway: Gateway) -> None:
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        await gateway.tell("MESSAGE_CREATE", written(author=BOT))
        await gateway.tell("MESSAGE_CREATE", written(author={**ANN, "id": "67", "bot": True}))
        await gateway.tell("MESSAGE_CREATE", written(webhook_id="600"))
        await gateway.tell("MESSAGE_CREATE", written(type=7))
        await gateway.tell("MESSAGE_CREATE", written(id="1002"))
        came = await tray.next()

    assert came.message_id == "1002"
    assert tray.messages.empty()


async def test_many_messages_come_in_in_their_order(connected: Connect, gateway: Gateway) -> None:
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        for number in range(1, 101):
            await gateway.tell("MESSAGE_CREATE", written(id=str(number)))
        came = [(await tray.next()).message_id for _ in range(100)]

    assert came == [str(number) for number in range(1, 101)]


async def test_sending_goes_on_while_listening_and_after_it(
    server: DiscordServer, connected: Connect, gateway: Gateway
) -> None:
    async with connected() as connection:
        async with listening(connection, Tray(), gateway):
            await connection.send(part())
        await connection.send(part())

    assert len(server.sent) == 2


async def test_the_bot_says_who_it_is_and_what_it_wants_to_hear(connected: Connect, gateway: Gateway) -> None:
    async with connected() as connection, listening(connection, Tray(), gateway):
        (identification,) = [came["d"] for came in gateway.came if came["op"] == 2]

    guilds, guild_messages, dm_messages, message_content = 1, 1 << 9, 1 << 12, 1 << 15
    assert identification["token"] == TOKEN
    assert identification["intents"] == guilds | guild_messages | dm_messages | message_content


async def test_a_heartbeat_is_kept_up(connected: Connect, gateway: Gateway) -> None:
    gateway.heartbeat_ms = 20
    async with connected() as connection, listening(connection, Tray(), gateway):
        gateway.beats.clear()
        async with asyncio.timeout(5):
            await gateway.beats.wait()


async def test_a_lost_connection_is_taken_up_again_where_it_was(connected: Connect, gateway: Gateway) -> None:
    tray = Tray()
    async with connected() as connection, listening(connection, tray, gateway):
        await gateway.ask_to_reconnect()
        async with asyncio.timeout(5):
            await gateway.known.wait()
        await gateway.tell("MESSAGE_CREATE", written())
        await tray.next()

    assert [came["op"] for came in gateway.came if came["op"] != 1] == [2, 6]


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        (4004, CredentialsRejected, "copy it again"),
        (4014, Unavailable, "Message Content Intent"),
        (4011, Unavailable, "more servers"),
        (4012, Unavailable, "hung up with 4012"),
    ],
)
async def test_a_gateway_that_hangs_up_for_good_says_why(
    connected: Connect, gateway: Gateway, code: int, error: type[DeliveryError], says: str
) -> None:
    gateway.refuses_with = code
    async with connected() as connection:
        with pytest.raises(error, match=says) as caught:
            await connection.receive(Tray())
        # Nothing of this is any business of sending.
        assert (await connection.send(part())).message_id

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answer", "error"),
    [
        ("/users/@me", refused(401), CredentialsRejected),
        ("/users/@me", page(503), Unavailable),
        ("/oauth2/applications/@me", refused(500), Unavailable),
        ("/gateway", page(404), Unavailable),
    ],
)
async def test_a_gateway_that_cannot_be_reached_is_tried_later(
    server: DiscordServer,
    connected: Connect,
    gateway: Gateway,
    path: str,
    answer: Any,
    error: type[Exception],
) -> None:
    async with connected() as connection:
        server.gets[f"{API}{path}"] = answer
        with pytest.raises(error):
            await connection.receive(Tray())


async def test_an_inbox_that_takes_nothing_ends_the_listening(connected: Connect, gateway: Gateway) -> None:
    async def tell() -> None:
        await gateway.known.wait()
        await gateway.tell("MESSAGE_CREATE", written())

    async with connected() as connection, asyncio.TaskGroup() as group:
        group.create_task(tell())
        with pytest.raises(Unavailable, match="the inbox is full"):
            await connection.receive(FullTray())


async def test_what_was_heard_before_the_gateway_hung_up_is_handed_in(
    connected: Connect, gateway: Gateway
) -> None:
    tray = SlowTray()
    async with connected() as connection, asyncio.TaskGroup() as group:
        receiving = group.create_task(ended(connection, tray))
        await gateway.known.wait()
        for number in range(20):
            await gateway.tell("MESSAGE_CREATE", written(id=str(1001 + number)))
        await gateway.hang_up(4004)

    assert isinstance(receiving.result(), CredentialsRejected)
    assert [tray.messages.get_nowait().message_id for _ in range(20)] == [str(1001 + n) for n in range(20)]


async def test_cancelled_it_leaves_nothing_behind(connected: Connect, gateway: Gateway) -> None:
    async with connected() as connection:
        async with listening(connection, Tray(), gateway):
            keeping = [thread for thread in threading.enumerate() if "keep-alive" in thread.name]
        left = [repr(task.get_coro()) for task in asyncio.all_tasks()]

    for thread in keeping:
        thread.join(5)
    assert [thread.is_alive() for thread in keeping] == [False]
    assert not [coroutine for coroutine in left if "Client" in coroutine or "ConnectionState" in coroutine]
