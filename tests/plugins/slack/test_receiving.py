"""What people write comes in by Socket Mode, and is acknowledged when it is kept."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.loopback import closed_port
from tests.plugins.slack.conftest import Connect
from tests.plugins.slack.provider import APP_TOKEN, BOT, FakeSlack, error, ok, plain
from tests.plugins.slack.samples import CHANNEL, TS, part
from tests.plugins.slack.socket_mode import SocketMode

from stentor import Connection, CredentialsRejected, NotSent, Unavailable
from stentor.contract.errors import DeliveryError
from stentor.contract.inbox import Incoming
from stentor_slack.channel import SlackSettings
from stentor_slack.limits import Patience
from stentor_slack.receiving import Reader

OPEN = "apps.connections.open"
HASTY = Patience(connection=0.5, call=0.5, ping=0.05, silence=0.3)


@dataclass
class Kept:
    """An inbox that keeps messages, once it is let; with `slow`, it is only that one that has to wait."""

    messages: asyncio.Queue[Incoming] = field(default_factory=asyncio.Queue)
    may: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    slow: str | None = None
    fails: Exception | None = None

    async def put(self, message: Incoming) -> None:
        self.asked.set()
        if self.slow in (None, message.text):
            await self.may.wait()
        if self.fails is not None:
            raise self.fails
        await self.messages.put(message)


@pytest.fixture
async def mode(slack: FakeSlack) -> AsyncIterator[SocketMode]:
    async with SocketMode() as running:
        slack.always[OPEN] = ok(url=running.url)
        yield running


@pytest.fixture
async def listener(open_account: Connect) -> AsyncIterator[Connection]:
    async with open_account(patience=HASTY, app_token={"env": "APP_TOKEN"}, receive="socket") as connection:
        yield connection


@pytest.fixture
def inbox() -> Kept:
    inbox = Kept()
    inbox.may.set()
    return inbox


@asynccontextmanager
async def listening(connection: Connection, inbox: Kept) -> AsyncGenerator[asyncio.Task[None], None]:
    task = asyncio.ensure_future(connection.receive(inbox))
    try:
        async with asyncio.timeout(5):
            yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def written(text: str = "Hi", **more: Any) -> dict[str, Any]:
    usual = {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "ts": TS,
        "text": text,
    }
    return {**usual, **more}


async def test_a_message_is_acknowledged_only_when_it_is_kept(
    slack: FakeSlack, mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    inbox.may.clear()
    async with listening(listener, inbox):
        socket = await mode.opened.get()
        envelope = await mode.bring(socket, **written())
        await inbox.asked.wait()
        other = await mode.bring(socket, kind="slash_commands")

        assert mode.acknowledged.empty()
        inbox.may.set()
        assert await mode.acknowledged.get() == envelope
        assert await mode.acknowledged.get() == other
        message = await inbox.messages.get()

    assert (message.target.canonical, message.sender, message.text) == ("slack:C1", "U1", "Hi")
    assert slack.methods() == ["auth.test", OPEN]
    assert slack.seen[1].headers["authorization"] == f"Bearer {APP_TOKEN}"


async def test_messages_are_kept_in_the_order_they_came(
    mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    inbox.may.clear()
    inbox.slow = "3"
    async with listening(listener, inbox):
        socket = await mode.opened.get()
        for number in range(20):
            await mode.bring(socket, **written(str(number), ts=f"1795225318.{number:06}"))
        await inbox.asked.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        inbox.may.set()
        texts = [(await inbox.messages.get()).text for _ in range(20)]

    assert texts == [str(number) for number in range(20)]


async def test_what_is_not_for_us_is_acknowledged_and_left(
    mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    async with listening(listener, inbox):
        socket = await mode.opened.get()
        sent = [
            await mode.bring(socket, **written(bot_id="B1")),
            await mode.bring(socket, **written(user=BOT)),
            await mode.bring(socket, type="reaction_added"),
            await mode.bring(socket, kind="interactive"),
        ]
        assert {await mode.acknowledged.get() for _ in sent} == set(sent)

    assert inbox.messages.empty()


async def test_a_mention_that_comes_twice_is_kept_once(
    mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    async with listening(listener, inbox):
        socket = await mode.opened.get()
        await mode.bring(socket, **written(f"<@{BOT}> hi"))
        await mode.bring(socket, **written(f"<@{BOT}> hi", type="app_mention"))
        for _ in range(2):
            await mode.acknowledged.get()

    assert inbox.messages.qsize() == 1


async def test_sending_goes_on_meanwhile(
    slack: FakeSlack, mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    async with listening(listener, inbox):
        await mode.opened.get()
        receipt = await listener.send(part())

    assert receipt.message_id
    assert (await listener.send(part())).message_id


async def test_a_disconnect_is_followed_to_a_new_socket(
    slack: FakeSlack, mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    async with listening(listener, inbox):
        first = await mode.opened.get()
        await first.send_json({"type": "disconnect", "reason": "refresh_requested"})
        second = await mode.opened.get()
        envelope = await mode.bring(second, **written("after"))

        assert (await inbox.messages.get()).text == "after"
        assert await mode.acknowledged.get() == envelope

    assert slack.methods().count(OPEN) == 2


@pytest.mark.parametrize("politely", [True, False], ids=["closed", "cut off"])
async def test_a_lost_socket_is_opened_anew(
    slack: FakeSlack, mode: SocketMode, listener: Connection, inbox: Kept, politely: bool
) -> None:
    async with listening(listener, inbox):
        first = await mode.opened.get()
        if politely:
            await first.close()
        else:
            transport = first._req.transport if first._req else None
            assert transport is not None
            transport.abort()
        second = await mode.opened.get()
        await mode.bring(second, **written("after"))

        assert (await inbox.messages.get()).text == "after"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(error("invalid_auth"), Unavailable, id="revoked"),
        pytest.param(error("not_allowed_token_type"), Unavailable, id="another kind of token"),
        pytest.param(plain("", 500), NotSent, id="500"),
        pytest.param(ok(), NotSent, id="no address"),
        pytest.param(ok(url=f"ws://127.0.0.1:{closed_port()}/link"), Unavailable, id="nobody there"),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["at first", "later"])
async def test_when_slack_cannot_be_listened_to_that_is_said(
    slack: FakeSlack,
    mode: SocketMode,
    listener: Connection,
    inbox: Kept,
    told: Any,
    expected: type[DeliveryError],
    again: bool,
) -> None:
    if not again:
        slack.always[OPEN] = told
    async with listening(listener, inbox) as task:
        if again:
            socket = await mode.opened.get()
            slack.always[OPEN] = told
            await socket.send_json({"type": "disconnect", "reason": "warning"})
        with pytest.raises(expected) as caught:
            await task

    assert "secret" not in str(caught.value)
    await asyncio.wait_for(mode.all_closed.wait(), 5) if again else None


@pytest.mark.parametrize(
    ("told", "expected"),
    [(error("token_revoked"), CredentialsRejected), (ok(), NotSent)],
    ids=["revoked", "nobody"],
)
async def test_who_we_are_must_be_known_first(
    slack: FakeSlack, listener: Connection, inbox: Kept, told: Any, expected: type[DeliveryError]
) -> None:
    slack.told["auth.test"].append(told)

    with pytest.raises(expected):
        await listener.receive(inbox)


async def test_without_the_app_token_nothing_comes_in_and_sending_goes_on(
    slack: FakeSlack, listener: Connection, inbox: Kept
) -> None:
    slack.always[OPEN] = error("invalid_auth")

    with pytest.raises(Unavailable, match="app_token is refused"):
        await listener.receive(inbox)

    assert (await listener.send(part())).message_id


def test_an_account_says_whether_it_listens() -> None:
    sends = {"token": {"env": "TOKEN"}}
    listens = {**sends, "app_token": {"env": "APP_TOKEN"}, "receive": "socket"}

    assert [CHANNEL.receives(SlackSettings.model_validate(given)) for given in (sends, listens)] == [
        False,
        True,
    ]


async def test_an_account_that_was_not_told_to_listen_does_not(connection: Connection, inbox: Kept) -> None:
    with pytest.raises(Unavailable, match="receive"):
        await connection.receive(inbox)


async def test_what_cannot_be_kept_is_not_acknowledged_and_ends_it(
    mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    inbox.fails = RuntimeError("the disk is full")
    async with listening(listener, inbox) as task:
        socket = await mode.opened.get()
        await mode.bring(socket, **written())
        with pytest.raises(RuntimeError, match="the disk is full"):
            await task

    assert mode.acknowledged.empty()


async def test_cancelling_leaves_nothing_behind(
    slack: FakeSlack, mode: SocketMode, listener: Connection, inbox: Kept
) -> None:
    before = _own_tasks()
    inbox.may.clear()
    async with listening(listener, inbox) as task:
        socket = await mode.opened.get()
        await mode.bring(socket, **written())
        await inbox.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert _own_tasks() == before
        await mode.all_closed.wait()

    assert mode.acknowledged.empty()


def _own_tasks() -> set[str]:
    servers = ("LoopbackServer", "RequestHandler", "web_protocol")
    return {
        task.get_name() for task in asyncio.all_tasks() if not any(server in repr(task) for server in servers)
    }


def read(**event: Any) -> Incoming | None:
    return Reader(BOT).incoming({"event": event})


def test_all_of_a_message_is_handed_in() -> None:
    message = read(
        **written(
            "a &lt; b &amp; c",
            thread_ts="1795225000.000001",
            parent_user_id=BOT,
            subtype="file_share",
            files=[{"name": "x.pdf"}],
            user_profile={"display_name": "", "real_name": "Bob Jones"},
        )
    )

    assert message is not None
    assert message.target.canonical == "slack:C1:thread:1795225000.000001"
    assert (message.message_id, message.sender, message.sender_name) == (TS, "U1", "Bob Jones")
    assert (message.text, message.files, message.reply_to) == ("a < b & c", ("x.pdf",), "1795225000.000001")
    assert (message.direct, message.addressed) == (False, True)
    assert message.at == datetime.fromtimestamp(1795225318.000001, UTC)


@pytest.mark.parametrize(
    ("more", "direct", "addressed"),
    [
        pytest.param({}, False, False, id="in company"),
        pytest.param({"channel": "D1", "channel_type": "im"}, True, False, id="directly"),
        pytest.param({"channel": "G1", "channel_type": "mpim"}, False, False, id="in a group"),
        pytest.param({"text": f"hey <@{BOT}>"}, False, True, id="by name"),
        pytest.param({"text": "hey <@U2>"}, False, False, id="by another's name"),
        pytest.param({"type": "app_mention", "channel_type": None}, False, True, id="as a mention"),
        pytest.param(
            {"thread_ts": "1.000000", "parent_user_id": "U2"}, False, False, id="in another's thread"
        ),
    ],
)
def test_who_a_message_is_for(more: dict[str, Any], direct: bool, addressed: bool) -> None:
    message = read(**written(**more))

    assert message is not None
    assert (message.direct, message.addressed) == (direct, addressed)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"subtype": "message_changed"}, id="an edit"),
        pytest.param({"subtype": "message_deleted"}, id="a deletion"),
        pytest.param({"subtype": "channel_join"}, id="a join"),
        pytest.param({"subtype": "bot_message"}, id="a bot of old"),
        pytest.param({"bot_id": "B1"}, id="a bot"),
        pytest.param({"user": BOT}, id="ourselves"),
        pytest.param({"user": "USLACKBOT"}, id="Slackbot"),
        pytest.param({"user": None}, id="nobody"),
        pytest.param({"type": "reaction_added"}, id="a reaction"),
        pytest.param({"channel": "nowhere"}, id="nowhere"),
        pytest.param({"ts": "1.2"}, id="an odd ts"),
        pytest.param({"ts": 5}, id="a number as ts"),
    ],
)
def test_what_no_person_wrote_is_left(more: dict[str, Any]) -> None:
    assert read(**written(**more)) is None


@pytest.mark.parametrize("payload", [{}, {"event": None}, {"event": [1]}, {"event": {"type": "message"}}])
def test_what_makes_no_sense_is_left(payload: dict[str, Any]) -> None:
    assert Reader(BOT).incoming(payload) is None
