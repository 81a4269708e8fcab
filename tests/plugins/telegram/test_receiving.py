"""What people write to the bot: how it is read, and how it is asked for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.loopback import Drop, Hang, Reply, closed_port
from tests.plugins.telegram.conftest import Connect, Letterbox, PatientContext
from tests.plugins.telegram.provider import BOT, DATE, TelegramServer, refusal, success
from tests.plugins.telegram.samples import part
from tests.plugins.telegram.updates import GROUP, PRIVATE, entity, written

from stentor import CredentialsRejected, Unavailable
from stentor.contract.inbox import Incoming
from stentor_telegram.connection import TelegramConnection
from stentor_telegram.receiving import Myself, incoming
from stentor_telegram.targets import make_target

ME = Myself(4711, "Stentor_Bot")
BOT_ITSELF = {**BOT, "username": "stentor_bot"}
GRIN = "\N{GRINNING FACE}"


def read(**other: Any) -> Incoming:
    message = incoming(written(1, **other), ME)
    assert message is not None
    return message


def written_by(author: object) -> dict[str, Any]:
    fields: dict[str, Any] = {"from": author}
    return written(1, **fields)


def test_a_private_message_is_read() -> None:
    assert read() == Incoming(
        target=make_target("815"),
        message_id="101",
        sender="815",
        text="Hello",
        at=datetime.fromtimestamp(DATE, UTC),
        sender_name="Ann Lee",
        direct=True,
    )


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"chat": GROUP}, "-1001234567890"),
        ({"chat": GROUP, "message_thread_id": 42, "is_topic_message": True}, "-1001234567890:topic:42"),
        ({"chat": GROUP, "message_thread_id": 42}, "-1001234567890"),
        ({"message_thread_id": 7, "is_topic_message": True}, "815:topic:7"),
        ({"chat": GROUP, "direct_messages_topic": {"topic_id": 5}}, "-1001234567890:direct-topic:5"),
    ],
    ids=[
        "a group",
        "a topic",
        "a thread that is no topic",
        "a topic in private",
        "direct messages of a channel",
    ],
)
def test_an_answer_goes_where_the_message_came_from(other: dict[str, Any], where: str) -> None:
    message = read(**other)
    assert message.target.canonical == f"telegram:{where}"
    assert message.direct == ("chat" not in other)


@pytest.mark.parametrize(
    ("other", "addressed"),
    [
        ({}, False),
        ({"text": "@stentor_bot hi", "entities": [entity("mention", 0, 12)]}, True),
        ({"text": f"{GRIN} @STENTOR_bot", "entities": [entity("mention", 3, 12)]}, True),
        ({"text": "@another_bot hi", "entities": [entity("mention", 0, 12)]}, False),
        ({"text": "/status@stentor_bot", "entities": [entity("bot_command", 0, 19)]}, True),
        ({"text": "/status", "entities": [entity("bot_command", 0, 7)]}, False),
        ({"text": "you", "entities": [entity("text_mention", 0, 3, user={"id": 4711})]}, True),
        ({"text": "you", "entities": [entity("text_mention", 0, 3, user={"id": 1})]}, False),
        (
            {
                "text": None,
                "caption": "@stentor_bot",
                "caption_entities": [entity("mention", 0, 12)],
                "photo": [{}],
            },
            True,
        ),
        ({"text": "@stentor_bot", "entities": "none"}, False),
        ({"text": "@stentor_bot", "entities": [None, entity("mention", -1, 99), {"type": "mention"}]}, False),
        ({"reply_to_message": {"message_id": 70, "from": BOT_ITSELF}}, True),
        ({"reply_to_message": {"message_id": 70, "from": {"id": 1}}}, False),
    ],
)
def test_in_company_it_is_seen_whether_the_bot_is_meant(other: dict[str, Any], addressed: bool) -> None:
    assert read(**{"chat": GROUP, **other}).addressed is addressed


def test_an_answer_names_what_it_answers() -> None:
    assert read(reply_to_message={"message_id": 70}).reply_to == "70"


def test_a_message_in_a_topic_answers_nothing() -> None:
    opening = {"message_id": 42, "from": BOT_ITSELF, "forum_topic_created": {"name": "News"}}
    message = read(chat=GROUP, message_thread_id=42, is_topic_message=True, reply_to_message=opening)
    assert (message.reply_to, message.addressed) == ("", False)


@pytest.mark.parametrize(
    ("other", "files"),
    [
        ({"photo": [{"file_id": "x"}]}, ("photo.jpg",)),
        ({"document": {"file_name": "minutes.pdf"}}, ("minutes.pdf",)),
        ({"document": {"file_id": "x"}}, ("document",)),
        ({"animation": {"file_name": "cat.mp4"}, "document": {"file_name": "cat.mp4"}}, ("cat.mp4",)),
        ({"video": {"file_name": "a.mov"}}, ("a.mov",)),
        ({"audio": {"file_id": "x"}}, ("audio.mp3",)),
        ({"voice": {"file_id": "x"}}, ("voice.ogg",)),
        ({"sticker": {"emoji": GRIN}}, ("sticker.webp",)),
    ],
)
def test_files_are_named(other: dict[str, Any], files: tuple[str, ...]) -> None:
    assert read(text=None, **other).files == files


def test_the_words_below_a_picture_are_the_text() -> None:
    assert read(text=None, caption="Look", photo=[{"file_id": "x"}]).text == "Look"


@pytest.mark.parametrize(
    ("other", "sender", "name"),
    [
        pytest.param(
            {"from": {"id": 1087968824, "is_bot": True}, "sender_chat": {"id": -1005, "title": "Team"}},
            "-1005",
            "Team",
            id="an admin who hides",
        ),
        pytest.param(
            {"from": {"id": 136817688, "is_bot": True}, "sender_chat": {"id": -1006, "title": "News"}},
            "-1006",
            "News",
            id="somebody in the name of a channel",
        ),
    ],
)
def test_who_hides_behind_a_chat_is_that_chat(other: dict[str, Any], sender: str, name: str) -> None:
    message = read(chat=GROUP, **other)
    assert (message.sender, message.sender_name) == (sender, name)


@pytest.mark.parametrize(
    "update",
    [
        pytest.param(written_by(BOT_ITSELF), id="the bot itself"),
        pytest.param(written_by({"id": 9, "is_bot": True}), id="another bot"),
        pytest.param(written_by(None), id="nobody"),
        pytest.param(written(1, is_automatic_forward=True), id="a channel's post in its group"),
        pytest.param(written(1, text=None, new_chat_members=[{"id": 1}]), id="somebody has come"),
        pytest.param(written(1, text=None, chat=None), id="no chat"),
        pytest.param(written(1, chat={"id": "x"}), id="a chat without a number"),
        pytest.param(written(1, message_id=None), id="no number"),
        pytest.param(written(1, date="today"), id="no date"),
        pytest.param(written(1, date=10**18), id="a date beyond all calendars"),
        pytest.param(written(1, chat={"id": True}), id="a chat that is no number"),
        pytest.param({"update_id": 1}, id="nothing"),
        pytest.param({"update_id": 1, "message": "x"}, id="a message that is none"),
        pytest.param({"update_id": 1, "edited_message": written(1)["message"]}, id="an edited message"),
        pytest.param({"update_id": 1, "channel_post": written(1)["message"]}, id="a post of a channel"),
    ],
)
def test_what_no_person_writes_does_not_come_in(update: dict[str, Any]) -> None:
    assert incoming(update, ME) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        *("message_id", "date", "from", "chat", "text", "caption", "entities", "reply_to_message"),
        *(
            "sender_chat",
            "photo",
            "document",
            "message_thread_id",
            "is_topic_message",
            "direct_messages_topic",
        ),
    ]
)


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_no_shape_of_a_message_stops_the_reading(other: dict[str, Any]) -> None:
    incoming(written(1, **other), ME)
    incoming(other, ME)


@asynccontextmanager
async def listening(connection: TelegramConnection, inbox: Letterbox) -> AsyncGenerator[asyncio.Task[None]]:
    receiving = asyncio.ensure_future(connection.receive(inbox))
    try:
        yield receiving
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])


async def test_messages_come_in_once_and_in_order(server: TelegramServer, connect: Connect) -> None:
    inbox = Letterbox()
    server.write(written(7, "one"), written(8, "two"))
    async with connect(receive="polling") as telegram, listening(telegram, inbox):
        await inbox.has(2)
        server.write(written(9, "three"))
        await inbox.has(3)
        assert (await telegram.send(part())).message_id
    assert [message.text for message in inbox.kept] == ["one", "two", "three"]


async def test_what_is_asked_for(server: TelegramServer, connect: Connect) -> None:
    inbox = Letterbox()
    server.write(written(7))
    async with connect(receive="polling") as telegram, listening(telegram, inbox):
        await server.until(lambda: server.methods.count("getUpdates") == 2)
    first, second = (call for call in server.calls if call.method == "getUpdates")
    assert server.methods[:2] == ["deleteWebhook", "getMe"]
    assert "drop_pending_updates" not in server.calls[0].fields
    assert first.json("allowed_updates") == ["message"]
    assert "offset" not in first.fields
    assert second.fields["offset"] == "8"


async def test_a_message_is_confirmed_once_it_is_kept(server: TelegramServer, connect: Connect) -> None:
    inbox = Letterbox(failures=1)
    server.write(written(7))
    async with connect(receive="polling") as telegram:
        with pytest.raises(OSError, match="disk is full"):
            await telegram.receive(inbox)
        assert server.methods.count("getUpdates") == 1
        async with listening(telegram, inbox):
            await inbox.has(1)
    assert [message.message_id for message in inbox.kept] == ["107"]


async def test_updates_that_the_library_does_not_know_stop_nothing(
    server: TelegramServer, connect: Connect
) -> None:
    inbox = Letterbox()
    odd = {"update_id": 5, "message": {"message_id": "x", "chat": 7, "new_thing": {}}}
    server.plan += [success(True), success(BOT), success([odd, "x", {"no": "number"}, written(6)])]
    async with connect(receive="polling") as telegram, listening(telegram, inbox):
        await inbox.has(1)
        await server.until(lambda: server.methods.count("getUpdates") == 2)
    assert server.calls[-1].fields["offset"] == "7"


@pytest.mark.parametrize(
    ("told", "pauses"),
    [
        pytest.param([Drop()] * 3, [1, 2, 4], id="dropped"),
        pytest.param([Reply(502, b"<html>")] * 2, [1, 2], id="a broken server"),
        pytest.param([Reply(200, b"<html>")], [1], id="a page"),
        pytest.param([success({"not": "a list"})], [1], id="no list"),
        pytest.param([refusal(429, "Flood", retry_after=11)], [11], id="told to wait"),
        pytest.param([Drop()] * 9, [1, 2, 4, 8, 16, 32, 60, 60, 60], id="for minutes"),
    ],
)
async def test_listening_goes_on_after_trouble(
    server: TelegramServer,
    connect: Connect,
    ctx: PatientContext,
    told: list[Any],
    pauses: list[float],
) -> None:
    inbox = Letterbox()
    server.plan += [success(True), success(BOT), *told]
    server.write(written(7))
    async with connect(receive="polling") as telegram, listening(telegram, inbox):
        await inbox.has(1)
    assert ctx.slept[: len(pauses)] == pauses


async def test_listening_begins_when_the_server_is_there(
    server: TelegramServer, connect: Connect, ctx: PatientContext
) -> None:
    inbox = Letterbox()
    server.plan += [Drop(), Reply(502, b""), success(True), Drop()]
    server.write(written(7))
    async with connect(receive="polling") as telegram, listening(telegram, inbox):
        await inbox.has(1)
    assert ctx.slept[:3] == [1, 2, 1]


async def test_a_server_that_does_not_wait_is_not_pestered(
    server: TelegramServer, connect: Connect, ctx: PatientContext
) -> None:
    server.plan += [success(True), success(BOT), *[success([])] * 5]
    async with connect(receive="polling") as telegram, listening(telegram, Letterbox()):
        await server.until(lambda: server.methods.count("getUpdates") == 6)
    assert ctx.slept == [1] * 5


async def test_a_second_receiver_ends_the_listening(server: TelegramServer, connect: Connect) -> None:
    conflict = (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    server.plan += [success(True), success(BOT), refusal(409, conflict)]
    async with connect(receive="polling") as telegram:
        with pytest.raises(Unavailable, match="another program receives with the same token"):
            await telegram.receive(Letterbox())
        assert (await telegram.send(part())).message_id


@pytest.mark.parametrize("status", [401, 404])
async def test_a_token_that_is_revoked_ends_the_listening(
    server: TelegramServer, connect: Connect, status: int
) -> None:
    server.plan += [success(True), success(BOT), refusal(status, "Unauthorized")]
    async with connect(receive="polling") as telegram:
        with pytest.raises(CredentialsRejected):
            await telegram.receive(Letterbox())


async def test_listening_takes_no_room_from_sending(server: TelegramServer, connect: Connect) -> None:
    async with connect(receive="polling") as telegram, listening(telegram, Letterbox()):
        await server.until(lambda: "getUpdates" in server.methods)
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(telegram.send(part()))
    assert server.methods.count("sendMessage") == 8
    await server.deserted()


async def test_an_account_that_does_not_receive_asks_nothing(
    server: TelegramServer, connect: Connect
) -> None:
    async with connect() as telegram:
        await telegram.receive(Letterbox())
    assert not server.seen


async def test_listening_to_a_silent_server_can_be_ended(server: TelegramServer, connect: Connect) -> None:
    server.otherwise = Hang()
    async with connect(receive="polling") as telegram, listening(telegram, Letterbox()) as receiving:
        await server.connected.wait()
    assert receiving.cancelled()
    await server.deserted()


async def test_no_server_at_all_is_waited_for(connect: Connect, ctx: PatientContext) -> None:
    where = f"http://127.0.0.1:{closed_port()}"
    async with connect(receive="polling", base_url=where) as telegram, listening(telegram, Letterbox()):
        while len(ctx.slept) < 3:
            await asyncio.sleep(0)
    assert ctx.slept[:3] == [1, 2, 4]


def test_private_chats_are_direct_and_groups_are_not() -> None:
    assert read(chat=PRIVATE).direct
    assert not read(chat=GROUP).direct
